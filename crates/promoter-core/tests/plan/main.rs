//! Pipelines, records and plans: cases below testdata/, and laws that hold for random histories.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap or a panic is a failed test")]

mod analysis;
mod cases;
mod check;
mod condition;
mod convergence;
mod discover;
mod docs;
mod files;
mod gates;
mod history;
mod job;
mod laws;
mod policy;
mod random;
mod signed;
mod speed;
mod story;
mod wall;
mod window;
