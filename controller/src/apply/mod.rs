//! Apply: carries out the actions of plans. Every write to a repository, and the one to a cluster, is here and nowhere else.
//!
//! Decides nothing about promotion. Each action names what it expects to replace; where something else is there it does
//! nothing and says so ([`Applied::Stale`]). What many actions of one round come to is put together by `gather`: one push
//! for records, one for all else, each of them whole or not at all, so no one ever sees half of an action.

pub mod git;
pub mod job;

mod base;
mod commit;
mod gather;
mod hold;
mod merge;
mod proposal;
mod propose;
mod ready;
mod record;
pub mod refresh;
mod trailers;

use promoter_core::pipeline::{Environment, Pipeline};
use promoter_core::plan::{Action, RecordAction};
use promoter_core::{Diagnosis, Name, UnixSeconds};

use crate::repository::{Refs, Repository};
pub use gather::apply_all;
pub use hold::HoldChange;
pub use merge::MERGES_MAX;
pub use ready::Due;

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
    let mut outcomes = apply_all(repository, refs, &[Due { pipeline, action }], now);
    outcomes.pop().unwrap_or(Ok(Applied::Nothing))
}

/// Writes and removes records in one commit. The branch is made with its first record.
pub fn record(
    repository: &Repository,
    refs: &mut Refs,
    pipeline: &Pipeline,
    action: &RecordAction,
    now: UnixSeconds,
) -> Result<Applied, Diagnosis> {
    apply(repository, refs, pipeline, &Action::Record(action.clone()), now)
}

/// Changes the hold of an environment's lock.
pub fn change_hold(
    repository: &Repository,
    refs: &mut Refs,
    pipeline: &Pipeline,
    change: &HoldChange<'_>,
    now: UnixSeconds,
) -> Result<Applied, Diagnosis> {
    gather::alone(repository, refs, now, |refs| hold::prepare(repository, refs, pipeline, change))
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
