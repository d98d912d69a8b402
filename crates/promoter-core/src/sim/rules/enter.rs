//! What lets freight into an environment: who asked, what was verified, what is held or rejected.

use super::plan::stay;
use super::{Broken, Judge, Judgement, holds};
use crate::observation::Observation;
use crate::pipeline::{Check, Environment, GateRule, Quorum};
use crate::record::{
    BY_LOCK, BY_PROMOTER, CommitStatuses, EnvironmentRecords, Phase, Records, Request, RequestAction,
    StatusPhase,
};
use crate::sim::World;
use crate::verification::{About, Answer};
use crate::{CommitId, FreightId, Name, PromotionLock, UnixSeconds};
use std::collections::BTreeSet;

/// One way of freight into an environment, and what was known when it was decided.
pub(super) struct Way<'a> {
    pub(super) world: &'a World,
    pub(super) seen: &'a Observation,
    pub(super) rules: &'a Environment,
    pub(super) records: &'a Records,
    /// When it was decided.
    pub(super) now: UnixSeconds,
    /// What stood there.
    pub(super) old: Option<&'a PromotionLock>,
    /// What comes.
    pub(super) new: &'a PromotionLock,
    pub(super) id: FreightId,
}

impl<'a> Way<'a> {
    fn own(&self) -> Option<&'a EnvironmentRecords> {
        self.records.environments.get(&self.rules.name)
    }

    fn request(&self) -> Result<Option<&'a Request>, Broken> {
        match self.own().and_then(|it| it.request.as_ref()) {
            Some(Err(unread)) => Err(Broken::new(6, format!("past a request: {unread}"))),
            Some(Ok(request)) => Ok(Some(request).filter(|it| it.freight == self.id)),
            None => Ok(None),
        }
    }

    /// What holds for proposals and merges.
    pub(super) fn admitted(&self) -> Result<Option<&'a Request>, Broken> {
        let (name, alias) = (&self.rules.name, self.id.alias());
        let request = self.request()?;
        if request.is_none_or(|it| it.action == RequestAction::Promote) {
            self.goes_on()?;
        }
        if let Some(hold) = self.old.and_then(|it| it.hold.as_ref()) {
            let later = request.is_some_and(|it| {
                it.action == RequestAction::Rollback
                    && it.requested.by != BY_PROMOTER
                    && hold.at.is_some_and(|at| at <= it.requested.at)
            });
            holds(4, later, || format!("{alias} comes to {name}, which is held"))?;
        }
        match self.own().and_then(|it| it.rejected.get(&self.id)) {
            Some(Ok(_)) => return Err(Broken::new(4, format!("{alias} is rejected for {name}"))),
            Some(Err(unread)) => return Err(Broken::new(6, format!("{alias} comes to {name}: {unread}"))),
            None => {}
        }
        if request.is_none() {
            self.forward()?;
        }
        let rolls_back = request.is_some_and(|it| it.action == RequestAction::Rollback);
        holds(8, rolls_back == self.new.hold.is_some(), || {
            format!("a rollback and only that brings a hold to {name}")
        })?;
        Ok(request)
    }

    /// Rule 4: a pause stops what nobody asked for in spite of it.
    fn goes_on(&self) -> Judgement {
        let (name, alias) = (&self.rules.name, self.id.alias());
        match &self.records.pause {
            None => Ok(()),
            Some(Err(unread)) => Err(Broken::new(6, format!("{alias} comes to {name}: {unread}"))),
            Some(Ok(pause)) => {
                let over = pause.until.is_some_and(|until| until <= self.now);
                holds(4, over, || format!("{alias} comes to {name}, and the pipeline is paused"))
            }
        }
    }

    /// Rule 4: automation goes only forward, and only to freight that was discovered.
    fn forward(&self) -> Judgement {
        let (name, alias) = (&self.rules.name, self.id.alias());
        let age = |id: &FreightId| {
            let record = self.records.freight.get(id)?.as_ref().ok()?;
            Some((record.discovered.at, record.discovered.by != BY_LOCK, id.clone()))
        };
        let Some(next) = age(&self.id) else {
            return Err(Broken::new(4, format!("{alias} comes to {name} without a record")));
        };
        holds(4, next.1, || format!("{alias} stood only in a lock, and comes to {name}"))?;
        let Some(old) = self.old else {
            return Ok(());
        };
        match age(&old.freight.id()) {
            None => Err(Broken::new(4, format!("nobody knows how old {name} is, and {alias} comes"))),
            Some(now) => holds(4, now < next, || format!("{name} goes back to {alias}")),
        }
    }

    /// What holds for merges besides.
    pub(super) fn enters(&self, judge: &Judge, commit: &CommitId) -> Judgement {
        let name = &self.rules.name;
        let request = self.admitted()?;
        match request.map(|it| it.action) {
            Some(RequestAction::Rollback) => {
                let key = (name.clone(), self.id.clone());
                let Some(before) = judge.ran.get(&key) else {
                    let what = format!("{name} rolls back to {}, which never ran there", self.id.alias());
                    return Err(Broken::new(8, what));
                };
                let answer = (judge.answer)(self.world, &self.new.freight, name);
                holds(8, answer == *before, || format!("{name} comes back as {answer:?}, it was {before:?}"))
            }
            Some(RequestAction::Hotfix) => {
                let said =
                    request.is_some_and(|it| !it.requested.by.is_empty() && !it.requested.reason.is_empty());
                holds(1, said, || format!("a hotfix for {name} without who and why"))?;
                self.soak(true).map_or(Ok(()), |soak| self.verified(soak, true))?;
                self.reported(commit)?;
                self.approved()
            }
            Some(RequestAction::Promote) | None => {
                self.verified(self.soak(false).unwrap_or(0), true)?;
                self.reported(commit)?;
                self.approved()
            }
        }
    }

    /// The longest soak, of the required gates or of all.
    pub(super) fn soak(&self, required: bool) -> Option<i64> {
        let gates = self.rules.gates.iter().filter(|it| !required || it.required);
        gates
            .filter_map(|it| if let GateRule::Soak(it) = &it.rule { Some(i64::from(it.0)) } else { None })
            .max()
    }

    /// Rules 1 and 3: what the environments before last said, for how long, and for merges whether they are `well`.
    pub(super) fn verified(&self, soak: i64, well: bool) -> Judgement {
        let after = &self.rules.after;
        let mut verdicts = after.environments.iter().map(|it| self.verified_in(it, soak, well));
        match after.quorum {
            Quorum::All => verdicts.collect(),
            Quorum::Any => {
                let verdicts: Vec<Judgement> = verdicts.by_ref().collect();
                match verdicts.iter().any(Result::is_ok) {
                    true => Ok(()),
                    false => verdicts.into_iter().next().unwrap_or(Ok(())),
                }
            }
        }
    }

    fn verified_in(&self, before: &Name, soak: i64, well: bool) -> Judgement {
        let (name, alias) = (&self.rules.name, self.id.alias());
        let record = self.records.environments.get(before).and_then(|it| it.verified.get(&self.id));
        let record = match record {
            None => return Err(Broken::new(1, format!("{alias} comes to {name} unverified in {before}"))),
            Some(Err(unread)) => return Err(Broken::new(6, format!("{alias} comes to {name}: {unread}"))),
            Some(Ok(record)) => record,
        };
        let again = super::plan::asked_again(self.records, before, &self.id);
        holds(3, again.is_none_or(|it| it <= record.at), || {
            format!("{alias} comes to {name}, and is to be verified again in {before}")
        })?;
        holds(3, record.phase == Phase::Passed, || {
            format!("{alias} comes to {name}, it failed in {before}")
        })?;
        let there = self.stands_in(before, record.at);
        // The end of the run is at most now, and now only while the freight stands there.
        let end = if there.is_some() { self.now.max(record.at) } else { record.at };
        holds(1, end.0 - record.since.0 >= soak, || format!("{alias} comes to {name} too soon"))?;
        holds(3, !well || there != Some(false), || {
            format!("{alias} comes to {name}, and {before} is not well")
        })
    }

    /// Whether freight that was verified at a time during its stay is well now; `None` when it is not there any more.
    fn stands_in(&self, name: &Name, verified_at: UnixSeconds) -> Option<bool> {
        let seen = self.seen.environments.get(name)?;
        let lock = seen.active.as_ref().ok()?.as_ref()?.lock.as_ref().ok()?.as_ref()?;
        if lock.freight.id() != self.id || verified_at < stay(lock) {
            return None;
        }
        let checks = &self.world.pipeline.environment(name)?.verification;
        let about = About::Stay { freight: self.id.clone(), promoted_at: stay(lock) };
        let last = |check: &Check| {
            let mut own = seen.measurements.iter().rev();
            own.find(|it| it.of.check == check.id && it.of.about == about)
        };
        Some(checks.iter().all(|check| last(check).is_some_and(|it| it.answer == Answer::Passed)))
    }

    /// Rule 2: what was reported of this commit, and of no other.
    fn reported(&self, commit: &CommitId) -> Judgement {
        let (name, alias) = (&self.rules.name, self.id.alias());
        for gate in &self.rules.gates {
            let GateRule::CommitStatus(status) = &gate.rule else {
                continue;
            };
            let known = match self.own().and_then(|it| it.statuses.get(commit)) {
                Some(Err(unread)) => {
                    return Err(Broken::new(6, format!("{alias} comes to {name}: {unread}")));
                }
                Some(Ok(known)) => Some(known),
                None => None,
            };
            let is_good = |it: &CommitStatuses| {
                let last = it.statuses.iter().rfind(|it| it.name == *status);
                last.is_some_and(|it| it.phase == StatusPhase::Success)
            };
            // A good one of another commit shows what was mistaken for what.
            let others = self.own().is_some_and(|it| it.statuses.values().flatten().any(is_good));
            holds(if others { 2 } else { 1 }, known.is_some_and(is_good), || {
                format!("{alias} comes to {name} without a good `{status}` of {commit}")
            })?;
        }
        Ok(())
    }

    fn approved(&self) -> Judgement {
        let (name, alias) = (&self.rules.name, self.id.alias());
        for gate in &self.rules.gates {
            let GateRule::Approvals(rule) = &gate.rule else {
                continue;
            };
            let people: BTreeSet<&str> = match self.own().and_then(|it| it.approved.get(&self.id)) {
                Some(Err(unread)) => {
                    return Err(Broken::new(6, format!("{alias} comes to {name}: {unread}")));
                }
                Some(Ok(it)) => it.approvals.iter().map(|it| it.by.as_str()).collect(),
                None => BTreeSet::new(),
            };
            let made = self.records.freight.get(&self.id).and_then(|it| it.as_ref().ok());
            let wrote = |it: &&str| {
                made.is_some_and(|made| {
                    made.discovered.by == *it || made.discovered.author.as_deref() == Some(it)
                })
            };
            let counts = |it: &&&str| {
                (rule.from.is_empty() || rule.people.contains(**it)) && (rule.self_approval || !wrote(it))
            };
            let count = people.iter().filter(counts).count();
            holds(1, count >= rule.required as usize, || {
                format!("{alias} comes to {name} with {count} of {} approvals", rule.required)
            })?;
        }
        Ok(())
    }
}
