//! Kubernetes: what the states of Argo CD's Applications are worth, how they are read from a real API server, Jobs and the Lease.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod cluster;
mod job;
mod lease;
mod server;
mod table;
