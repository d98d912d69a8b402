//! The only place that prints: results to stdout, one line per message to stderr.

use clap::ValueEnum;
use promoter_core::{Diagnosis, Fault, one_line};
use serde::Serialize;
use std::fmt::Display;
use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::process::ExitCode;

/// How a command ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It did what it was asked.
    Done,
    /// It was asked to check, and found something.
    Found,
    /// It was asked to check, and could not tell for a reason that its result names.
    Unknown(Fault),
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::SUCCESS,
            Outcome::Found => Self::from(1),
            Outcome::Unknown(fault) => fault.exit_code().into(),
        }
    }
}

/// The forms in which data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// For reading.
    #[default]
    Table,
    /// For programs; fields are only ever added.
    Json,
    /// The same data as YAML.
    Yaml,
}

/// Writes the result of a command to stdout. A reader that has seen enough (`| head`) is no failure.
pub(crate) fn result(text: &str) -> Result<(), Diagnosis> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Diagnosis::upstream("output-failed", format!("stdout cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a message to stderr, on one line.
pub(crate) fn say(message: &dyn Display) {
    let line = one_line(&message.to_string());
    // When stderr is gone there is nowhere left to tell.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// How far long work has come, on one line of a terminal that is written over; nothing where stderr is none.
pub(crate) struct Progress {
    what: &'static str,
    of: &'static str,
    total: usize,
    is_shown: bool,
}

impl Progress {
    /// `WHAT 3 of 20 OF`.
    pub(crate) fn new(what: &'static str, of: &'static str, total: usize) -> Self {
        Self { what, of, total, is_shown: total > 1 && std::io::stderr().is_terminal() }
    }

    /// Shows that so much is done.
    pub(crate) fn show(&self, done: usize) {
        if self.is_shown {
            let text = format!("\r{} {done} of {} {}", self.what, self.total, self.of);
            let _ = std::io::stderr().lock().write_all(text.as_bytes());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_shown {
            // Takes the line away.
            let _ = std::io::stderr().lock().write_all(b"\r\x1b[K");
        }
    }
}

/// A value as indented JSON, its fields in the order of the type.
pub(crate) fn json<T: Serialize>(value: &T) -> Result<String, Diagnosis> {
    let mut text = serde_json::to_string_pretty(value).map_err(|it| Diagnosis::bug("output-failed", it))?;
    text.push('\n');
    Ok(text)
}

/// A value as YAML, the same data as [`json`] gives.
pub(crate) fn yaml<T: Serialize>(value: &T) -> Result<String, Diagnosis> {
    let text = serde_json::to_string(value).map_err(|it| Diagnosis::bug("output-failed", it))?;
    let mut out = String::new();
    promoter_yaml::parse_json(&text, &promoter_yaml::Limits::default())
        .and_then(|node| promoter_yaml::emit_kustomize(&node, &mut out))
        .map_err(|it| Diagnosis::bug("output-failed", it))?;
    Ok(out)
}
