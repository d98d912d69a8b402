//! Verification: measures what an environment runs, records the result, and acts when it fails.
//!
//! Measuring never ends while the freight stays, so the latest result counts. Measurements live in the process's
//! memory (`measure` reads a result out of them); only a change of the result is recorded.

use super::draft::Draft;
use super::environment::paused;
use super::here::Here;
use super::request::returnable;
use super::{Action, Kind, Look, SetHold, measure};
use crate::facts::Locked;
use crate::pipeline::OnFailure;
use crate::record::{
    BY_PROMOTER, Pause, Phase, Record, Request, RequestAction, Reverification, Statement, Verification,
    Verified,
};
use crate::{CommitId, FreightId, Hold, UnixSeconds, one_line};

/// Whether the environment may go on in this plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// It may.
    GoesOn,
    /// A hold is being set; what comes after it is decided when it is there.
    Held,
}

pub(super) fn step(here: Here<'_, '_>, draft: &mut Draft) -> Next {
    let (Some(head), Some(locked)) = (here.active.head, here.locked()) else {
        draft.says(here.subject(), Kind::Is, "runs nothing yet", Look::Poll);
        return Next::GoesOn;
    };
    let alias = locked.id.alias();
    if let Verified::Unread(unread) = here.verification() {
        draft.says(here.subject(), Kind::Is, format!("runs {alias}; {unread}"), Look::Poll);
        return Next::GoesOn;
    }
    let known = current(here, locked);
    let seen = measure::step(here, head, locked, draft);
    if seen.has_begun && seen.result.is_none() && known.is_none() {
        draft.is_measuring();
    }
    let fresh = seen.result.filter(|(phase, _)| known.is_none_or(|it| it.phase != *phase));
    let words = match (&fresh, known) {
        (Some((Phase::Passed, message)), _) => format!("verified now: {message}"),
        (Some((Phase::Failed, message)), _) => format!("fails verification now: {message}"),
        (None, Some(it)) if it.phase == Phase::Passed => format!("verified since {}", it.since),
        (None, Some(it)) => format!("failed verification since {}: {}", it.since, it.message),
        (None, None) => match here.verification() {
            Verified::AskedAgain(asked) => again(asked, &seen.progress),
            _ => seen.progress,
        },
    };
    draft.says(here.subject(), Kind::Is, format!("runs {alias}, {words}"), Look::Poll);
    match fresh {
        Some((Phase::Failed, message)) => failed(here, head, locked, &message, draft),
        Some((Phase::Passed, message)) => {
            draft.record(record(here, head, locked, Phase::Passed, &message));
            Next::GoesOn
        }
        None => Next::GoesOn,
    }
}

/// The recorded result of this stay of the active freight.
fn current<'a>(here: Here<'_, 'a>, locked: &Locked<'_>) -> Option<&'a Verification> {
    match here.verification() {
        Verified::Known(known) => Some(known).filter(|it| it.at >= locked.promoted_at()),
        Verified::Never | Verified::Unread(_) | Verified::AskedAgain(_) => None,
    }
}

/// A wish for another verification for people, and how far it is.
fn again(asked: &Reverification, progress: &str) -> String {
    let said = &asked.requested;
    let reason = if said.reason.is_empty() { String::new() } else { format!(" ({})", said.reason) };
    format!("to be verified again, says {}{reason}: {progress}", said.by)
}

/// True when the active freight has neither passed nor failed during this stay.
pub(super) fn is_pending(here: Here<'_, '_>, locked: &Locked<'_>) -> bool {
    current(here, locked).is_none()
}

/// Ends the run of passes of freight that is about to leave, so that its soak stops counting.
pub(super) fn leave(here: Here<'_, '_>, draft: &mut Draft) {
    let known = here.locked().and_then(|it| current(here, it));
    if let Some(known) = known.filter(|it| it.phase == Phase::Passed && it.at < here.now) {
        draft.record(Record::Verification(Verification { at: here.now, ..known.clone() }));
    }
}

