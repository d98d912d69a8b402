//! What people do in the simulated world: with commands, and with an editor and git.

use super::World;
use crate::record::{
    Approvals, CommitStatus, CommitStatuses, Discovered, FreightRecord, Pause, Record, Rejection, Request,
    RequestAction, Reverification, Statement, StatusPhase, path,
};
use crate::{Artifact, Freight, FreightId, Hold, Name, UnixSeconds};
use std::collections::BTreeMap;

impl World {
    /// `promoter approve`.
    pub fn approve(&mut self, environment: &Name, freight: &FreightId, by: &str) {
        let found = self.records.environments.get(environment).and_then(|it| it.approved.get(freight));
        let mut approvals = match found {
            Some(Ok(record)) => record.approvals.clone(),
            Some(Err(_)) | None => Vec::new(),
        };
        approvals.push(self.says(by, ""));
        self.write(Record::Approvals(Approvals {
            pipeline: self.pipeline.name.clone(),
            environment: environment.clone(),
            freight: freight.clone(),
            approvals,
        }));
    }

    /// `promoter commit-status`: says of what is proposed now how a check went.
    pub fn report(&mut self, environment: &Name, name: &Name, phase: StatusPhase, by: &str) {
        let Some(rules) = self.pipeline.environment(environment) else {
            return;
        };
        let Some(commit) = self.branches.get(&rules.proposed_branch).map(|it| it.commit.clone()) else {
            return;
        };
        let found = self.records.environments.get(environment).and_then(|it| it.statuses.get(&commit));
        let statuses = found.and_then(|it| it.as_ref().ok()).map(|it| it.statuses.clone());
        let (pipeline, environment) = (self.pipeline.name.clone(), environment.clone());
        let statuses = statuses.unwrap_or_default();
        let mut record = CommitStatuses { pipeline, environment, commit, statuses };
        record.put(CommitStatus {
            name: name.clone(),
            phase,
            description: String::new(),
            url: None,
            by: by.to_owned(),
            at: self.now,
        });
        self.write(Record::CommitStatuses(record));
    }

    /// `promoter reject`.
    pub fn reject(&mut self, environment: &Name, freight: &FreightId, by: &str) {
        self.write(Record::Rejection(Rejection {
            pipeline: self.pipeline.name.clone(),
            environment: environment.clone(),
            freight: freight.clone(),
            rejected: self.says(by, "not this one"),
        }));
    }

    /// `promoter withdraw rejection`.
    pub fn withdraw_rejection(&mut self, environment: &Name, freight: &FreightId) {
        self.remove(path::rejected(&self.pipeline.name, environment, freight));
    }

    /// `promoter pause`.
    pub fn pause(&mut self, by: &str, until: Option<UnixSeconds>) {
        let paused = self.says(by, "freeze");
        self.write(Record::Pause(Pause { pipeline: self.pipeline.name.clone(), paused, until }));
    }

    /// `promoter resume`.
    pub fn resume(&mut self) {
        self.remove(path::paused(&self.pipeline.name));
    }

    /// `promoter reverify`.
    pub fn reverify(&mut self, environment: &Name, by: &str) {
        let Some(freight) = self.active(environment).map(|it| it.freight.id()) else {
            return;
        };
        let known = self.records.environments.get(environment).and_then(|it| it.verified.get(&freight));
        let known = known.and_then(|it| it.as_ref().ok());
        let requested = Statement { at: Reverification::at(known, self.now), ..self.says(by, "flaky") };
        self.write(Record::Reverification(Reverification {
            pipeline: self.pipeline.name.clone(),
            environment: environment.clone(),
            freight,
            requested,
        }));
    }

    /// `promoter promote`, `promote --hotfix` and `rollback`.
    pub fn request(&mut self, environment: &Name, action: RequestAction, freight: &FreightId, by: &str) {
        self.write(Record::Request(Request {
            pipeline: self.pipeline.name.clone(),
            environment: environment.clone(),
            action,
            freight: freight.clone(),
            requested: self.says(by, "INC-42"),
        }));
    }

    /// Takes a request back.
    pub fn withdraw_request(&mut self, environment: &Name) {
        self.remove(path::requested(&self.pipeline.name, environment));
    }

