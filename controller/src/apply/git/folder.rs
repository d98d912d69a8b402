//! Edits of trees: which entries stay, which are new, and with which modes.

use std::collections::BTreeMap;

use gix::ObjectId;
use promoter_core::CommitId;
use promoter_sources::git::{BadEntry, EntryMode, GitError, ObjectKind, TreeEntries, TreeId};

use super::draft::object_id;
use super::{Draft, DraftError};

/// A file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// Its content.
    pub bytes: Vec<u8>,
    /// Whether it is executable, if no file is there yet. A file that is there keeps its mode.
    pub executable_if_new: bool,
}

/// One change of a tree. Paths are relative to its root, with `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Writes one file.
    File {
        /// Where.
        path: String,
        /// What.
        file: NewFile,
    },
    /// Makes a directory hold exactly these files (name → file).
    Directory {
        /// Where.
        path: String,
        /// What.
        files: BTreeMap<String, NewFile>,
    },
    /// Takes what another commit has at the path, a file or a whole directory; removes the path if it has nothing there.
    Take {
        /// Where, in both.
        path: String,
        /// The other commit.
        from: CommitId,
    },
    /// Removes a file or a whole directory, if there is one.
    Remove {
        /// Where.
        path: String,
    },
}

impl Change {
    /// The bytes of the files that it writes.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::File { file, .. } => file.bytes.len(),
            Self::Directory { files, .. } => files.values().map(|it| it.bytes.len()).sum(),
            Self::Take { .. } | Self::Remove { .. } => 0,
        }
    }
}

/// A directory in memory: entries as they are, and those directories opened in which something changes.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) entries: BTreeMap<Vec<u8>, Slot>,
    /// Its id before any change.
    unchanged: Option<ObjectId>,
    /// The commit that reaches it, for messages and for reading.
    of: Option<CommitId>,
}

/// What stands at a name.
#[derive(Debug)]
pub(super) enum Slot {
    /// An entry as it is.
    Entry(EntryMode, ObjectId),
    /// An opened directory.
    Open(Folder),
}

impl Folder {
    /// An empty directory.
    pub(super) fn empty() -> Self {
        Self { entries: BTreeMap::new(), unchanged: None, of: None }
    }

    /// The root directory of a commit.
    pub(super) fn of_commit(draft: &Draft, commit: &CommitId) -> Result<Self, DraftError> {
        Self::read(draft, parse(&draft.tree_of(commit)?)?, Some(commit))
    }

    fn read(draft: &Draft, id: ObjectId, of: Option<&CommitId>) -> Result<Self, DraftError> {
        let bytes = match (draft.made_tree(&id), of) {
            (Some(bytes), _) => bytes.to_vec(),
            (None, Some(commit)) => draft.cache.tree_object(&tree_id(id)?, commit)?,
            (None, None) => Vec::new(),
        };
        let damaged = |it: BadEntry| {
            let url = draft.cache.remote().url.to_string();
            DraftError::Read(GitError::Damaged { id: id.to_string(), url, why: it.to_string() })
        };
        let mut entries = BTreeMap::new();
        for entry in TreeEntries::new(&bytes) {
            let entry = entry.map_err(damaged)?;
            entries.insert(entry.name.to_vec(), Slot::Entry(entry.mode, entry.id));
        }
        Ok(Self { entries, unchanged: Some(id), of: of.cloned() })
    }

