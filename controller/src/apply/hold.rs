//! Holds: a commit on an active branch that changes the lock's `hold` and nothing else.

use promoter_core::pipeline::Pipeline;
use promoter_core::{CommitId, Diagnosis, FreightId, Hold, Name, PromotionLock, UnixSeconds, one_line};

use super::commit::{Commit, Moves, file};
use super::proposal::note;
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

/// Changes the hold of an environment's lock.
pub fn change_hold(
    repository: &Repository,
    refs: &mut Refs,
    pipeline: &Pipeline,
    change: &HoldChange<'_>,
    now: UnixSeconds,
) -> Result<Applied, Diagnosis> {
    let environment = environment(pipeline, change.environment)?;
    let active = change.expect_active;
    if refs.branch(&environment.active_branch) != Some(active) {
        return Ok(Applied::Stale);
    }
    let path = &environment.lock_path;
    let Some(found) = repository.lock_text(active, path)? else {
        return Ok(Applied::Stale);
    };
    let mut lock = PromotionLock::parse(&found, path).map_err(|error| error.diagnosis())?;
    if lock.freight.id() != *change.expect_lock {
        return Ok(Applied::Stale);
    }
    if lock.hold.as_ref() == change.hold {
        return Ok(Applied::Nothing);
    }
    lock.hold = change.hold.cloned();
    let text = lock.edit(&found, path).map_err(|error| error.diagnosis())?;
    let said = said(change);
    let by = change.hold.map_or(&repository.settings().identity.email, |it| &it.by);
    let mut trailers = trailers::named(pipeline, change.environment, change.expect_lock);
    trailers.extend(trailers::asked(Some(by), change.hold.map(|it| &*it.reason)));
    let message = trailers::signed(&said, &trailers);
    let mut moves = Moves::new(repository, now);
    let parents = vec![active.clone()];
    let commit = moves.commit(&Commit {
        base: Some(active),
        changes: vec![file(path.clone(), text)],
        parents,
        message,
    })?;
    moves.branch(&environment.active_branch, Some(active), &commit);
    if let Some(note) = note(pipeline, change.expect_lock) {
        moves.note(refs, &commit, note)?;
    }
    moves.push(refs, said)
}

fn said(change: &HoldChange<'_>) -> String {
    match change.hold {
        Some(hold) => format!("{}: held by {} ({})", change.environment, hold.by, one_line(&hold.reason)),
        None => format!("{}: released", change.environment),
    }
}
