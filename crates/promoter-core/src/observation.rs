//! What was seen of the world at one moment: a plain value, partial and possibly wrong.
//!
//! A fact that could not be read is an `Unread` in its place, so that a decision can tell "there is none" from
//! "nobody knows". Who reads, how and how often is the observer's business; the planner only looks here.

use crate::discovery::Found;
use crate::record::Records;
use crate::signature::{Answer, QuestionKey};
use crate::verification::Measurement;
use crate::{CommitId, FreightId, GitUrl, Name, PromotionLock, UnixSeconds};
use std::collections::BTreeMap;
use std::fmt;

/// Something that was read, or who failed to read it.
pub type Fact<T> = Result<T, Unread>;

/// A fact that could not be read. Prints as `environment/prod could not be read: connection refused`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unread {
    /// What was asked: a branch, a file, a server.
    pub reader: String,
    /// The cause, one line.
    pub why: String,
    /// When it is asked again, where that is not on the next poll: a server wished for it, or has an interval.
    pub again: Option<UnixSeconds>,
}

impl Unread {
    /// Makes one.
    pub fn new(reader: impl Into<String>, why: impl Into<String>) -> Self {
        Self { reader: reader.into(), why: why.into(), again: None }
    }

    /// The same, asked again at a time.
    #[must_use]
    pub fn again(self, at: UnixSeconds) -> Self {
        Self { again: Some(at), ..self }
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} could not be read: {}", self.reader, self.why)
    }
}

/// Everything that a plan for one pipeline may depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The repository as freight names it.
    pub repository: GitUrl,
    /// The dry branch.
    pub dry: Fact<Dry>,
    /// What the subscriptions besides the dry branch gave when they were last asked. One that is missing here was not asked
    /// by this process, as with people's commands: what the newest freight holds stays. What the rule of the dry branch
    /// gave, if it has one, is here too; the commit itself is the dry head.
    pub artifacts: BTreeMap<Name, Fact<Found>>,
    /// The state branch.
    pub state: Fact<State>,
    /// Whether the organisation's policy was read, or that there is none. What it asks is in the pipeline already.
    pub policy: Fact<()>,
    /// True when this process takes measurements. A reader such as the command line neither plans them nor waits for
    /// them.
    pub measures: bool,
    /// What is known of signatures and attestations of the images that are proposed; what is missing was not looked for.
    pub images: BTreeMap<QuestionKey, Fact<Answer>>,
    /// What was seen of each environment; one that is missing here counts as unread.
    pub environments: BTreeMap<Name, EnvironmentSeen>,
}

/// The dry branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dry {
    /// Its head; where the pipeline's git subscription has a rule, the commit that it chooses.
    pub head: CommitId,
    /// The commit that freight pins: the head, or in the layout `folders` an earlier one that renders the same. There
    /// promotions move the head too, and must make no freight.
    pub pin: CommitId,
    /// Who wrote the pinned commit, by mail; `None` where that could not be read.
    pub author: Option<String>,
    /// How the environments render there.
    pub render: DryRender,
}

/// How the environments render at the dry head, compared with the commit of [`Records::newest`] (its other artifacts
/// in both). Without any freight it is `Differs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DryRender {
    /// Every environment renders to the same bytes.
    Same,
    /// At least one differs.
    Differs,
    /// One does not render at all: the head makes no freight.
    Broken {
        /// Which.
        environment: Name,
        /// The diagnosis, one line.
        why: String,
    },
}

/// The pipeline's folder on the state branch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    /// The branch's head; `None` before the first record.
    pub head: Option<CommitId>,
    /// What is recorded.
    pub records: Records,
}

/// What was seen of one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentSeen {
    /// The active branch; `Ok(None)` when it does not exist.
    pub active: Fact<Option<Tip>>,
    /// The proposed branch; `Ok(None)` when it does not exist.
    pub proposed: Fact<Option<Tip>>,
    /// True when git merges the proposed head into the active one without a conflict. Only looked at where a person
    /// merges.
    pub merges_cleanly: bool,
    /// Freight that was found not to render here, with the diagnosis (one line). Only what a person has to mend; a
    /// render that failed for want of something upstream is tried again.
    pub refused: BTreeMap<FreightId, String>,
    /// Measurements of the environment's checks, oldest first: those that the process remembers. Losing them only
    /// makes it measure again.
    pub measurements: Vec<Measurement>,
}

/// The head of a branch with the environment's lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tip {
    /// The head.
    pub commit: CommitId,
    /// The lock; `Ok(None)` when there is none, `Unread` also when it is broken or of another environment, or when the
    /// parts of a group do not agree.
    pub lock: Fact<Option<PromotionLock>>,
    /// What there is to say of the apps of a group.
    pub apps: Apps,
}

/// How the parts of a group differ from what the pipeline makes them. All empty: not at all, and always so where nothing is
/// locked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Apps {
    /// Apps without a lock whose source is in the locked commit. An app that is not in the commit is not missing.
    pub missing: Vec<Name>,
    /// Apps whose lock renders otherwise than the pipeline says: another source, other options.
    pub changed: Vec<Name>,
    /// Folders with a lock that belong to no app, as after an app was taken out of the group.
    pub surplus: Vec<String>,
}

impl Apps {
    /// True when the parts are as the pipeline makes them.
    pub fn are_whole(&self) -> bool {
        self.missing.is_empty() && self.changed.is_empty() && self.surplus.is_empty()
    }
}
