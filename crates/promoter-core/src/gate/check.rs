//! Something to ask about what is proposed: the answers belong to one proposed commit.

use super::Verdict;
use crate::FreightId;
use crate::UnixSeconds;
use crate::facts::Facts;
use crate::pipeline::{Check, Environment};
use crate::verification::{About, State, Tally};

/// Opens on `count` passes in a row; fails with more than `failureLimit` failures in a row, until it passes again.
pub(super) fn judge(
    check: &Check,
    freight: &FreightId,
    environment: &Environment,
    facts: &Facts<'_>,
) -> Verdict {
    let waiting = |what: String| Verdict::Waiting { until: None, what };
    let standing = facts.environment(&environment.name);
    let proposed = match standing.map(|it| &it.proposed) {
        Some(Err(unread)) => return waiting(format!("cannot be judged: {unread}")),
        Some(Ok(branch)) => branch.locked.as_ref().filter(|it| it.id == *freight).and(branch.head),
        None => None,
    };
    let Some(commit) = proposed else {
        return waiting(format!("is not proposed yet, and {} asks about a proposal", check.title()));
    };
    let all = standing.and_then(|it| it.seen).map_or(&[][..], |it| it.measurements.as_slice());
    let tally = Tally::of(check, &About::Proposal(commit.clone()), UnixSeconds(i64::MIN), all);
    if !facts.measures {
        return waiting(format!("waits for {}, which the controller asks", check.title()));
    }
    match tally.state(check.title()) {
        State::Passed => Verdict::Open { how: format!("passes {}", check.title()) },
        State::Counting(what) => waiting(format!("has {what}")),
        State::Waiting(what) => waiting(format!("waits for {what}")),
        State::Failed(why) => Verdict::Closed { why: format!("fails {why}") },
    }
}
