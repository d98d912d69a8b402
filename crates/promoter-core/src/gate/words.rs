//! What a gate asks for, in words: `soak 24h`, `approvals 2 of ada, bob`.

use crate::pipeline::GateRule;
use std::fmt;

impl fmt::Display for GateRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Soak(soak) => write!(f, "soak {soak}"),
            Self::Approvals(it) if it.from.is_empty() => write!(f, "approvals {}", it.required),
            Self::Approvals(it) => write!(f, "approvals {} of {}", it.required, it.from.join(", ")),
            Self::Window(window) if window.allowed().is_empty() => write!(f, "window without {window}"),
            Self::Window(window) => write!(f, "window {window}"),
            Self::CommitStatus(name) => write!(f, "commit status {name}"),
            Self::Expression(expression) => write!(f, "expression {expression}"),
            Self::Never { why } => write!(f, "never: {why}"),
        }
    }
}
