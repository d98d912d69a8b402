//! One repository, read: decides what has to be asked of the server, and mends the object cache when it is damaged.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use promoter_core::CommitId;

use super::fetch::{self, Want};
use super::local::Local;
use super::objects::{Kind, Object, Objects, ReadError, object_id, parse_commit};
use super::store::{Known, Store, WriteLock};
use super::wire::Remote;
use super::{CommitInfo, Credentials, GitError, GitTree, Limits, RemoteRefs, RepoUrl, TreeId, notes};

/// One repository, read through its object cache. Cheap to clone; all clones share it.
#[derive(Debug, Clone)]
pub struct GitCache {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    remote: Remote,
    place: Place,
}

/// Where the objects are.
#[derive(Debug)]
enum Place {
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
        let place = match url.local_path() {
            Some(path) => Place::Local(Local::open(&path, url, &limits)?),
            None => Place::Cached(Store::open(cache_root, url, &limits)?),
        };
        let remote = Remote { url: url.clone(), credentials, limits };
        Ok(Self { inner: Arc::new(Inner { remote, place }) })
    }

    /// The repository, and what it takes to talk to it.
    pub fn remote(&self) -> &Remote {
        &self.inner.remote
    }

    /// Asks for the refs whose full names begin with one of the prefixes, and for `HEAD`. One conversation; none for a
    /// repository on this machine.
    pub fn ls_refs(&self, prefixes: &[&str]) -> Result<RemoteRefs, GitError> {
        match &self.inner.place {
            Place::Cached(_) => fetch::ls_refs(&self.inner.remote, prefixes),
            Place::Local(local) => local.refs(prefixes),
        }
    }

    /// Makes sure that the commits are here with all of their files; asks the server only for those that are not.
    pub fn ensure(&self, commits: &[CommitId]) -> Result<(), GitError> {
        self.fetch_missing(commits, Some(1))
    }

    /// Reads a commit, fetching it if need be.
    pub fn commit(&self, id: &CommitId) -> Result<CommitInfo, GitError> {
        self.ensure(std::slice::from_ref(id))?;
        let object = self.object(&object_id(id)?, id)?;
        self.as_commit(id, &object)
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

    /// Takes the objects of commits that the server has by now, so that they need not be fetched.
    ///
    /// To be given in an order in which each object comes after those that it names. Takes nothing when something that
    /// they name is not here, and for a repository on this machine, which has them.
    pub fn keep(&self, commits: &[CommitId], objects: &[(Kind, Vec<u8>)]) -> Result<(), GitError> {
        let Place::Cached(store) = &self.inner.place else {
            return Ok(());
        };
        let failed = |it: gix::Error| store.failed(&io::Error::other(it.to_string()));
        let lock = store.lock()?;
        let generation = store.current();
        if !generation.objects.completes(objects).map_err(failed)? {
            return Ok(());
        }
        for (kind, bytes) in objects {
            generation.put(*kind, bytes).map_err(failed)?;
        }
        let absent = self.missing(commits)?;
        let mut known = generation.known();
        for commit in commits.iter().filter(|it| !absent.contains(it)) {
            known.haves.push(commit.clone());
            known.boundaries.insert(commit.clone());
        }
        generation.set_known(&known, &lock).map_err(|it| store.failed(&it))
    }

    /// The commit if it is here; asks no server.
    pub(super) fn commit_here(&self, id: &CommitId) -> Result<Option<CommitInfo>, GitError> {
        match self.objects().read(&object_id(id)?) {
            Ok(object) => self.as_commit(id, &object).map(Some),
            Err(ReadError::Missing) => Ok(None),
            Err(_) => self.commit(id).map(Some),
        }
    }

    /// Fetches so many commits of the history of `head` (all for `None`), whether or not some are here.
    pub(super) fn deepen(&self, head: &CommitId, depth: Option<u32>) -> Result<(), GitError> {
        match &self.inner.place {
            Place::Cached(store) => {
                let lock = store.lock()?;
                self.fetch(store, &lock, vec![head.clone()], depth)
            }
            Place::Local(_) => Ok(()),
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
        let objects = self.objects();
        let error = match objects.read(id) {
            Ok(object) => return Ok(object),
            Err(error) => error,
        };
        let mended = match (&error, &self.inner.place) {
            (ReadError::Missing | ReadError::Damaged(_), Place::Cached(store)) => {
                tracing::warn!(url = %self.inner.remote.url, object = %id, %error, "object cache is damaged, starting a new one");
                let lock = store.lock()?;
                store.leave(&objects, &lock)?;
                drop(lock);
                self.ensure(std::slice::from_ref(commit))?;
                self.objects().read(id)
            }
            _ => Err(error),
        };
        mended.map_err(|it| read_error(&self.inner.remote, id, &it))
    }

    fn objects(&self) -> Arc<Objects> {
        match &self.inner.place {
            Place::Cached(store) => store.current().objects.clone(),
            Place::Local(local) => local.objects(),
        }
    }

    fn as_commit(&self, id: &CommitId, object: &Object) -> Result<CommitInfo, GitError> {
        let wrong = |what: String| GitError::WrongObject { id: id.to_string(), what };
        if object.kind != Kind::Commit {
            return Err(wrong(format!("a {}", object.kind)));
        }
        parse_commit(id, &object.bytes)
            .ok_or_else(|| wrong("a commit that is not made as git makes them".into()))
    }

    fn fetch_missing(&self, commits: &[CommitId], depth: Option<u32>) -> Result<(), GitError> {
        let missing = self.missing(commits)?;
        let Some(first) = missing.first() else {
            return Ok(());
        };
        match &self.inner.place {
            Place::Local(_) => Err(GitError::NoCommit {
                commit: first.clone(),
                url: self.inner.remote.url.to_string(),
                answer: "the repository does not have it".into(),
            }),
            Place::Cached(store) => {
                let lock = store.lock()?;
                store.make_room(&lock)?;
                // Another process may have brought them while we waited.
                match self.missing(commits)? {
                    missing if missing.is_empty() => Ok(()),
                    missing => self.fetch(store, &lock, missing, depth),
                }
            }
        }
    }

    fn missing(&self, commits: &[CommitId]) -> Result<Vec<CommitId>, GitError> {
        let objects = self.objects();
        let mut missing = BTreeSet::new();
        for commit in commits {
            if !objects.contains(&object_id(commit)?) {
                missing.insert(commit.clone());
            }
        }
        Ok(missing.into_iter().collect())
    }

    fn fetch(
        &self,
        store: &Store,
        lock: &WriteLock,
        commits: Vec<CommitId>,
        depth: Option<u32>,
    ) -> Result<(), GitError> {
        let known = store.current().known();
        let offered = !known.haves.is_empty();
        let whole = self.missing(&known.haves)?.is_empty();
        let mut want = Want { commits, depth, known };
        if whole {
            match self.fetch_once(store, lock, &want) {
                // What we offered as present may be damaged: the answer builds on it and cannot be taken.
                Err(Failed::Unfit(_)) if offered => {}
                result => return result.map_err(Failed::into_error),
            }
        }
        tracing::warn!(url = %self.inner.remote.url, "object cache is damaged, starting a new one");
        store.start_anew(lock)?;
        want.known = Known::default();
        self.fetch_once(store, lock, &want).map_err(Failed::into_error)
    }

    fn fetch_once(&self, store: &Store, lock: &WriteLock, want: &Want) -> Result<(), Failed> {
        let remote = &self.inner.remote;
        let generation = store.current();
        let mut broken = None;
        let take = |pack: &mut dyn Read| {
            let taken = generation.take_pack(pack, &remote.limits, lock);
            taken.map_err(|error| {
                let error = pack_error(remote, store, &error);
                broken = Some(error.clone());
                error
            })
        };
        let moved = match fetch::fetch(remote, want, take) {
            Ok(moved) => moved,
            // A pack that came whole but does not fit; a connection that broke on the way is another error.
            Err(error @ GitError::Unreachable { .. }) if broken.as_ref() == Some(&error) => {
                return Err(Failed::Unfit(error));
            }
            Err(error) => return Err(Failed::Otherwise(error)),
        };
        if let Some(commit) = self.missing(&want.commits).map_err(Failed::Otherwise)?.first() {
            return Err(Failed::Unfit(
                remote.unreachable(format!("its answer does not hold commit `{commit}`")),
            ));
        }
        let mut known = want.known.clone();
        known.haves.retain(|it| !want.commits.contains(it));
        known.haves.extend_from_slice(&want.commits);
        known.boundaries.retain(|it| !moved.uncut.contains(it));
        known.boundaries.extend(moved.cut);
        generation.set_known(&known, lock).map_err(|it| Failed::Otherwise(store.failed(&it)))
    }
}

/// Why a fetch failed, as far as it matters for trying once more with an empty cache.
enum Failed {
    /// The answer does not fit to what is here.
    Unfit(GitError),
    Otherwise(GitError),
}

impl Failed {
    fn into_error(self) -> GitError {
        match self {
            Self::Unfit(error) | Self::Otherwise(error) => error,
        }
    }
}

/// A pack that could not be taken: the disk's fault, or the server's.
fn pack_error(remote: &Remote, store: &Store, error: &gix::Error) -> GitError {
    let cause = error.probable_cause().to_string();
    if error.is_resource_exhausted() {
        return GitError::TooLarge {
            what: "an object",
            url: remote.url.to_string(),
            limit: remote.limits.answer_bytes_max,
        };
    }
    match error.downcast_any_ref::<io::Error>() {
        Some(it)
            if !matches!(
                it.kind(),
                io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::Other
            ) =>
        {
            store.failed(&io::Error::other(cause))
        }
        _ => remote.unreachable(format!("it sends a broken pack: {cause}")),
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
