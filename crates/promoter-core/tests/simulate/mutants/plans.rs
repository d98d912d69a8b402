//! Planners that look at something else than what was seen, or plan something else.

use promoter_core::discovery::{Candidate, Found, Provenance};
use promoter_core::observation::{Observation, Unread};
use promoter_core::pipeline::{ImageStrategy, Pipeline, SubscriptionOrigin};
use promoter_core::plan::{Action, Plan, RecordAction, Removed, plan};
use promoter_core::record::{
    Approvals, CommitStatuses, EnvironmentRecords, FreightRecord, Phase, Record, RequestAction, Statement,
    Verification, path,
};
use promoter_core::{CommitId, FreightId, Name, PromotionLock, UnixSeconds};

/// Long before every story.
const LONG_AGO: UnixSeconds = UnixSeconds(0);

/// Changes what is recorded before planning.
fn with_records(
    pipeline: &Pipeline,
    seen: &Observation,
    now: UnixSeconds,
    change: impl Fn(&Name, &mut EnvironmentRecords, &[FreightId]),
) -> Plan {
    let mut seen = seen.clone();
    if let Ok(state) = &mut seen.state {
        let all: Vec<FreightId> = state.records.freight.keys().cloned().collect();
        for rules in &pipeline.environments {
            change(&rules.name, state.records.environments.entry(rules.name.clone()).or_default(), &all);
        }
    }
    plan(pipeline, &seen, now)
}

/// Changes the locks that were seen before planning.
fn with_locks(
    pipeline: &Pipeline,
    seen: &Observation,
    now: UnixSeconds,
    change: fn(&mut PromotionLock),
) -> Plan {
    let mut seen = seen.clone();
    for own in seen.environments.values_mut() {
        if let Ok(Some(tip)) = &mut own.active
            && let Ok(Some(lock)) = &mut tip.lock
        {
            change(lock);
        }
    }
    plan(pipeline, &seen, now)
}

pub(super) fn verified_everywhere(pipeline: &Pipeline, seen: &Observation, now: UnixSeconds) -> Plan {
    let commit: CommitId = "c".repeat(40).parse().unwrap();
    with_records(pipeline, seen, now, |name, own, all| {
        for id in all {
            own.verified.entry(id.clone()).or_insert_with(|| {
                Ok(Verification {
                    pipeline: pipeline.name.clone(),
                    environment: name.clone(),
                    freight: id.clone(),
                    phase: Phase::Passed,
                    since: LONG_AGO,
                    at: LONG_AGO,
                    message: String::new(),
                    commit: commit.clone(),
                })
            });
        }
    })
}

pub(super) fn without_gates(pipeline: &Pipeline, seen: &Observation, now: UnixSeconds) -> Plan {
    let mut pipeline = pipeline.clone();
    pipeline.environments.iter_mut().for_each(|it| it.gates.clear());
    plan(&pipeline, seen, now)
}

pub(super) fn every_request_a_hotfix(pipeline: &Pipeline, seen: &Observation, now: UnixSeconds) -> Plan {
    with_records(pipeline, seen, now, |_, own, _| {
        if let Some(Ok(request)) = &mut own.request
            && request.action == RequestAction::Promote
        {
            request.action = RequestAction::Hotfix;
        }
    })
}

pub(super) fn once_verified(pipeline: &Pipeline, seen: &Observation, now: UnixSeconds) -> Plan {
    with_records(pipeline, seen, now, |name, own, _| {
        let [runs, _] = stands(seen, name);
        // What still runs there is measured again and again.
        for (_, record) in own.verified.iter_mut().filter(|(id, _)| runs.as_ref() != Some(*id)) {
            if let Ok(record) = record {
                record.phase = Phase::Passed;
            }
        }
    })
}

pub(super) fn without_failures(pipeline: &Pipeline, seen: &Observation, now: UnixSeconds) -> Plan {
    let mut plan = plan(pipeline, seen, now);
    for action in &mut plan.actions {
        if let Action::Record(it) = action {
            it.write.retain(|it| !matches!(it, Record::Verification(it) if it.phase == Phase::Failed));
        }
    }
    plan
}

pub(super) fn without_pauses(pipeline: &Pipeline, seen: &Observation, now: UnixSeconds) -> Plan {
    let mut seen = seen.clone();
    if let Ok(state) = &mut seen.state {
        state.records.pause = None;
    }
    plan(pipeline, &seen, now)
}

