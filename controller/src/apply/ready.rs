//! Actions made ready to be written, whatever they are: which branch each writes, and whether that is where it was.

use promoter_core::Diagnosis;
use promoter_core::pipeline::Pipeline;
use promoter_core::plan::Action;
use promoter_core::record::STATE_BRANCH;

use super::Applied;
use super::hold::HoldStep;
use super::merge::MergeStep;
use super::propose::Proposal;
use super::record::RecordStep;
use crate::repository::Refs;

/// An action of a pipeline's plan.
#[derive(Debug, Clone, Copy)]
pub struct Due<'a> {
    /// The pipeline.
    pub pipeline: &'a Pipeline,
    /// The action.
    pub action: &'a Action,
}

/// What an action becomes on branches.
#[derive(Debug)]
pub(super) enum Ready<'a> {
    Record(RecordStep<'a>),
    Proposal(Proposal<'a>),
    Hold(HoldStep<'a>),
    Merge(Box<MergeStep<'a>>),
}

/// An action that is over before anything is written.
#[derive(Debug)]
pub(super) enum Over {
    Applied(Applied),
    Failed(Diagnosis),
}

/// An action made ready, or why it is over.
pub(super) type Prepared<'a> = Result<Ready<'a>, Over>;

impl From<Applied> for Over {
    fn from(applied: Applied) -> Self {
        Self::Applied(applied)
    }
}

impl From<Diagnosis> for Over {
    fn from(diagnosis: Diagnosis) -> Self {
        Self::Failed(diagnosis)
    }
}

impl From<Over> for Result<Applied, Diagnosis> {
    fn from(over: Over) -> Self {
        match over {
            Over::Applied(applied) => Ok(applied),
            Over::Failed(diagnosis) => Err(diagnosis),
        }
    }
}

impl Ready<'_> {
    pub(super) fn said(&self) -> &str {
        match self {
            Self::Record(it) => &it.said,
            Self::Proposal(it) => &it.said,
            Self::Hold(it) => &it.said,
            Self::Merge(it) => &it.said,
        }
    }

    /// The branch that it writes; the active branch that a first proposal makes comes with it.
    pub(super) fn branch(&self) -> &str {
        match self {
            Self::Record(_) => STATE_BRANCH,
            Self::Proposal(it) => &it.environment.proposed_branch,
            Self::Hold(it) => &it.environment.active_branch,
            Self::Merge(it) => &it.environment.active_branch,
        }
    }

    pub(super) fn made_branch(&self) -> Option<&str> {
        match self {
            Self::Proposal(it) if it.active.is_none() => Some(&it.environment.active_branch),
            _ => None,
        }
    }

    /// True when the branch is where it was when this was planned. Records are in a folder of their own pipeline, so that
    /// what this round wrote for others does not count; a gate's verdict holds for one head only.
    pub(super) fn is_current(&self, refs: &Refs) -> bool {
        match self {
            Self::Record(_) => true,
            Self::Proposal(it) => refs.branch(self.branch()) == it.proposed,
            Self::Hold(it) => refs.branch(self.branch()) == Some(it.active),
            Self::Merge(it) => refs.branch(self.branch()) == Some(&it.action.expect_active),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Proposal(it) => it.bytes,
            _ => 0,
        }
    }
}
