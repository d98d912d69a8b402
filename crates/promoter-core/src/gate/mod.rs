//! Gates: rules that must be open before a proposal is merged, one file each.
//!
//! A gate judges one freight for one environment on the facts of one moment. What is done with the answer is the
//! planner's decision.

mod after;
mod approvals;
mod check;
mod commit_status;
mod expression;
mod image;
mod window;
mod words;

pub use after::{judge as judge_after, origin, soaking_until};
pub(crate) use expression::{ARTIFACT_FIELDS, FREIGHT_FIELDS, VARIABLES, satisfies};

use crate::facts::Facts;
use crate::pipeline::{Environment, Gate, GateRule};
use crate::{FreightId, UnixSeconds};

/// A gate's answer. Ordered: of several that must all be open, the greatest decides.
///
/// The words go on after the freight's name: `soaked 40m of 1h in staging`, `has 1 of 2 approvals`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The rule is met.
    Open {
        /// How.
        how: String,
    },
    /// Not yet.
    Waiting {
        /// When time alone opens it; `None` when something else has to happen or to be read.
        until: Option<UnixSeconds>,
        /// What is there and what is missing.
        what: String,
    },
    /// It does not open for this freight unless a person acts.
    Closed {
        /// Why.
        why: String,
    },
}

impl Gate {
    /// The gate's name in trailers and reports.
    pub fn name(&self) -> String {
        match &self.rule {
            GateRule::Soak(_) => "soak".into(),
            GateRule::Approvals(_) => "approvals".into(),
            GateRule::Check(check) => check.title().into(),
            GateRule::Window(_) => "window".into(),
            GateRule::CommitStatus(name) => format!("commitStatus-{name}"),
            GateRule::Expression(_) => "expression".into(),
            GateRule::Image(gate) => gate.name(),
            GateRule::Never { .. } => "policy".into(),
        }
    }

    /// True when a hotfix need not wait for it: gates that only let time pass or choose among freight, unless they are
    /// `required`. What people and checks say of the proposal holds for a hotfix too.
    pub fn is_skipped_by_hotfix(&self) -> bool {
        let by_itself = match &self.rule {
            GateRule::Soak(_) | GateRule::Window(_) | GateRule::Expression(_) => true,
            GateRule::Approvals(_)
            | GateRule::Check(_)
            | GateRule::CommitStatus(_)
            | GateRule::Image(_)
            | GateRule::Never { .. } => false,
        };
        by_itself && !self.required
    }

    /// Judges freight that is proposed, or may be proposed, for an environment.
    pub fn judge(
        &self,
        freight: &FreightId,
        environment: &Environment,
        facts: &Facts<'_>,
        now: UnixSeconds,
    ) -> Verdict {
        match &self.rule {
            GateRule::Soak(soak) => after::judge(freight, environment, *soak, facts, now),
            GateRule::Approvals(rule) => approvals::judge(freight, environment, rule, facts),
            GateRule::Check(check) => check::judge(check, freight, environment, facts),
            GateRule::Window(window) => window::judge(window, now),
            GateRule::CommitStatus(name) => commit_status::judge(name, environment, facts),
            GateRule::Expression(expression) => expression::judge(expression, freight, environment, facts),
            GateRule::Image(gate) => image::judge(gate, freight, facts),
            GateRule::Never { why } => Verdict::Closed { why: format!("does not enter: {why}") },
        }
    }
}
