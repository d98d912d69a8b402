//! What a repository gives: refs, commits, the ids of trees; and what reading one may cost.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use promoter_core::{CommitId, UnixSeconds};

/// The id of a tree object: 40 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreeId(String);

impl TreeId {
    /// Takes 40 lower-case hexadecimal digits; `None` for anything else.
    pub fn from_hex(text: &str) -> Option<Self> {
        let fits = text.len() == 40 && text.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
        fits.then(|| Self(text.into()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TreeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What reading may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// For one conversation with the server, from connecting to the last byte.
    pub deadline: Duration,
    /// Of one answer of the server.
    pub answer_bytes_max: u64,
    /// Of one file, and of any other object.
    pub file_bytes_max: u64,
    /// Of all files read from one [`GitTree`](super::GitTree).
    pub tree_bytes_max: u64,
    /// How many refs a server may list.
    pub refs_max: usize,
    /// A new cache takes all files of its commits as long as this suffices; of larger repositories files come when they are
    /// read, if the server can.
    pub eager_bytes_max: u64,
    /// Of one repository's object cache. Soft: it is started anew some time after it grew beyond.
    pub cache_bytes_max: u64,
    /// Of all object caches below one root. Soft: the least recently used ones go, but none that a process has open.
    pub caches_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(60),
            answer_bytes_max: 2 << 30,
            file_bytes_max: 64 << 20,
            tree_bytes_max: 256 << 20,
            refs_max: 200_000,
            eager_bytes_max: 32 << 20,
            cache_bytes_max: 4 << 30,
            caches_bytes_max: 8 << 30,
        }
    }
}

/// The refs of a repository at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemoteRefs {
    /// Full ref name → commit (tags are peeled), for the prefixes that were asked for, and `HEAD`.
    pub tips: BTreeMap<String, CommitId>,
    /// Full ref name → tag object, of the refs that point to one. Their `tips` are what it leads to.
    pub tag_objects: BTreeMap<String, CommitId>,
    /// The full name of the ref that `HEAD` points to: the default branch. Also for a repository without commits,
    /// if the server tells.
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
    /// Offset from UTC in minutes, as the clock of the person had it.
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
    /// The whole message; what is no UTF-8 in it is replaced.
    pub message: String,
}