pub(super) fn reports_of_any_commit(pipeline: &Pipeline, seen: &Observation, now: UnixSeconds) -> Plan {
    with_records(pipeline, seen, now, |name, own, _| {
        let tip = seen.environments.get(name).and_then(|it| it.proposed.as_ref().ok()?.as_ref());
        if let (Some(tip), Some(known)) = (tip, own.statuses.values().next().cloned()) {
            let known = known.map(|it| CommitStatuses { commit: tip.commit.clone(), ..it });
            own.statuses.insert(tip.commit.clone(), known);
        }
    })
}

pub(super) fn without_holds(pipeline: &Pipeline, seen: &Observation, now: UnixSeconds) -> Plan {
    with_locks(pipeline, seen, now, |lock| lock.hold = None)
}

pub(super) fn without_rejections(pipeline: &Pipeline, seen: &Observation, now: UnixSeconds) -> Plan {
    with_records(pipeline, seen, now, |name, own, _| {
        // What is proposed is taken back.
        let [_, proposed] = stands(seen, name);
        own.rejected.retain(|id, it| it.is_err() || proposed.as_ref() == Some(id));
    })
}

/// The freight that runs in an environment, and the one that is proposed there.
fn stands(seen: &Observation, name: &Name) -> [Option<FreightId>; 2] {
    let own = &seen.environments[name];
    [&own.active, &own.proposed].map(|tip| {
        let lock = tip.as_ref().ok()?.as_ref()?.lock.as_ref().ok()?.as_ref()?;
        Some(lock.freight.id())
    })
}

pub(super) fn what_runs_is_old(pipeline: &Pipeline, seen: &Observation, now: UnixSeconds) -> Plan {
    older(pipeline, seen, now, false)
}

pub(super) fn unread_is_old(pipeline: &Pipeline, seen: &Observation, now: UnixSeconds) -> Plan {
    older(pipeline, seen, now, true)
}

/// Plans as if what runs were the oldest freight: always, or where its record could not be read.
fn older(pipeline: &Pipeline, seen: &Observation, now: UnixSeconds, unread: bool) -> Plan {
    let mut changed = seen.clone();
    if let Ok(state) = &mut changed.state {
        let like = state.records.freight.values().find_map(|it| it.as_ref().ok()).cloned();
        for own in seen.environments.values() {
            let lock = own.active.as_ref().ok().and_then(|it| it.as_ref()?.lock.as_ref().ok()?.as_ref());
            let (Some(lock), Some(mut like)) = (lock, like.clone()) else {
                continue;
            };
            if let Some(record) = state.records.freight.get_mut(&lock.freight.id())
                && record.is_err() == unread
            {
                like.freight = lock.freight.clone();
                like.discovered.at = LONG_AGO;
                *record = Ok(like);
            }
        }
    }
    plan(pipeline, &changed, now)
}

pub(super) fn empty_diff(pipeline: &Pipeline, seen: &Observation, now: UnixSeconds) -> Plan {
    let mut plan = plan(pipeline, seen, now);
    for action in &mut plan.actions {
        if let Action::Propose(it) = action
            && let Ok(Some(tip)) = &seen.environments[&it.environment].active
            && let Ok(Some(lock)) = &tip.lock
        {
            it.lock.freight = lock.freight.clone();
            it.freight = lock.freight.id();
        }
    }
    plan
}

pub(super) fn never_withdraws(pipeline: &Pipeline, seen: &Observation, now: UnixSeconds) -> Plan {
    let mut plan = plan(pipeline, seen, now);
    plan.actions.retain(|it| !matches!(it, Action::Withdraw(_)));
    plan
}

pub(super) fn moves_twice(pipeline: &Pipeline, seen: &Observation, now: UnixSeconds) -> Plan {
    let mut plan = plan(pipeline, seen, now);
    let again = plan.actions.iter().find(|it| matches!(it, Action::Propose(_))).cloned();
    plan.actions.extend(again);
    plan
}

pub(super) fn unread_is_absent(pipeline: &Pipeline, seen: &Observation, now: UnixSeconds) -> Plan {
    let mut seen = seen.clone();
    for own in seen.environments.values_mut() {
        for tip in [&mut own.active, &mut own.proposed] {
            if tip.is_err() {
                *tip = Ok(None);
            }
        }
    }
    plan(pipeline, &seen, now)
}

