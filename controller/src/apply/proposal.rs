//! What a proposal holds, by the layout of its pipeline, and which path a merge takes from it.

use std::collections::BTreeMap;

use promoter_core::pipeline::{Environment, Layout, Part, Pipeline};
use promoter_core::plan::Propose;
use promoter_core::{
    CommitId, Content, Diagnosis, Fault, FreightId, LOCK_FILE, PromotionLock, Render, UnixSeconds,
};
use promoter_render::hydrate::{self, DryCommit, HydratedFile, Inputs, Trailer, commit_message, hydrate};
use promoter_render::{Cluster, Limits, Manifests, Mode, Pins, RenderError, Verified, live};

use super::base::{Base, Bases, last_date, root_metadata};
use super::commit::file;
use super::git::{Change, NewFile};
use super::trailers;
use crate::parts::of_part;
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

impl Refusal {
    /// What keeps a part from rendering.
    fn of(part: &Part, error: &RenderError) -> Self {
        match of_part(part, error.diagnosis()) {
            diagnosis if diagnosis.fault == Fault::Input => Self::Freight(diagnosis),
            diagnosis => Self::World(diagnosis),
        }
    }
}

/// The paths that a merge onto `active` takes from a proposal. The files at the root of a hydrated branch, which all
/// proposals for it share, come besides.
pub(super) fn paths(
    repository: &Repository,
    pipeline: &Pipeline,
    environment: &Environment,
    active: &CommitId,
) -> Result<Vec<String>, Diagnosis> {
    if pipeline.layout == Layout::Branches {
        return Ok(vec![pipeline.name.to_string()]);
    }
    let mut paths: Vec<String> = environment.parts.iter().map(|it| it.lock_path.clone()).collect();
    // Those of apps that are none any more go with it.
    let surplus = repository.surplus(active, pipeline, environment)?;
    paths.extend(surplus.iter().map(|folder| format!("{folder}/{LOCK_FILE}")));
    Ok(paths)
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

/// A part that renders, and what it is made of.
struct Made<'a> {
    part: &'a Part,
    lock: PromotionLock,
    manifests: Verified<Manifests>,
    /// The text of its lock on the active branch.
    found_lock: Option<String>,
}

impl<'a> Source<'a> {
    /// Renders the lock of every part, and says what the proposal holds.
    pub(super) fn contents(&self) -> Result<Contents, Refusal> {
        let action = self.action;
        let made = self.parts()?.into_iter().map(|it| self.made(it)).collect::<Result<Vec<_>, _>>()?;
        let mut trailers = trailers::named(self.pipeline, &action.environment, &action.freight);
        trailers.extend(trailers::asked(action.by.as_deref(), action.reason.as_deref()));
        let contents = match self.pipeline.layout {
            Layout::Branches => self.hydrated(&made, &trailers),
            Layout::Folders => self.locks(&made, &trailers),
        }?;
        let mut changes = self.removed(&made)?;
        changes.extend(contents.changes);
        Ok(Contents { changes, ..contents })
    }

