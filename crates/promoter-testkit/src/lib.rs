//! What promoter's tests share: cases as files, servers on the loopback, installed tools. Knows no promoter words.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test kit fails the test that uses it; that is its way to report"
)]

mod chart;
pub mod git;
mod golden;
pub mod registry;
mod tools;
mod transcript;
mod web;

pub use chart::ChartArchive;
pub use golden::{golden, golden_text};
pub use tools::{Kustomize, on_small_disk, say_skipped, tool};
pub use transcript::{texts_below, words};
pub use web::{WebFault, WebServer};
