//! What a proposal holds, by the layout of its pipeline, and which path a merge takes from it.

use promoter_core::pipeline::{Environment, Layout, Pipeline};
use promoter_core::plan::Propose;
use promoter_core::{Content, Diagnosis, Fault, FreightId, PromotionLock, UnixSeconds};
use promoter_render::hydrate::{self, DryCommit, Inputs, Trailer, commit_message, hydrate};
use promoter_render::{Cluster, Limits, Manifests, Mode, Pins, RenderError, Verified, live};

use super::base::{Base, Bases, last_date, root_metadata};
use super::commit::file;
use super::git::{Change, NewFile};
use super::trailers;
use crate::repository::{Refs, Repository};

/// What a commit of a proposed branch changes over the active tree, and what it says.
pub(super) struct Contents {
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

/// The path that a merge takes from a proposal. The files at the root of a hydrated branch, which all proposals for it
/// share, come besides.
pub(super) fn path<'a>(pipeline: &'a Pipeline, environment: &'a Environment) -> &'a str {
    match pipeline.layout {
        Layout::Branches => pipeline.name.as_str(),
        Layout::Folders => &environment.lock_path,
    }
}

/// The note on commits of a pipeline's branches; `None` where nothing is hydrated.
pub(super) fn note(pipeline: &Pipeline, freight: &FreightId) -> Option<String> {
    (pipeline.layout == Layout::Branches).then(|| hydrate::note(freight))
}

/// What a proposal is made from.
pub(super) struct Source<'a> {
    pub(super) repository: &'a Repository,
    /// The heads that were seen.
    pub(super) observed: &'a Refs,
    pub(super) pipeline: &'a Pipeline,
    pub(super) environment: &'a Environment,
    pub(super) action: &'a Propose,
    pub(super) bases: &'a Bases,
    /// The active head; `None` when the branch is made with its first proposal.
    pub(super) base: Option<&'a Base>,
    pub(super) now: UnixSeconds,
}

impl Source<'_> {
    /// Renders the lock, and says what the proposal holds.
    pub(super) fn contents(&self) -> Result<Contents, Refusal> {
        let (action, path) = (self.action, &self.environment.lock_path);
        let pins = Pins::of(action.lock.clone(), path.clone(), Mode::Live).map_err(RenderError::from)?;
        let manifests = live(&pins, &Cluster::default(), &Limits::default(), self.repository)?;
        let mut trailers = trailers::named(self.pipeline, &action.environment, &action.freight);
        trailers.extend(trailers::asked(action.by.as_deref(), action.reason.as_deref()));
        let found_lock = self.base.map(|it| it.lock_text(self.repository, path)).transpose()?.flatten();
        match self.pipeline.layout {
            Layout::Branches => self.hydrated(&manifests, found_lock.as_deref(), &trailers),
            Layout::Folders => lock_only(action, path, found_lock.as_deref(), &trailers),
        }
    }

    /// The pipeline's folder with the manifests, and the files at the root.
    fn hydrated(
        &self,
        manifests: &Verified<Manifests>,
        found_lock: Option<&str>,
        trailers: &[Trailer],
    ) -> Result<Contents, Refusal> {
        let manifests = manifests.to_hydrated().map_err(RenderError::from)?;
        let inputs = Inputs {
            lock: &self.action.lock,
            found_lock,
            manifests: &manifests,
            dry: &dry_commit(self.repository, &self.action.lock)?,
            repo_url: self.repository.url.as_str(),
            now: self.now,
            last_date: self.last_date()?,
        };
        let hydration = hydrate(&inputs).map_err(|error| error.diagnosis())?;
        let changes = hydration.files.into_iter().map(|(path, it)| {
            let file = NewFile { bytes: it.bytes, executable_if_new: it.executable };
            Change::File { path, file }
        });
        Ok(Contents { changes: changes.collect(), message: commit_message(&hydration.metadata, trailers) })
    }

    /// The latest `date` on the pipeline's branches: the next one must not be earlier, whatever the clock says. GitOps
    /// Promoter compares dates across environments too: one that was promoted from must not look older than the next.
    fn last_date(&self) -> Result<Option<UnixSeconds>, Diagnosis> {
        let mut last = None;
        for environment in &self.pipeline.environments {
            if let Some(head) = self.observed.branch(&environment.active_branch) {
                last = last.max(self.bases.get(self.repository, head)?.last_date(&self.pipeline.name));
            }
            if let Some(head) = self.observed.branch(&environment.proposed_branch) {
                let tree = self.repository.cache.tree(head, "").map_err(|error| error.diagnosis())?;
                last = last.max(last_date(&tree, root_metadata(&tree).as_ref(), &self.pipeline.name));
            }
        }
        Ok(last)
    }
}

/// The lock, and nothing that belongs to hydration.
fn lock_only(
    action: &Propose,
    path: &str,
    found_lock: Option<&str>,
    trailers: &[Trailer],
) -> Result<Contents, Refusal> {
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
    Ok(Contents { changes, message: trailers::signed(&said, trailers) })
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
