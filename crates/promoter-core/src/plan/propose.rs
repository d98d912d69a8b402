//! Proposals: at most one an environment, moved in place, taken back when nothing stands behind it any more.

use super::draft::Draft;
use super::environment::{Target, replaces, subject};
use super::{Action, Propose, Withdraw};
use crate::facts::{Branch, Facts, Locked, Standing};
use crate::gate;
use crate::pipeline::PromotionMode;
use crate::record::RequestAction;
use crate::{LockVersion, Promotion, PromotionLock, Render};

/// True when the proposed branch holds what is wanted, built upon what is active now.
pub(super) fn is_up_to_date(
    facts: &Facts<'_>,
    standing: &Standing<'_>,
    active: &Branch<'_>,
    proposed: &Branch<'_>,
    target: Target<'_>,
) -> bool {
    let Some(found) = open(active, proposed).filter(|_| active.head.is_some()) else {
        return false;
    };
    let previous = |lock: &PromotionLock| lock.promotion.as_ref().and_then(|it| it.previous.clone());
    let wanted = lock(facts, standing, active, target, crate::UnixSeconds(0));
    let render = |lock: &PromotionLock| {
        let Render { source, digest: _, engine: _, allow_empty, allow_secrets } = lock.render.clone();
        (source, allow_empty, allow_secrets)
    };
    // Where a person merges with git, the proposal has to contain the active head; else another pipeline's merge into
    // the same branch makes a conflict of it.
    let merges =
        !merged_by_person(standing, target) || standing.seen.is_some_and(|it| it.proposed_contains_active);
    found.id == *target.known.id
        && found.lock.hold == wanted.hold
        && previous(found.lock) == previous(&wanted)
        && render(found.lock) == render(&wanted)
        && merges
}

/// True when a person merges the proposal. A rollback is not waited with: who asked for it decided.
pub(super) fn merged_by_person(standing: &Standing<'_>, target: Target<'_>) -> bool {
    standing.rules.promotion == PromotionMode::PullRequest && !target.is(RequestAction::Rollback)
}

pub(super) fn step(
    facts: &Facts<'_>,
    standing: &Standing<'_>,
    active: &Branch<'_>,
    proposed: &Branch<'_>,
    target: Target<'_>,
    draft: &mut Draft,
) {
    let alias = target.known.id.alias();
    let request = target.request.map_or_else(String::new, |it| format!(", {}", super::request::words(it)));
    let replaces = replaces(active, &standing.rules.name);
    let again = proposed.locked.as_ref().is_some_and(|it| it.id == *target.known.id);
    let verb = if again { "renew the proposal of" } else { "propose" };
    draft.moves(subject(standing), format!("{verb} {alias} ({replaces}{request})"));
    draft.act(Action::Propose(Box::new(Propose {
        environment: standing.rules.name.clone(),
        freight: target.known.id.clone(),
        lock: lock(facts, standing, active, target, draft.now()),
        expect_active: active.head.cloned(),
        expect_proposed: proposed.head.cloned(),
        expect_lock: active.locked.as_ref().map(|it| it.id.clone()),
        by: target.request.map(|it| it.requested.by.clone()),
        reason: target.request.map(|it| it.requested.reason.clone()),
    })));
}

/// Takes back what is proposed, if anything is.
pub(super) fn withdraw(standing: &Standing<'_>, active: &Branch<'_>, why: &str, draft: &mut Draft) {
    let Ok(proposed) = &standing.proposed else {
        return;
    };
    if let (Some(found), Some(expect_active), Some(expect_proposed)) =
        (open(active, proposed), active.head, proposed.head)
    {
        draft.moves(subject(standing), format!("withdraw {}", found.id.alias()));
        draft.act(Action::Withdraw(Withdraw {
            environment: standing.rules.name.clone(),
            freight: found.id.clone(),
            expect_active: expect_active.clone(),
            expect_proposed: expect_proposed.clone(),
            why: why.to_owned(),
        }));
    }
}

/// The lock of an open proposal: one that holds other freight than the active lock.
fn open<'b, 'a>(active: &Branch<'_>, proposed: &'b Branch<'a>) -> Option<&'b Locked<'a>> {
    let is_active = |it: &&Locked<'_>| active.locked.as_ref().is_some_and(|active| active.id == it.id);
    proposed.locked.as_ref().filter(|it| !is_active(it))
}

/// The lock to propose, without what the renderer fills in.
fn lock(
    facts: &Facts<'_>,
    standing: &Standing<'_>,
    active: &Branch<'_>,
    target: Target<'_>,
    now: crate::UnixSeconds,
) -> PromotionLock {
    let rules = standing.rules;
    let before = active.locked.as_ref();
    PromotionLock {
        version: before.map_or(LockVersion::default(), |it| it.lock.version),
        pipeline: facts.pipeline.name.clone(),
        environment: rules.name.clone(),
        freight: target.known.record.freight.clone(),
        render: Render {
            source: rules.source.clone(),
            digest: None,
            engine: None,
            allow_empty: rules.render.allow_empty,
            allow_secrets: rules.render.allow_secrets.clone(),
        },
        promotion: Some(Promotion {
            from: gate::origin(target.known.id, rules, facts),
            previous: before.map(|it| it.id.clone()),
            // Never backwards on a branch, whatever the clock does.
            at: before.map_or(now, |it| it.promoted_at().max(now)),
        }),
        hold: target.hold(),
    }
}
