//! What a gate asks for, in words: `soak 24h`, `approvals 2 of ada, bob`.

use super::Verdict;
use crate::Name;
use crate::pipeline::GateRule;
use std::fmt;

impl fmt::Display for GateRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Soak(soak) => write!(f, "soak {soak}"),
            Self::Approvals(it) if it.from.is_empty() => write!(f, "approvals {}", it.required),
            Self::Approvals(it) => write!(f, "approvals {} of {}", it.required, it.from.join(", ")),
            Self::Check(check) => write!(f, "check {}", check.title()),
            Self::Window(window) if window.allowed().is_empty() => write!(f, "window without {window}"),
            Self::Window(window) => write!(f, "window {window}"),
            Self::CommitStatus(name) => write!(f, "commit status {name}"),
            Self::Expression(expression) => write!(f, "expression {expression}"),
            Self::Image(gate) => write!(f, "{gate}"),
            Self::Never { why } => write!(f, "never: {why}"),
        }
    }
}

impl GateRule {
    /// What would open it in an environment where its verdict is not `Open`: what to type, or what to wait for.
    pub fn needs(&self, environment: &Name, verdict: &Verdict) -> String {
        let needs_time = matches!(verdict, Verdict::Waiting { until: Some(_), .. });
        match self {
            Self::Soak(_) | Self::Window(_) if needs_time => "time, or a hotfix unless it is required".into(),
            Self::Soak(_) => "verification that lasts in the environments before".into(),
            Self::Window(_) => "another window".into(),
            Self::Approvals(_) => format!("`promoter approve {environment}`"),
            Self::Check(check) => format!("answers of {} that pass", check.title()),
            Self::CommitStatus(name) => {
                format!("`promoter commit-status {environment} {name} success`, as CI does")
            }
            Self::Expression(_) => "other freight".into(),
            Self::Image(gate) => format!("{}, which CI makes with `cosign`", gate.requirement),
            Self::Never { .. } => "a change of promoter.yaml: `promoter lint` says which".into(),
        }
    }
}
