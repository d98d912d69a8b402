//! Active heads that something is built upon, each read once however many actions share it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use promoter_core::pipeline::Parts;
use promoter_core::{CommitId, Diagnosis, UnixSeconds};
use promoter_kustomize::{FileError, Files as _};
use promoter_render::hydrate::{METADATA_FILE, Metadata};
use promoter_sources::git::{CommitInfo, GitCache, GitError, GitTree};

use crate::repository::Repository;

/// The active heads of one round.
#[derive(Debug, Default)]
pub(super) struct Bases {
    known: Mutex<BTreeMap<CommitId, Arc<Place>>>,
}

/// Where a head is put by the first who reads it.
type Place = OnceLock<Result<Arc<Base>, Diagnosis>>;

impl Bases {
    /// The head, read by the first who asks.
    pub(super) fn get(&self, repository: &Repository, commit: &CommitId) -> Result<Arc<Base>, Diagnosis> {
        let place = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.entry(commit.clone()).or_default().clone()
        };
        place.get_or_init(|| Base::read(repository, commit).map(Arc::new)).clone()
    }
}

/// An active head.
#[derive(Debug)]
pub(super) struct Base {
    commit: CommitInfo,
    tree: GitTree,
    /// What `hydrator.metadata` at its root says, if it can be read: one that cannot is overwritten.
    pub(super) metadata: Option<Metadata>,
    /// The size of its root directory, which every commit on top of it writes anew.
    pub(super) root_bytes: usize,
    lineage: Mutex<Lineage>,
}

impl Base {
    fn read(repository: &Repository, commit: &CommitId) -> Result<Self, Diagnosis> {
        let read = || {
            let info = repository.cache.commit(commit)?;
            let tree = repository.cache.tree(commit, "")?;
            let root_bytes = repository.cache.tree_object(&info.tree, commit)?.len();
            Ok((info, tree, root_bytes))
        };
        let (info, tree, root_bytes) = read().map_err(|error: GitError| error.diagnosis())?;
        let lineage = Mutex::new(Lineage::of(&info));
        Ok(Self { metadata: root_metadata(&tree), commit: info, tree, root_bytes, lineage })
    }

    /// The head itself.
    pub(super) fn commit(&self) -> &CommitId {
        &self.commit.id
    }

    /// The latest date that the branch has now, at its root and of the parts of an environment.
    pub(super) fn last_date(&self, parts: &Parts) -> Option<UnixSeconds> {
        last_date(&self.tree, self.metadata.as_ref(), parts)
    }

    /// The text of a lock.
    pub(super) fn lock_text(&self, repository: &Repository, path: &str) -> Result<Option<String>, Diagnosis> {
        match self.tree.read(path) {
            Err(FileError::Missing(_)) => Ok(None),
            Ok(bytes) if std::str::from_utf8(&bytes).is_ok() => {
                Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
            }
            // The other reader knows how to say what is wrong.
            _ => repository.lock_text(&self.commit.id, path),
        }
    }

    /// The parents of the next commit of a proposed branch: it only ever grows, and always contains the active head.
    pub(super) fn parents(
        &self,
        repository: &Repository,
        proposed: Option<&CommitId>,
    ) -> Result<Vec<CommitId>, Diagnosis> {
        let active = &self.commit.id;
        let Some(proposed) = proposed else {
            return Ok(vec![active.clone()]);
        };
        let found = || {
            let cache = &repository.cache;
            let info = cache.commit(proposed)?;
            let mut lineage = self.lineage.lock().unwrap_or_else(PoisonError::into_inner);
            if lineage.holds(cache, active, proposed, info.committer.at)? {
                return Ok(vec![active.clone()]);
            }
            drop(lineage);
            if Lineage::of(&info).holds(cache, proposed, active, self.commit.committer.at)? {
                return Ok(vec![proposed.clone()]);
            }
            Ok(vec![proposed.clone(), active.clone()])
        };
        found().map_err(|error: GitError| error.diagnosis())
    }
}

/// What `hydrator.metadata` at the root of a tree says. A file that is no metadata says nothing that matters.
pub(super) fn root_metadata(tree: &GitTree) -> Option<Metadata> {
    metadata(tree, METADATA_FILE)
}

/// The latest date in a tree with that metadata at its root: of the root, and of the parts of an environment.
pub(super) fn last_date(tree: &GitTree, root: Option<&Metadata>, parts: &Parts) -> Option<UnixSeconds> {
    let own =
        parts.iter().filter_map(|it| metadata(tree, &format!("{}/{METADATA_FILE}", it.folder()))?.date());
    root.and_then(Metadata::date).max(own.max())
}

fn metadata(tree: &GitTree, path: &str) -> Option<Metadata> {
    let bytes = tree.read(path).ok()?;
    Metadata::read(&String::from_utf8_lossy(&bytes), path).ok()
}

/// The history of a branch of ours, as far as it was looked at: its first parents and what was merged into them.
///
/// Ours are made of nothing else. What a person brought in by another way is not found here; then a commit gets a
/// parent more than it needs, which is right too.
#[derive(Debug)]
struct Lineage {
    found: BTreeSet<CommitId>,
    next: Option<CommitId>,
    /// No later than any commit that is still ahead, if clocks are right.
    reached: UnixSeconds,
}

impl Lineage {
    fn of(head: &CommitInfo) -> Self {
        let mut lineage =
            Self { found: BTreeSet::from([head.id.clone()]), next: None, reached: head.committer.at };
        lineage.take(head);
        lineage
    }

    fn take(&mut self, commit: &CommitInfo) {
        self.found.extend(commit.parents.iter().cloned());
        self.next = commit.parents.first().cloned();
        self.reached = commit.committer.at;
    }

    /// True when a commit made at `at` is in it. Looks no further than that time.
    fn holds(
        &mut self,
        cache: &GitCache,
        head: &CommitId,
        commit: &CommitId,
        at: UnixSeconds,
    ) -> Result<bool, GitError> {
        while !self.found.contains(commit) && self.reached >= at {
            let Some(next) = &self.next else {
                break;
            };
            match cache.known_commit(next)? {
                Some(info) => self.take(&info),
                // The history ends here, and is fetched as far as it has to be known.
                None => return cache.is_ancestor(commit, head),
            }
        }
        Ok(self.found.contains(commit))
    }
}
