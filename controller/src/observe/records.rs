//! The records of a pipeline, followed from one state of its folder to the next: only files that are new are read.

use std::collections::BTreeMap;

use gix::ObjectId;
use promoter_core::observation::Unread;
use promoter_core::record::Records;
use promoter_core::{CommitId, Name};
use promoter_sources::git::{BadEntry, EntryMode, GitError, ObjectKind, TreeEntries};

use crate::repository::{Repository, record_text};

/// What was read of one folder.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// The folder's object; `None` when there is no folder.
    pub(super) folder: Option<ObjectId>,
    files: BTreeMap<String, ObjectId>,
    pub(super) records: Records,
}

/// Reads the records of a pipeline in a commit of the state branch, going on from what is known.
pub(super) fn read(
    repository: &Repository,
    state: &CommitId,
    pipeline: &Name,
    folder: Option<(EntryMode, ObjectId)>,
    known: Option<Known>,
) -> Result<(Records, Option<Known>), Unread> {
    let folder = match folder {
        None => return Ok((Records::default(), Some(Known::default()))),
        Some((EntryMode::Directory, id)) => id,
        Some(_) => return repository.records(state, pipeline).map(|it| (it, None)),
    };
    let mut files = BTreeMap::new();
    match list(repository, state, folder, "", &mut files) {
        Ok(()) => {}
        // Links and names that are no text are for the reader that follows them, and for errors it has the words.
        Err(Odd) => return repository.records(state, pipeline).map(|it| (it, None)),
    }
    let mut known = known.unwrap_or_default();
    let path = |file: &str| format!("{pipeline}/{file}");
    for gone in known.files.keys().filter(|it| !files.contains_key(*it)) {
        known.records.remove(&path(gone));
    }
    for (file, id) in &files {
        if known.files.get(file) == Some(id) {
            continue;
        }
        let Ok(bytes) = repository.cache.bytes(id, ObjectKind::Blob, state) else {
            return repository.records(state, pipeline).map(|it| (it, None));
        };
        known.records.remove(&path(file));
        known.records.put(&path(file), &record_text(&bytes));
    }
    let known = Known { folder: Some(folder), files, records: known.records };
    Ok((known.records.clone(), Some(known)))
}

/// Something that is not read by ids.
struct Odd;

impl From<GitError> for Odd {
    fn from(_: GitError) -> Self {
        Self
    }
}

impl From<BadEntry> for Odd {
    fn from(_: BadEntry) -> Self {
        Self
    }
}

fn list(
    repository: &Repository,
    state: &CommitId,
    directory: ObjectId,
    path: &str,
    files: &mut BTreeMap<String, ObjectId>,
) -> Result<(), Odd> {
    let bytes = repository.cache.bytes(&directory, ObjectKind::Tree, state)?;
    for entry in TreeEntries::new(&bytes) {
        let entry = entry?;
        let name = std::str::from_utf8(entry.name).map_err(|_| Odd)?;
        let path = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
        match entry.mode {
            EntryMode::Directory => list(repository, state, entry.id, &path, files)?,
            EntryMode::File | EntryMode::Executable => drop(files.insert(path, entry.id)),
            EntryMode::Link | EntryMode::Submodule => return Err(Odd),
        }
    }
    Ok(())
}
