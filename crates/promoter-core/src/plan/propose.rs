//! Proposals: at most one an environment, moved in place, taken back when nothing stands behind it any more.

use super::draft::Draft;
use super::environment::Target;
use super::here::Here;
use super::{Action, Propose, Withdraw, renewal, request};
use crate::eligibility::{Eligibility, admissible};
use crate::facts::{Branch, Locked};
use crate::gate;
use crate::observation::Apps;
use crate::pipeline::PromotionMode;
use crate::record::RequestAction;
use crate::{LockVersion, Promotion, PromotionLock, Render};

/// True when the proposed branch holds what is wanted, built upon what is active now.
pub(super) fn is_up_to_date(here: Here<'_, '_>, proposed: &Branch<'_>, target: Target<'_>) -> bool {
    let Some(found) = open(here, proposed).filter(|_| here.active.head.is_some()) else {
        return false;
    };
    let previous = |lock: &PromotionLock| lock.promotion.as_ref().and_then(|it| it.previous.clone());
    let wanted = lock(here, target);
    let render = |lock: &PromotionLock| {
        let Render { source, digest: _, engine: _, allow_empty, allow_secrets } = lock.render.clone();
        (source, allow_empty, allow_secrets)
    };
    // Where a person merges with git, what was merged meanwhile must not make a conflict of it.
    let merges = !merged_by_person(here, target) || here.standing.seen.is_some_and(|it| it.merges_cleanly);
    found.id == *target.known.id
        && found.lock.hold == wanted.hold
        && previous(found.lock) == previous(&wanted)
        // Of a group it is said of each app.
        && (here.rules().parts.is_group() || render(found.lock) == render(&wanted))
        && proposed.apps.is_none_or(Apps::are_whole)
        && merges
}

/// True when a person merges the proposal. A rollback is not waited with: who asked for it decided.
pub(super) fn merged_by_person(here: Here<'_, '_>, target: Target<'_>) -> bool {
    here.rules().promotion == PromotionMode::PullRequest && !target.is(RequestAction::Rollback)
}

pub(super) fn step(here: Here<'_, '_>, proposed: &Branch<'_>, target: Target<'_>, draft: &mut Draft) {
    let alias = target.known.id.alias();
    let asked = target.request.map_or_else(String::new, |it| format!(", {}", request::words(it)));
    let replaces = match here.locked() {
        Some(_) if renewal::is_one(here, target) => format!("brings in {}", renewal::words(here)),
        Some(locked) => format!("replaces {}", locked.id.alias()),
        None => format!("the first in {}", here.rules().name),
    };
    let again = open(here, proposed).is_some_and(|it| it.id == *target.known.id);
    let verb = if again { "renew the proposal of" } else { "propose" };
    draft.moves(here.subject(), format!("{verb} {alias} ({replaces}{asked})"));
    draft.act(Action::Propose(Box::new(Propose {
        environment: here.rules().name.clone(),
        freight: target.known.id.clone(),
        lock: lock(here, target),
        expect_active: here.active.head.cloned(),
        expect_proposed: proposed.head.cloned(),
        expect_lock: here.locked().map(|it| it.id.clone()),
        by: target.request.map(|it| it.requested.by.clone()),
        reason: target.request.map(|it| it.requested.reason.clone()),
    })));
}

/// Takes back what is proposed, if anything is.
pub(super) fn withdraw(here: Here<'_, '_>, why: &str, draft: &mut Draft) {
    let Ok(proposed) = &here.standing.proposed else {
        return;
    };
    if let (Some(found), Some(expect_active), Some(expect_proposed)) =
        (open(here, proposed), here.active.head, proposed.head)
    {
        draft.moves(here.subject(), format!("withdraw {}", found.id.alias()));
        draft.act(Action::Withdraw(Withdraw {
            environment: here.rules().name.clone(),
            freight: found.id.clone(),
            expect_active: expect_active.clone(),
            expect_proposed: expect_proposed.clone(),
            why: why.to_owned(),
        }));
    }
}

/// Why what is proposed must not stay so, whatever else is not known: it was rejected, or does not render.
pub(super) fn refused(here: Here<'_, '_>) -> Option<String> {
    let found = open(here, here.standing.proposed.as_ref().ok()?)?;
    match admissible(&found.id, here.rules(), here.facts) {
        Eligibility::Blocked(why) => Some(format!("{} {}", found.id.alias(), why.join(", "))),
        Eligibility::Ready | Eligibility::NotUntil { .. } | Eligibility::Unknown(_) => None,
    }
}

/// The lock of an open proposal: one that holds other freight than the active lock, or brings in apps.
fn open<'b, 'a>(here: Here<'_, '_>, proposed: &'b Branch<'a>) -> Option<&'b Locked<'a>> {
    let is_active = |it: &&Locked<'_>| here.locked().is_some_and(|active| active.id == it.id);
    proposed.locked.as_ref().filter(|it| !is_active(it) || renewal::is_open(here, proposed))
}

/// The lock to propose, without what the renderer fills in.
fn lock(here: Here<'_, '_>, target: Target<'_>) -> PromotionLock {
    let (rules, before) = (here.rules(), here.locked());
    PromotionLock {
        version: before.map_or(LockVersion::default(), |it| it.lock.version),
        pipeline: here.facts.pipeline.name.clone(),
        environment: rules.name.clone(),
        freight: target.known.record.freight.clone(),
        render: Render {
            source: rules.parts.first.source.clone(),
            digest: None,
            engine: None,
            allow_empty: rules.render.allow_empty,
            allow_secrets: rules.render.allow_secrets.clone(),
        },
        promotion: match before.filter(|it| it.id == *target.known.id) {
            Some(same) => same.lock.promotion.clone(),
            None => Some(promotion(here, target)),
        },
        hold: target.hold(),
    }
}

/// How the freight comes in.
fn promotion(here: Here<'_, '_>, target: Target<'_>) -> Promotion {
    let before = here.locked();
    Promotion {
        from: gate::origin(target.known.id, here.rules(), here.facts),
        previous: before.map(|it| it.id.clone()),
        // Never backwards on a branch, whatever the clock does.
        at: before.map_or(here.now, |it| it.promoted_at().max(here.now)),
    }
}
