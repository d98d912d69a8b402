//! What a gate asks for, in words: `soak 24h`, `approvals 2 of ada, bob`.

use crate::pipeline::GateRule;
use std::fmt;

impl fmt::Display for GateRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Soak(soak) => write!(f, "soak {soak}"),
            Self::Approvals { required, from } if from.is_empty() => write!(f, "approvals {required}"),
            Self::Approvals { required, from } => write!(f, "approvals {required} of {}", from.join(", ")),
            Self::Never { why } => write!(f, "never: {why}"),
        }
    }
}
