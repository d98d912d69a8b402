//! Reads git repositories: refs and objects over the wire, one object cache per repository on disk.
//!
//! Moves commits, trees and blobs from servers to values. Leaves every write to a repository to the controller. Owns the
//! gix crate for reading. Everything here blocks: asynchronous callers go through `spawn_blocking`.

mod cache;
mod credentials;
mod error;
mod tree;
mod url;

pub use cache::{CommitInfo, GitCache, Limits, RemoteRefs, Signature, TreeId};
pub use credentials::{Credentials, Secret};
pub use error::GitError;
pub use tree::GitTree;
pub use url::{RepoUrl, Scheme};
