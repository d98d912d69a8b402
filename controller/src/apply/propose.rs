//! Proposals: the next commit of a proposed branch.

use promoter_core::pipeline::{Environment, Layout, Pipeline};
use promoter_core::plan::{Propose, Withdraw};
use promoter_core::{CommitId, Diagnosis, UnixSeconds};

use super::base::{Base, Bases};
use super::commit::{Commit, Moves};
use super::git::Change;
use super::proposal::{Contents, Refusal, Source, note};
use super::ready::{Over, Prepared, Ready};
use super::{Applied, environment, trailers};
use crate::repository::{Refs, Repository};

/// The next commit of a proposed branch, to be made.
#[derive(Debug)]
pub(super) struct Proposal<'a> {
    pub(super) environment: &'a Environment,
    /// The active head whose tree is changed; `None` when the branch is made with its first proposal.
    pub(super) active: Option<&'a CommitId>,
    pub(super) proposed: Option<&'a CommitId>,
    /// Its parents where the active branch is there.
    parents: Vec<CommitId>,
    changes: Vec<Change>,
    message: String,
    note: Option<String>,
    pub(super) said: String,
    /// What it adds to a push, about.
    pub(super) bytes: usize,
}

/// Renders the lock: the files for the proposed branch.
pub(super) fn prepare<'a>(
    repository: &Repository,
    observed: &Refs,
    pipeline: &'a Pipeline,
    action: &'a Propose,
    bases: &Bases,
    now: UnixSeconds,
) -> Prepared<'a> {
    let environment = environment(pipeline, &action.environment)?;
    let (active, proposed) = (action.expect_active.as_ref(), action.expect_proposed.as_ref());
    if observed.branch(&environment.active_branch) != active {
        return Err(Applied::Stale.into());
    }
    let base = active.map(|it| bases.get(repository, it)).transpose()?;
    let base = base.as_deref();
    // What does not render must leave no trace on any branch.
    let source = Source { repository, observed, pipeline, environment, action, bases, base, now };
    let Contents { changes, message } = source.contents().map_err(|refusal| match refusal {
        Refusal::Freight(diagnosis) => Over::from(Applied::Refused(diagnosis)),
        Refusal::World(diagnosis) => diagnosis.into(),
    })?;
    let root_bytes = base.map_or(0, |it| it.root_bytes);
    let bytes = root_bytes + changes.iter().map(Change::bytes).sum::<usize>();
    let said =
        format!("{}: proposed {} {}", action.environment, action.freight.alias(), action.freight.short());
    Ok(Ready::Proposal(Proposal {
        environment,
        active,
        proposed,
        parents: parents(repository, pipeline, base, proposed)?,
        changes,
        message,
        note: note(pipeline, &action.freight),
        said,
        bytes,
    }))
}

/// The parents of the next commit of a proposed branch: it only ever grows, and always contains the active head.
fn parents(
    repository: &Repository,
    pipeline: &Pipeline,
    base: Option<&Base>,
    proposed: Option<&CommitId>,
) -> Result<Vec<CommitId>, Diagnosis> {
    match (base, pipeline.layout) {
        (None, _) => Ok(Vec::new()),
        (Some(base), Layout::Branches) => base.parents(repository, proposed),
        // The dry branch may have a long history, which is not walked through for a shorter list.
        (Some(base), Layout::Folders) => Ok(proposed.into_iter().chain([base.commit()]).cloned().collect()),
    }
}

/// Takes a proposal back: the active branch's tree on top of the proposed branch.
pub(super) fn prepare_withdrawal<'a>(
    repository: &Repository,
    observed: &Refs,
    pipeline: &'a Pipeline,
    action: &'a Withdraw,
    bases: &Bases,
) -> Prepared<'a> {
    let environment = environment(pipeline, &action.environment)?;
    let (active, proposed) = (&action.expect_active, &action.expect_proposed);
    if observed.branch(&environment.active_branch) != Some(active) {
        return Err(Applied::Stale.into());
    }
    let base = bases.get(repository, active)?;
    let freight = &action.freight;
    let said = format!("Withdraw {} from {}\n\n{}", freight.alias(), action.environment, action.why);
    let message = trailers::signed(&said, &trailers::named(pipeline, &action.environment, freight));
    Ok(Ready::Proposal(Proposal {
        environment,
        active: Some(active),
        proposed: Some(proposed),
        parents: parents(repository, pipeline, Some(&base), Some(proposed))?,
        changes: Vec::new(),
        message,
        note: None,
        said: format!("{}: withdrew {} {}", action.environment, freight.alias(), freight.short()),
        bytes: 0,
    }))
}

/// Makes the commit of a proposal. `made` is the active head that was made for it, where there was none.
pub(super) fn commit(
    proposal: &Proposal<'_>,
    made: Option<&CommitId>,
    moves: &mut Moves,
) -> Result<(), Diagnosis> {
    let on_made: Vec<CommitId>;
    let parents = match made {
        Some(made) => {
            on_made = proposal.proposed.into_iter().chain([made]).cloned().collect();
            &on_made
        }
        None => &proposal.parents,
    };
    let base = made.or(proposal.active);
    let commit = Commit { base, changes: &proposal.changes, parents, message: &proposal.message };
    let commit = moves.commit(&commit)?;
    moves.branch(&proposal.environment.proposed_branch, proposal.proposed, &commit);
    if let Some(note) = &proposal.note {
        moves.note(&commit, note.clone());
    }
    Ok(())
}

/// Creates an active branch with an empty commit, as Argo CD's hydrator does. It is pushed with its first proposals.
pub(super) fn create_active(moves: &mut Moves, branch: &str) -> Result<CommitId, Diagnosis> {
    let message = format!("Initial commit for {branch}\n");
    let commit = moves.commit(&Commit { base: None, changes: &[], parents: &[], message: &message })?;
    moves.branch(branch, None, &commit);
    Ok(commit)
}
