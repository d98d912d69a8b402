//! Proposals: the next commit of a proposed branch.

use promoter_core::pipeline::{Environment, Pipeline};
use promoter_core::plan::{Propose, Withdraw};
use promoter_core::{CommitId, Content, Diagnosis, Fault, LOCK_FILE, PromotionLock, UnixSeconds};
use promoter_render::hydrate::{DryCommit, Inputs, commit_message, hydrate, note};
use promoter_render::{Hydrated, Limits, Mode, Pins, hydrated};

use super::base::{Base, Bases};
use super::commit::{Commit, Moves};
use super::gather::{Prepared, Ready};
use super::git::{Change, NewFile};
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
    // Rendering comes first: what does not render must leave no trace on any branch.
    let manifests = match render(repository, pipeline, &action.lock) {
        Ok(manifests) => manifests,
        Err(diagnosis) if diagnosis.fault == Fault::Input => return Err(Applied::Refused(diagnosis).into()),
        Err(diagnosis) => return Err(diagnosis.into()),
    };
    let base = active.map(|it| bases.get(repository, it)).transpose()?;
    let found_lock = match &base {
        Some(base) => base.lock_text(repository, &pipeline.name)?,
        None => None,
    };
    let inputs = Inputs {
        lock: &action.lock,
        found_lock: found_lock.as_deref(),
        manifests: &manifests,
        dry: &dry_commit(repository, &action.lock)?,
        repo_url: repository.url.as_str(),
        now,
        last_date: base.as_ref().and_then(|it| it.last_date()),
    };
    let hydration = hydrate(&inputs).map_err(|error| error.diagnosis())?;
    let mut trailers = trailers::named(pipeline, &action.environment, &action.freight);
    trailers.extend(trailers::asked(action.by.as_deref(), action.reason.as_deref()));
    let message = commit_message(&hydration.metadata, &trailers);
    let root_bytes = base.as_ref().map_or(0, |it| it.root_bytes);
    let bytes = root_bytes + hydration.files.values().map(|it| it.bytes.len()).sum::<usize>();
    let changes = hydration.files.into_iter().map(|(path, it)| {
        let file = NewFile { bytes: it.bytes, executable_if_new: it.executable };
        Change::File { path, file }
    });
    let changes = changes.collect();
    let said =
        format!("{}: proposed {} {}", action.environment, action.freight.alias(), action.freight.short());
    Ok(Ready::Proposal(Proposal {
        environment,
        active,
        proposed,
        parents: parents(repository, base.as_deref(), proposed)?,
        changes,
        message,
        note: Some(note(&action.freight)),
        said,
        bytes,
    }))
}

fn parents(
    repository: &Repository,
    base: Option<&Base>,
    proposed: Option<&CommitId>,
) -> Result<Vec<CommitId>, Diagnosis> {
    base.map_or_else(|| Ok(Vec::new()), |base| base.parents(repository, proposed))
}

fn render(repository: &Repository, pipeline: &Pipeline, lock: &PromotionLock) -> Result<Hydrated, Diagnosis> {
    let path = format!("{}/{LOCK_FILE}", pipeline.name);
    let pins = Pins::of(lock.clone(), path, Mode::Live).map_err(|error| error.diagnosis())?;
    let (_, manifests) =
        hydrated(&pins, &Limits::default(), repository).map_err(|error| error.diagnosis())?;
    Ok(manifests)
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
        parents: base.parents(repository, Some(proposed))?,
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

fn dry_commit(repository: &Repository, lock: &PromotionLock) -> Result<DryCommit, Diagnosis> {
    let commit = lock.freight.artifacts().iter().find_map(|it| match &it.content {
        Content::Git { url, commit } if url.normal() == repository.url.normal() => Some(commit),
        _ => None,
    });
    let Some(commit) = commit else {
        return Ok(DryCommit::default());
    };
    let info = repository.cache.commit(commit).map_err(|error| error.diagnosis())?;
    Ok(DryCommit::read(&format!("{} <{}>", info.author.name, info.author.email), &info.message))
}
