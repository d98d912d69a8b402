//! The records on the state branch: what was discovered, verified, approved, rejected and asked for.
//!
//! Small YAML files, one fact each. Here is what they mean and which file holds what (`path`); `read` is strict and
//! names file and line, `write` gives the one canonical text. When a record is made is decided by the planner (what
//! automation records) or by a person's command.

pub mod path;
mod read;
mod set;
mod status;
mod write;

pub use read::RecordError;
pub use status::{CommitStatus, CommitStatuses, StatusPhase};

use crate::discovery::Provenance;
use crate::observation::{Fact, Unread};
use crate::{CommitId, Freight, FreightId, Name, UnixSeconds};
use std::collections::BTreeMap;
use std::fmt;

/// The branch.
pub const STATE_BRANCH: &str = "promoter/state";

/// Freight that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreightRecord {
    /// The pipeline.
    pub pipeline: Name,
    /// What it is.
    pub freight: Freight,
    /// How it came to be.
    pub discovered: Discovered,
    /// What is known of where its artifacts come from, by name; nothing where nobody looked.
    pub about: BTreeMap<Name, Provenance>,
}

/// Orders freight from old to new: by time of discovery, then freight of locks before other freight, then by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Age<'a>(UnixSeconds, bool, &'a FreightId);

impl FreightRecord {
    /// Its age; `id` is that of its freight.
    pub fn age<'a>(&self, id: &'a FreightId) -> Age<'a> {
        Age(self.discovered.at, self.discovered.by != BY_LOCK, id)
    }
}

/// How freight came to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovered {
    /// When; freight is older and newer by this.
    pub at: UnixSeconds,
    /// `git` for a new commit of the dry branch alone, else the subscriptions that brought something new (`web, config`),
    /// `lock` for freight that was found in an environment's lock, or a person.
    pub by: String,
    /// Who wrote the pinned dry commit, by mail; absent where nobody looked.
    pub author: Option<String>,
}

/// `Discovered::by` of freight made from a new head of the dry branch.
pub const BY_GIT: &str = "git";
/// `Discovered::by` of freight that a person wrote into a lock: never proposed elsewhere by automation.
pub const BY_LOCK: &str = "lock";
/// `by` of what automation itself decided: requests after a failed verification, holds.
pub const BY_PROMOTER: &str = "promoter";

/// The latest result of the checks of one freight in one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// The pipeline.
    pub pipeline: Name,
    /// The environment.
    pub environment: Name,
    /// The freight.
    pub freight: FreightId,
    /// The result.
    pub phase: Phase,
    /// The start of the unbroken run of this phase.
    pub since: UnixSeconds,
    /// The latest time at which it was known to hold; the end of the run once the freight has left.
    pub at: UnixSeconds,
    /// For people, one line.
    pub message: String,
    /// The active head that was checked.
    pub commit: CommitId,
}

/// A result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// All checks passed.
    Passed,
    /// At least one failed.
    Failed,
}

/// The people who agreed to one freight in one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approvals {
    /// The pipeline.
    pub pipeline: Name,
    /// The environment.
    pub environment: Name,
    /// The freight.
    pub freight: FreightId,
    /// Who, in the order of time.
    pub approvals: Vec<Statement>,
}

/// A person's word: who, when, why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Who.
    pub by: String,
    /// When.
    pub at: UnixSeconds,
    /// Why, one line; may be empty.
    pub reason: String,
}

/// Freight that must not enter an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The pipeline.
    pub pipeline: Name,
    /// The environment.
    pub environment: Name,
    /// The freight.
    pub freight: FreightId,
    /// Who, when, why.
    pub rejected: Statement,
}

/// A pipeline that stands still: nothing is proposed or merged but hotfixes and rollbacks that people ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// The pipeline.
    pub pipeline: Name,
    /// Who, when, why.
    pub paused: Statement,
    /// When it ends by itself; `None` when a person has to end it.
    pub until: Option<UnixSeconds>,
}

impl Pause {
    /// True while the pipeline stands still.
    pub fn holds(&self, now: UnixSeconds) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl fmt::Display for Pause {
    /// `paused by ada since 2026-…: year end`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Statement { by, at, reason } = &self.paused;
        write!(f, "the pipeline is paused by {by} since {at}: {reason}")
    }
}

/// A person's word that freight is to be verified again where it stands. Its verification counts again once it is later
/// than this; so nothing has to take the file away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reverification {
    /// The pipeline.
    pub pipeline: Name,
    /// The environment.
    pub environment: Name,
    /// The freight.
    pub freight: FreightId,
    /// Who, when, why.
    pub requested: Statement,
}

impl Reverification {
    /// The time to record as `requested.at`, so that `known` no longer counts even when another writer's clock was ahead.
    pub fn at(known: Option<&Verification>, now: UnixSeconds) -> UnixSeconds {
        known.map_or(now, |it| now.max(UnixSeconds(it.at.0.saturating_add(1))))
    }
}

/// What a person asks for in an environment. The file is there until it is fulfilled; at most one an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The pipeline.
    pub pipeline: Name,
    /// The environment.
    pub environment: Name,
    /// What.
    pub action: RequestAction,
    /// Which freight.
    pub freight: FreightId,
    /// Who, when, why.
    pub requested: Statement,
}

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestAction {
    /// This freight instead of the one that `select` would choose; rules and gates as always.
    Promote,
    /// Earlier freight at once, and a hold.
    Rollback,
    /// This freight without waiting for the environments before; approvals still count.
    Hotfix,
}

