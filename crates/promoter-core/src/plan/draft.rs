//! A plan in the making.

use super::{Action, Kind, Line, Look, Plan, RecordAction, Removed, Subject};
use crate::pipeline::Pipeline;
use crate::record::Record;
use crate::{CommitId, FreightId, UnixSeconds};
use std::collections::BTreeSet;

/// Collects what the steps decide. Records of all steps become one action, so that one pass is one commit on the
/// state branch and what belongs together cannot come apart.
#[derive(Debug)]
pub(super) struct Draft {
    plan: Plan,
    write: Vec<Record>,
    /// The files of `write`.
    files: BTreeSet<String>,
    remove: Vec<Removed>,
    /// Freight that would be made now, were it not there.
    known: Option<FreightId>,
}

impl Draft {
    pub(super) fn new(pipeline: &Pipeline, now: UnixSeconds) -> Self {
        let plan = Plan {
            pipeline: pipeline.name.clone(),
            now,
            actions: Vec::new(),
            report: Vec::new(),
            measures_at: None,
            is_measuring: false,
        };
        Self { plan, write: Vec::new(), files: BTreeSet::new(), remove: Vec::new(), known: None }
    }

    pub(super) fn now(&self) -> UnixSeconds {
        self.plan.now
    }

    pub(super) fn act(&mut self, action: Action) {
        self.plan.actions.push(action);
    }

    /// A check is to be asked then.
    pub(super) fn measures_at(&mut self, time: UnixSeconds) {
        self.plan.measures_at = Some(self.plan.measures_at.map_or(time, |it| it.min(time)));
    }

    /// A check was asked and has not come to a result.
    pub(super) fn is_measuring(&mut self) {
        self.plan.is_measuring = true;
    }

    /// Writes a record. Of two for one file the first stays: a result that is new now counts more than the end of the
    /// run before it.
    pub(super) fn record(&mut self, record: Record) {
        if self.files.insert(record.path()) {
            self.write.push(record);
        }
    }

    /// Freight that would be made now is there already.
    pub(super) fn knows(&mut self, freight: FreightId) {
        self.known = Some(freight);
    }

    /// What [`Draft::knows`] was told.
    pub(super) fn known(&self) -> Option<&FreightId> {
        self.known.as_ref()
    }

    /// What the plan holds so far, without records.
    pub(super) fn actions(&self) -> &[Action] {
        &self.plan.actions
    }

    /// Freight that is written of.
    pub(super) fn written(&self) -> impl Iterator<Item = &FreightId> {
        self.write.iter().filter_map(|it| match it {
            Record::Verification(it) => Some(&it.freight),
            Record::Approvals(it) => Some(&it.freight),
            Record::Rejection(it) => Some(&it.freight),
            Record::Reverification(it) => Some(&it.freight),
            Record::Request(it) => Some(&it.freight),
            Record::Freight(_) | Record::Pause(_) | Record::CommitStatuses(_) => None,
        })
    }

    pub(super) fn remove(&mut self, removed: Removed) {
        self.remove.push(removed);
    }

    pub(super) fn says(&mut self, subject: Subject, kind: Kind, text: impl Into<String>, look: Look) {
        self.plan.report.push(Line { subject, kind, text: text.into(), look });
    }

    pub(super) fn moves(&mut self, subject: Subject, text: impl Into<String>) {
        self.says(subject, Kind::Moves, text, Look::Poll);
    }

    pub(super) fn stays(&mut self, subject: Subject, text: impl Into<String>) {
        self.says(subject, Kind::Stays, text, Look::Poll);
    }

    /// Something that could go on later; `what` follows the word "wait".
    pub(super) fn waits(&mut self, subject: Subject, what: &str, look: Look) {
        let text = match look {
            Look::At(time) => format!("wait until {time}, {what}"),
            Look::Poll => format!("wait, {what}"),
        };
        self.says(subject, Kind::Waits, text, look);
    }

    /// The plan, records first: what was decided is written down before it is acted upon.
    pub(super) fn finish(mut self, state_head: Option<&CommitId>) -> Plan {
        if !self.write.is_empty() || !self.remove.is_empty() {
            let record =
                RecordAction { expect_state: state_head.cloned(), write: self.write, remove: self.remove };
            self.plan.actions.insert(0, Action::Record(record));
        }
        self.plan
    }
}
