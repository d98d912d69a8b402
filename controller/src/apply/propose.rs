//! Proposals: the next commit of a proposed branch.

use promoter_core::pipeline::Pipeline;
use promoter_core::plan::{Propose, Withdraw};
use promoter_core::{CommitId, Content, Diagnosis, Fault, LOCK_FILE, PromotionLock, UnixSeconds};
use promoter_kustomize::Files as _;
use promoter_render::hydrate::{DryCommit, Inputs, METADATA_FILE, Metadata, commit_message, hydrate, note};
use promoter_render::{Hydrated, Limits, Mode, Pins, hydrated};

use super::commit::{Commit, Moves};
use super::git::{Change, NewFile};
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
    let manifests = match render(repository, pipeline, &action.lock) {
        Ok(manifests) => manifests,
        Err(diagnosis) if diagnosis.fault == Fault::Input => return Ok(Applied::Refused(diagnosis)),
        Err(diagnosis) => return Err(diagnosis),
    };
    let found_lock = active.map(|it| repository.lock_text(it, &pipeline.name)).transpose()?.flatten();
    let inputs = Inputs {
        lock: &action.lock,
        found_lock: found_lock.as_deref(),
        manifests: &manifests,
        dry: &dry_commit(repository, &action.lock)?,
        repo_url: repository.url.as_str(),
        now,
        last_date: last_date(repository, refs, pipeline)?,
    };
    let hydration = hydrate(&inputs).map_err(|error| error.diagnosis())?;
    let mut trailers = trailers::named(pipeline, &action.environment, &action.freight);
    trailers.extend(trailers::asked(action.by.as_deref(), action.reason.as_deref()));
    let message = commit_message(&hydration.metadata, &trailers);
    let changes = hydration.files.into_iter().map(|(path, it)| {
        let file = NewFile { bytes: it.bytes, executable_if_new: it.executable };
        Change::File { path, file }
    });
    let changes = changes.collect();
    let mut moves = Moves::new(repository, now);
    let (active, parents) = match active {
        Some(active) => (active.clone(), parents(repository, proposed, active)?),
        None => {
            let active = create_active(&mut moves, &environment.active_branch)?;
            let parents = proposed.into_iter().chain([&active]).cloned().collect();
            (active, parents)
        }
    };
    let commit = moves.commit(&Commit { base: Some(&active), changes, parents, message })?;
    moves.branch(&environment.proposed_branch, proposed, &commit);
    moves.note(refs, &commit, note(&action.freight))?;
    let text =
        format!("{}: proposed {} {}", action.environment, action.freight.alias(), action.freight.short());
    moves.push(refs, text)
}

fn render(repository: &Repository, pipeline: &Pipeline, lock: &PromotionLock) -> Result<Hydrated, Diagnosis> {
    let path = format!("{}/{LOCK_FILE}", pipeline.name);
    let pins = Pins::of(lock.clone(), path, Mode::Live).map_err(|error| error.diagnosis())?;
    let (_, manifests) =
        hydrated(&pins, &Limits::default(), repository).map_err(|error| error.diagnosis())?;
    Ok(manifests)
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
    let parents = parents(repository, Some(proposed), active)?;
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
    proposed: Option<&CommitId>,
    active: &CommitId,
) -> Result<Vec<CommitId>, Diagnosis> {
    let Some(proposed) = proposed else {
        return Ok(vec![active.clone()]);
    };
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

/// The latest `date` on the pipeline's branches: the next one must not be earlier, whatever the clock says. GitOps
/// Promoter compares dates across environments too: one that was promoted from must not look older than the next.
fn last_date(
    repository: &Repository,
    refs: &Refs,
    pipeline: &Pipeline,
) -> Result<Option<UnixSeconds>, Diagnosis> {
    let branches = pipeline.environments.iter().flat_map(|it| [&it.active_branch, &it.proposed_branch]);
    let mut last = None;
    for head in branches.filter_map(|it| refs.branch(it)) {
        let tree = repository.cache.tree(head, "").map_err(|error| error.diagnosis())?;
        for path in [METADATA_FILE.to_owned(), format!("{}/{METADATA_FILE}", pipeline.name)] {
            // A file that is no metadata is overwritten; it has no date that matters.
            let text = tree.read(&path).ok().map(|it| String::from_utf8_lossy(&it).into_owned());
            last = last.max(text.and_then(|it| Metadata::read(&it, &path).ok()?.date()));
        }
    }
    Ok(last)
}
