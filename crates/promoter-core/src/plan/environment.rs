//! One environment: what it runs, and what comes next.

use super::draft::Draft;
use super::request::Asked;
use super::select::Choice;
use super::{Look, Subject, merge, propose, request, select, verify};
use crate::facts::{Branch, Facts, Known, Standing};
use crate::record::{Request, RequestAction};
use crate::{Hold, Name};

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

pub(super) fn step(facts: &Facts<'_>, standing: &Standing<'_>, draft: &mut Draft) {
    let subject = subject(standing);
    let active = match &standing.active {
        Ok(active) => active,
        Err(unread) => return draft.waits(subject, &unread.to_string(), Look::Poll),
    };
    if verify::step(facts, standing, active, draft) == verify::Next::Held {
        return;
    }
    let target = match request::step(facts, standing, active, draft) {
        Asked::Target(target) => target,
        Asked::Said => return,
        Asked::Nothing => {
            if let Some(hold) = active.locked.as_ref().and_then(|it| it.lock.hold.as_ref()) {
                return draft.stays(subject, held(hold));
            }
            match select::step(facts, standing, active, draft.now()) {
                Choice::Take(known) => Target { known, request: None },
                Choice::Wait { what } => return draft.waits(subject, &what, Look::Poll),
                Choice::Nothing { why } => {
                    propose::withdraw(standing, active, why.as_deref().unwrap_or("nothing newer"), draft);
                    return match why {
                        Some(why) => draft.waits(subject, &why, Look::Poll),
                        None if facts.freight.is_empty() => draft.stays(subject, "no freight yet"),
                        None => draft.stays(subject, "nothing newer"),
                    };
                }
            }
        }
    };
    let proposed = match &standing.proposed {
        Ok(proposed) => proposed,
        Err(unread) => return draft.waits(subject, &unread.to_string(), Look::Poll),
    };
    match propose::is_up_to_date(facts, standing, active, proposed, target) {
        true => merge::step(facts, standing, active, proposed, target, draft),
        false => propose::step(facts, standing, active, proposed, target, draft),
    }
}

pub(super) fn subject(standing: &Standing<'_>) -> Subject {
    Subject::Environment(standing.rules.name.clone())
}

/// The words for a held environment.
pub(super) fn held(hold: &Hold) -> String {
    let since = hold.at.map_or_else(String::new, |at| format!(" since {at}"));
    format!("held by {}{since}: {}", hold.by, hold.reason)
}

/// What a proposal replaces, for people.
pub(super) fn replaces(active: &Branch<'_>, name: &Name) -> String {
    match &active.locked {
        Some(locked) => format!("replaces {}", locked.id.alias()),
        None => format!("the first in {name}"),
    }
}
