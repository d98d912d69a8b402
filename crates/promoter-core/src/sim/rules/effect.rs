//! Single effects: what an action changed in the world, held against what was seen when it was planned.

use super::enter::Way;
use super::{Broken, Judge, Judgement, holds};
use crate::observation::{EnvironmentSeen, Observation};
use crate::pipeline::{Check, Environment, Layout, Pipeline};
use crate::plan::{Action, RecordAction};
use crate::record::{FreightRecord, Phase, Record, Records, RequestAction, Verification};
use crate::sim::{Head, World, manifest_digest};
use crate::verification::About;
use crate::{CommitId, Content, FreightId, PromotionLock, UnixSeconds};
use std::collections::BTreeMap;

/// The world before an effect, as far as an effect can change it.
#[derive(Debug, Clone)]
pub struct Before {
    branches: BTreeMap<String, Head>,
    state_head: Option<CommitId>,
    records: Option<Records>,
}

impl Before {
    /// Looks at the world before an action.
    pub fn of(world: &World, action: &Action) -> Self {
        Self {
            branches: world.branches.clone(),
            state_head: world.state_head.clone(),
            records: matches!(action, Action::Record(_)).then(|| world.records.clone()),
        }
    }
}

impl Judge {
    /// Judges what an action changed. `seen` and `now` are those of its plan.
    pub fn effect(
        &self,
        before: &Before,
        world: &World,
        seen: &Observation,
        now: UnixSeconds,
        action: &Action,
    ) -> Judgement {
        let Ok(state) = &seen.state else {
            let same = before.branches == world.branches && before.state_head == world.state_head;
            return holds(6, same, || "something moved, and the state branch was not read".into());
        };
        if let (Action::Record(action), Some(records)) = (action, &before.records) {
            return recorded(records, before, world, seen, action);
        }
        let Some(rules) = action.environment().and_then(|it| world.pipeline.environment(it)) else {
            return Ok(());
        };
        let Some(own) = seen.environments.get(&rules.name) else {
            return Err(Broken::new(6, format!("nobody looked at {}", rules.name)));
        };
        self.elsewhere(before, world, rules)?;
        let moved = Moved { judge: self, before, world, seen, records: &state.records, now, rules, own };
        moved.active()?;
        moved.proposed()
    }

    /// An action delivered twice takes effect once.
    pub fn again(&self, before: &Before, world: &World, action: &Action) -> Judgement {
        let same = before.branches == world.branches && before.state_head == world.state_head;
        let what =
            || action.environment().map_or_else(|| "records".to_owned(), |it| format!("a move of {it}"));
        holds(7, same, || format!("{} took effect twice", what()))
    }

    /// Rule 5: a proposal stands on the one branch that is for it.
    fn elsewhere(&self, before: &Before, world: &World, rules: &Environment) -> Judgement {
        let mut all = world.branches.iter();
        let other = all.find(|(branch, head)| {
            ![&rules.active_branch, &rules.proposed_branch].contains(branch)
                && before.branches.get(*branch) != Some(*head)
        });
        holds(5, other.is_none(), || {
            format!("a second proposal for {}: {}", rules.name, other.map_or("", |it| it.0))
        })
    }
}

struct Moved<'a> {
    judge: &'a Judge,
    before: &'a Before,
    world: &'a World,
    seen: &'a Observation,
    records: &'a Records,
    now: UnixSeconds,
    rules: &'a Environment,
    own: &'a EnvironmentSeen,
}

impl<'a> Moved<'a> {
    fn heads(&self, branch: &str) -> (Option<&'a Head>, Option<&'a Head>) {
        (self.before.branches.get(branch), self.world.branches.get(branch))
    }

    fn lock(&self, head: Option<&'a Head>) -> Option<&'a PromotionLock> {
        head?.lock(self.rules.lock_path()).ok()?
    }

    fn way(&self, old: Option<&'a PromotionLock>, new: &'a PromotionLock) -> Way<'a> {
        let Self { world, seen, records, now, rules, .. } = *self;
        Way { world, seen, rules, records, now, old, new, id: new.freight.id() }
    }

