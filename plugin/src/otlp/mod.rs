//! Spans of requests, sent to a collector of OpenTelemetry by OTLP over gRPC, as the stock server does.
//!
//! `options` reads what the stock server's options say, `spans` tells a finished request as spans, `exporter` brings them
//! to the collector in the background, `ledger` counts what is lost on the way. Nothing here may cost a request time or
//! its answer. What a request was about is `cmp::report`'s, how long it took that of its clock.

mod exporter;
mod ledger;
mod options;
mod spans;

pub(crate) use exporter::Exporter;
pub use options::{OtlpError, OtlpOptions};
pub(crate) use spans::spans;
