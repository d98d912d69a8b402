//! Why a promoter.yaml is refused.

use crate::{Diagnosis, Place};

/// Why a promoter.yaml is refused. Each names its place and the next thing to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PipelineError {
    /// The text is no YAML that promoter reads.
    #[error("{message}")]
    Syntax {
        /// The reader's words.
        message: String,
        /// Where.
        at: Place,
    },
    /// A field that is unknown, missing, or holds what it may not.
    #[error("{message}")]
    Field {
        /// Cause first, values in backticks.
        message: String,
        /// The next thing to do.
        hint: String,
        /// Where.
        at: Place,
    },
    /// Every field is fine and together they make no sense.
    #[error("{message}")]
    Rules {
        /// Cause first, values in backticks.
        message: String,
        /// The next thing to do.
        hint: String,
        /// Where.
        at: Place,
    },
    /// Known to the format, and not built into this version.
    #[error("{what} is not supported by this version of promoter")]
    NotSupported {
        /// The field and its value.
        what: String,
        /// What to use instead.
        hint: String,
        /// Where.
        at: Place,
    },
}

impl PipelineError {
    /// The error as a person reads it.
    pub fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Syntax { at, .. } => Diagnosis::input("pipeline-syntax", self).at(at),
            Self::Field { at, hint, .. } => Diagnosis::input("pipeline-field", self).at(at).hint(hint),
            Self::Rules { at, hint, .. } => Diagnosis::input("pipeline-rules", self).at(at).hint(hint),
            Self::NotSupported { at, hint, .. } => {
                Diagnosis::input("pipeline-not-supported", self).at(at).hint(hint)
            }
        }
    }
}