pub(super) fn unread_is_approved(pipeline: &Pipeline, seen: &Observation, now: UnixSeconds) -> Plan {
    with_records(pipeline, seen, now, |name, own, _| {
        for (id, record) in own.approved.iter_mut().filter(|it| it.1.is_err()) {
            let says = |by: &&str| Statement { by: (*by).into(), at: now, reason: String::new() };
            *record = Ok(Approvals {
                pipeline: pipeline.name.clone(),
                environment: name.clone(),
                freight: id.clone(),
                approvals: ["ada", "bob", "cyd"].iter().map(says).collect(),
            });
        }
    })
}

pub(super) fn unread_is_nameless(pipeline: &Pipeline, seen: &Observation, now: UnixSeconds) -> Plan {
    let mut seen = seen.clone();
    let nameless = |unread: &mut Unread| unread.reader = "something".into();
    for own in seen.environments.values_mut() {
        if let Err(unread) = &mut own.active {
            nameless(unread);
        }
    }
    plan(pipeline, &seen, now)
}

pub(super) fn forgets_requests(pipeline: &Pipeline, seen: &Observation, now: UnixSeconds) -> Plan {
    let mut plan = plan(pipeline, seen, now);
    let Ok(state) = &seen.state else {
        return plan;
    };
    let open = state.records.environments.iter().filter(|(_, it)| matches!(it.request, Some(Ok(_))));
    let path = |name: &Name| path::requested(&pipeline.name, name);
    let remove = open.map(|(name, _)| Removed { path: path(name), says: "forgotten".into() }).collect();
    let write = Vec::new();
    plan.actions.retain(|it| !matches!(it, Action::Record(_)));
    plan.actions.insert(0, Action::Record(RecordAction { expect_state: state.head.clone(), write, remove }));
    plan
}

/// The rules of a pipeline in which every image subscription follows a tag, wherever it goes.
fn following(pipeline: &Pipeline) -> Pipeline {
    let mut pipeline = pipeline.clone();
    for own in &mut pipeline.subscriptions {
        if let SubscriptionOrigin::Image(own) = &mut own.origin {
            own.strategy = ImageStrategy::Digest("latest".parse().unwrap());
        }
    }
    pipeline
}

pub(super) fn what_is_there_is_new(pipeline: &Pipeline, seen: &Observation, now: UnixSeconds) -> Plan {
    plan(&following(pipeline), seen, now)
}

pub(super) fn unread_is_something(pipeline: &Pipeline, seen: &Observation, now: UnixSeconds) -> Plan {
    let mut changed = seen.clone();
    let records = seen.state.iter().flat_map(|it| it.records.freight.values()).flatten();
    let known: Vec<&FreightRecord> = records.collect();
    for (name, found) in changed.artifacts.iter_mut().filter(|(_, it)| it.is_err()) {
        let oldest = known.iter().min_by_key(|it| it.discovered.at);
        if let Some(content) = oldest.and_then(|it| it.freight.get(name)) {
            let chosen = Some(Candidate { content: content.clone(), about: Provenance::default() });
            *found = Ok(Found { chosen, ..Found::default() });
        }
    }
    plan(&following(pipeline), &changed, now)
}

pub(super) fn forgets_freight(pipeline: &Pipeline, seen: &Observation, now: UnixSeconds) -> Plan {
    let mut plan = plan(pipeline, seen, now);
    let Ok(state) = &seen.state else {
        return plan;
    };
    let runs = pipeline.environments.iter().filter_map(|it| stands(seen, &it.name)[0].clone());
    let known: Vec<FreightId> = runs.filter(|it| state.records.freight.contains_key(it)).collect();
    let path = |it: &FreightId| path::freight(&pipeline.name, it);
    let remove: Vec<_> =
        known.iter().map(|it| Removed { path: path(it), says: "forgotten".into() }).collect();
    if plan.actions.is_empty() && !remove.is_empty() {
        let (expect_state, write) = (state.head.clone(), Vec::new());
        plan.actions.push(Action::Record(RecordAction { expect_state, write, remove }));
    }
    plan
}

pub(super) fn rolls_back_without_hold(pipeline: &Pipeline, seen: &Observation, now: UnixSeconds) -> Plan {
    let mut plan = plan(pipeline, seen, now);
    for action in &mut plan.actions {
        if let Action::Propose(it) = action {
            it.lock.hold = None;
        }
    }
    plan
}