    /// The parts that the freight has: an app of a group whose source is not in the pinned commit came later, and is not
    /// part of it.
    fn parts(&self) -> Result<Vec<&'a Part>, Refusal> {
        let parts = &self.environment.parts;
        let mut here = Vec::new();
        if parts.is_group() {
            for part in parts.iter() {
                if self.repository.holds(&self.action.lock, part)? {
                    here.push(part);
                }
            }
        }
        // Without any it is the render that says what is wrong.
        Ok(if here.is_empty() { parts.iter().collect() } else { here })
    }

    fn made(&self, part: &'a Part) -> Result<Made<'a>, Refusal> {
        let render = Render { source: part.source.clone(), ..self.action.lock.render.clone() };
        let lock = PromotionLock { render, ..self.action.lock.clone() };
        let rendered = || -> Result<_, RenderError> {
            let pins = Pins::of(lock.clone(), part.lock_path.clone(), Mode::Live)?;
            live(&pins, &Cluster::default(), &Limits::default(), self.repository)
        };
        let manifests = rendered().map_err(|error| Refusal::of(part, &error))?;
        let found_lock = self.base.map(|it| it.lock_text(self.repository, &part.lock_path)).transpose()?;
        Ok(Made { part, lock, manifests, found_lock: found_lock.flatten() })
    }

    /// What goes: the locks of apps that the freight does not have, or that are none any more, with what lies beside them.
    fn removed(&self, made: &[Made<'_>]) -> Result<Vec<Change>, Diagnosis> {
        let Some(base) = self.base else {
            return Ok(Vec::new());
        };
        let parts = &self.environment.parts;
        let is_made = |part: &Part| made.iter().any(|it| it.part == part);
        let mut folders: Vec<String> =
            parts.iter().filter(|it| !is_made(it)).map(|it| it.folder().to_owned()).collect();
        if parts.is_group() || made.iter().all(|it| it.found_lock.is_none()) {
            folders.extend(self.repository.surplus(base.commit(), self.pipeline, self.environment)?);
        }
        let files = match self.pipeline.layout {
            Layout::Branches => &hydrate::FILES[..],
            Layout::Folders => &[LOCK_FILE],
        };
        let path = folders.iter().flat_map(|folder| files.iter().map(move |it| format!("{folder}/{it}")));
        Ok(path.map(|path| Change::Remove { path }).collect())
    }

    /// The folder of each part with its manifests, and the files at the root.
    fn hydrated(&self, made: &[Made<'_>], trailers: &[Trailer]) -> Result<Contents, Refusal> {
        let (dry, last_date) = (dry_commit(self.repository, &self.action.lock)?, self.last_date()?);
        let mut files = BTreeMap::new();
        let mut metadata = None;
        for Made { part, lock, manifests, found_lock } in made {
            let manifests = manifests.to_hydrated().map_err(|error| Refusal::of(part, &error.into()))?;
            let folder = part.folder();
            let inputs = Inputs {
                lock,
                folder,
                found_lock: found_lock.as_deref(),
                manifests: &manifests,
                dry: &dry,
                repo_url: self.repository.url.as_str(),
                now: self.now,
                last_date,
            };
            let mut hydration = hydrate(&inputs).map_err(|error| error.diagnosis())?;
            let lock_text = hydration.files.get(&part.lock_path).map(|it| it.bytes.as_slice());
            // With its lock everything in the folder stays as it is, dates too.
            if found_lock.as_deref().map(str::as_bytes) == lock_text {
                hydration.files.retain(|path, _| !path.starts_with(&format!("{folder}/")));
            }
            files.extend(hydration.files);
            metadata.get_or_insert(hydration.metadata);
        }
        let changes = files.into_iter().map(|(path, it): (String, HydratedFile)| {
            let file = NewFile { bytes: it.bytes, executable_if_new: it.executable };
            Change::File { path, file }
        });
        let message = commit_message(&metadata.unwrap_or_default(), trailers);
        Ok(Contents { changes: changes.collect(), message })
    }

    /// The lock of each part, and nothing that belongs to hydration.
    fn locks(&self, made: &[Made<'_>], trailers: &[Trailer]) -> Result<Contents, Refusal> {
        let action = self.action;
        let mut changes = Vec::new();
        for Made { part, lock, found_lock, .. } in made {
            let path = &part.lock_path;
            let text = match found_lock {
                Some(found) => lock.edit(found, path).map_err(|error| error.diagnosis())?,
                None => lock.emit(),
            };
            changes.push(file(path.clone(), text));
        }
        let artifacts = action.lock.freight.artifacts().iter();
        let artifacts = artifacts.map(|it| format!("{}: {}\n", it.name, it.content));
        let said = format!(
            "Propose {} for {}\n\n{}",
            action.freight.alias(),
            action.environment,
            artifacts.collect::<String>().trim_end()
        );
        Ok(Contents { changes, message: trailers::signed(&said, trailers) })
    }

    /// The latest `date` on the pipeline's branches: the next one must not be earlier, whatever the clock says. GitOps
    /// Promoter compares dates across environments too: one that was promoted from must not look older than the next.
    fn last_date(&self) -> Result<Option<UnixSeconds>, Diagnosis> {
        let mut last = None;
        for environment in &self.pipeline.environments {
            let parts = &environment.parts;
            if let Some(head) = self.observed.branch(&environment.active_branch) {
                last = last.max(self.bases.get(self.repository, head)?.last_date(parts));
            }
            if let Some(head) = self.observed.branch(&environment.proposed_branch) {
                let tree = self.repository.cache.tree(head, "").map_err(|error| error.diagnosis())?;
                last = last.max(last_date(&tree, root_metadata(&tree).as_ref(), parts));
            }
        }
        Ok(last)
    }
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
