//! Why a text is no lock, or a lock that contradicts itself.

use crate::{Diagnosis, FreightId, Place};

/// A value in a lock that no longer fits what it was computed from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stale {
    /// The id is not that of the artifacts.
    #[error("freight id `{locked}` does not fit the artifacts, whose id is `{used}`")]
    Id {
        /// As the lock says; empty when it says nothing.
        locked: String,
        /// As the artifacts say.
        used: FreightId,
        /// Where.
        at: Place,
    },
    /// The alias is not that of the id.
    #[error("freight alias `{locked}` does not fit the id, whose alias is `{used}`")]
    Alias {
        /// As the lock says.
        locked: String,
        /// As the id says.
        used: String,
        /// Where.
        at: Place,
    },
}

/// Why a text is no lock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// It contradicts itself.
    #[error(transparent)]
    Stale(Stale),
}

impl LockError {
    /// The error as a person reads it.
    pub fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Stale(Stale::Id { at, .. } | Stale::Alias { at, .. }) => {
                Diagnosis::input("lock-stale", self)
                    .at(at)
                    .hint(format!("run `promoter lock fmt {}`", at.path))
            }
        }
    }
}
