//! The words of a plan: the only place that says to people what happens and what does not.

use super::Plan;
use crate::{Name, UnixSeconds};
use std::fmt;

/// One thing that happens or does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it is about.
    pub subject: Subject,
    /// One line for people.
    pub text: String,
    /// When it is looked at again.
    pub look: Look,
}

/// What a line is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Discovery of freight.
    Freight,
    /// An environment.
    Environment(Name),
}

/// When something is looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// On every poll: something outside has to change.
    Poll,
    /// At a time, on every poll until then.
    At(UnixSeconds),
}

impl Look {
    /// The time, if it is known.
    pub fn time(self) -> Option<UnixSeconds> {
        match self {
            Self::Poll => None,
            Self::At(time) => Some(time),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Freight => f.write_str("freight"),
            Self::Environment(name) => name.fmt(f),
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.text)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.report {
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}
