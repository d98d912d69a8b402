//! One environment: what it runs, and what comes next.

use super::behind::Behind;
use super::draft::Draft;
use super::here::Here;
use super::request::Asked;
use super::select::Choice;
use super::{Kind, Look, Subject, merge, propose, renewal, request, select, soaking, statuses, verify};
use crate::Hold;
use crate::facts::{Facts, Known, Standing};
use crate::record::{Request, RequestAction};

/// What is to be brought into an environment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'a> {
    /// The freight.
    pub(super) known: Known<'a>,
    /// Who asked for it; absent when automation selected it.
    pub(super) request: Option<&'a Request>,
}

impl Target<'_> {
    pub(super) fn is(&self, action: RequestAction) -> bool {
        self.request.is_some_and(|it| it.action == action)
    }

    /// The hold that comes with a rollback.
    pub(super) fn hold(&self) -> Option<Hold> {
        self.request.filter(|it| it.action == RequestAction::Rollback).map(request::hold)
    }
}

pub(super) fn step(facts: &Facts<'_>, standing: &Standing<'_>, behind: &Behind<'_>, draft: &mut Draft) {
    statuses::step(facts, standing, draft);
    let active = match &standing.active {
        Ok(active) => active,
        Err(unread) => {
            let subject = Subject::Environment(standing.rules.name.clone());
            return draft.waits(subject, &unread.to_string(), Look::Poll);
        }
    };
    let here = Here { facts, standing, active, now: draft.now() };
    let next = verify::step(here, draft);
    if let Some(words) = behind.words(&standing.rules.name) {
        draft.says(here.subject(), Kind::Is, words, Look::Poll);
    }
    renewal::says(here, draft);
    if next == verify::Next::Held {
        return;
    }
    let target = match request::step(here, draft) {
        Asked::Target(target) => target,
        Asked::Said => return,
        Asked::Nothing => match automatic(here, draft) {
            Some(target) => target,
            None => return,
        },
    };
    let proposed = match &standing.proposed {
        Ok(proposed) => proposed,
        Err(unread) => return draft.waits(here.subject(), &unread.to_string(), Look::Poll),
    };
    match propose::is_up_to_date(here, proposed, target) {
        true => merge::step(here, proposed, target, draft),
        false => propose::step(here, proposed, target, draft),
    }
}

/// What automation brings in next; `None` when it stays, and the report says why.
pub(super) fn automatic<'a>(here: Here<'_, 'a>, draft: &mut Draft) -> Option<Target<'a>> {
    if let Some((why, look)) = paused(here) {
        withdraw_refused(here, draft);
        draft.waits(here.subject(), &why, look);
        return None;
    }
    if let Some(hold) = here.locked().and_then(|it| it.lock.hold.as_ref()) {
        draft.stays(here.subject(), held(hold));
        return None;
    }
    let choice = select::step(here);
    let kept = match &choice {
        Choice::Take(_) => soaking::kept_for(here),
        _ => None,
    };
    match (choice, kept, renewal::target(here)) {
        (Choice::Take(known), None, _) => return Some(Target { known, request: None }),
        (_, _, Some(renewal)) => return Some(renewal),
        (Choice::Take(known), Some(kept), None) => {
            withdraw_refused(here, draft);
            let what = format!("{} {kept} is not displaced by {}", kept.alias, known.id.alias());
            draft.waits(here.subject(), &what, Look::At(kept.until));
        }
        (Choice::Wait { what }, ..) => {
            withdraw_refused(here, draft);
            draft.waits(here.subject(), &what, Look::Poll);
        }
        (Choice::Nothing { why: Some(why) }, ..) => {
            propose::withdraw(here, &why, draft);
            draft.waits(here.subject(), &why, Look::Poll);
        }
        (Choice::Nothing { why: None }, ..) => {
            let why = if here.facts.freight.is_empty() { "no freight yet" } else { "nothing newer" };
            propose::withdraw(here, why, draft);
            draft.stays(here.subject(), why);
        }
    }
    None
}

/// Why the whole pipeline stands still, and until when.
pub(super) fn paused(here: Here<'_, '_>) -> Option<(String, Look)> {
    match here.facts.records.pause.as_ref()? {
        Ok(pause) if !pause.holds(here.now) => None,
        Ok(pause) => Some((pause.to_string(), pause.until.map_or(Look::Poll, Look::At))),
        Err(unread) => Some((unread.to_string(), Look::Poll)),
    }
}

/// Takes a proposal back that must not stay, while nobody knows yet what comes in its place.
fn withdraw_refused(here: Here<'_, '_>, draft: &mut Draft) {
    if let Some(why) = propose::refused(here) {
        propose::withdraw(here, &why, draft);
    }
}

/// The words for a held environment.
pub(super) fn held(hold: &Hold) -> String {
    let since = hold.at.map_or_else(String::new, |at| format!(" since {at}"));
    format!("held by {}{since}: {}", hold.by, hold.reason)
}
