//! The listener over real sockets: who is let in, what clients may cost, what the loop makes of news, and what is told of it.
//!
//! Nothing sleeps: limits are arguments, and what is waited for is waited for by name.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails here fails the test")]

mod bounds;
mod client;
mod news;
mod open_metrics;
mod probes;
mod receivers;
mod stage;
