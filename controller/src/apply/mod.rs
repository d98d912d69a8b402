//! Apply: carries out the actions of a plan. Every write to a repository is here and nowhere else.
//!
//! Decides nothing. Each action names what it expects to replace; where something else is there it does nothing and says
//! so ([`Applied::Stale`]). Branch and note move in one atomic push, so no one ever sees half of an action.

pub mod git;

mod commit;
mod hold;
mod merge;
mod proposal;
mod propose;
mod record;
mod trailers;

use promoter_core::pipeline::{Environment, Pipeline};
use promoter_core::plan::Action;
use promoter_core::{CommitId, Diagnosis, Name, UnixSeconds};

use crate::repository::{Refs, Repository};
pub use hold::{HoldChange, change_hold};
pub use record::record;

/// What came of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// A branch moved; one line for people.
    Moved(String),
    /// Another head is there than the one that the action was planned for.
    Stale,
    /// What was asked for is there already.
    Nothing,
    /// The freight does not render in the environment, for a reason that a person has to mend. Nothing was written.
    Refused(Diagnosis),
}

/// Carries out one action and moves the heads in `refs` as it moved them in the repository.
///
/// Measurements are no writes: the caller takes them. Errors: something other than a moved head stood in the way.
pub fn apply(
    repository: &Repository,
    refs: &mut Refs,
    pipeline: &Pipeline,
    action: &Action,
    now: UnixSeconds,
) -> Result<Applied, Diagnosis> {
    match action {
        Action::Record(it) => record(repository, refs, pipeline, it, now),
        Action::Propose(it) => propose::propose(repository, refs, pipeline, it, now),
        Action::Withdraw(it) => propose::withdraw(repository, refs, pipeline, it, now),
        Action::Merge(it) => merge::merge(repository, refs, pipeline, it, now),
        Action::SetHold(it) => {
            let change = HoldChange {
                environment: &it.environment,
                expect_active: &it.expect_active,
                expect_lock: &it.expect_lock,
                hold: Some(&it.hold),
            };
            change_hold(repository, refs, pipeline, &change, now)
        }
        Action::Measure(_) => Ok(Applied::Nothing),
    }
}

/// The environment that an action names; the plan was made from the same pipeline.
fn environment<'a>(pipeline: &'a Pipeline, name: &Name) -> Result<&'a Environment, Diagnosis> {
    pipeline.environment(name).ok_or_else(|| {
        Diagnosis::bug(
            "plan-unknown-environment",
            format!("the plan names `{name}`, which `{}` has not", pipeline.name),
        )
    })
}

/// True when both heads of an environment are those that an action expects.
fn both_as_expected(
    refs: &Refs,
    environment: &Environment,
    active: Option<&CommitId>,
    proposed: Option<&CommitId>,
) -> bool {
    refs.branch(&environment.active_branch) == active && refs.branch(&environment.proposed_branch) == proposed
}
