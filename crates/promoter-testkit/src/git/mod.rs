//! Real git for tests: repositories made by the git program, and its servers on the loopback.

mod daemon;
mod http;
mod line;
mod proxy;
mod repo;
mod ssh;
mod tls;

pub use daemon::GitDaemon;
pub use http::{Door, Fault, GitHttp};
pub use line::{Break, Line};
pub use proxy::Proxy;
pub use repo::{CommitBuilder, TestRepo};
pub use ssh::GitSsh;
pub use tls::{Authority, Identity};
