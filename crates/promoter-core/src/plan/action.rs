//! What a plan can ask for: one effect each, with the values that it expects to replace.

use crate::record::Record;
use crate::verification::Asked;
use crate::{CommitId, FreightId, Hold, Name, PromotionLock, UnixSeconds};

/// One effect. `expect_…` fields hold what must still be there; if it is not, the action does nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// One commit on the state branch.
    Record(RecordAction),
    /// A new head of a proposed branch that holds other freight.
    Propose(Box<Propose>),
    /// A new head of a proposed branch that proposes nothing.
    Withdraw(Withdraw),
    /// A merge of the proposed into the active branch.
    Merge(Merge),
    /// A commit on the active branch that changes only the lock's hold.
    SetHold(SetHold),
    /// One measurement; its result comes back in the next observation.
    Measure(Measure),
}

/// Changes of the state branch that belong in one commit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordAction {
    /// The head of the state branch; `None` when it must not exist. What has to be there still is the pipeline's folder:
    /// other pipelines' commits may have moved the head since.
    pub expect_state: Option<CommitId>,
    /// Records to write. The pipeline's path and text come from [`Record::path`] and [`Record::text`].
    pub write: Vec<Record>,
    /// Records that are fulfilled, void or taken back.
    pub remove: Vec<Removed>,
}

/// A record whose file goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// Its path on the state branch, as [`crate::record::path`] gives it.
    pub path: String,
    /// For the commit's message: `prod: request closed (fulfilled)`; empty where another sentence says it too.
    pub says: String,
}

/// Puts freight on the proposed branch: renders it, and commits the pipeline's folder with this lock.
///
/// A missing active branch is created in the same push, with an empty commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Propose {
    /// The environment.
    pub environment: Name,
    /// The id of the lock's freight.
    pub freight: FreightId,
    /// The lock to commit; the renderer fills in `render.digest` and `render.engine`.
    pub lock: PromotionLock,
    /// The head of the active branch; `None` when it must not exist.
    pub expect_active: Option<CommitId>,
    /// The head of the proposed branch; `None` when it must not exist.
    pub expect_proposed: Option<CommitId>,
    /// The freight of the active lock.
    pub expect_lock: Option<FreightId>,
    /// Who asked for it; absent when automation selected it.
    pub by: Option<String>,
    /// Why, as they said.
    pub reason: Option<String>,
}

/// Takes a proposal back: the next commit of the proposed branch has the active branch's tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdraw {
    /// The environment.
    pub environment: Name,
    /// The freight that was proposed.
    pub freight: FreightId,
    /// The head of the active branch.
    pub expect_active: CommitId,
    /// The head of the proposed branch.
    pub expect_proposed: CommitId,
    /// Why, for the commit's message.
    pub why: String,
}

/// Merges exactly the commit that was judged onto exactly the head that it was judged against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// The environment.
    pub environment: Name,
    /// The freight.
    pub freight: FreightId,
    /// The head of the active branch.
    pub expect_active: CommitId,
    /// The head of the proposed branch: what is merged.
    pub expect_proposed: CommitId,
    /// The freight of the active lock.
    pub expect_lock: Option<FreightId>,
    /// The gates that were judged, for the trailers `Commit-status-proposed-<gate>-phase/-description`.
    pub gates: Vec<JudgedGate>,
    /// Who asked for it; absent when automation selected it.
    pub by: Option<String>,
    /// Why, as they said.
    pub reason: Option<String>,
}

/// A gate of a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgedGate {
    /// `soak`, `approvals`.
    pub gate: String,
    /// Why it is open, for people, one line.
    pub description: String,
}

/// Changes the hold of an active lock and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetHold {
    /// The environment.
    pub environment: Name,
    /// The head of the active branch.
    pub expect_active: CommitId,
    /// The freight of the active lock.
    pub expect_lock: FreightId,
    /// The hold.
    pub hold: Hold,
}

/// Takes one measurement of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    /// The environment.
    pub environment: Name,
    /// Which check, and about what: goes into [`crate::verification::Measurement::of`].
    pub of: Asked,
    /// The freight that is active, or proposed.
    pub freight: FreightId,
    /// The head of the active branch, or the proposed commit.
    pub commit: CommitId,
    /// When a person asked for it to be measured again; the smallest time if nobody did.
    pub since: UnixSeconds,
}

impl Action {
    /// The environment that it is about; `None` for records.
    pub fn environment(&self) -> Option<&Name> {
        match self {
            Self::Record(_) => None,
            Self::Propose(it) => Some(&it.environment),
            Self::Withdraw(it) => Some(&it.environment),
            Self::Merge(it) => Some(&it.environment),
            Self::SetHold(it) => Some(&it.environment),
            Self::Measure(it) => Some(&it.environment),
        }
    }
}
