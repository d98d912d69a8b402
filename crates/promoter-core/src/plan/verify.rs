//! Verification: measures what an environment runs, records the result, and acts when it fails.
//!
//! Measuring never ends while the freight stays, so the latest result counts. Measurements live in the process's
//! memory (`measure` reads a result out of them); only a change of the result is recorded.

use super::draft::Draft;
use super::environment::subject;
use super::request::returnable;
use super::{Action, Kind, Look, Measure, SetHold, measure};
use crate::facts::{Branch, Facts, Locked, Standing};
use crate::pipeline::OnFailure;
use crate::record::{BY_PROMOTER, Phase, Record, Request, RequestAction, Statement, Verification};
use crate::{CommitId, FreightId, Hold, UnixSeconds};

/// Whether the environment may go on in this plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// It may.
    GoesOn,
    /// A hold is being set; what comes after it is decided when it is there.
    Held,
}

pub(super) fn step(
    facts: &Facts<'_>,
    standing: &Standing<'_>,
    active: &Branch<'_>,
    draft: &mut Draft,
) -> Next {
    let (Some(head), Some(locked)) = (active.head, &active.locked) else {
        draft.says(subject(standing), Kind::Is, "runs nothing yet", Look::Poll);
        return Next::GoesOn;
    };
    let alias = locked.id.alias();
    let record = facts.records_of(&standing.rules.name).and_then(|it| it.verified.get(&locked.id));
    let current = match record {
        Some(Err(unread)) => {
            draft.says(subject(standing), Kind::Is, format!("runs {alias}; {unread}"), Look::Poll);
            return Next::GoesOn;
        }
        Some(Ok(record)) if record.at >= locked.promoted_at() => Some(record),
        Some(Ok(_)) | None => None,
    };
    let seen = measure::judge(standing, locked, draft.now());
    if facts.measures {
        for check in &seen.due {
            draft.act(Action::Measure(Measure {
                environment: standing.rules.name.clone(),
                check: *check,
                freight: locked.id.clone(),
                promoted_at: locked.promoted_at(),
            }));
        }
    }
    let phase = current.map(|it| it.phase);
    let fresh = seen.result.filter(|(result, _)| phase != Some(*result));
    let words = match (&fresh, current) {
        (Some((Phase::Passed, message)), _) => format!("runs {alias}, verified now: {message}"),
        (Some((Phase::Failed, message)), _) => format!("runs {alias}, fails verification now: {message}"),
        (None, Some(it)) if it.phase == Phase::Passed => format!("runs {alias}, verified since {}", it.since),
        (None, Some(it)) => format!("runs {alias}, failed verification since {}: {}", it.since, it.message),
        (None, None) => format!("runs {alias}, {}", seen.progress),
    };
    let look = if facts.measures { seen.next.map_or(Look::Poll, Look::At) } else { Look::Poll };
    draft.says(subject(standing), Kind::Is, words, look);
    match fresh {
        Some((result, message)) => new_result(facts, standing, head, locked, result, &message, draft),
        None => Next::GoesOn,
    }
}

/// True when the active freight has neither passed nor failed during this stay.
pub(super) fn is_pending(facts: &Facts<'_>, standing: &Standing<'_>, locked: &Locked<'_>) -> bool {
    let record = facts.records_of(&standing.rules.name).and_then(|it| it.verified.get(&locked.id));
    !record.is_some_and(|it| it.as_ref().is_ok_and(|it| it.at >= locked.promoted_at()))
}

/// Ends the run of passes of freight that is about to leave, so that its soak stops counting.
pub(super) fn leave(facts: &Facts<'_>, standing: &Standing<'_>, locked: &Locked<'_>, draft: &mut Draft) {
    let record = facts.records_of(&standing.rules.name).and_then(|it| it.verified.get(&locked.id));
    let Some(Ok(record)) = record else {
        return;
    };
    if record.phase == Phase::Passed && record.at >= locked.promoted_at() && record.at < draft.now() {
        draft.record(Record::Verification(Verification { at: draft.now(), ..record.clone() }));
    }
}

/// Records a new result; when it is a failure, does what `onFailure` says.
fn new_result(
    facts: &Facts<'_>,
    standing: &Standing<'_>,
    head: &CommitId,
    locked: &Locked<'_>,
    phase: Phase,
    message: &str,
    draft: &mut Draft,
) -> Next {
    // Never before the promotion, whatever the clock did since: a record from before would belong to an earlier stay.
    let at = draft.now().max(locked.promoted_at());
    if phase == Phase::Failed && locked.lock.hold.is_none() {
        match reaction(facts, standing, locked) {
            OnFailure::None => {}
            // The hold comes first and the record when it is seen: whatever is lost between the two, it is held.
            OnFailure::Hold => {
                let hold = Hold { reason: one_line(message), by: BY_PROMOTER.into(), at: Some(at) };
                draft.moves(subject(standing), format!("hold {}: {}", locked.id.alias(), hold.reason));
                draft.act(Action::SetHold(SetHold {
                    environment: standing.rules.name.clone(),
                    expect_active: head.clone(),
                    expect_lock: locked.id.clone(),
                    hold,
                }));
                return Next::Held;
            }
            // Request and record are one commit.
            OnFailure::Rollback => {
                let request = rollback(facts, standing, locked, message, at);
                draft.moves(subject(standing), format!("ask for a rollback to {}", request.freight.alias()));
                draft.record(Record::Request(request));
            }
        }
    }
    draft.record(Record::Verification(Verification {
        pipeline: facts.pipeline.name.clone(),
        environment: standing.rules.name.clone(),
        freight: locked.id.clone(),
        phase,
        since: at,
        at,
        message: one_line(message),
        commit: head.clone(),
    }));
    Next::GoesOn
}

/// What a failure leads to here: `rollback` needs freight to go back to, else the environment is held; a person's
/// request stands above both.
fn reaction(facts: &Facts<'_>, standing: &Standing<'_>, locked: &Locked<'_>) -> OnFailure {
    if facts.records_of(&standing.rules.name).is_some_and(|it| it.request.is_some()) {
        return OnFailure::None;
    }
    match standing.rules.on_failure {
        OnFailure::Rollback if previous(facts, standing, locked).is_none() => OnFailure::Hold,
        reaction => reaction,
    }
}

/// The freight before, if the environment can go back to it.
fn previous<'a>(facts: &Facts<'_>, standing: &Standing<'_>, locked: &'a Locked<'_>) -> Option<&'a FreightId> {
    let previous = locked.lock.promotion.as_ref()?.previous.as_ref()?;
    (*previous != locked.id && returnable(facts, standing, previous)).then_some(previous)
}

fn rollback(
    facts: &Facts<'_>,
    standing: &Standing<'_>,
    locked: &Locked<'_>,
    message: &str,
    at: UnixSeconds,
) -> Request {
    let reason = one_line(&format!("{} failed verification: {message}", locked.id.alias()));
    Request {
        pipeline: facts.pipeline.name.clone(),
        environment: standing.rules.name.clone(),
        action: RequestAction::Rollback,
        freight: previous(facts, standing, locked).unwrap_or(&locked.id).clone(),
        requested: Statement { by: BY_PROMOTER.into(), at, reason },
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
