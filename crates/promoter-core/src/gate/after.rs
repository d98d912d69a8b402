//! Verified, and for how long, in the environments before: the rule of `after` and the gate `soak` are one.
//!
//! Soak counts the time that freight has been verified while it stood in the environment: from the start of the
//! unbroken run of passes until now, or until it left. It counts in the same environment that verified it, so that
//! with `any` one environment has to have both.

use super::Verdict;
use crate::facts::{Facts, Locked, Standing};
use crate::pipeline::{Environment, Quorum};
use crate::record::{Phase, Verification, Verified};
use crate::verification::Tally;
use crate::{FreightId, Name, Seconds, UnixSeconds};

/// Judges whether the environments before one have verified freight for at least `soak`.
pub fn judge(
    freight: &FreightId,
    environment: &Environment,
    soak: Seconds,
    facts: &Facts<'_>,
    now: UnixSeconds,
) -> Verdict {
    let after = &environment.after;
    let mut verdicts = after.environments.iter().map(|name| judge_in(freight, name, soak, facts, now));
    let none = || Verdict::Open { how: "needs no environment before".into() };
    match after.quorum {
        Quorum::Any => verdicts.min().unwrap_or_else(none),
        Quorum::All => join(verdicts.by_ref()).unwrap_or_else(none),
    }
}

/// The first environment before one, in the order of the file, that has verified freight.
pub fn origin(freight: &FreightId, environment: &Environment, facts: &Facts<'_>) -> Option<Name> {
    let verified = |name: &&Name| facts.records_of(name).is_some_and(|it| it.has_passed(freight));
    environment.after.environments.iter().find(verified).cloned()
}

/// When freight that stands in one environment before another will have soaked there as long as that one wants, if
/// only time stands in the way; `None` also when the other environment does not want it any more.
pub fn soaking_until(
    freight: &FreightId,
    name: &Name,
    next: &Environment,
    facts: &Facts<'_>,
    now: UnixSeconds,
) -> Option<UnixSeconds> {
    let failed = |name: &Name| {
        let record = facts.records_of(name).and_then(|it| it.verified.get(freight));
        record.is_some_and(|it| it.as_ref().is_ok_and(|it| it.phase == Phase::Failed))
    };
    // Where all have to agree and one has refused, time opens nothing.
    let refused = next.after.quorum == Quorum::All && next.after.environments.iter().any(failed);
    match judge_in(freight, name, next.soak(), facts, now) {
        Verdict::Waiting { until, .. } if !refused => until,
        _ => None,
    }
}

/// The greatest of several verdicts; words of the same kind are put together.
fn join(verdicts: impl Iterator<Item = Verdict>) -> Option<Verdict> {
    let both = |a: String, b: String| if a == b { a } else { format!("{a}, {b}") };
    verdicts.reduce(|a, b| match (a, b) {
        (Verdict::Open { how: a }, Verdict::Open { how: b }) => Verdict::Open { how: both(a, b) },
        (Verdict::Waiting { until: t, what: a }, Verdict::Waiting { until: u, what: b }) => {
            // Without a time on one side, time alone does not open both.
            let until = t.zip(u).map(|(t, u)| t.max(u));
            Verdict::Waiting { until, what: both(a, b) }
        }
        (Verdict::Closed { why: a }, Verdict::Closed { why: b }) => Verdict::Closed { why: both(a, b) },
        (a, b) => a.max(b),
    })
}

fn judge_in(freight: &FreightId, name: &Name, soak: Seconds, facts: &Facts<'_>, now: UnixSeconds) -> Verdict {
    let waiting = |what: String| Verdict::Waiting { until: None, what };
    let closed = |why: String| Verdict::Closed { why };
    let known = facts.records_of(name).map_or(Verified::Never, |it| it.verification(freight));
    let record = match known {
        Verified::Never => return closed(format!("is not verified in {name}")),
        Verified::Unread(unread) => return waiting(format!("cannot be judged: {unread}")),
        Verified::AskedAgain(asked) => {
            return closed(format!("is to be verified again in {name}, says {}", asked.requested.by));
        }
        Verified::Known(record) if record.phase == Phase::Failed => {
            return closed(format!("failed verification in {name}: {}", record.message));
        }
        Verified::Known(record) => record,
    };
    let Some(standing) = facts.environment(name) else {
        return closed(format!("needs {name}, which the pipeline does not have"));
    };
    let here = match &standing.active {
        Ok(branch) => branch.locked.as_ref().filter(|it| it.id == *freight),
        // Without the branch nobody knows whether it is still there: only the recorded run counts.
        Err(unread) => {
            return match Seconds::between(record.since, record.at) >= soak {
                true => Verdict::Open { how: words(record, soak, name, record.at) },
                false => waiting(format!("cannot be judged: {unread}")),
            };
        }
    };
    match here.filter(|it| record.at >= it.promoted_at()) {
        Some(locked) => stays(record, standing, locked, soak, facts, now),
        None if Seconds::between(record.since, record.at) >= soak => {
            Verdict::Open { how: words(record, soak, name, record.at) }
        }
        None if here.is_some() => closed(format!("is being verified again in {name}")),
        None => {
            let soaked = Seconds::between(record.since, record.at);
            closed(format!("left {name} after {soaked} of {soak}"))
        }
    }
}

/// Judges freight that stands in the environment and is verified there.
fn stays(
    record: &Verification,
    standing: &Standing<'_>,
    locked: &Locked<'_>,
    soak: Seconds,
    facts: &Facts<'_>,
    now: UnixSeconds,
) -> Verdict {
    let name = &standing.rules.name;
    let what = words(record, soak, name, now);
    if Seconds::between(record.since, now) < soak {
        return Verdict::Waiting { until: Some(soak.after(record.since)), what };
    }
    // A record may be old, for instance after the controller was away: what counts is that it is healthy now.
    let unhealthy = facts.measures.then(|| unhealthy(standing, locked)).flatten();
    match unhealthy {
        Some(why) => Verdict::Waiting { until: None, what: format!("waits for {name}: {why}") },
        None => Verdict::Open { how: what },
    }
}

/// What the latest measurements of an environment say against it.
fn unhealthy(standing: &Standing<'_>, locked: &Locked<'_>) -> Option<String> {
    let all = standing.seen.map_or(&[][..], |it| it.measurements.as_slice());
    let tally = |check| Tally::of(check, &locked.about(), UnixSeconds(i64::MIN), all);
    standing.rules.verification.iter().find_map(|check| tally(check).doubt())
}

fn words(record: &Verification, soak: Seconds, name: &Name, end: UnixSeconds) -> String {
    match soak.0 {
        0 => format!("is verified in {name}"),
        _ => format!("soaked {} of {soak} in {name}", Seconds::between(record.since, end)),
    }
}
