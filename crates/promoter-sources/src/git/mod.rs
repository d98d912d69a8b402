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
//! - **Whole or not at all.** A commit that is here is here with all of its files: a pack becomes visible by one rename
//!   after its checksum and the ids of its objects are proven, and our own objects are written bottom up.
//! - **Never believed.** Every object's id is computed when it is read. Damage, or a missing object, makes a new
//!   generation, and what is needed is fetched again; readers of the old one are not disturbed.
//! - **Readers never wait.** They hold a shared lock on their generation (`in-use`), which keeps it from being removed.
//!   Writers take turns by an exclusive lock on `lock`. Both are the system's locks, which end with the process.
//! - **Nothing is promised too much.** `fetched` lists what may be offered to the server as present, with the points
//!   where histories end here. It is written after the objects, and a lost line costs a larger answer, nothing else.
//! - **Bounded.** Beyond a number of packs or of bytes a new generation is started.

mod cache;
mod credentials;
mod dot_git;
mod error;
mod fetch;
mod fill;
mod history;
mod ids;
mod keep;
mod local;
mod notes;
mod objects;
mod store;
mod stored;
mod tree;
mod tree_entries;
mod types;
mod url;
pub mod wire;

pub use cache::GitCache;
pub use credentials::{Credentials, Secret};
pub use error::GitError;
pub use objects::Kind as ObjectKind;
pub use tree::GitTree;
pub use tree_entries::{BadEntry, Entries as TreeEntries, Entry as TreeEntry, Mode as EntryMode};
pub use types::{CommitInfo, Limits, RemoteRefs, Signature, TreeId};
pub use url::{RepoUrl, Scheme};