    /// Rules 1 to 4 and 8, where the active branch moved.
    fn active(&self) -> Judgement {
        let name = &self.rules.name;
        let (old, new) = self.heads(&self.rules.active_branch);
        let (Some(head), true) = (new, old != new) else {
            return Ok(());
        };
        let was = match &self.own.active {
            Err(unread) => return Err(Broken::new(6, format!("{name} moved, and {unread}"))),
            Ok(tip) => tip.as_ref(),
        };
        let onto = was.map(|it| &it.commit) == old.map(|it| &it.commit);
        holds(2, onto, || format!("{name} moved from a head that was not judged"))?;
        let (was, now) = (self.lock(old), self.lock(new));
        let Some(now) = now else {
            return holds(7, was.is_none(), || format!("the lock of {name} is gone"));
        };
        if was.is_some_and(|it| it.freight == now.freight) {
            return self.held(was, now);
        }
        let tip = match &self.own.proposed {
            Err(unread) => return Err(Broken::new(6, format!("{name} moved, and {unread}"))),
            Ok(tip) => tip.as_ref(),
        };
        let judged = tip.and_then(|it| it.lock.as_ref().ok()?.as_ref());
        let from = tip.is_some_and(|it| self.world.parents(&head.commit).contains(&it.commit));
        holds(2, from && judged == Some(now), || format!("{name} runs what was not judged"))?;
        if let Some(tip) = tip {
            self.way(was, now).enters(self.judge, &tip.commit)?;
        }
        self.digest(now)
    }

    /// Rule 4, where only the hold changed.
    fn held(&self, was: Option<&PromotionLock>, now: &PromotionLock) -> Judgement {
        let name = &self.rules.name;
        let was = was.cloned();
        let free = was.as_ref().is_some_and(|it| it.hold.is_none()) && now.hold.is_some();
        holds(4, free, || format!("the hold of {name} changed"))?;
        let same = was.map(|it| PromotionLock { hold: now.hold.clone(), ..it });
        holds(2, same.as_ref() == Some(now), || format!("more than the hold of {name} changed"))
    }

    /// Rules 4, 5, 7, 8 and 10, where the proposed branch moved.
    fn proposed(&self) -> Judgement {
        let name = &self.rules.name;
        let (old, new) = self.heads(&self.rules.proposed_branch);
        let (Some(head), true) = (new, old != new) else {
            return Ok(());
        };
        if let Err(unread) = &self.own.proposed {
            return Err(Broken::new(6, format!("the proposal of {name} moved, and {unread}")));
        }
        let base = self.world.branches.get(&self.rules.active_branch);
        if let (Some(old), Some(base)) = (old, base) {
            let joins = !self.world.contains(&old.commit, &base.commit);
            holds(7, old.locks != head.locks || joins, || format!("an empty commit for {name}"))?;
        }
        let active = self.lock(base);
        let Some(lock) = self.lock(new).filter(|it| Some(*it) != active) else {
            return Ok(());
        };
        holds(5, active.is_none_or(|it| it.freight != lock.freight), || {
            format!("proposes for {name} what it runs")
        })?;
        let way = self.way(active, lock);
        let asked = way.admitted()?;
        if asked.is_none_or(|it| it.action == RequestAction::Promote) {
            way.verified(0, false)?;
        }
        self.digest(lock)
    }

    /// Rule 10: what is written beside a lock is what the lock answers with.
    fn digest(&self, lock: &PromotionLock) -> Judgement {
        if self.world.pipeline.layout == Layout::Folders {
            return Ok(());
        }
        let answer = (self.judge.answer)(self.world, &lock.freight, &self.rules.name);
        holds(10, lock.render.digest == answer.map(manifest_digest), || {
            format!("the manifests of {} are not those of its lock", self.rules.name)
        })
    }
}

