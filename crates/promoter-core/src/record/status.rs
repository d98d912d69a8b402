//! Statuses of proposed commits, as people and CI report them.

use crate::{CommitId, Name, UnixSeconds};

/// What was reported of one proposed commit of an environment. A proposal that moves on starts over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitStatuses {
    /// The pipeline.
    pub pipeline: Name,
    /// The environment.
    pub environment: Name,
    /// The commit.
    pub commit: CommitId,
    /// The latest word of each name.
    pub statuses: Vec<CommitStatus>,
}

/// The latest word on one named check of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitStatus {
    /// The check.
    pub name: Name,
    /// The result.
    pub phase: StatusPhase,
    /// For people, one line; may be empty.
    pub description: String,
    /// Where there is more to read.
    pub url: Option<String>,
    /// Who said so.
    pub by: String,
    /// When.
    pub at: UnixSeconds,
}

/// A result as commit statuses know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusPhase {
    /// Not known yet.
    Pending,
    /// Good.
    Success,
    /// Bad.
    Failure,
}

impl StatusPhase {
    /// The words of the phases.
    pub const ALL: [(&str, Self); 3] =
        [("pending", Self::Pending), ("success", Self::Success), ("failure", Self::Failure)];

    /// One word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }
}

impl CommitStatuses {
    /// Puts a word in the place of an earlier one of its name.
    pub fn put(&mut self, status: CommitStatus) {
        match self.statuses.iter_mut().find(|it| it.name == status.name) {
            Some(known) => *known = status,
            None => self.statuses.push(status),
        }
    }
}
