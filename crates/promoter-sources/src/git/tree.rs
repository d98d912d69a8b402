//! The files of a commit: follows paths and links through tree objects, reading each when it is asked for.
//!
//! Decides what a path means inside one directory of one commit; nothing leads out of it.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use gix::ObjectId;
use promoter_core::CommitId;
use promoter_kustomize::{FileError, FileKind, Files};

use super::cache::object_id_of_tree;
use super::objects::{Kind, Object, Objects, ReadError};
use super::tree_entries::{Entries, Mode};
use super::{GitCache, GitError, Limits, TreeId, dot_git};

/// So many links on one path are taken for a circle, as Linux does.
const LINKS_MAX: usize = 40;
/// So many files at most are fetched with one that is read: more would rarely be read.
const BESIDE_MAX: usize = 1_000;
/// The longest target of a link.
const TARGET_BYTES_MAX: usize = 4_096;

/// The files of one commit, at and below one directory. For many threads at once.
#[derive(Debug)]
pub struct GitTree {
    objects: Arc<Objects>,
    /// Where the objects came from, to fetch them again should they be damaged.
    cache: Option<GitCache>,
    commit: CommitId,
    root: ObjectId,
    bytes_left: AtomicU64,
    bytes_max: u64,
    directories: RwLock<HashMap<ObjectId, Arc<Directory>>>,
    blobs: RwLock<HashMap<ObjectId, Arc<[u8]>>>,
}

/// A directory's entries, sorted by name in byte order.
type Directory = Vec<Node>;

#[derive(Debug, Clone)]
struct Node {
    name: String,
    mode: Mode,
    id: ObjectId,
}

/// What a path leads to, links followed.
struct Found {
    real_path: String,
    mode: Mode,
    id: ObjectId,
    /// The directory that it is in.
    parent: ObjectId,
}

impl GitTree {
    /// Opens a commit in a `.git` directory that came from elsewhere.
    ///
    /// Reads objects only: no configuration is read, no program run, and nothing outside of the directory is touched
    /// (a directory that borrows objects from elsewhere is refused).
    pub fn from_dot_git(
        directory: &Path,
        commit: &CommitId,
        sub: &str,
        limits: &Limits,
    ) -> Result<Self, GitError> {
        let objects = dot_git::open(directory, limits)?;
        dot_git::tree(objects, commit, sub, limits)
    }

    /// The same for a `.git` directory at `dot_git` in a tree of files, such as an archive in memory. Its packs are
    /// written below `scratch` until the value is dropped.
    pub fn from_dot_git_files(
        files: &dyn Files,
        dot_git: &str,
        scratch: &Path,
        commit: &CommitId,
        sub: &str,
        limits: &Limits,
    ) -> Result<Self, GitError> {
        let objects = dot_git::unpack(files, dot_git, scratch, limits)?;
        dot_git::tree(objects, commit, sub, limits)
    }

    pub(super) fn new(
        objects: Arc<Objects>,
        cache: Option<GitCache>,
        commit: &CommitId,
        root: &TreeId,
        sub: &str,
        limits: &Limits,
    ) -> Result<Self, GitError> {
        let mut tree = Self {
            objects,
            cache,
            commit: commit.clone(),
            root: object_id_of_tree(root)?,
            bytes_left: AtomicU64::new(limits.tree_bytes_max),
            bytes_max: limits.tree_bytes_max,
            directories: RwLock::default(),
            blobs: RwLock::default(),
        };
        match tree.resolve(sub) {
            Ok(found) if found.mode == Mode::Directory => tree.root = found.id,
            Err(FileError::Store(_, why)) => {
                return Err(GitError::Damaged { id: root.to_string(), url: commit.to_string(), why });
            }
            _ => return Err(GitError::NoDirectory { commit: commit.clone(), path: sub.into() }),
        }
        Ok(tree)
    }

