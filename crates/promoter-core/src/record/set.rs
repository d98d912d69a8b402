//! Puts files of the state branch into [`Records`], one at a time, so that an observer follows a tree's changes.

use super::path::{Kind, Slot};
use super::{EnvironmentRecords, Record, RecordError, Records, STATE_BRANCH};
use crate::Name;
use crate::observation::Unread;

impl Records {
    /// Takes in the file at a path of the state branch; what cannot be read keeps its place as unread.
    pub fn put(&mut self, path: &str, text: &str) {
        let unread = |error: &RecordError| error.diagnosis().to_string();
        match (Record::read(path, text), Slot::of(path)) {
            (Ok(record), _) => self.put_record(record),
            (Err(error), Some(slot)) => self.put_unread(slot, Unread::new(STATE_BRANCH, unread(&error))),
            (Err(error), None) => {
                self.foreign.insert(path.into(), unread(&error));
            }
        }
    }

    fn put_record(&mut self, record: Record) {
        match record {
            Record::Freight(it) => {
                self.freight.insert(it.freight.id(), Ok(it));
            }
            Record::Verification(it) => {
                self.own(&it.environment).verified.insert(it.freight.clone(), Ok(it));
            }
            Record::Approvals(it) => {
                self.own(&it.environment).approved.insert(it.freight.clone(), Ok(it));
            }
            Record::Rejection(it) => {
                self.own(&it.environment).rejected.insert(it.freight.clone(), Ok(it));
            }
            Record::Reverification(it) => {
                self.own(&it.environment).reverify.insert(it.freight.clone(), Ok(it));
            }
            Record::Request(it) => {
                let own = self.own(&it.environment);
                own.request = Some(Ok(it));
            }
            Record::Pause(it) => self.pause = Some(Ok(it)),
            Record::CommitStatuses(it) => {
                self.own(&it.environment).statuses.insert(it.commit.clone(), Ok(it));
            }
        }
    }

    fn put_unread(&mut self, slot: Slot, unread: Unread) {
        if let (Kind::CommitStatuses, Some(name), Some(commit)) = (slot.kind, &slot.environment, &slot.commit)
        {
            self.own(name).statuses.insert(commit.clone(), Err(unread));
            return;
        }
        match (slot.kind, slot.environment, slot.freight) {
            (Kind::Freight, _, Some(id)) => {
                self.freight.insert(id, Err(unread));
            }
            (Kind::Verification, Some(name), Some(id)) => {
                self.own(&name).verified.insert(id, Err(unread));
            }
            (Kind::Approvals, Some(name), Some(id)) => {
                self.own(&name).approved.insert(id, Err(unread));
            }
            (Kind::Rejection, Some(name), Some(id)) => {
                self.own(&name).rejected.insert(id, Err(unread));
            }
            (Kind::Reverification, Some(name), Some(id)) => {
                self.own(&name).reverify.insert(id, Err(unread));
            }
            (Kind::Request, Some(name), _) => self.own(&name).request = Some(Err(unread)),
            (Kind::Pause, ..) => self.pause = Some(Err(unread)),
            // A slot of these kinds has the names that its path has.
            (_, None, _) | (_, _, None) | (Kind::CommitStatuses, ..) => {}
        }
    }

    /// Forgets the file at a path.
    pub fn remove(&mut self, path: &str) {
        self.foreign.remove(path);
        let Some(slot) = Slot::of(path) else {
            return;
        };
        match (slot.kind, &slot.freight) {
            (Kind::Freight, Some(id)) => drop(self.freight.remove(id)),
            (Kind::Pause, _) => self.pause = None,
            _ => {}
        }
        let own = slot.environment.and_then(|it| self.environments.get_mut(&it));
        match (slot.kind, own, &slot.freight) {
            (Kind::Verification, Some(own), Some(id)) => {
                own.verified.remove(id);
            }
            (Kind::Approvals, Some(own), Some(id)) => {
                own.approved.remove(id);
            }
            (Kind::Rejection, Some(own), Some(id)) => {
                own.rejected.remove(id);
            }
            (Kind::Reverification, Some(own), Some(id)) => {
                own.reverify.remove(id);
            }
            (Kind::Request, Some(own), _) => own.request = None,
            (Kind::CommitStatuses, Some(own), _) => {
                slot.commit.iter().for_each(|it| drop(own.statuses.remove(it)));
            }
            _ => {}
        }
    }

    fn own(&mut self, environment: &Name) -> &mut EnvironmentRecords {
        self.environments.entry(environment.clone()).or_default()
    }
}
