//! Proposals: the next commit of a proposed branch.

use promoter_core::pipeline::{Layout, Pipeline};
use promoter_core::plan::{Propose, Withdraw};
use promoter_core::{CommitId, Diagnosis, UnixSeconds};

use super::commit::{Commit, Moves};
use super::proposal::{Proposal, Refusal, note, proposal};
use super::{Applied, both_as_expected, environment, trailers};
use crate::repository::{Refs, Repository};

/// Renders the lock and commits its files on the proposed branch.
pub(super) fn propose(
    repository: &Repository,
    refs: &mut Refs,
    pipeline: &Pipeline,
    action: &Propose,
    now: UnixSeconds,
) -> Result<Applied, Diagnosis> {
    let environment = environment(pipeline, &action.environment)?;
    let (active, proposed) = (action.expect_active.as_ref(), action.expect_proposed.as_ref());
    if !both_as_expected(refs, environment, active, proposed) {
        return Ok(Applied::Stale);
    }
    // Rendering comes first: what does not render must leave no trace on any branch.
    let Proposal { changes, message } = match proposal(repository, refs, pipeline, environment, action, now) {
        Ok(proposal) => proposal,
        Err(Refusal::Freight(diagnosis)) => return Ok(Applied::Refused(diagnosis)),
        Err(Refusal::World(diagnosis)) => return Err(diagnosis),
    };
    let mut moves = Moves::new(repository, now);
    let (active, parents) = match active {
        Some(active) => (active.clone(), parents(repository, pipeline, proposed, active)?),
        None => {
            let active = create_active(&mut moves, &environment.active_branch)?;
            let parents = proposed.into_iter().chain([&active]).cloned().collect();
            (active, parents)
        }
    };
    let commit = moves.commit(&Commit { base: Some(&active), changes, parents, message })?;
    moves.branch(&environment.proposed_branch, proposed, &commit);
    if let Some(note) = note(pipeline, &action.freight) {
        moves.note(refs, &commit, note)?;
    }
    let text =
        format!("{}: proposed {} {}", action.environment, action.freight.alias(), action.freight.short());
    moves.push(refs, text)
}

/// Takes a proposal back: the active branch's tree on top of the proposed branch.
pub(super) fn withdraw(
    repository: &Repository,
    refs: &mut Refs,
    pipeline: &Pipeline,
    action: &Withdraw,
    now: UnixSeconds,
) -> Result<Applied, Diagnosis> {
    let environment = environment(pipeline, &action.environment)?;
    let (active, proposed) = (&action.expect_active, &action.expect_proposed);
    if !both_as_expected(refs, environment, Some(active), Some(proposed)) {
        return Ok(Applied::Stale);
    }
    let parents = parents(repository, pipeline, Some(proposed), active)?;
    let freight = &action.freight;
    let said = format!("Withdraw {} from {}\n\n{}", freight.alias(), action.environment, action.why);
    let message = trailers::signed(&said, &trailers::named(pipeline, &action.environment, freight));
    let mut moves = Moves::new(repository, now);
    let commit = moves.commit(&Commit { base: Some(active), changes: Vec::new(), parents, message })?;
    moves.branch(&environment.proposed_branch, Some(proposed), &commit);
    let text = format!("{}: withdrew {} {}", action.environment, freight.alias(), freight.short());
    moves.push(refs, text)
}

/// Creates an active branch with an empty commit, as Argo CD's hydrator does. It is pushed with its first proposal.
fn create_active(moves: &mut Moves, branch: &str) -> Result<CommitId, Diagnosis> {
    let message = format!("Initial commit for {branch}\n");
    let commit = moves.commit(&Commit { base: None, changes: Vec::new(), parents: Vec::new(), message })?;
    moves.branch(branch, None, &commit);
    Ok(commit)
}

/// The parents of the next commit of a proposed branch: it only ever grows, and always contains the active head.
fn parents(
    repository: &Repository,
    pipeline: &Pipeline,
    proposed: Option<&CommitId>,
    active: &CommitId,
) -> Result<Vec<CommitId>, Diagnosis> {
    let Some(proposed) = proposed else {
        return Ok(vec![active.clone()]);
    };
    if pipeline.layout == Layout::Folders {
        // The dry branch may have a long history, which is not walked through for a shorter list.
        return Ok(vec![proposed.clone(), active.clone()]);
    }
    let is_ancestor =
        |a: &CommitId, b: &CommitId| repository.cache.is_ancestor(a, b).map_err(|error| error.diagnosis());
    if is_ancestor(proposed, active)? {
        return Ok(vec![active.clone()]);
    }
    if is_ancestor(active, proposed)? {
        return Ok(vec![proposed.clone()]);
    }
    Ok(vec![proposed.clone(), active.clone()])
}
