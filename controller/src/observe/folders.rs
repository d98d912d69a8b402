//! Which object stands for a pipeline's folder at a head: where it is the same one, nothing changed for the pipeline,
//! whoever moved the branch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gix::ObjectId;
use promoter_core::{CommitId, Name};
use promoter_sources::git::{BadEntry, EntryMode, GitError, TreeEntries};

use crate::repository::Repository;

/// An entry of a root directory.
pub(super) type Entry = (EntryMode, ObjectId);

/// The root directories of heads that several pipelines share, each read once.
#[derive(Debug, Default)]
pub(super) struct Folders {
    roots: BTreeMap<CommitId, Arc<BTreeMap<Vec<u8>, Entry>>>,
}

impl Folders {
    /// What stands for a pipeline at a head that others ask for too.
    pub(super) fn shared(
        &mut self,
        repository: &Repository,
        head: &CommitId,
        pipeline: &Name,
    ) -> Result<Option<Entry>, GitError> {
        let root = match self.roots.get(head) {
            Some(root) => root.clone(),
            None => {
                let bytes = repository.cache.root(head)?;
                let entries =
                    TreeEntries::new(&bytes).map(|it| it.map(|it| (it.name.to_vec(), (it.mode, it.id))));
                let entries: Result<BTreeMap<_, _>, BadEntry> = entries.collect();
                let root = Arc::new(entries.map_err(|error| damaged(head, error))?);
                self.roots.insert(head.clone(), root.clone());
                root
            }
        };
        Ok(root.get(pipeline.as_str().as_bytes()).copied())
    }

    /// What stands for a pipeline at a head of its own.
    pub(super) fn own(
        repository: &Repository,
        head: &CommitId,
        pipeline: &Name,
    ) -> Result<Option<Entry>, GitError> {
        let bytes = repository.cache.root(head)?;
        for entry in TreeEntries::new(&bytes) {
            let entry = entry.map_err(|error| damaged(head, error))?;
            if entry.name == pipeline.as_str().as_bytes() {
                return Ok(Some((entry.mode, entry.id)));
            }
        }
        Ok(None)
    }

    /// Drops what no look can ask for any more.
    pub(super) fn keep(&mut self, heads: &BTreeSet<&CommitId>) {
        self.roots.retain(|head, _| heads.contains(head));
    }
}

fn damaged(head: &CommitId, error: BadEntry) -> GitError {
    GitError::WrongObject { id: head.to_string(), what: error.to_string() }
}
