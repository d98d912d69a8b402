//! Messages and stubs of the services, made from plugin/proto and checked in, so that no build needs a protobuf compiler.
//!
//! To make them again: a crate that depends on `protox` and `tonic-prost-build`, whose `main` hands
//! `protox::compile(["plugin.proto", "askpass.proto"], ["plugin/proto"])` to
//! `tonic_prost_build::configure().bytes(".plugin.File.chunk").btree_map(".repository.ParameterAnnouncement.map").compile_fds(…)`.

#[rustfmt::skip]
pub mod askpass;
#[rustfmt::skip]
pub mod plugin;
#[rustfmt::skip]
pub mod repository;
