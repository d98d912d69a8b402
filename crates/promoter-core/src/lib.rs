//! Everything that decides: freight, locks, pipelines, gates, observation and plan. Pure: no clock, disk or network.

mod diagnosis;
mod id;

pub use diagnosis::{Diagnosis, Fault, Place};
pub use id::{CommitId, Digest, Name, NotA, UnixSeconds};
