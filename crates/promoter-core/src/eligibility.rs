//! May this freight enter this environment? The one answer for controller, command line and page.

use crate::facts::Facts;
use crate::gate::{Verdict, judge_after};
use crate::pipeline::{Environment, Gate, GateRule};
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

/// Decides whether freight may enter an environment: not rejected, renders, satisfies the expressions, verified in the
/// environments of `after` and soaked there. Gates that people, CI, checks or the clock open are not looked at here: they
/// are judged for what is already proposed.
pub fn eligible(
    freight: &FreightId,
    environment: &Environment,
    facts: &Facts<'_>,
    now: UnixSeconds,
) -> Eligibility {
    let admitted = acceptable(freight, environment, facts, now);
    if admitted != Eligibility::Ready {
        return admitted;
    }
    // Soak says all that `after` says, and how long: one of them is enough.
    match judge_after(freight, environment, environment.soak(), facts, now) {
        Verdict::Open { .. } => Eligibility::Ready,
        Verdict::Waiting { until: Some(until), what } => Eligibility::NotUntil { until, what },
        Verdict::Waiting { until: None, what } => Eligibility::Unknown(vec![what]),
        Verdict::Closed { why } => Eligibility::Blocked(vec![why]),
    }
}

/// The part of the answer that time does not change: what is admissible, and kept out by no gate that never opens.
pub fn acceptable(
    freight: &FreightId,
    environment: &Environment,
    facts: &Facts<'_>,
    now: UnixSeconds,
) -> Eligibility {
    admissible(freight, environment, facts).and_then(|| satisfies(freight, environment, facts, now, |_| true))
}

/// The part of the answer that holds for a hotfix: what is admissible, and kept out by no gate that holds for hotfixes.
pub fn eligible_as_hotfix(
    freight: &FreightId,
    environment: &Environment,
    facts: &Facts<'_>,
    now: UnixSeconds,
) -> Eligibility {
    let holds = |gate: &Gate| !gate.is_skipped_by_hotfix();
    admissible(freight, environment, facts).and_then(|| satisfies(freight, environment, facts, now, holds))
}

/// Holds freight against those of some gates that never open by themselves.
fn satisfies(
    freight: &FreightId,
    environment: &Environment,
    facts: &Facts<'_>,
    now: UnixSeconds,
    counts: fn(&Gate) -> bool,
) -> Eligibility {
    let stays = |gate: &&Gate| matches!(gate.rule, GateRule::Expression(_) | GateRule::Never { .. });
    let mut why = Vec::new();
    for gate in environment.gates.iter().filter(stays).filter(|it| counts(it)) {
        match gate.judge(freight, environment, facts, now) {
            Verdict::Open { .. } => {}
            Verdict::Waiting { what, .. } => return Eligibility::Unknown(vec![what]),
            Verdict::Closed { why: closed } => why.push(closed),
        }
    }
    if why.is_empty() { Eligibility::Ready } else { Eligibility::Blocked(why) }
}

impl Eligibility {
    /// The next part of the answer when this one stands in nobody's way.
    fn and_then(self, next: impl FnOnce() -> Self) -> Self {
        if self == Self::Ready { next() } else { self }
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
