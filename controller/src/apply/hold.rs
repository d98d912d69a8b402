//! Holds: a commit on an active branch that changes `hold` in the lock, in those of all apps of a group, and nothing else.

use promoter_core::pipeline::{Environment, Pipeline};
use promoter_core::{CommitId, Diagnosis, FreightId, Hold, Name, PromotionLock, one_line};

use super::commit::{Commit, Moves, file};
use super::git::Change;
use super::proposal::note;
use super::ready::{Prepared, Ready};
use super::{Applied, environment, trailers};
use crate::repository::{Refs, Repository};

/// What becomes of a hold, and what it is planned for.
#[derive(Debug, Clone, Copy)]
pub struct HoldChange<'a> {
    /// The environment.
    pub environment: &'a Name,
    /// The head of the active branch.
    pub expect_active: &'a CommitId,
    /// The freight of its lock.
    pub expect_lock: &'a FreightId,
    /// The hold; `None` releases.
    pub hold: Option<&'a Hold>,
}

/// A commit that changes a hold, to be made.
#[derive(Debug)]
pub(super) struct HoldStep<'a> {
    pub(super) environment: &'a Environment,
    pub(super) active: &'a CommitId,
    changes: Vec<Change>,
    message: String,
    note: Option<String>,
    pub(super) said: String,
}

/// Makes the locks' new texts.
pub(super) fn prepare<'a>(
    repository: &Repository,
    observed: &Refs,
    pipeline: &'a Pipeline,
    change: &HoldChange<'a>,
) -> Prepared<'a> {
    let environment = environment(pipeline, change.environment)?;
    let active = change.expect_active;
    if observed.branch(&environment.active_branch) != Some(active) {
        return Err(Applied::Stale.into());
    }
    let mut changes = Vec::new();
    for path in repository.lock_paths(active, pipeline, environment)? {
        let Some(found) = repository.lock_text(active, &path)? else {
            return Err(Applied::Stale.into());
        };
        let mut lock = PromotionLock::parse(&found, &path).map_err(|error| error.diagnosis())?;
        if lock.freight.id() != *change.expect_lock {
            return Err(Applied::Stale.into());
        }
        if lock.hold.as_ref() != change.hold {
            lock.hold = change.hold.cloned();
            let text = lock.edit(&found, &path).map_err(|error| error.diagnosis())?;
            changes.push(file(path, text));
        }
    }
    if changes.is_empty() {
        return Err(Applied::Nothing.into());
    }
    let said = said(change);
    let by = change.hold.map_or(&repository.settings().identity.email, |it| &it.by);
    let mut trailers = trailers::named(pipeline, change.environment, change.expect_lock);
    trailers.extend(trailers::asked(Some(by), change.hold.map(|it| &*it.reason)));
    let message = trailers::signed(&said, &trailers);
    let note = note(pipeline, change.expect_lock);
    Ok(Ready::Hold(HoldStep { environment, active, changes, message, note, said }))
}

/// Makes the commit on top of `head`, which is the active head or what this push puts on it.
pub(super) fn commit(step: &HoldStep<'_>, head: &CommitId, moves: &mut Moves) -> Result<CommitId, Diagnosis> {
    let parents = [head.clone()];
    let commit =
        Commit { base: Some(head), changes: &step.changes, parents: &parents, message: &step.message };
    let commit = moves.commit(&commit)?;
    if let Some(note) = &step.note {
        moves.note(&commit, note.clone());
    }
    Ok(commit)
}

fn said(change: &HoldChange<'_>) -> String {
    match change.hold {
        Some(hold) => format!("{}: held by {} ({})", change.environment, hold.by, one_line(&hold.reason)),
        None => format!("{}: released", change.environment),
    }
}