    /// The object that a path leads to, links followed. The same object in another tree holds the same.
    pub fn object_at(&self, path: &str) -> Result<ObjectId, FileError> {
        self.resolve(path).map(|it| it.id)
    }

    fn resolve(&self, path: &str) -> Result<Found, FileError> {
        let mut ahead: Vec<String> = parts(path);
        let mut behind: Vec<Node> = Vec::new();
        let mut links = 0;
        while let Some(part) = ahead.pop() {
            let (mode, id) = behind.last().map_or((Mode::Directory, self.root), |it| (it.mode, it.id));
            match mode {
                Mode::Directory => {}
                Mode::Submodule => {
                    return Err(FileError::WrongKind(
                        path.into(),
                        "in a submodule, whose files are elsewhere",
                    ));
                }
                _ => return Err(FileError::Missing(path.into())),
            }
            if part == ".." {
                behind.pop().ok_or_else(|| FileError::Outside(path.into()))?;
                continue;
            }
            let directory = self.directory(id, path)?;
            let place = directory.binary_search_by(|it| it.name.as_str().cmp(&part));
            let node = place.map(|it| &directory[it]).map_err(|_| FileError::Missing(path.into()))?;
            if node.mode != Mode::Link {
                behind.push(node.clone());
                continue;
            }
            links += 1;
            if links > LINKS_MAX {
                return Err(FileError::Loop(path.into()));
            }
            ahead.extend(self.link_target(node.id, path)?);
        }
        let (mode, id) = behind.last().map_or((Mode::Directory, self.root), |it| (it.mode, it.id));
        let parent = behind.iter().nth_back(1).map_or(self.root, |it| it.id);
        let names: Vec<&str> = behind.iter().map(|it| it.name.as_str()).collect();
        Ok(Found { real_path: names.join("/"), mode, id, parent })
    }

    /// The parts of a link's target, last first, as [`Self::resolve`] takes them.
    fn link_target(&self, id: ObjectId, path: &str) -> Result<Vec<String>, FileError> {
        let bytes = self.blob(id, None, path)?;
        let target =
            std::str::from_utf8(&bytes).ok().filter(|it| !it.is_empty() && it.len() <= TARGET_BYTES_MAX);
        match target {
            Some(target) if target.starts_with('/') => Err(FileError::Outside(path.into())),
            Some(target) => Ok(parts(target)),
            None => Err(FileError::Loop(path.into())),
        }
    }

