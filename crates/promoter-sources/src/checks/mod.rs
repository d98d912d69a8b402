//! What checks ask of the world: HTTP servers, Prometheus, programs.
//!
//! Decides what one answer says. Leaves to the planner how often it is asked, how many answers count, and what a failure
//! means. Who cannot be asked at all (no file with a secret, no server of metrics) is waited for: only what was asked for
//! and is not there is a failure.

mod analysis;
mod applications;
mod command;
mod expectation;
mod http;
mod prometheus;
mod secrets;

pub use applications::{Applications, ApplicationsAsked, Reading};
pub use command::{CommandContext, Commands};
pub use expectation::{Expectation, ExpectationError};
pub use http::HttpChecker;
pub(crate) use http::innermost;
pub use secrets::Secrets;
