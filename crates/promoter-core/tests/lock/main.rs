//! Images, freight and locks: cases below testdata/ and laws that hold for random values.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod freight;
mod image;
mod laws;
mod text;
