//! The one shape in which an error reaches a person: cause, place, hint, code, on one line.
//!
//! Decides who can mend a fault and what follows from that (exit code); the plugin maps it to gRPC codes. Leaves the
//! words to the error enums, which build a [`Diagnosis`] in one place each.

use crate::{UnixSeconds, one_line};
use std::fmt;

/// Who can mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A person edits something.
    Input,
    /// Time helps: something else did not answer as it should.
    Upstream,
    /// We mend it.
    Bug,
}

impl Fault {
    /// The exit code of a command that ends with this fault.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Input => 2,
            Self::Upstream => 3,
            Self::Bug => 70,
        }
    }
}

/// A file and, where known, a line (from 1; 0 means the file as a whole).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Path relative to the repository.
    pub path: String,
    /// Line from 1, or 0.
    pub line: u32,
}

impl Place {
    /// A line of a file.
    pub fn new(path: impl Into<String>, line: u32) -> Self {
        Self { path: path.into(), line }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.path),
            line => write!(f, "{}:{line}", self.path),
        }
    }
}

/// A fault as a person reads it. `Display` is the one line: `cause (place); hint: … [code]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// Stable name, a heading of docs/errors.md.
    pub code: &'static str,
    /// Who can mend it.
    pub fault: Fault,
    /// What is wrong, values in backticks, no full stop.
    pub cause: String,
    /// Where.
    pub at: Option<Place>,
    /// The next thing to type or do.
    pub hint: Option<String>,
    /// When to ask again, where the other side said so. Asking earlier is of no use to anyone.
    pub not_before: Option<UnixSeconds>,
}

impl Diagnosis {
    fn new(code: &'static str, fault: Fault, cause: impl fmt::Display) -> Self {
        Self { code, fault, cause: cause.to_string(), at: None, hint: None, not_before: None }
    }

    /// A fault that a person mends by editing.
    pub fn input(code: &'static str, cause: impl fmt::Display) -> Self {
        Self::new(code, Fault::Input, cause)
    }

    /// A fault that time mends.
    pub fn upstream(code: &'static str, cause: impl fmt::Display) -> Self {
        Self::new(code, Fault::Upstream, cause)
    }

    /// A fault of ours.
    pub fn bug(code: &'static str, cause: impl fmt::Display) -> Self {
        Self::new(code, Fault::Bug, cause)
    }

    /// The same with a place.
    #[must_use]
    pub fn at(mut self, place: impl Into<Place>) -> Self {
        self.at = Some(place.into());
        self
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with the time before which the other side wants to be left alone.
    #[must_use]
    pub fn not_before(mut self, time: UnixSeconds) -> Self {
        self.not_before = Some(time);
        self
    }
}

impl From<&Place> for Place {
    fn from(place: &Place) -> Self {
        place.clone()
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One line whatever the parts hold: they quote input and other programs' words.
        f.write_str(&one_line(&self.cause))?;
        if let Some(at) = &self.at {
            write!(f, " ({at})")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "; hint: {}", one_line(hint))?;
        }
        write!(f, " [{}]", self.code)
    }
}

impl std::error::Error for Diagnosis {}
