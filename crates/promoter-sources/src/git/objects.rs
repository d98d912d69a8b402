//! Reads objects from a directory of git objects, and trusts none of them before its id is proven.
//!
//! Moves loose and packed objects to values; safe for many threads. Owns gix's object database. Leaves to
//! [`super::store`] where the directory comes from and what happens when it is damaged.

use std::any::Any;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use gix::ObjectId;
use gix::hash::Kind as HashKind;
use gix::objs::Find as _;
use gix::odb::store::init::{Options, Slots};
use gix::odb::{HandleArc, Store};
use promoter_core::{CommitId, UnixSeconds};

use super::{CommitInfo, GitError, Signature, TreeId};

pub use gix::objs::Kind;

/// How many packs one object database can hold; [`super::store`] starts a new one long before.
const PACKS_MAX: u16 = 4_096;

/// An object whose bytes are what its id says.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) kind: Kind,
    pub(super) bytes: Vec<u8>,
}

/// Why an object could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ReadError {
    #[error("it is not there")]
    Missing,
    #[error("it is larger than {0} bytes")]
    TooLarge(u64),
    #[error("{0}")]
    Damaged(String),
    #[error("{0}")]
    Failed(String),
}

/// A directory of objects, open.
pub(super) struct Objects {
    store: Arc<Store>,
    bytes_max: u64,
    /// Handles belong to one thread at a time; making one costs more than lending it.
    idle: Mutex<Vec<HandleArc>>,
    /// What has to live as long as the directory is read: a lock on it, or the directory itself.
    _guard: Box<dyn Any + Send + Sync>,
}

impl std::fmt::Debug for Objects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Objects").field("path", &self.store.path()).finish_non_exhaustive()
    }
}

impl Objects {
    /// Opens the directory (`…/objects`). Objects larger than `bytes_max` are refused before they take memory.
    /// The guard lives as long as the directory is read.
    pub(super) fn open(directory: &Path, bytes_max: u64, guard: impl Any + Send + Sync) -> io::Result<Self> {
        let options = Options {
            slots: Slots::Given(PACKS_MAX),
            use_multi_pack_index: false,
            alloc_limit_bytes: usize::try_from(bytes_max).ok(),
            current_dir: Some(directory.to_owned()),
            ..Options::default()
        };
        let store = Store::at_opts(directory.to_owned(), HashKind::Sha1, &mut std::iter::empty(), options)?;
        Ok(Self { store: Arc::new(store), bytes_max, idle: Mutex::default(), _guard: Box::new(guard) })
    }

    /// The directory.
    pub(super) fn path(&self) -> &Path {
        self.store.path()
    }

    /// A handle of its own, for gix's functions that want one.
    pub(super) fn handle(&self) -> HandleArc {
        self.store.to_cache_arc()
    }

    /// True when the object is there; looks at the directory again before it says no.
    pub(super) fn contains(&self, id: &ObjectId) -> bool {
        use gix::objs::Exists as _;
        self.with_handle(|handle| handle.exists(id))
    }

    /// Those that are not there. Looks at the directory again once for all of them.
    pub(super) fn absent(&self, ids: &[ObjectId]) -> Vec<ObjectId> {
        use gix::objs::Exists as _;
        let mut handle = self.handle();
        let mut absent = Vec::new();
        for id in ids {
            if !handle.exists(id) {
                handle.refresh_never();
                absent.push(*id);
            }
        }
        absent
    }

    /// Reads an object and proves its id.
    pub(super) fn read(&self, id: &ObjectId) -> Result<Object, ReadError> {
        let mut bytes = Vec::new();
        let kind = self.with_handle(|handle| match handle.try_find(id, &mut bytes) {
            Ok(Some(found)) => Ok(found.kind),
            Ok(None) => Err(ReadError::Missing),
            Err(error) => Err(self.explain(&error)),
        })?;
        match gix::objs::compute_hash(HashKind::Sha1, kind, &bytes) {
            Ok(found) if found == *id => Ok(Object { kind, bytes }),
            _ => Err(ReadError::Damaged("its content has another id".into())),
        }
    }

    /// Reads an object that must be of one kind.
    pub(super) fn read_kind(&self, id: &ObjectId, wanted: Kind) -> Result<Vec<u8>, ReadError> {
        let object = self.read(id)?;
        if object.kind == wanted {
            Ok(object.bytes)
        } else {
            Err(ReadError::Damaged(format!("it is a {}, a {wanted} was wanted", object.kind)))
        }
    }

    fn with_handle<T>(&self, work: impl FnOnce(&HandleArc) -> T) -> T {
        let lent = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let handle = lent.unwrap_or_else(|| self.handle());
        let result = work(&handle);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(handle);
        result
    }

