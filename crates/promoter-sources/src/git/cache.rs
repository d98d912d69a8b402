//! Signatures first.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use promoter_core::{CommitId, UnixSeconds};

use super::{Credentials, GitError, GitTree, RepoUrl};

/// The id of a tree object: 40 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreeId(pub(crate) String);

/// What one call may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// For one conversation with the server, from connecting to the last byte.
    pub deadline: Duration,
    /// Of one answer of the server.
    pub answer_bytes_max: u64,
    /// Of one file.
    pub file_bytes_max: u64,
    /// Of one directory.
    pub entries_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(60),
            answer_bytes_max: 2 << 30,
            file_bytes_max: 32 << 20,
            entries_max: 100_000,
        }
    }
}

/// The refs of a repository at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemoteRefs {
    /// Full ref name → commit (tags are peeled), for the prefixes that were asked for, and `HEAD`.
    pub tips: BTreeMap<String, CommitId>,
    /// The full name of the ref that `HEAD` points to: the default branch. Also for a repository without commits.
    pub default_branch: Option<String>,
}

/// Who did something, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Name.
    pub name: String,
    /// Mail address, without brackets.
    pub email: String,
    /// When.
    pub at: UnixSeconds,
    /// Offset from UTC in minutes, as the committer's clock had it.
    pub offset_minutes: i32,
}

/// A commit, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitInfo {
    /// Its id.
    pub id: CommitId,
    /// Its parents, in order.
    pub parents: Vec<CommitId>,
    /// Its tree.
    pub tree: TreeId,
    /// Who wrote it.
    pub author: Signature,
    /// Who committed it.
    pub committer: Signature,
    /// The whole message; invalid UTF-8 replaced.
    pub message: String,
}

/// One repository, read through its object cache. Cheap to clone; all clones share connections and cache.
#[derive(Debug, Clone)]
pub struct GitCache {
    inner: Arc<()>,
}

impl GitCache {
    /// Opens (or makes) the cache of one repository below `cache_root`. Talks to no server.
    pub fn open(
        cache_root: &Path,
        url: &RepoUrl,
        credentials: Credentials,
        limits: Limits,
    ) -> Result<Self, GitError> {
        let _ = (cache_root, url, credentials, limits);
        todo!("git cache")
    }

    /// The repository.
    pub fn url(&self) -> &RepoUrl {
        let _ = &self.inner;
        todo!("git cache")
    }

    /// Asks the server for the refs whose full names begin with one of the prefixes, and for `HEAD`. One conversation.
    pub fn ls_refs(&self, prefixes: &[&str]) -> Result<RemoteRefs, GitError> {
        let _ = prefixes;
        todo!("git cache")
    }

    /// Makes sure that the commits are here with all of their files; asks the server only for those that are not.
    pub fn ensure(&self, commits: &[CommitId]) -> Result<(), GitError> {
        let _ = commits;
        todo!("git cache")
    }

    /// Reads a commit, fetching it if need be.
    pub fn commit(&self, id: &CommitId) -> Result<CommitInfo, GitError> {
        let _ = id;
        todo!("git cache")
    }

    /// The files of a commit at and below the directory `sub` (`""` for all), fetching it if need be.
    ///
    /// Links are resolved inside that directory.
    pub fn tree(&self, commit: &CommitId, sub: &str) -> Result<GitTree, GitError> {
        let _ = (commit, sub);
        todo!("git cache")
    }

    /// The commit and its first parents, newest first, at most `max`; fetches history as it needs it.
    pub fn first_parent_log(&self, head: &CommitId, max: usize) -> Result<Vec<CommitInfo>, GitError> {
        let _ = (head, max);
        todo!("git cache")
    }

    /// True when `ancestor` is `descendant` or in its history; fetches history as it needs it.
    pub fn is_ancestor(&self, ancestor: &CommitId, descendant: &CommitId) -> Result<bool, GitError> {
        let _ = (ancestor, descendant);
        todo!("git cache")
    }

    /// The note on `on` in the notes commit `notes_head` (the tip of a ref like `refs/notes/hydrator.metadata`).
    pub fn note(&self, notes_head: &CommitId, on: &CommitId) -> Result<Option<String>, GitError> {
        let _ = (notes_head, on);
        todo!("git cache")
    }
}
