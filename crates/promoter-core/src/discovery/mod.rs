//! What registries and repositories say of the artifacts that a subscription may give.
//!
//! Values only: who asks, how often and over which wire is the business of the sources and of the controller.

mod facts;

pub use facts::{ImageFacts, Platform, PlatformFacts, Provenance};
