//! Why a story cannot be played.

use crate::fields::is_slip;
use crate::sim::rules::Broken;
use crate::{Diagnosis, Place};

/// What is wrong with one command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Slip {
    /// There is no such command.
    #[error("`{0}` is no command of a story")]
    Command(String),
    /// A word of it makes no sense.
    #[error("{message}")]
    Word {
        /// Cause first, values in backticks.
        message: String,
        /// The next thing to do.
        hint: String,
    },
    /// The command was played, and a rule that always holds did not.
    #[error("{0}")]
    Rule(Broken),
}

impl Slip {
    /// A word that makes no sense.
    pub(super) fn word(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Word { message: message.into(), hint: hint.into() }
    }
}

impl From<Broken> for Slip {
    fn from(broken: Broken) -> Self {
        Self::Rule(broken)
    }
}

/// Why a story cannot be played.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoryError {
    /// It is not one promoter.yaml and commands.
    #[error("a story is one promoter.yaml, a line `---`, and commands")]
    Form {
        /// Where.
        at: Place,
    },
    /// Its promoter.yaml is none.
    #[error("{}", .0.cause)]
    Pipeline(Box<Diagnosis>),
    /// A command.
    #[error("{slip}")]
    Line {
        /// What is wrong with it.
        slip: Slip,
        /// Where.
        at: Place,
    },
}

impl StoryError {
    /// The error as a person reads it.
    pub fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Form { at } => Diagnosis::input("story-form", self)
                .at(at)
                .hint("`promoter simulate --help` shows one; docs/stories.md has many"),
            Self::Pipeline(diagnosis) => (**diagnosis).clone(),
            Self::Line { slip: Slip::Command(word), at } => {
                Diagnosis::input("story-command", self).at(at).hint(near(word))
            }
            Self::Line { slip: Slip::Word { hint, .. }, at } => {
                Diagnosis::input("story-word", self).at(at).hint(hint)
            }
            Self::Line { slip: Slip::Rule(_), at } => Diagnosis::bug("story-rule", self)
                .at(at)
                .hint("please report the story: this must not happen"),
        }
    }
}

fn near(word: &str) -> String {
    let names = || super::COMMANDS.iter().map(|it| it.name);
    match names().find(|it| is_slip(word, it)) {
        Some(near) => format!("did you mean `{near}`"),
        None => format!("there are {}", names().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ")),
    }
}
