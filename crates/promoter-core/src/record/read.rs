//! Text to records.

use super::{Record, Records};
use crate::{Diagnosis, Place};

/// Why a file of the state branch is no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The path is none that promoter writes.
    #[error("`{0}` is no record of promoter")]
    Path(String),
    /// The text is no record of the kind that belongs there.
    #[error("{message}")]
    Content {
        /// Cause first, values in backticks.
        message: String,
        /// Where, on the state branch.
        at: Place,
    },
}

impl RecordError {
    /// The error as a person reads it.
    pub fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Path(path) => Diagnosis::input("record-path", self).at(Place::new(path, 0)),
            Self::Content { at, .. } => Diagnosis::input("record-content", self).at(at),
        }
    }
}

pub(super) fn read(path: &str, text: &str) -> Result<Record, RecordError> {
    let _ = text;
    Err(RecordError::Path(path.into()))
}

pub(super) fn put(records: &mut Records, path: &str, text: &str) {
    let _ = text;
    records.foreign.insert(path.into(), String::new());
}

pub(super) fn remove(records: &mut Records, path: &str) {
    records.foreign.remove(path);
}
