//! The Argo CD config management plugin of promoter: it answers a repository tree with pinned manifests, and writes
//! nothing but requests that it is told to keep, and spans where there is a collector for them.
//!
//! `Request → resolve lock → load sources → render → verify → Respond`; the middle is `promoter-render`. This crate
//! holds the two ends: the protocol of the plugin socket ([`cmp`]) and the world that a render may read from.

mod askpass;
pub mod cmp;
mod connection;
pub mod engine;
pub mod exec;
pub mod git_access;
pub mod otlp;
pub mod parameters;
pub mod phases;
pub mod place;
pub mod replay;
pub mod requests;
pub mod retry;
pub mod server;
pub mod stop;
mod world;