    /// Applies one change below this directory.
    pub(super) fn apply(&mut self, draft: &mut Draft, change: &Change) -> Result<(), DraftError> {
        match change {
            Change::File { path, file } => {
                let (parents, name) = split(path)?;
                self.open(draft, &parents, path)?.put(draft, path, name, file)
            }
            Change::Directory { path, files } => {
                let (mut parents, name) = split(path)?;
                parents.push(name);
                let folder = self.open(draft, &parents, path)?;
                folder
                    .entries
                    .retain(|name, _| std::str::from_utf8(name).is_ok_and(|it| files.contains_key(it)));
                for (name, file) in files {
                    check_part(name, path)?;
                    folder.put(draft, path, name, file)?;
                }
                Ok(())
            }
            Change::Take { path, from } => {
                let (parents, name) = split(path)?;
                let taken = Self::of_commit(draft, from)?.find(draft, &parents, name)?;
                match taken {
                    Some((mode, id)) => {
                        let folder = self.open(draft, &parents, path)?;
                        folder.entries.insert(name.into(), Slot::Entry(mode, id));
                        Ok(())
                    }
                    None => self.remove(draft, &parents, name),
                }
            }
            Change::Remove { path } => {
                let (parents, name) = split(path)?;
                self.remove(draft, &parents, name)
            }
        }
    }

    /// Opens the directories on the way, making those that are not there.
    fn open(&mut self, draft: &Draft, parents: &[&str], path: &str) -> Result<&mut Self, DraftError> {
        let Some((first, rest)) = parents.split_first() else {
            return Ok(self);
        };
        let of = self.of.clone();
        let slot = self.entries.entry(first.as_bytes().to_vec()).or_insert_with(|| Slot::Open(Self::empty()));
        if let Slot::Entry(mode, id) = *slot {
            if mode != EntryMode::Directory {
                return Err(in_the_way(path, mode, of.as_ref()));
            }
            *slot = Slot::Open(Self::read(draft, id, of.as_ref())?);
        }
        match slot {
            Slot::Open(folder) => folder.open(draft, rest, path),
            Slot::Entry(mode, _) => Err(in_the_way(path, *mode, of.as_ref())),
        }
    }

    /// The entry at a path, if there is one.
    fn find(
        &mut self,
        draft: &mut Draft,
        parents: &[&str],
        name: &str,
    ) -> Result<Option<(EntryMode, ObjectId)>, DraftError> {
        let mut folder = self;
        for parent in parents {
            match folder.entries.get(parent.as_bytes()) {
                Some(Slot::Entry(EntryMode::Directory, _) | Slot::Open(_)) => {}
                _ => return Ok(None),
            }
            folder = folder.open(draft, &[parent], parent)?;
        }
        Ok(match folder.entries.get(name.as_bytes()) {
            Some(Slot::Entry(mode, id)) => Some((*mode, *id)),
            _ => None,
        })
    }

    fn remove(&mut self, draft: &mut Draft, parents: &[&str], name: &str) -> Result<(), DraftError> {
        let mut folder = self;
        for parent in parents {
            match folder.entries.get(parent.as_bytes()) {
                Some(Slot::Entry(EntryMode::Directory, _) | Slot::Open(_)) => {}
                _ => return Ok(()),
            }
            folder = folder.open(draft, &[parent], parent)?;
        }
        folder.entries.remove(name.as_bytes());
        Ok(())
    }

    /// Writes one file directly in this directory.
    pub(super) fn put(
        &mut self,
        draft: &mut Draft,
        path: &str,
        name: &str,
        file: &NewFile,
    ) -> Result<(), DraftError> {
        let found = match self.entries.get(name.as_bytes()) {
            Some(Slot::Entry(mode @ (EntryMode::Directory | EntryMode::Submodule), _)) => {
                return Err(in_the_way(path, *mode, self.of.as_ref()));
            }
            Some(Slot::Open(_)) => return Err(in_the_way(path, EntryMode::Directory, self.of.as_ref())),
            Some(Slot::Entry(mode, id)) => Some((*mode, *id)),
            None => None,
        };
        let mode = match found {
            // A link is replaced rather than written through.
            Some((mode @ (EntryMode::File | EntryMode::Executable), _)) => mode,
            _ if file.executable_if_new => EntryMode::Executable,
            _ => EntryMode::File,
        };
        let mut id = object_id(ObjectKind::Blob, &file.bytes)?;
        if found.is_none_or(|(_, found)| found != id) {
            id = draft.add(ObjectKind::Blob, file.bytes.clone())?;
        }
        self.entries.insert(name.into(), Slot::Entry(mode, id));
        Ok(())
    }

