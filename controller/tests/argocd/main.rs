//! Argo CD's Applications: what their states are worth, and how they are read from a real API server.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod cluster;
mod job;
mod server;
mod table;
