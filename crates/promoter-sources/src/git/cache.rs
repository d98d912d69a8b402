//! One repository, read: answers from the object cache, and mends it when it is damaged. Filling it is next door.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use promoter_core::CommitId;

use super::generation::Shape;
use super::local::Local;
use super::objects::{Kind, Object, Objects, ReadError, object_id, parse_commit};
use super::refs;
use super::store::Store;
use super::wire::Remote;
use super::{CommitInfo, Credentials, GitError, GitTree, Limits, RemoteRefs, RepoUrl, TreeId, notes};

/// One repository, read through its object cache. Cheap to clone; all clones share it.
#[derive(Debug, Clone)]
pub struct GitCache {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) remote: Remote,
    pub(super) place: Place,
    /// True when neither files nor directories come unless they are read.
    pub(super) is_bare: bool,
    /// True once the server was found not to leave directories out.
    pub(super) sends_directories: AtomicBool,
}

/// Where the objects are.
#[derive(Debug)]
pub(super) enum Place {
    /// In a cache, filled from the server.
    Cached(Store),
    /// In the repository itself, which is on this machine: nothing is copied and no program started.
    Local(Local),
}

impl GitCache {
    /// Opens (or makes) the cache of one repository below `cache_root`. Talks to no server.
    pub fn open(
        cache_root: &Path,
        url: &RepoUrl,
        credentials: Credentials,
        limits: Limits,
    ) -> Result<Self, GitError> {
        Self::of(cache_root, "", Remote::new(url, credentials, limits))
    }

    /// The same for a repository with all that it takes to talk to its server. `owner` names a folder of the root for what
    /// not everyone may read who may read the root's other caches (`""` for none). One bound holds for all of them.
    pub fn of(cache_root: &Path, owner: &str, remote: Remote) -> Result<Self, GitError> {
        Self::shaped(cache_root, owner, remote, Shape::Whole)
    }

    /// The same for those who read commits and tags and hardly any file: of a commit come neither its directories nor its
    /// files, unless they are read (from servers that can leave them out). Its place must be another one than that of
    /// [`Self::of`].
    pub fn bare(cache_root: &Path, owner: &str, remote: Remote) -> Result<Self, GitError> {
        Self::shaped(cache_root, owner, remote, Shape::Partial)
    }

    fn shaped(cache_root: &Path, owner: &str, remote: Remote, shape: Shape) -> Result<Self, GitError> {
        let place = match remote.url.local_path() {
            Some(path) => Place::Local(Local::open(&path, &remote)?),
            None => Place::Cached(Store::open(cache_root, owner, &remote.url, &remote.limits, shape)?),
        };
        let is_bare = shape == Shape::Partial;
        Ok(Self {
            inner: Arc::new(Inner { remote, place, is_bare, sends_directories: AtomicBool::new(false) }),
        })
    }

    /// The repository, and what it takes to talk to it.
    pub fn remote(&self) -> &Remote {
        &self.inner.remote
    }

    /// Asks for the refs whose full names begin with one of the prefixes, and for `HEAD`. One conversation; none for a
    /// repository on this machine.
    pub fn ls_refs(&self, prefixes: &[&str]) -> Result<RemoteRefs, GitError> {
        match &self.inner.place {
            Place::Cached(_) => refs::ls_refs(&self.inner.remote, prefixes),
            Place::Local(local) => local.refs(prefixes),
        }
    }

    /// Makes sure that the commits are here; asks the server only for those that are not. Their files are here too, or come
    /// when they are read.
    pub fn ensure(&self, commits: &[CommitId]) -> Result<(), GitError> {
        self.fetch_missing(commits, Some(1))
    }

    /// Reads a commit, fetching it if need be.
    pub fn commit(&self, id: &CommitId) -> Result<CommitInfo, GitError> {
        self.ensure(std::slice::from_ref(id))?;
        if let Place::Cached(store) = &self.inner.place {
            store.touch();
        }
        let object = self.object(&object_id(id)?, id)?;
        self.as_commit(id, &object)
    }

    /// The bytes of a commit object, as they are hashed and signed; fetches the commit if it is not here.
    pub fn commit_object(&self, id: &CommitId) -> Result<Vec<u8>, GitError> {
        let wanted = object_id(id)?;
        let object = match self.objects().read(&wanted) {
            Ok(object) => object,
            Err(_) => {
                self.ensure(std::slice::from_ref(id))?;
                self.object(&wanted, id)?
            }
        };
        match object.kind {
            Kind::Commit => Ok(object.bytes),
            kind => Err(GitError::WrongObject { id: id.to_string(), what: format!("a {kind}") }),
        }
    }

    /// The files of a commit at and below the directory `sub` (`""` for all), fetching it if need be.
    ///
    /// Links are resolved inside that directory. The directory's files are read when they are asked for.
    pub fn tree(&self, commit: &CommitId, sub: &str) -> Result<GitTree, GitError> {
        let root = self.commit(commit)?.tree;
        GitTree::new(self.objects(), Some(self.clone()), commit, &root, sub, &self.inner.remote.limits)
    }

