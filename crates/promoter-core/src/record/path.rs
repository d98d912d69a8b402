//! Where each record lives on the state branch.

use crate::{FreightId, Name};

/// `<pipeline>/freight/<hex>.yaml`
pub fn freight(pipeline: &Name, freight: &FreightId) -> String {
    format!("{pipeline}/freight/{}.yaml", freight.hex())
}

/// `<pipeline>/verified/<environment>/<hex>.yaml`
pub fn verified(pipeline: &Name, environment: &Name, freight: &FreightId) -> String {
    format!("{pipeline}/verified/{environment}/{}.yaml", freight.hex())
}

/// `<pipeline>/approved/<environment>/<hex>.yaml`
pub fn approved(pipeline: &Name, environment: &Name, freight: &FreightId) -> String {
    format!("{pipeline}/approved/{environment}/{}.yaml", freight.hex())
}

/// `<pipeline>/rejected/<environment>/<hex>.yaml`
pub fn rejected(pipeline: &Name, environment: &Name, freight: &FreightId) -> String {
    format!("{pipeline}/rejected/{environment}/{}.yaml", freight.hex())
}

/// `<pipeline>/requested/<environment>.yaml`
pub fn requested(pipeline: &Name, environment: &Name) -> String {
    format!("{pipeline}/requested/{environment}.yaml")
}
