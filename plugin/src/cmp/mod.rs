//! The config management plugin protocol of Argo CD: one gRPC service on a unix socket.
//!
//! `wire` makes stock grpc-go clients acceptable to h2, `service` speaks the protocol, `archive` holds a request's tree
//! in memory, `environment` reads its variables, `limit` bounds how much runs at once, `report` logs one line for each
//! request, and `client` is the other end.

pub mod archive;
pub mod client;
pub mod environment;
#[expect(
    missing_docs,
    unreachable_pub,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    reason = "made by a generator"
)]
mod generated;
pub(crate) mod hearing;
mod hpack;
pub(crate) mod limit;
pub(crate) mod report;
pub mod service;
pub(crate) mod trace;
mod untar;
pub(crate) mod wire;

pub(crate) use generated::{askpass as askpass_proto, plugin as proto, repository};