    /// Tells damage, which a new copy mends, from a machine that cannot read at the moment.
    fn explain(&self, error: &gix::Error) -> ReadError {
        use io::ErrorKind::{InvalidData, InvalidInput, NotFound, Other, UnexpectedEof};
        if error.is_resource_exhausted() {
            return ReadError::TooLarge(self.bytes_max);
        }
        let cause = error.probable_cause().to_string();
        match error.downcast_any_ref::<io::Error>().map(io::Error::kind) {
            None | Some(InvalidData | InvalidInput | NotFound | Other | UnexpectedEof) => {
                ReadError::Damaged(cause)
            }
            Some(_) => ReadError::Failed(cause),
        }
    }
}

/// The id as gix has it. Only SHA-1 repositories are read.
pub(super) fn object_id(id: &CommitId) -> Result<ObjectId, GitError> {
    match ObjectId::from_hex(id.as_str().as_bytes()) {
        Ok(found) if found.kind() == HashKind::Sha1 => Ok(found),
        _ => Err(GitError::WrongObject {
            id: id.to_string(),
            what: "an id of a SHA-256 repository, which is not supported".into(),
        }),
    }
}

/// The id as promoter has it.
pub(super) fn commit_id(id: &gix::oid) -> Option<CommitId> {
    id.to_hex().to_string().parse().ok()
}

/// Reads the text of a commit. `None` when it is not made as git makes them.
///
/// Source: git-cat-file(1), "commit"; the headers that are not named here (signatures, encodings) are passed over.
pub(super) fn parse_commit(id: &CommitId, bytes: &[u8]) -> Option<CommitInfo> {
    let text = String::from_utf8_lossy(bytes);
    let (head, message) = text.split_once("\n\n").unwrap_or((&text, ""));
    let (mut tree, mut author, mut committer) = (None, None, None);
    let mut parents = Vec::new();
    for line in head.lines() {
        match line.split_once(' ') {
            Some(("tree", id)) if tree.is_none() => tree = Some(TreeId::from_hex(id)?),
            Some(("parent", id)) => parents.push(id.parse().ok()?),
            Some(("author", text)) if author.is_none() => author = Some(parse_signature(text)?),
            Some(("committer", text)) if committer.is_none() => committer = Some(parse_signature(text)?),
            _ => {}
        }
    }
    Some(CommitInfo {
        id: id.clone(),
        parents,
        tree: tree?,
        author: author?,
        committer: committer?,
        message: message.into(),
    })
}

/// Reads who made a tag, and its message, out of the text of a tag object. Source: git-mktag(1).
pub(super) fn parse_tag(bytes: &[u8]) -> (Option<Signature>, String) {
    let text = String::from_utf8_lossy(bytes);
    let (head, message) = text.split_once("\n\n").unwrap_or((&text, ""));
    let tagger = head.lines().find_map(|it| it.strip_prefix("tagger ")).and_then(parse_signature);
    (tagger, message.to_owned())
}

/// Reads `Name <mail> 1700000000 +0100`.
fn parse_signature(text: &str) -> Option<Signature> {
    let (name, rest) = text.split_once('<')?;
    let (email, time) = rest.rsplit_once('>')?;
    let mut words = time.split_whitespace();
    let at = UnixSeconds(words.next().and_then(|it| it.parse().ok()).unwrap_or(0));
    let offset: i32 = words.next().and_then(|it| it.parse().ok()).unwrap_or(0);
    let offset_minutes = offset / 100 * 60 + offset % 100;
    Some(Signature { name: name.trim().into(), email: email.into(), at, offset_minutes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_are_read_as_git_writes_them() {
        let tree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
        let parent = "ce013625030ba8dba906f756967f9e9ca394464a";
        let text = format!(
            "tree {tree}\nparent {parent}\nauthor Ada L <ada@example.com> 1700000000 +0130\n\
             committer Bot <bot@example.com> 1700000060 -0200\ngpgsig -----BEGIN\n parent x\n -----END\n\nSubject\n\nBody\n"
        );
        let id: CommitId = "0000000000000000000000000000000000000001".parse().unwrap();
        let commit = parse_commit(&id, text.as_bytes()).unwrap();
        assert_eq!(commit.parents, [parent.parse().unwrap()]);
        assert_eq!(commit.tree.as_str(), tree);
        assert_eq!((commit.author.name.as_str(), commit.author.offset_minutes), ("Ada L", 90));
        assert_eq!(
            (commit.committer.at, commit.committer.offset_minutes),
            (UnixSeconds(1_700_000_060), -120)
        );
        assert_eq!(commit.message, "Subject\n\nBody\n");
        assert_eq!(parse_commit(&id, b"tree x\n"), None);
    }
}
