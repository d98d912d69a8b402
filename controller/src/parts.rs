//! The parts of an environment in one commit: which locks are there, whether they agree, what is missing and what is too
//! much.
//!
//! The lock of an environment is that of its first part. A group is promoted as one, so the locks of all its parts hold the
//! same freight, promotion and hold; where a hand changed one of them alone, nothing is decided until somebody has mended
//! it. Locks that lie where other `apps` had them stand in while no part has one: so a pipeline becomes a group, or the
//! other way, and goes on with what it runs.

use promoter_core::observation::Apps;
use promoter_core::pipeline::{Environment, Part, Pipeline};
use promoter_core::{CommitId, Diagnosis, LOCK_FILE, Place, PromotionLock, Render};
use promoter_kustomize::{FileError, Files as _};
use promoter_render::{Mode, Pins, World as _};

use crate::repository::Repository;

/// What an environment holds in a commit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Stand {
    /// Its lock; `None` when it has none.
    pub(crate) lock: Option<PromotionLock>,
    /// How its parts differ from what the pipeline makes them.
    pub(crate) apps: Apps,
}

impl Repository {
    /// What the head of an environment's branch holds.
    ///
    /// Errors: a lock that cannot be read or is another's, manifests that are not those of their lock, locks of a group
    /// that differ.
    pub(crate) fn stand(
        &self,
        commit: &CommitId,
        branch: &str,
        pipeline: &Pipeline,
        environment: &Environment,
    ) -> Result<Stand, Diagnosis> {
        let parts = &environment.parts;
        let lock = |path: &str| self.lock(commit, branch, pipeline, environment, path);
        let mut found: Vec<(String, PromotionLock)> = Vec::new();
        let mut without = Vec::new();
        let mut changed = Vec::new();
        for part in parts.iter() {
            match lock(&part.lock_path)? {
                Some(lock) => {
                    let is_other = !is_rendered_so(&lock, part, environment);
                    changed.extend(part.app.clone().filter(|_| is_other));
                    found.push((part.lock_path.clone(), lock));
                }
                None => without.push(part),
            }
        }
        if !parts.is_group() && without.is_empty() {
            let lock = found.pop().map(|(_, lock)| lock);
            return Ok(Stand { lock, apps: Apps::default() });
        }
        let surplus = self.surplus(commit, pipeline, environment)?;
        if found.is_empty() {
            for folder in &surplus {
                let path = format!("{folder}/{LOCK_FILE}");
                found.extend(lock(&path)?.map(|it| (path, it)));
            }
        }
        let Some((first_path, first)) = found.first() else {
            return Ok(Stand::default());
        };
        for (path, lock) in &found[1..] {
            if let Some(what) = first.differs_from(lock) {
                return Err(apart(first_path, path, what, branch));
            }
        }
        let mut missing = Vec::new();
        for part in without {
            if self.holds(first, part)? {
                missing.push(part.app.clone().unwrap_or_else(|| pipeline.name.clone()));
            }
        }
        let lock = Some(first.clone());
        Ok(Stand { lock, apps: Apps { missing, changed, surplus } })
    }

    /// The folders of a commit that hold locks of an environment and belong to none of its parts.
    pub(crate) fn surplus(
        &self,
        commit: &CommitId,
        pipeline: &Pipeline,
        environment: &Environment,
    ) -> Result<Vec<String>, Diagnosis> {
        let tree = self.cache.tree(commit, "").map_err(|error| error.diagnosis())?;
        let list = |directory: &str| match tree.list(directory) {
            Ok(names) => Ok(names),
            Err(FileError::Missing(_) | FileError::WrongKind(..)) => Ok(Vec::new()),
            Err(error) => Err(Diagnosis::upstream("git-unreadable-file", error)),
        };
        let mut surplus = Vec::new();
        for folder in environment.parts.folders_besides(list)? {
            let path = format!("{folder}/{LOCK_FILE}");
            let text = self.lock_text(commit, &path)?;
            // What is no lock, or that of somebody else, is none of ours to take away.
            let lock = text.and_then(|it| PromotionLock::parse(&it, &path).ok());
            if lock.is_some_and(|it| it.pipeline == pipeline.name && it.environment == environment.name) {
                surplus.push(folder);
            }
        }
        Ok(surplus)
    }

    /// The paths of the locks that an environment has in a commit: those of its parts, else those that stand in.
    pub(crate) fn lock_paths(
        &self,
        commit: &CommitId,
        pipeline: &Pipeline,
        environment: &Environment,
    ) -> Result<Vec<String>, Diagnosis> {
        let mut paths = Vec::new();
        for part in environment.parts.iter() {
            let text = self.lock_text(commit, &part.lock_path)?;
            paths.extend(text.map(|_| part.lock_path.clone()));
        }
        if paths.is_empty() {
            let surplus = self.surplus(commit, pipeline, environment)?;
            paths.extend(surplus.iter().map(|folder| format!("{folder}/{LOCK_FILE}")));
        }
        Ok(paths)
    }

    /// True when the commit that a lock pins has the source of a part. Freight that was made before an app was there is
    /// without it.
    pub(crate) fn holds(&self, lock: &PromotionLock, part: &Part) -> Result<bool, Diagnosis> {
        let render = Render { source: part.source.clone(), ..Render::default() };
        let lock = PromotionLock { render, ..lock.clone() };
        let pins = Pins::of(lock, part.lock_path.clone(), Mode::Live).map_err(|error| error.diagnosis())?;
        Ok(self.tree(&pins.source)?.kind(&part.source).is_some())
    }
}

/// A diagnosis that is about one part.
pub(crate) fn of_part(part: &Part, why: Diagnosis) -> Diagnosis {
    Diagnosis { cause: format!("{}{}", part.words(), why.cause), ..why }
}

/// True when a lock says of its render what the pipeline says.
fn is_rendered_so(lock: &PromotionLock, part: &Part, environment: &Environment) -> bool {
    let (render, options) = (&lock.render, &environment.render);
    render.source == part.source
        && render.allow_empty == options.allow_empty
        && render.allow_secrets == options.allow_secrets
}

fn apart(first: &str, second: &str, what: &str, branch: &str) -> Diagnosis {
    let cause = format!("`{first}` and `{second}` differ in `{what}` on `{branch}`");
    Diagnosis::input("lock-apps-differ", cause).at(Place::new(second, 0)).hint(
        "write the same freight, promotion and hold for every app, or take the commit back that changed one",
    )
}
