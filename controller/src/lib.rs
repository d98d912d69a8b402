//! The controller of promoter: observe, plan, apply. The only part that writes to a repository.

pub mod apply;
pub mod check;
pub mod discover;
pub mod image_signatures;
pub mod lease;
pub mod listen;
pub mod observe;
pub mod options;
pub mod parallel;
mod parts;
pub mod pass;
pub mod people;
pub mod repository;
pub mod run;
mod runtime;
pub mod settings;
pub mod shard;
pub mod signal;
pub mod signatures;
pub mod watch;
