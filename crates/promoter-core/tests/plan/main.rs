//! Pipelines, records and plans: cases below testdata/, and laws that hold for random histories.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap or a panic is a failed test")]

mod cases;
mod check;
mod convergence;
mod files;
mod history;
mod laws;
mod policy;
mod random;
mod speed;
mod story;