/// Rules 3 and 7, where records changed.
fn recorded(
    was: &Records,
    before: &Before,
    world: &World,
    seen: &Observation,
    action: &RecordAction,
) -> Judgement {
    holds(2, before.branches == world.branches, || "records moved an environment".into())?;
    if before.state_head == world.state_head {
        return Ok(());
    }
    let now = &world.records;
    holds(7, was != now, || "the same records twice".into())?;
    let written = |it: &&Record| is_there(now, it);
    let count = action.write.iter().filter(written).count();
    holds(7, count == action.write.len(), || format!("{count} of {} records", action.write.len()))?;
    kept(was, now, seen, &world.pipeline, world.now)?;
    action.write.iter().try_for_each(|it| match it {
        Record::Verification(it) => measured(world, seen, it),
        Record::Freight(it) => discovered(was, world, seen, it),
        _ => Ok(()),
    })
}

/// True for freight that may be forgotten: beyond what is kept by number and by time, older than all that runs, and no lock,
/// request or rejection names it.
fn forgettable(
    id: &FreightId,
    records: &Records,
    seen: &Observation,
    pipeline: &Pipeline,
    time: UnixSeconds,
) -> bool {
    let age = |id: &FreightId| {
        let record = records.freight.get(id)?.as_ref().ok()?;
        Some((record.discovered.at, record.discovered.by != crate::record::BY_LOCK, id.clone()))
    };
    let Some(own) = age(id) else {
        return false;
    };
    let keep = pipeline.freight.retention;
    let newer = records.freight.keys().filter(|it| age(it) > Some(own.clone())).count();
    let young = own.0.0 + i64::from(keep.span.0) >= time.0;
    let locks = seen.environments.values().flat_map(|it| [&it.active, &it.proposed]);
    let locks = locks.filter_map(|it| it.as_ref().ok()?.as_ref()?.lock.as_ref().ok()?.as_ref());
    let named = |lock: &PromotionLock| {
        let previous = lock.promotion.as_ref().and_then(|it| it.previous.as_ref());
        lock.freight.id() == *id || previous == Some(id)
    };
    let active = seen.environments.values().filter_map(|it| it.active.as_ref().ok()?.as_ref());
    let runs_older = |lock: &PromotionLock| age(&lock.freight.id()).is_none_or(|it| it <= own);
    let mut active = active.filter_map(|it| it.lock.as_ref().ok()?.as_ref());
    let wanted = records.environments.values().any(|it| {
        it.rejected.contains_key(id)
            || it.request.as_ref().is_some_and(|it| it.as_ref().map_or(true, |it| it.freight == *id))
    });
    newer >= keep.keep as usize && !young && !{ locks }.any(named) && !active.any(runs_older) && !wanted
}

fn is_there(records: &Records, record: &Record) -> bool {
    let mut alone = Records::default();
    alone.put(&record.path(), &record.text());
    let own = |it: &Records| it.environments.clone();
    alone.freight.iter().all(|(id, it)| records.freight.get(id) == Some(it))
        && own(&alone).iter().all(|(name, it)| {
            let found = records.environments.get(name);
            found.is_some_and(|found| {
                it.verified.iter().all(|(id, it)| found.verified.get(id) == Some(it))
                    && (it.request.is_none() || it.request == found.request)
            })
        })
}

