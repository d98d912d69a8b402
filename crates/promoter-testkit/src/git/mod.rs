//! Real git for tests: repositories made by the git program, and its servers on the loopback.

mod daemon;
mod http;
mod repo;

pub use daemon::GitDaemon;
pub use http::{Fault, GitHttp};
pub use repo::{CommitBuilder, TestRepo};