    /// `promoter freight create NAME=REFERENCE`; `None` when it makes no freight.
    pub fn create_freight(&mut self, given: &[Artifact], by: &str) -> Option<FreightId> {
        let newest = self.records.newest().ok()?;
        let dry = super::controller::dry(self);
        let freight = self.pipeline.assemble(&self.repository, &dry.pin, newest, given).ok()?;
        let id = freight.id();
        if self.records.freight.contains_key(&id) {
            return Some(id);
        }
        let at = self.records.next_discovery(self.now);
        let discovered = Discovered { at, by: by.to_owned(), author: dry.author };
        let pipeline = self.pipeline.name.clone();
        self.write(Record::Freight(FreightRecord { pipeline, freight, discovered, about: BTreeMap::new() }));
        Some(id)
    }

    /// `promoter hold` and `release`: an edit of the active lock.
    pub fn set_hold(&mut self, environment: &Name, by: Option<&str>) {
        let hold = by.map(|by| Hold { reason: "hands off".into(), by: by.to_owned(), at: Some(self.now) });
        self.edit(environment, |lock| lock.hold = hold);
    }

    /// Writes other freight into an active lock by hand.
    pub fn edit_freight(&mut self, environment: &Name, freight: &Freight) {
        self.edit(environment, |lock| lock.freight = freight.clone());
    }

    /// Merges the proposed branch with git.
    pub fn merge_by_hand(&mut self, environment: &Name) {
        let Some(rules) = self.pipeline.environment(environment).cloned() else {
            return;
        };
        let heads = (self.branches.get(&rules.active_branch), self.branches.get(&rules.proposed_branch));
        let (Some(active), Some(proposed)) = heads else {
            return;
        };
        let path = rules.lock_path();
        let (Ok(before), Ok(Some(lock))) = (active.lock(path), proposed.lock(path)) else {
            return;
        };
        let (before, lock) = (before.cloned(), lock.clone());
        let (active, proposed) = (active.commit.clone(), proposed.commit.clone());
        if self.contains(&active, &proposed) {
            return;
        }
        let mut locks = self.locks(&rules.active_branch);
        locks.insert(rules.lock_path().to_owned(), Ok(lock));
        self.push_branch(&rules.active_branch, Some(&active), vec![active.clone(), proposed], locks);
        self.entered(environment, before, false);
    }

    /// Breaks an active lock, or mends it again.
    pub fn break_lock(&mut self, environment: &Name) {
        let Some(rules) = self.pipeline.environment(environment).cloned() else {
            return;
        };
        let Some(head) = self.branches.get(&rules.active_branch).cloned() else {
            return;
        };
        let mut locks = head.locks.clone();
        let lock = match head.lock(rules.lock_path()) {
            Ok(_) => Some(Err("a key is there twice".to_owned())),
            // Mended from the last one that could be read.
            Err(_) => {
                let last = self.log.iter().rev().find(|it| it.environment == *environment);
                last.and_then(|it| it.after.clone()).map(Ok)
            }
        };
        match lock {
            Some(lock) => drop(locks.insert(rules.lock_path().to_owned(), lock)),
            None => drop(locks.remove(rules.lock_path())),
        }
        self.push_branch(&rules.active_branch, Some(&head.commit), vec![head.commit.clone()], locks);
    }

    fn edit(&mut self, environment: &Name, change: impl FnOnce(&mut crate::PromotionLock)) {
        let (Some(rules), Some(before)) =
            (self.pipeline.environment(environment).cloned(), self.active(environment).cloned())
        else {
            return;
        };
        let Some(head) = self.branches.get(&rules.active_branch).map(|it| it.commit.clone()) else {
            return;
        };
        let mut lock = before.clone();
        change(&mut lock);
        let mut locks = self.locks(&rules.active_branch);
        locks.insert(rules.lock_path().to_owned(), Ok(lock));
        self.push_branch(&rules.active_branch, Some(&head), vec![head.clone()], locks);
        self.entered(environment, Some(before), false);
    }

    fn says(&self, by: &str, reason: &str) -> Statement {
        Statement { by: by.to_owned(), at: self.now, reason: reason.to_owned() }
    }

    fn remove(&mut self, file: String) {
        let head = self.state_head.clone();
        self.push_state(head.as_ref(), &[], &[file]);
    }

    fn write(&mut self, record: Record) {
        let head = self.state_head.clone();
        self.push_state(head.as_ref(), &[record], &[]);
    }
}