    /// The note on `on` in the notes commit `notes_head` (the tip of a ref like `refs/notes/hydrator.metadata`).
    pub fn note(&self, notes_head: &CommitId, on: &CommitId) -> Result<Option<String>, GitError> {
        let mut tree = object_id_of_tree(&self.commit(notes_head)?.tree)?;
        let mut rest = on.as_str();
        loop {
            let entries = self.object(&tree, notes_head)?.bytes;
            match notes::find(&entries, rest) {
                Some(notes::Found::Note(id)) => {
                    let bytes = self.object(&id, notes_head)?.bytes;
                    return Ok(Some(String::from_utf8_lossy(&bytes).into_owned()));
                }
                Some(notes::Found::Below(id)) => {
                    tree = id;
                    rest = &rest[2..];
                }
                None => return Ok(None),
            }
        }
    }

    /// The bytes of a tree object that `commit` reaches; [`TreeEntries`](super::TreeEntries) reads them.
    pub fn tree_object(&self, tree: &TreeId, commit: &CommitId) -> Result<Vec<u8>, GitError> {
        let object = self.object(&object_id_of_tree(tree)?, commit)?;
        match object.kind {
            Kind::Tree => Ok(object.bytes),
            kind => Err(GitError::WrongObject { id: tree.to_string(), what: format!("a {kind}") }),
        }
    }

    /// The commit if it is here; asks no server.
    pub(super) fn commit_here(&self, id: &CommitId) -> Result<Option<CommitInfo>, GitError> {
        match self.objects().read(&object_id(id)?) {
            Ok(object) => self.as_commit(id, &object).map(Some),
            Err(ReadError::Missing) => Ok(None),
            Err(_) => self.commit(id).map(Some),
        }
    }

    /// The error for a commit that should be in the history that is here, but is not.
    pub(super) fn cut_off(&self, commit: &CommitId) -> GitError {
        GitError::NoCommit {
            commit: commit.clone(),
            url: self.inner.remote.url.to_string(),
            answer: "the history ends before it".into(),
        }
    }

    /// Reads an object that `commit` reaches; leaves a damaged cache for a new one and fetches the commit again.
    pub(super) fn object(&self, id: &gix::ObjectId, commit: &CommitId) -> Result<Object, GitError> {
        self.object_beside(id, commit, Vec::new)
    }

    /// The same for a file. If it has to be fetched, those `beside` it come along.
    pub(super) fn object_beside(
        &self,
        id: &gix::ObjectId,
        commit: &CommitId,
        beside: impl FnOnce() -> Vec<gix::ObjectId>,
    ) -> Result<Object, GitError> {
        let objects = self.objects();
        let error = match objects.read(id) {
            Ok(object) => return Ok(object),
            Err(error) => error,
        };
        let failed = |error: &ReadError| read_error(&self.inner.remote, id, error);
        let Place::Cached(store) = &self.inner.place else {
            return Err(failed(&error));
        };
        match error {
            ReadError::Missing if store.current().shape == Shape::Partial => {
                let mut files = beside();
                files.push(*id);
                self.fetch_files(commit, &files)?;
            }
            ReadError::Missing | ReadError::Damaged(_) => {
                tracing::warn!(url = %self.inner.remote.url, object = %id, %error, "object cache is damaged, starting a new one");
                let lock = store.lock()?;
                store.leave(&objects, &lock)?;
                drop(lock);
                self.fetch_files(commit, &[*id])?;
            }
            ReadError::TooLarge(_) | ReadError::Failed(_) => return Err(failed(&error)),
        }
        self.objects().read(id).map_err(|it| failed(&it))
    }

    pub(super) fn objects(&self) -> Arc<Objects> {
        match &self.inner.place {
            Place::Cached(store) => store.current().objects.clone(),
            Place::Local(local) => local.objects(),
        }
    }

    pub(super) fn as_commit(&self, id: &CommitId, object: &Object) -> Result<CommitInfo, GitError> {
        let wrong = |what: String| GitError::WrongObject { id: id.to_string(), what };
        if object.kind != Kind::Commit {
            return Err(wrong(format!("a {}", object.kind)));
        }
        parse_commit(id, &object.bytes)
            .ok_or_else(|| wrong("a commit that is not made as git makes them".into()))
    }
}

pub(super) fn read_error(remote: &Remote, id: &gix::ObjectId, error: &ReadError) -> GitError {
    let url = remote.url.to_string();
    match error {
        ReadError::TooLarge(limit) => GitError::TooLarge { what: "a file", url, limit: *limit },
        ReadError::Failed(why) => GitError::Cache { path: url, why: why.clone() },
        ReadError::Missing | ReadError::Damaged(_) => {
            GitError::Damaged { id: id.to_string(), url, why: error.to_string() }
        }
    }
}

pub(super) fn object_id_of_tree(id: &TreeId) -> Result<gix::ObjectId, GitError> {
    gix::ObjectId::from_hex(id.as_str().as_bytes())
        .map_err(|_| GitError::WrongObject { id: id.to_string(), what: "no object id".into() })
}