/// Records a failure and does what `onFailure` says.
fn failed(
    here: Here<'_, '_>,
    head: &CommitId,
    locked: &Locked<'_>,
    message: &str,
    draft: &mut Draft,
) -> Next {
    match reaction(here, locked) {
        OnFailure::None => {}
        // The hold comes first and the record when it is seen: whatever is lost between the two, it is held.
        OnFailure::Hold => {
            let at = Some(moment(here, locked));
            let hold = Hold { reason: one_line(message), by: BY_PROMOTER.into(), at };
            draft.moves(here.subject(), format!("hold {}: {}", locked.id.alias(), hold.reason));
            draft.act(Action::SetHold(SetHold {
                environment: here.rules().name.clone(),
                expect_active: head.clone(),
                expect_lock: locked.id.clone(),
                hold,
            }));
            return Next::Held;
        }
        // Request and record are one commit.
        OnFailure::Rollback => {
            let request = rollback(here, locked, message);
            draft.moves(here.subject(), format!("ask for a rollback to {}", request.freight.alias()));
            draft.record(Record::Request(request));
        }
        OnFailure::Pause => {
            let reason = one_line(&format!(
                "{} failed verification in {}: {message}",
                locked.id.alias(),
                here.rules().name
            ));
            draft.moves(here.subject(), format!("pause the pipeline: {reason}"));
            let paused = Statement { by: BY_PROMOTER.into(), at: moment(here, locked), reason };
            let pipeline = here.facts.pipeline.name.clone();
            draft.record(Record::Pause(Pause { pipeline, paused, until: None }));
        }
    }
    draft.record(record(here, head, locked, Phase::Failed, message));
    Next::GoesOn
}

/// What a failure leads to here: nothing where it is held or a person asks for something; and `rollback` needs
/// freight to go back to, else the environment is held.
fn reaction(here: Here<'_, '_>, locked: &Locked<'_>) -> OnFailure {
    if locked.lock.hold.is_some() || here.own().is_some_and(|it| it.request.is_some()) {
        return OnFailure::None;
    }
    match here.rules().on_failure {
        // A pause that stands says more than a second one would.
        OnFailure::Pause if paused(here).is_some() => OnFailure::None,
        OnFailure::Rollback if last_good(here, locked).is_none() => OnFailure::Hold,
        reaction => reaction,
    }
}

/// The freight that a failure goes back to: the one before if it passed here, else what passed here last. What did not
/// pass is never gone back to, so that no two failing freights take turns.
fn last_good<'r>(here: Here<'_, 'r>, locked: &'r Locked<'_>) -> Option<&'r FreightId> {
    let own = here.own()?;
    let good = |id: &FreightId| *id != locked.id && own.has_passed(id) && returnable(here, id);
    let previous = locked.lock.promotion.as_ref().and_then(|it| it.previous.as_ref());
    if let Some(previous) = previous.filter(|it| good(it)) {
        return Some(previous);
    }
    let passed = own.verified.iter().filter_map(|(id, it)| Some((it.as_ref().ok()?.at, id)));
    passed.filter(|(_, id)| good(id)).max().map(|(_, id)| id)
}

fn rollback(here: Here<'_, '_>, locked: &Locked<'_>, message: &str) -> Request {
    let reason = one_line(&format!("{} failed verification: {message}", locked.id.alias()));
    Request {
        pipeline: here.facts.pipeline.name.clone(),
        environment: here.rules().name.clone(),
        action: RequestAction::Rollback,
        freight: last_good(here, locked).unwrap_or(&locked.id).clone(),
        requested: Statement { by: BY_PROMOTER.into(), at: moment(here, locked), reason },
    }
}

fn record(here: Here<'_, '_>, head: &CommitId, locked: &Locked<'_>, phase: Phase, message: &str) -> Record {
    let at = moment(here, locked);
    Record::Verification(Verification {
        pipeline: here.facts.pipeline.name.clone(),
        environment: here.rules().name.clone(),
        freight: locked.id.clone(),
        phase,
        since: at,
        at,
        message: one_line(message),
        commit: head.clone(),
    })
}

/// Now, and never before the promotion or a wish for another verification whatever the clock did since: a record from
/// before them would not count.
fn moment(here: Here<'_, '_>, locked: &Locked<'_>) -> UnixSeconds {
    let asked = here.asked_again().map(|it| it.requested.at);
    here.now.max(locked.promoted_at()).max(asked.unwrap_or(UnixSeconds(i64::MIN)))
}