    fn directory(&self, id: ObjectId, path: &str) -> Result<Arc<Directory>, FileError> {
        if let Some(known) = self.directories.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return Ok(known.clone());
        }
        let bytes = self.object(id, Kind::Tree, path)?.bytes;
        self.charge(bytes.len(), path)?;
        let mut nodes = Vec::new();
        for entry in Entries::new(&bytes) {
            let entry = entry.map_err(|it| FileError::Store(path.into(), it.to_string()))?;
            let Ok(name) = std::str::from_utf8(entry.name) else {
                let name = String::from_utf8_lossy(entry.name);
                return Err(FileError::Store(path.into(), format!("the name `{name}` is not UTF-8")));
            };
            nodes.push(Node { name: name.into(), mode: entry.mode, id: entry.id });
        }
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
        let directory = Arc::new(nodes);
        self.directories.write().unwrap_or_else(PoisonError::into_inner).insert(id, directory.clone());
        Ok(directory)
    }

    /// The bytes of a file; those in and below the directory `beside` come along if it has to be fetched.
    fn blob(&self, id: ObjectId, beside: Option<ObjectId>, path: &str) -> Result<Arc<[u8]>, FileError> {
        if let Some(known) = self.blobs.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return Ok(known.clone());
        }
        let beside = || beside.map(|it| self.files_below(it, path)).unwrap_or_default();
        let bytes = self.object_beside(id, Kind::Blob, path, beside)?.bytes;
        self.charge(bytes.len(), path)?;
        let bytes: Arc<[u8]> = bytes.into();
        self.blobs.write().unwrap_or_else(PoisonError::into_inner).insert(id, bytes.clone());
        Ok(bytes)
    }

    /// Counts what this value keeps in memory against its limit.
    fn charge(&self, bytes: usize, path: &str) -> Result<(), FileError> {
        let take = |left: u64| left.checked_sub(bytes as u64);
        match self.bytes_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(_) => Ok(()),
            Err(_) => Err(FileError::TooLarge(path.into(), self.bytes_max)),
        }
    }

    /// Files and links in a directory and below it, nearest first. What cannot be read is left out: this is a guess at what
    /// will be asked for next.
    fn files_below(&self, directory: ObjectId, path: &str) -> Vec<ObjectId> {
        let mut files = Vec::new();
        let mut open = VecDeque::from([directory]);
        while let Some(directory) = open.pop_front() {
            let Ok(nodes) = self.directory(directory, path) else {
                continue;
            };
            for node in nodes.iter() {
                match node.mode {
                    Mode::Directory => open.push_back(node.id),
                    Mode::Submodule => {}
                    _ if files.len() < BESIDE_MAX => files.push(node.id),
                    _ => return files,
                }
            }
        }
        files
    }

    fn object(&self, id: ObjectId, wanted: Kind, path: &str) -> Result<Object, FileError> {
        self.object_beside(id, wanted, path, Vec::new)
    }

    fn object_beside(
        &self,
        id: ObjectId,
        wanted: Kind,
        path: &str,
        beside: impl FnOnce() -> Vec<ObjectId>,
    ) -> Result<Object, FileError> {
        let object = match self.objects.read(&id) {
            Ok(object) => object,
            Err(ReadError::TooLarge(limit)) => return Err(FileError::TooLarge(path.into(), limit)),
            Err(error) => match &self.cache {
                Some(cache) => cache
                    .object_beside(&id, &self.commit, beside)
                    .map_err(|it| FileError::Store(path.into(), it.diagnosis().to_string()))?,
                None => return Err(FileError::Store(path.into(), error.to_string())),
            },
        };
        if object.kind == wanted {
            Ok(object)
        } else {
            Err(FileError::Store(
                path.into(),
                format!("object `{id}` is a {}, a {wanted} was wanted", object.kind),
            ))
        }
    }
}

/// The parts of a path, last first, without `.` and empty ones.
fn parts(path: &str) -> Vec<String> {
    path.split('/').rev().filter(|it| !matches!(*it, "" | ".")).map(Into::into).collect()
}

impl Files for GitTree {
    fn kind(&self, path: &str) -> Option<FileKind> {
        let mode = match self.resolve(path) {
            Ok(found) => found.mode,
            // Not being able to look is no absence: the reading that follows says what is wrong.
            Err(FileError::Store(..)) => return Some(FileKind::File),
            Err(_) => return None,
        };
        match mode {
            Mode::File | Mode::Executable => Some(FileKind::File),
            // The place of a submodule is a directory; listing it says why there is nothing in it.
            Mode::Directory | Mode::Submodule => Some(FileKind::Directory),
            Mode::Link => None,
        }
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, FileError> {
        let found = self.resolve(path)?;
        match found.mode {
            Mode::File | Mode::Executable => self.blob(found.id, Some(found.parent), path),
            _ => Err(FileError::WrongKind(path.into(), "a directory")),
        }
    }

    fn list(&self, path: &str) -> Result<Vec<String>, FileError> {
        let found = self.resolve(path)?;
        match found.mode {
            Mode::Directory => Ok(self.directory(found.id, path)?.iter().map(|it| it.name.clone()).collect()),
            Mode::Submodule => {
                Err(FileError::WrongKind(path.into(), "a submodule, whose files are elsewhere"))
            }
            _ => Err(FileError::WrongKind(path.into(), "a file")),
        }
    }

    fn real_path(&self, path: &str) -> Result<String, FileError> {
        self.resolve(path).map(|it| it.real_path)
    }
}
