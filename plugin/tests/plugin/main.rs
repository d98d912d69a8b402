//! The plugin as a process: behind its socket, and behind the stock server.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what fails here fails a test")]

mod argocd_errors;
mod charts;
mod collector;
mod common;
mod exec;
mod folders;
mod grpc_go;
mod history;
mod otlp;
mod requests;
mod retries;
mod serve;
