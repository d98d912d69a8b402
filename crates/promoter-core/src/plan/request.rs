//! What people ask for: promote, hotfix, rollback. A request stands above what `select` would choose.
//!
//! Its file stays until it is fulfilled or void, and automation brings nothing else into the environment meanwhile.

use super::draft::Draft;
use super::environment::{Target, held, paused};
use super::here::Here;
use super::{Action, Look, Removed, SetHold};
use crate::eligibility::{Eligibility, admissible, eligible, eligible_as_hotfix};
use crate::record::{BY_PROMOTER, Request, RequestAction, path};
use crate::{FreightId, Hold};

/// The answer.
pub(super) enum Asked<'a> {
    /// Nobody asks for anything.
    Nothing,
    /// This is to be brought in.
    Target(Target<'a>),
    /// Nothing else is to happen in this plan; the report says why.
    Said,
}

pub(super) fn step<'a>(here: Here<'_, 'a>, draft: &mut Draft) -> Asked<'a> {
    let request = match here.own().and_then(|it| it.request.as_ref()) {
        None => return Asked::Nothing,
        Some(Ok(request)) => request,
        Some(Err(unread)) => {
            draft.waits(here.subject(), &unread.to_string(), Look::Poll);
            return Asked::Said;
        }
    };
    if let Some(why) = over(here, request) {
        draft.moves(here.subject(), format!("close the {}: {why}", words(request)));
        let environment = &here.rules().name;
        draft.remove(Removed {
            path: path::requested(&here.facts.pipeline.name, environment),
            says: format!("{environment}: request closed ({why})"),
        });
        return Asked::Said;
    }
    if request.action == RequestAction::Promote
        && let Some((why, look)) = paused(here)
    {
        draft.waits(here.subject(), &format!("{}: {why}", words(request)), look);
        return Asked::Said;
    }
    match target(here, request, draft) {
        Ok(Some(target)) => Asked::Target(target),
        Ok(None) => Asked::Said,
        Err(why) => {
            draft.waits(here.subject(), &format!("{}: {why}", words(request)), Look::Poll);
            Asked::Said
        }
    }
}

/// Why nothing is left to do for a request.
fn over(here: Here<'_, '_>, request: &Request) -> Option<String> {
    let rejected = here.own().and_then(|it| it.rejected.get(&request.freight));
    if let Some(Ok(rejection)) = rejected {
        return Some(format!("the freight is rejected by {}", rejection.rejected.by));
    }
    let locked = here.locked().filter(|it| it.id == request.freight)?;
    let fulfilled = request.action != RequestAction::Rollback || locked.lock.hold.is_some();
    fulfilled.then(|| "fulfilled".into())
}

/// What a request brings in; `Ok(None)` when another action fulfils it, `Err` says what it waits for.
fn target<'a>(
    here: Here<'_, 'a>,
    request: &'a Request,
    draft: &mut Draft,
) -> Result<Option<Target<'a>>, String> {
    let hold_now = here.locked().and_then(|it| it.lock.hold.as_ref());
    if let Some(hold) = hold_now.filter(|it| !reaches_behind(request, it)) {
        return Err(held(hold));
    }
    if request.action == RequestAction::Rollback
        && let (Some(head), Some(locked)) = (here.active.head, here.locked())
        && locked.id == request.freight
    {
        draft.moves(here.subject(), format!("hold {}: {}", locked.id.alias(), words(request)));
        draft.act(Action::SetHold(SetHold {
            environment: here.rules().name.clone(),
            expect_active: head.clone(),
            expect_lock: locked.id.clone(),
            hold: hold(request),
        }));
        return Ok(None);
    }
    let alias = request.freight.alias();
    let known =
        here.facts.known(&request.freight).ok_or_else(|| format!("{alias} has no readable record"))?;
    let answer = match request.action {
        RequestAction::Promote => eligible(known.id, here.rules(), here.facts, here.now),
        RequestAction::Hotfix => eligible_as_hotfix(known.id, here.rules(), here.facts, here.now),
        RequestAction::Rollback => admissible(known.id, here.rules(), here.facts),
    };
    if request.action == RequestAction::Rollback && !has_run(here, known.id) {
        return Err(format!("{alias} is not known to have run here; a hotfix brings it in"));
    }
    match answer {
        Eligibility::Ready | Eligibility::NotUntil { .. } => {
            Ok(Some(Target { known, request: Some(request) }))
        }
        Eligibility::Unknown(why) | Eligibility::Blocked(why) => Err(format!("{alias} {}", why.join(", "))),
    }
}

/// True for a person's rollback that is younger than the hold: who asks for it knows of the hold, and a hold follows.
fn reaches_behind(request: &Request, hold: &Hold) -> bool {
    request.action == RequestAction::Rollback
        && request.requested.by != BY_PROMOTER
        && hold.at.is_some_and(|at| at <= request.requested.at)
}

/// True when a readable record says what the freight is, and nothing keeps it out.
pub(super) fn returnable(here: Here<'_, '_>, freight: &FreightId) -> bool {
    here.facts.known(freight).is_some() && admissible(freight, here.rules(), here.facts) == Eligibility::Ready
}

/// Rollback goes to where the environment was, so that it is no way around `after`.
fn has_run(here: Here<'_, '_>, freight: &FreightId) -> bool {
    let record = here.own().and_then(|it| it.verified.get(freight));
    let verified = record.is_some_and(Result::is_ok);
    let promotion = here.locked().and_then(|it| it.lock.promotion.as_ref());
    verified || promotion.is_some_and(|it| it.previous.as_ref() == Some(freight))
}

/// The hold that a rollback leaves.
pub(super) fn hold(request: &Request) -> Hold {
    let said = &request.requested;
    let reason = if said.reason.is_empty() { "rolled back".into() } else { said.reason.clone() };
    Hold { reason, by: said.by.clone(), at: Some(said.at) }
}

/// A request for people: `rollback to brave-otter by ada (INC-42)`.
pub(super) fn words(request: &Request) -> String {
    let alias = request.freight.alias();
    let said = &request.requested;
    let action = match request.action {
        RequestAction::Promote => "promotion of",
        RequestAction::Rollback => "rollback to",
        RequestAction::Hotfix => "hotfix with",
    };
    let reason = if said.reason.is_empty() { String::new() } else { format!(" ({})", said.reason) };
    format!("{action} {alias} by {}{reason}", said.by)
}
