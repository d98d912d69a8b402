//! What answers of checks mean: for what an environment runs, and for what is proposed to it.

pub mod argocd;
pub mod job;
mod tally;

pub use tally::{State, Tally};

use crate::pipeline::CheckId;
use crate::{CommitId, FreightId, UnixSeconds};

/// What one measurement gave. The words are for people, one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// What was asked for is there.
    Passed,
    /// Not yet, or nobody could tell: neither a pass nor a failure.
    Waiting(String),
    /// It is not.
    Failed(String),
}

/// What a measurement is of: one check, asked about one thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    /// The check.
    pub check: CheckId,
    /// About what.
    pub about: About,
}

/// What checks are asked about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// What an environment runs.
    Stay {
        /// The freight that was active.
        freight: FreightId,
        /// Since when: `promotion.at` of its lock, 0 when the lock does not say. Tells two stays of one freight apart.
        promoted_at: UnixSeconds,
    },
    /// What would replace it: one proposed commit, so that a renewed proposal is asked about anew.
    Proposal(CommitId),
}

/// One measurement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measurement {
    /// Of what.
    pub of: Asked,
    /// When it was taken.
    pub at: UnixSeconds,
    /// What it gave.
    pub answer: Answer,
}