/// One file of the state branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// `<pipeline>/freight/<hex>.yaml`
    Freight(FreightRecord),
    /// `<pipeline>/verified/<environment>/<hex>.yaml`
    Verification(Verification),
    /// `<pipeline>/approved/<environment>/<hex>.yaml`
    Approvals(Approvals),
    /// `<pipeline>/rejected/<environment>/<hex>.yaml`
    Rejection(Rejection),
    /// `<pipeline>/reverify/<environment>/<hex>.yaml`
    Reverification(Reverification),
    /// `<pipeline>/requested/<environment>.yaml`
    Request(Request),
    /// `<pipeline>/paused.yaml`
    Pause(Pause),
    /// `<pipeline>/status/<environment>/<commit>.yaml`
    CommitStatuses(CommitStatuses),
}

impl Record {
    /// The file that holds it, from the root of the state branch.
    pub fn path(&self) -> String {
        match self {
            Self::Freight(it) => path::freight(&it.pipeline, &it.freight.id()),
            Self::Verification(it) => path::verified(&it.pipeline, &it.environment, &it.freight),
            Self::Approvals(it) => path::approved(&it.pipeline, &it.environment, &it.freight),
            Self::Rejection(it) => path::rejected(&it.pipeline, &it.environment, &it.freight),
            Self::Reverification(it) => path::reverify(&it.pipeline, &it.environment, &it.freight),
            Self::Request(it) => path::requested(&it.pipeline, &it.environment),
            Self::Pause(it) => path::paused(&it.pipeline),
            Self::CommitStatuses(it) => path::status(&it.pipeline, &it.environment, &it.commit),
        }
    }

    /// The canonical text of its file.
    pub fn text(&self) -> String {
        write::text(self)
    }

    /// Reads the file at a path of the state branch.
    ///
    /// Errors: a path that is none of ours, a text that is no such record, a record that belongs at another path.
    pub fn read(path: &str, text: &str) -> Result<Self, RecordError> {
        read::read(path, text)
    }
}

/// All records of one pipeline, by what they are about. Unreadable files keep their place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Records {
    /// The freight that exists.
    pub freight: BTreeMap<FreightId, Fact<FreightRecord>>,
    /// The records of each environment.
    pub environments: BTreeMap<Name, EnvironmentRecords>,
    /// Whether the pipeline is paused; a record that is unreadable counts as a pause.
    pub pause: Option<Fact<Pause>>,
    /// Files that are none of ours, by path, with what is wrong; they decide nothing.
    pub foreign: BTreeMap<String, String>,
}

/// The records of one environment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EnvironmentRecords {
    /// The latest verification of each freight.
    pub verified: BTreeMap<FreightId, Fact<Verification>>,
    /// Approvals of each freight.
    pub approved: BTreeMap<FreightId, Fact<Approvals>>,
    /// Rejections; one that is unreadable counts as a rejection.
    pub rejected: BTreeMap<FreightId, Fact<Rejection>>,
    /// Wishes for another verification.
    pub reverify: BTreeMap<FreightId, Fact<Reverification>>,
    /// What a person asks for.
    pub request: Option<Fact<Request>>,
    /// What was reported of proposed commits.
    pub statuses: BTreeMap<CommitId, Fact<CommitStatuses>>,
}

/// What is known of the checks of one freight in one environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verified<'a> {
    /// Nothing.
    Never,
    /// Something that cannot be read.
    Unread(&'a Unread),
    /// Nothing that counts: a person asked for another verification since.
    AskedAgain(&'a Reverification),
    /// The latest result.
    Known(&'a Verification),
}

impl EnvironmentRecords {
    /// What is known of the checks of freight.
    pub fn verification(&self, freight: &FreightId) -> Verified<'_> {
        let known = match self.verified.get(freight) {
            None => None,
            Some(Ok(known)) => Some(known),
            Some(Err(unread)) => return Verified::Unread(unread),
        };
        match (self.reverify.get(freight), known) {
            (Some(Err(unread)), _) => Verified::Unread(unread),
            (Some(Ok(asked)), known) if known.is_none_or(|it| it.at < asked.requested.at) => {
                Verified::AskedAgain(asked)
            }
            (_, Some(known)) => Verified::Known(known),
            (_, None) => Verified::Never,
        }
    }

    /// True when the latest result of freight is a pass that counts.
    pub fn has_passed(&self, freight: &FreightId) -> bool {
        matches!(self.verification(freight), Verified::Known(it) if it.phase == Phase::Passed)
    }
}

impl Records {
    /// The newest freight that automation may go on from; without freight that only a lock knows. `Err` while a freight
    /// record is unreadable, since that one might be newer.
    pub fn newest(&self) -> Fact<Option<&FreightRecord>> {
        let mut newest: Option<(Age<'_>, &FreightRecord)> = None;
        for (id, record) in &self.freight {
            let record = record.as_ref().map_err(Clone::clone)?;
            let age = record.age(id);
            if record.discovered.by != BY_LOCK && newest.is_none_or(|(other, _)| other < age) {
                newest = Some((age, record));
            }
        }
        Ok(newest.map(|(_, record)| record))
    }

    /// The time to record as `discovered.at` of new freight, so that it is the newest even when the clock of another
    /// writer was ahead.
    pub fn next_discovery(&self, now: UnixSeconds) -> UnixSeconds {
        let times = self.freight.values().filter_map(|it| it.as_ref().ok()).map(|it| it.discovered.at);
        times.max().map_or(now, |newest| now.max(UnixSeconds(newest.0.saturating_add(1))))
    }
}
