//! The controller against real bare repositories: what is on the branches after a story, a kill, a race, a fault.
//!
//! Time is a number that the tests move; nothing sleeps. Where the program itself is run, its pipeline has nothing to
//! wait for.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what fails here fails the test")]

mod analysis;
mod app;
mod branches;
mod broken;
mod charts;
mod checks;
mod discovery;
mod faults;
mod folders;
mod gather;
mod groups;
mod hands;
mod kill;
mod life;
mod peers;
mod policy;
mod program;
mod quiet;
mod reach;
mod rule;
mod signing;
mod story;
mod swap;
mod world;
