//! Where each record lives on the state branch.

use crate::{CommitId, Digest, FreightId, Name};

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

/// `<pipeline>/reverify/<environment>/<hex>.yaml`
pub fn reverify(pipeline: &Name, environment: &Name, freight: &FreightId) -> String {
    format!("{pipeline}/reverify/{environment}/{}.yaml", freight.hex())
}

/// `<pipeline>/requested/<environment>.yaml`
pub fn requested(pipeline: &Name, environment: &Name) -> String {
    format!("{pipeline}/requested/{environment}.yaml")
}

/// `<pipeline>/paused.yaml`
pub fn paused(pipeline: &Name) -> String {
    format!("{pipeline}/paused.yaml")
}

/// `<pipeline>/status/<environment>/<commit>.yaml`
pub fn status(pipeline: &Name, environment: &Name, commit: &CommitId) -> String {
    format!("{pipeline}/status/{environment}/{commit}.yaml")
}

/// What a path says about its file.
pub(super) struct Slot {
    pub(super) kind: Kind,
    /// Absent for freight and a pause.
    pub(super) environment: Option<Name>,
    /// Absent for a request, a pause and statuses.
    pub(super) freight: Option<FreightId>,
    /// Absent for all but statuses.
    pub(super) commit: Option<CommitId>,
}

/// The kinds of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Freight,
    Verification,
    Approvals,
    Rejection,
    Reverification,
    Request,
    Pause,
    CommitStatuses,
}

impl Slot {
    /// Reads a path; `None` when it is none of ours.
    pub(super) fn of(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.strip_suffix(".yaml")?.split('/').collect();
        let mut commit = None;
        let (kind, environment, hex) = match *parts.as_slice() {
            [_, "freight", hex] => (Kind::Freight, None, Some(hex)),
            [_, "verified", environment, hex] => (Kind::Verification, Some(environment), Some(hex)),
            [_, "approved", environment, hex] => (Kind::Approvals, Some(environment), Some(hex)),
            [_, "rejected", environment, hex] => (Kind::Rejection, Some(environment), Some(hex)),
            [_, "reverify", environment, hex] => (Kind::Reverification, Some(environment), Some(hex)),
            [_, "requested", environment] => (Kind::Request, Some(environment), None),
            [_, "paused"] => (Kind::Pause, None, None),
            [_, "status", environment, id] => {
                commit = Some(id.parse().ok()?);
                (Kind::CommitStatuses, Some(environment), None)
            }
            _ => return None,
        };
        let digest = hex.map(|it| format!("sha256:{it}").parse::<Digest>()).transpose().ok()?;
        Some(Self {
            kind,
            environment: environment.map(str::parse).transpose().ok()?,
            freight: digest.map(FreightId::from),
            commit,
        })
    }
}
