//! What subscriptions choose, and what ranges of versions accept.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap or a panic is a failed test")]

mod cases;
mod laws;
mod range;