    /// Makes the tree objects that are new, from the bottom up. A directory left without entries vanishes.
    pub(super) fn write(self, draft: &mut Draft) -> Result<TreeId, DraftError> {
        tree_id(self.write_id(draft)?)
    }

    fn write_id(self, draft: &mut Draft) -> Result<ObjectId, DraftError> {
        let mut entries = Vec::with_capacity(self.entries.len());
        for (name, slot) in self.entries {
            match slot {
                Slot::Entry(mode, id) => entries.push((name, mode, id)),
                Slot::Open(folder) if folder.is_empty() => {}
                Slot::Open(folder) => entries.push((name, EntryMode::Directory, folder.write_id(draft)?)),
            }
        }
        // Git sorts directories as if their names ended in `/`.
        let key = |(name, mode, _): &(Vec<u8>, EntryMode, ObjectId)| {
            let mut key = name.clone();
            if *mode == EntryMode::Directory {
                key.push(b'/');
            }
            key
        };
        entries.sort_by_cached_key(key);
        let mut bytes = Vec::new();
        for (name, mode, id) in entries {
            bytes.extend_from_slice(mode.digits().as_bytes());
            bytes.push(b' ');
            bytes.extend_from_slice(&name);
            bytes.push(0);
            bytes.extend_from_slice(id.as_slice());
        }
        match self.unchanged {
            Some(id) if object_id(ObjectKind::Tree, &bytes)? == id => Ok(id),
            _ => draft.add(ObjectKind::Tree, bytes),
        }
    }

    fn is_empty(&self) -> bool {
        self.entries.values().all(|it| matches!(it, Slot::Open(folder) if folder.is_empty()))
    }
}

impl Slot {
    /// The directory at a name, opened; `None` for files.
    pub(super) fn open_directory<'a>(
        &'a mut self,
        draft: &Draft,
        of: Option<&CommitId>,
    ) -> Result<Option<&'a mut Folder>, DraftError> {
        if let Self::Entry(EntryMode::Directory, id) = *self {
            *self = Self::Open(Folder::read(draft, id, of)?);
        }
        match self {
            Self::Open(folder) => Ok(Some(folder)),
            Self::Entry(..) => Ok(None),
        }
    }
}

impl Folder {
    /// The commit that reaches it.
    pub(super) fn of(&self) -> Option<CommitId> {
        self.of.clone()
    }
}

fn in_the_way(path: &str, mode: EntryMode, of: Option<&CommitId>) -> DraftError {
    let what = match mode {
        EntryMode::Directory => "a directory",
        EntryMode::Submodule => "a submodule",
        EntryMode::Link => "a link",
        EntryMode::File | EntryMode::Executable => "a file",
    };
    let commit = of.map_or_else(|| "a new tree".into(), ToString::to_string);
    DraftError::InTheWay { path: path.into(), what, commit }
}

/// The directories of a path and its last part.
fn split(path: &str) -> Result<(Vec<&str>, &str), DraftError> {
    let mut parts: Vec<&str> = path.split('/').collect();
    for part in &parts {
        check_part(part, path)?;
    }
    let last = parts.pop().ok_or_else(|| DraftError::Path(path.into()))?;
    Ok((parts, last))
}

/// Refuses the names that git refuses.
fn check_part(part: &str, path: &str) -> Result<(), DraftError> {
    let bad =
        matches!(part, "" | "." | "..") || part.contains(['/', '\0']) || part.eq_ignore_ascii_case(".git");
    if bad { Err(DraftError::Path(path.into())) } else { Ok(()) }
}

fn tree_id(id: ObjectId) -> Result<TreeId, DraftError> {
    let text = id.to_string();
    TreeId::from_hex(&text).ok_or(DraftError::Path(text))
}

fn parse(id: &TreeId) -> Result<ObjectId, DraftError> {
    ObjectId::from_hex(id.as_str().as_bytes()).map_err(|_| DraftError::Path(id.to_string()))
}
