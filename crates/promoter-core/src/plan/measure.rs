//! What the measurements of one stay of freight say, and which are due.
//!
//! A check passes after `count` passes in a row and fails after more than `failureLimit` failures in a row; the
//! environment passes when all its checks do, and fails when one does. In between, the result before stands.

use super::here::Here;
use crate::UnixSeconds;
use crate::facts::{Locked, Standing};
use crate::observation::Measurement;
use crate::pipeline::Check;
use crate::record::Phase;

/// The answer.
pub(super) struct Seen {
    /// The result with words for people, once there is one.
    pub(super) result: Option<(Phase, String)>,
    /// How far it is, for people.
    pub(super) progress: String,
    /// Checks to measure now, by index.
    pub(super) due: Vec<usize>,
    /// The next time after now at which one is due.
    pub(super) next: Option<UnixSeconds>,
}

pub(super) fn judge(here: Here<'_, '_>, locked: &Locked<'_>) -> Seen {
    let (standing, now) = (here.standing, here.now);
    let checks = &standing.rules.verification;
    let runs: Vec<Run<'_>> = (0..checks.len()).map(|index| Run::of(standing, locked, index)).collect();
    let mut seen = Seen { result: None, progress: "not verified yet".into(), due: Vec::new(), next: None };
    for (index, (check, run)) in checks.iter().zip(&runs).enumerate() {
        // A measurement from the future comes of a clock that was set back: it does not put off the next one.
        let latest = run.latest.filter(|it| it.at <= now);
        match latest.map_or(now, |it| check.interval().after(it.at)) {
            next if next <= now => seen.due.push(index),
            next => seen.next = Some(seen.next.map_or(next, |it| it.min(next))),
        }
    }
    let mut numbered = checks.iter().zip(&runs).enumerate();
    let failed = numbered.clone().find(|(_, (check, run))| run.failures > check.failure_limit());
    let pending = numbered.find(|(_, (check, run))| run.passes < check.count());
    match (failed, pending) {
        (Some((index, (check, run))), _) => {
            let why = run.latest.and_then(|it| it.result.as_ref().err()).map_or("", String::as_str);
            seen.result = Some((Phase::Failed, format!("{}: {why}", name(check, index))));
        }
        (None, Some((index, (check, run)))) => {
            seen.progress = format!("{} of {} passes of {}", run.passes, check.count(), name(check, index));
        }
        (None, None) if checks.is_empty() => seen.result = Some((Phase::Passed, "nothing to check".into())),
        (None, None) => seen.result = Some((Phase::Passed, format!("{} of {0} checks passed", checks.len()))),
    }
    seen
}

/// The latest unbroken run of one check.
#[derive(Default)]
struct Run<'a> {
    latest: Option<&'a Measurement>,
    passes: u32,
    failures: u32,
}

impl<'a> Run<'a> {
    fn of(standing: &Standing<'a>, locked: &Locked<'_>, check: usize) -> Self {
        let mut run = Self::default();
        let all = standing.seen.map_or(&[][..], |it| it.measurements.as_slice());
        for it in all.iter().filter(|it| it.check == check && it.is_of(locked)) {
            (run.passes, run.failures) = match it.result {
                Ok(()) => (run.passes.saturating_add(1), 0),
                Err(_) => (0, run.failures.saturating_add(1)),
            };
            run.latest = Some(it);
        }
        run
    }
}

fn name(check: &Check, index: usize) -> String {
    match check {
        Check::Http(_) => format!("http check {}", index + 1),
    }
}