/// Rule 7: nothing that was recorded is lost but what the pipeline keeps no longer, and a request goes only when nothing is
/// left to do for it.
fn kept(
    was: &Records,
    now: &Records,
    seen: &Observation,
    pipeline: &Pipeline,
    time: UnixSeconds,
) -> Judgement {
    let lost = |id: &FreightId| !now.freight.contains_key(id);
    for (id, it) in &was.freight {
        let over = || forgettable(id, was, seen, pipeline, time);
        let kept = now.freight.get(id) == Some(it) || (lost(id) && over());
        holds(7, kept, || format!("freight {} was lost", id.alias()))?;
    }
    for (name, was) in &was.environments {
        let empty = crate::record::EnvironmentRecords::default();
        let now = now.environments.get(name).unwrap_or(&empty);
        let approved = was.approved.iter().all(|(id, it)| now.approved.get(id) == Some(it) || lost(id));
        let same = approved && now.approved.len() <= was.approved.len() && was.rejected == now.rejected;
        let kept = was.verified.keys().all(|id| now.verified.contains_key(id) || lost(id));
        holds(7, same && kept, || format!("a record of {name} was lost"))?;
        if let (Some(Ok(request)), None) = (&was.request, &now.request) {
            let tip = seen.environments.get(name).and_then(|it| it.active.as_ref().ok()?.as_ref());
            let lock = tip.and_then(|it| it.lock.as_ref().ok()?.as_ref());
            let runs = lock.is_some_and(|it| it.freight.id() == request.freight);
            let held = lock.is_some_and(|it| it.hold.is_some()) || request.action != RequestAction::Rollback;
            let over = (runs && held) || was.rejected.contains_key(&request.freight);
            holds(7, over, || format!("a request for {name} was lost"))?;
        }
    }
    Ok(())
}

/// Rules 4 and 6: freight that automation makes of what it found never holds less than the newest did, and nothing that comes
/// of a reader which failed.
fn discovered(was: &Records, world: &World, seen: &Observation, made: &FreightRecord) -> Judgement {
    let newest = was.newest().ok().flatten();
    let (Some(newest), true) = (newest, made.discovered.by != crate::record::BY_LOCK) else {
        return Ok(());
    };
    for name in world.registry.keys() {
        let (before, after) = (newest.freight.get(name), made.freight.get(name));
        if let (Some(Err(unread)), Some(_)) = (seen.artifacts.get(name), before) {
            holds(6, before == after, || format!("{name} changes, and {unread}"))?;
        }
        let version = |it: Option<&Content>| match it {
            Some(Content::Image(image)) => semver::Version::parse(image.tag.as_ref()?.as_str()).ok(),
            Some(Content::Chart { version, .. }) => semver::Version::parse(version.as_str()).ok(),
            _ => None,
        };
        if let (Some(before), Some(after)) = (version(before), version(after)) {
            holds(4, before <= after, || format!("{name} goes back from {before} to {after}"))?;
        }
    }
    Ok(())
}

/// Rule 3: a new result comes of measurements of this stay, one of each check at least when it is a pass.
fn measured(world: &World, seen: &Observation, it: &Verification) -> Judgement {
    // A record that is later than its run began only closes the run.
    if it.at > it.since {
        return Ok(());
    }
    let own = seen.environments.get(&it.environment);
    let tip = own.and_then(|it| it.active.as_ref().ok()?.as_ref());
    let lock = tip.and_then(|it| it.lock.as_ref().ok()?.as_ref());
    let (Some(own), Some(lock)) = (own, lock.filter(|lock| lock.freight.id() == it.freight)) else {
        return Err(Broken::new(3, format!("{} judges what it does not run", it.environment)));
    };
    let about = About::Stay { freight: it.freight.clone(), promoted_at: super::plan::stay(lock) };
    // What was measured before somebody asked for another verification does not count.
    let state = seen.state.as_ref().ok();
    let asked =
        state.and_then(|state| super::plan::asked_again(&state.records, &it.environment, &it.freight));
    let of_stay = |check: &Check| {
        let mut all = own.measurements.iter();
        all.any(|m| m.of.check == check.id && m.of.about == about && asked.is_none_or(|it| it <= m.at))
    };
    let rules = world.pipeline.environment(&it.environment);
    let mut checks = rules.map_or(&[][..], |it| it.verification.as_slice()).iter();
    let enough = match it.phase {
        Phase::Passed => checks.all(of_stay),
        Phase::Failed => checks.any(of_stay),
    };
    holds(3, enough, || format!("{} judges {} by an earlier stay", it.environment, it.freight.alias()))
}
