//! What the measurements of one stay of freight say, and which are due.
//!
//! The environment passes when all its checks do, and fails when one does. In between, the result before stands.

use super::draft::Draft;
use super::here::Here;
use super::{Action, Measure};
use crate::facts::Locked;
use crate::pipeline::Check;
use crate::record::Phase;
use crate::verification::{About, Measurement, State, Tally};
use crate::{CommitId, FreightId, UnixSeconds};

/// The answer.
pub(super) struct Seen {
    /// The result with words for people, once there is one.
    pub(super) result: Option<(Phase, String)>,
    /// How far it is, for people.
    pub(super) progress: String,
    /// True when at least one check was asked.
    pub(super) has_begun: bool,
}

/// Reads what was measured of what runs since `since`, and asks again where it is time.
pub(super) fn step(here: Here<'_, '_>, head: &CommitId, locked: &Locked<'_>, draft: &mut Draft) -> Seen {
    let since = here.asked_again().map_or(UnixSeconds(i64::MIN), |it| it.requested.at);
    let asking = Asking {
        here,
        about: locked.about(),
        freight: &locked.id,
        commit: head,
        start: locked.promoted_at(),
        since,
    };
    let checks = &here.rules().verification;
    let mut seen = Seen { result: None, progress: "not verified yet".into(), has_begun: false };
    let (mut failed, mut pending) = (None, None);
    for (index, check) in checks.iter().enumerate() {
        let tally = asking.ask(check, draft);
        seen.has_begun |= tally.has_begun();
        match tally.state(&title(check, index)) {
            State::Passed => {}
            State::Failed(why) => failed = failed.or(Some(why)),
            State::Counting(what) | State::Waiting(what) => pending = pending.or(Some(what)),
        }
    }
    match (failed, pending) {
        (Some(why), _) => seen.result = Some((Phase::Failed, why)),
        (None, Some(what)) => seen.progress = what,
        (None, None) if checks.is_empty() => seen.result = Some((Phase::Passed, "nothing to check".into())),
        (None, None) => seen.result = Some((Phase::Passed, format!("{} of {0} checks passed", checks.len()))),
    }
    seen
}

/// What checks are asked about, at the moment of the plan.
pub(super) struct Asking<'h, 'p, 'a> {
    pub(super) here: Here<'p, 'a>,
    pub(super) about: About,
    pub(super) freight: &'h FreightId,
    pub(super) commit: &'h CommitId,
    /// When it came to be.
    pub(super) start: UnixSeconds,
    /// Measurements from before it do not count.
    pub(super) since: UnixSeconds,
}

impl<'a> Asking<'_, '_, 'a> {
    /// The latest run of a check; what is due of it goes into the draft.
    pub(super) fn ask(&self, check: &'a Check, draft: &mut Draft) -> Tally<'a> {
        let here = self.here;
        let all: &'a [Measurement] = here.standing.seen.map_or(&[], |it| it.measurements.as_slice());
        let tally = Tally::of(check, &self.about, self.since, all);
        if here.facts.measures {
            match tally.next(self.start, here.now) {
                next if next > here.now => draft.measures_at(next),
                _ => draft.act(Action::Measure(Measure {
                    environment: here.rules().name.clone(),
                    of: tally.asks(&self.about),
                    freight: self.freight.clone(),
                    commit: self.commit.clone(),
                    since: self.since,
                })),
            }
        }
        tally
    }
}

/// What words call a check of `verification`.
fn title(check: &Check, index: usize) -> String {
    match &check.name {
        Some(name) => name.to_string(),
        None => format!("{} check {}", check.title(), index + 1),
    }
}
