//! Reads git repositories: refs and objects over the wire, one object cache per repository on disk.
//!
//! Moves commits, trees and blobs from servers to values. Leaves every write to a repository to the controller. Owns
//! gix for reading: its object database and its pack reader; the conversation with servers is [`wire`]. Everything here
//! blocks, so asynchronous callers go through `spawn_blocking`.
//!
//! # The object cache
//!
//! `<root>/<hash of the URL>/` holds `url` (for people), `lock`, `current`, and generations `g-<n>/`, each a bare
//! repository that only grows. What holds, at any time, for any number of threads and processes:
//!
//! - **One per URL.** All pipelines and environments of a repository share it. A repository on this machine
//!   (`file://`) is read where it is and has none.
//! - **Whole, or known not to be.** In a whole generation a commit that is here is here with all of its files. A partial
//!   one (it holds a file `partial` from its first day to its last) is for repositories beyond a budget of bytes, on
//!   servers that can leave files out: commits are here with all of their directories and perhaps some files, and a file
//!   that is not here is fetched by its id when it is read, with those of its directory. So a missing file is damage in
//!   the one and ordinary in the other; nothing is guessed. A pack becomes visible by one rename after its checksum and
//!   the ids of its objects are proven, and our own objects are written bottom up.
//! - **Never believed.** Every object's id is computed when it is read. Damage, or an object that must be here and is
//!   not, makes a new generation, and what is needed is fetched again; readers of the old one are not disturbed.
//! - **Readers never wait** for what is here. They hold a shared lock on their generation (`in-use`), which keeps it from
//!   being removed. Writers take turns by an exclusive lock on `lock`. Both are the system's locks, which end with the
//!   process.
//! - **Nothing is promised too much.** `fetched` lists what may be offered to the server as present, with the points
//!   where histories end here. It is written after the objects, and a lost line costs a larger answer, nothing else. What
//!   is offered of a partial generation is offered only to a server that goes on leaving files out.
//! - **Bounded.** Beyond a number of packs or of bytes a new generation is started. Beyond a number of bytes below one
//!   root, whole caches go, the least recently used first (the time of `lock` is that of the last use): by one rename, so
//!   that a cache is there or not, and never one that a process has open or writes to.
//! - **Only what is read is read.** A path costs the directories on it and the file; nothing is unpacked.

mod bare;
mod cache;
mod credentials;
mod differ;
mod dot_git;
mod error;
mod fetch;
mod fill;
mod generation;
mod helper;
mod history;
mod ids;
mod keep;
mod local;
mod notes;
mod objects;
mod refs;
mod store;
mod stored;
mod sweep;
mod tags;
mod transport;
mod tree;
mod tree_entries;
mod types;
mod url;
pub mod wire;

pub use cache::GitCache;
pub use credentials::{Credentials, Secret, TOKEN_USERNAME, read_token};
pub use differ::{Counts, Paths};
pub use error::GitError;
pub use helper::CredentialHelper;
pub use objects::Kind as ObjectKind;
pub use tags::{TagInfo, TagRef};
pub use transport::Transport;
pub use tree::GitTree;
pub use tree_entries::{BadEntry, Entries as TreeEntries, Entry as TreeEntry, Mode as EntryMode};
pub use types::{CommitInfo, Limits, RemoteRefs, Signature, TreeId};
pub use url::{RepoUrl, Scheme};
