//! What a proposal holds, by the layout of its pipeline, and which paths a merge takes from it.

use promoter_core::pipeline::{Environment, Layout, Pipeline};
use promoter_core::plan::Propose;
use promoter_core::{Content, Diagnosis, Fault, FreightId, PromotionLock, UnixSeconds};
use promoter_kustomize::Files as _;
use promoter_render::hydrate::{
    self, DryCommit, GIT_ATTRIBUTES_FILE, Inputs, METADATA_FILE, Metadata, Trailer, commit_message, hydrate,
};
use promoter_render::{Cluster, Limits, Manifests, Mode, Pins, RenderError, Verified, live};

use super::commit::file;
use super::git::{Change, NewFile};
use super::trailers;
use crate::repository::{Refs, Repository};

/// A commit of a proposed branch: what it changes over the active tree, and what it says.
pub(super) struct Proposal {
    pub(super) changes: Vec<Change>,
    pub(super) message: String,
}

/// Why there is none.
pub(super) enum Refusal {
    /// The freight does not render; a person has to mend it.
    Freight(Diagnosis),
    /// Something else stood in the way.
    World(Diagnosis),
}

impl From<Diagnosis> for Refusal {
    fn from(diagnosis: Diagnosis) -> Self {
        Self::World(diagnosis)
    }
}

impl From<RenderError> for Refusal {
    fn from(error: RenderError) -> Self {
        match error.diagnosis() {
            diagnosis if diagnosis.fault == Fault::Input => Self::Freight(diagnosis),
            diagnosis => Self::World(diagnosis),
        }
    }
}

/// The paths that a merge takes from a proposal.
pub(super) fn paths<'a>(pipeline: &'a Pipeline, environment: &'a Environment) -> Vec<&'a str> {
    match pipeline.layout {
        Layout::Branches => vec![pipeline.name.as_str(), METADATA_FILE, GIT_ATTRIBUTES_FILE],
        Layout::Folders => vec![&environment.lock_path],
    }
}

/// The note on commits of a pipeline's branches; `None` where nothing is hydrated.
pub(super) fn note(pipeline: &Pipeline, freight: &FreightId) -> Option<String> {
    (pipeline.layout == Layout::Branches).then(|| hydrate::note(freight))
}

/// Renders the lock, and makes the proposal of it.
pub(super) fn proposal(
    repository: &Repository,
    refs: &Refs,
    pipeline: &Pipeline,
    environment: &Environment,
    action: &Propose,
    now: UnixSeconds,
) -> Result<Proposal, Refusal> {
    let pins = Pins::of(action.lock.clone(), environment.lock_path.clone(), Mode::Live);
    let pins = pins.map_err(RenderError::from)?;
    let manifests = live(&pins, &Cluster::default(), &Limits::default(), repository)?;
    let mut trailers = trailers::named(pipeline, &action.environment, &action.freight);
    trailers.extend(trailers::asked(action.by.as_deref(), action.reason.as_deref()));
    let active = action.expect_active.as_ref();
    let path = &environment.lock_path;
    let found_lock = active.map(|it| repository.lock_text(it, path)).transpose()?.flatten();
    match pipeline.layout {
        Layout::Branches => {
            let last_date = last_date(repository, refs, pipeline)?;
            let found = (found_lock.as_deref(), last_date);
            hydrated(repository, action, &manifests, found, &trailers, now)
        }
        Layout::Folders => lock_only(action, path, found_lock.as_deref(), &trailers),
    }
}

/// The pipeline's folder with the manifests, and the files at the root.
fn hydrated(
    repository: &Repository,
    action: &Propose,
    manifests: &Verified<Manifests>,
    (found_lock, last_date): (Option<&str>, Option<UnixSeconds>),
    trailers: &[Trailer],
    now: UnixSeconds,
) -> Result<Proposal, Refusal> {
    let manifests = manifests.to_hydrated().map_err(RenderError::from)?;
    let inputs = Inputs {
        lock: &action.lock,
        found_lock,
        manifests: &manifests,
        dry: &dry_commit(repository, &action.lock)?,
        repo_url: repository.url.as_str(),
        now,
        last_date,
    };
    let hydration = hydrate(&inputs).map_err(|error| error.diagnosis())?;
    let changes = hydration.files.into_iter().map(|(path, it)| {
        let file = NewFile { bytes: it.bytes, executable_if_new: it.executable };
        Change::File { path, file }
    });
    Ok(Proposal { changes: changes.collect(), message: commit_message(&hydration.metadata, trailers) })
}

/// The lock, and nothing that belongs to hydration.
fn lock_only(
    action: &Propose,
    path: &str,
    found_lock: Option<&str>,
    trailers: &[Trailer],
) -> Result<Proposal, Refusal> {
    let lock = &action.lock;
    let text = match found_lock {
        Some(found) => lock.edit(found, path).map_err(|error| error.diagnosis())?,
        None => lock.emit(),
    };
    let artifacts = lock.freight.artifacts().iter().map(|it| format!("{}: {}\n", it.name, it.content));
    let said = format!(
        "Propose {} for {}\n\n{}",
        action.freight.alias(),
        action.environment,
        artifacts.collect::<String>().trim_end()
    );
    let changes = vec![file(path.to_owned(), text)];
    Ok(Proposal { changes, message: trailers::signed(&said, trailers) })
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
