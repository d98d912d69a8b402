//! May this freight enter this environment? The one answer for controller, command line and page.

use crate::facts::Facts;
use crate::gate::{Verdict, judge_after};
use crate::pipeline::{Environment, GateRule};
use crate::record::Rejection;
use crate::{FreightId, UnixSeconds};

/// The answer. The words go on after the freight's name: `is not verified in staging`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Eligibility {
    /// Nothing stands in the way but gates that people open.
    Ready,
    /// Only time stands in the way.
    NotUntil {
        /// When it is looked at again, and ready if nothing else changes.
        until: UnixSeconds,
        /// What is there and what is missing.
        what: String,
    },
    /// It cannot be told now, because something was not read or measured yet.
    Unknown(Vec<String>),
    /// It does not enter unless something else happens first.
    Blocked(Vec<String>),
}

/// Decides whether freight may enter an environment: not rejected, renders, verified in the environments of `after`
/// and soaked there. Approvals are not looked at here: they are given to what is already proposed.
pub fn eligible(
    freight: &FreightId,
    environment: &Environment,
    facts: &Facts<'_>,
    now: UnixSeconds,
) -> Eligibility {
    let admitted = admissible(freight, environment, facts);
    if admitted != Eligibility::Ready {
        return admitted;
    }
    let never = environment.gates.iter().filter(|it| matches!(it.rule, GateRule::Never { .. }));
    let closed = never.filter_map(|it| match it.judge(freight, environment, facts, now) {
        Verdict::Closed { why } => Some(why),
        _ => None,
    });
    let closed: Vec<String> = closed.collect();
    if !closed.is_empty() {
        return Eligibility::Blocked(closed);
    }
    // Soak says all that `after` says, and how long: one of them is enough.
    match judge_after(freight, environment, environment.soak(), facts, now) {
        Verdict::Open { .. } => Eligibility::Ready,
        Verdict::Waiting { until: Some(until), what } => Eligibility::NotUntil { until, what },
        Verdict::Waiting { until: None, what } => Eligibility::Unknown(vec![what]),
        Verdict::Closed { why } => Eligibility::Blocked(vec![why]),
    }
}

/// The part of the answer that holds for every way in, a hotfix or rollback too: `Ready`, `Unknown` or `Blocked`.
pub fn admissible(freight: &FreightId, environment: &Environment, facts: &Facts<'_>) -> Eligibility {
    let rejected = facts.records_of(&environment.name).and_then(|it| it.rejected.get(freight));
    match rejected {
        Some(Ok(rejection)) => return Eligibility::Blocked(vec![rejected_words(rejection)]),
        Some(Err(unread)) => return Eligibility::Unknown(vec![format!("cannot be judged: {unread}")]),
        None => {}
    }
    let standing = facts.environment(&environment.name);
    let refused = standing.and_then(|it| it.seen).and_then(|it| it.refused.get(freight));
    match refused {
        Some(why) => Eligibility::Blocked(vec![format!("does not render: {why}")]),
        None => Eligibility::Ready,
    }
}

fn rejected_words(rejection: &Rejection) -> String {
    let said = &rejection.rejected;
    match said.reason.as_str() {
        "" => format!("is rejected by {}", said.by),
        reason => format!("is rejected by {}: {reason}", said.by),
    }
}
