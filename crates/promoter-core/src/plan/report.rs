//! The words of a plan as people read them, in logs, on the command line, on pages and in tests.

use super::Plan;
use crate::{Name, UnixSeconds};
use std::fmt;

/// One thing that happens or does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it is about.
    pub subject: Subject,
    /// Whether it moves.
    pub kind: Kind,
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
    /// A subscription, and what was found of it.
    Subscription(Name),
    /// An environment.
    Environment(Name),
}

/// Whether something moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What is there now.
    Is,
    /// The plan holds an action for it.
    Moves,
    /// It goes on when time passes, something is read, or a person acts.
    Waits,
    /// Nothing is left to do.
    Stays,
}

impl Kind {
    /// One word, for tables and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Is => "is",
            Self::Moves => "moves",
            Self::Waits => "waits",
            Self::Stays => "stays",
        }
    }
}

/// When something is looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// On every poll: something outside has to change.
    Poll,
    /// At a time, and on every poll until then.
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
            Self::Subscription(name) => write!(f, "subscription {name}"),
            Self::Environment(name) => name.fmt(f),
        }
    }
}

impl fmt::Display for Line {
    /// One line whatever the parts hold: they quote what people and other programs wrote.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.subject)?;
        self.text.split_whitespace().try_for_each(|word| write!(f, " {word}"))
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.report {
            writeln!(f, "{line}")?;
        }
        match self.wake_at() {
            Some(time) => writeln!(f, "next look: {time}"),
            None => writeln!(f, "next look: on the next poll"),
        }
    }
}
