//! Why a render is refused: one enum for each step of the street, each with the way in which a person reads it.

mod pins;
mod source;
mod verify;

use promoter_core::Diagnosis;

pub use pins::PinsError;
pub use source::{SourceError, build_diagnosis, build_error};
pub use verify::VerifyError;

/// Why no manifests come out, by the step that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// `resolve`: the lock.
    #[error(transparent)]
    Pins(#[from] PinsError),
    /// `load` and `render`: the source.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// `verify` and `serve`: the result.
    #[error(transparent)]
    Verify(#[from] VerifyError),
}

impl RenderError {
    /// The error as a person reads it.
    pub fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Pins(error) => error.diagnosis(),
            Self::Source(error) => error.diagnosis(),
            Self::Verify(error) => error.diagnosis(),
        }
    }
}

/// The root of a tree is `.` in messages.
fn shown_path(path: &str) -> &str {
    if path.is_empty() { "." } else { path }
}
