//! Why a text is no lock, or a lock that contradicts itself.

use crate::fields::{FieldError, Problem};
use crate::{Diagnosis, FreightError, FreightId, Place};

/// A value in a lock that no longer fits what it was computed from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stale {
    /// The id is not that of the artifacts.
    #[error("freight id `{locked}` does not fit the artifacts, whose id is `{used}`")]
    Id {
        /// As the lock says.
        locked: FreightId,
        /// As the artifacts say.
        used: FreightId,
        /// Where.
        at: Place,
    },
    /// The alias is not that of the artifacts' id.
    #[error("freight alias `{locked}` does not fit the artifacts, whose alias is `{used}`")]
    Alias {
        /// As the lock says.
        locked: String,
        /// As the artifacts say.
        used: String,
        /// Where.
        at: Place,
    },
}

impl Stale {
    /// Where the stale value stands.
    pub fn at(&self) -> &Place {
        match self {
            Self::Id { at, .. } | Self::Alias { at, .. } => at,
        }
    }
}

/// Why a text is no lock. Every variant knows its line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// No YAML, or YAML that promoter's own files do not use.
    #[error("the lockfile cannot be read: {message}")]
    Yaml {
        /// The reader's words.
        message: String,
        /// Where.
        at: Place,
    },
    /// No YAML, because somebody committed a merge conflict.
    #[error("the lockfile holds the marks of a merge conflict")]
    Conflict {
        /// The first of them.
        at: Place,
    },
    /// Not exactly one document.
    #[error("a lockfile holds one document, this one holds {count}")]
    Documents {
        /// How many.
        count: usize,
        /// Where: the second one, if any.
        at: Place,
    },
    /// Another `kind`.
    #[error("`kind` is `{found}`, a lockfile has `kind: PromotionLock`")]
    Kind {
        /// As written.
        found: String,
        /// Where.
        at: Place,
    },
    /// An `apiVersion` that this build does not read.
    #[error("`apiVersion` is `{found}`, this promoter reads `promoter.dev/v1alpha1`")]
    Version {
        /// As written.
        found: String,
        /// True when it looks like a later version of the format, false when it looks like a slip.
        newer: bool,
        /// Where.
        at: Place,
    },
    /// A field that the format does not have.
    #[error("field `{field}` is unknown")]
    UnknownField {
        /// With its parents: `render.sorce`.
        field: String,
        /// The field that was probably meant.
        near: Option<String>,
        /// The fields that the place knows.
        known: Vec<String>,
        /// Where.
        at: Place,
    },
    /// A field that must be there.
    #[error("field `{field}` is missing")]
    MissingField {
        /// With its parents.
        field: String,
        /// The mapping that lacks it.
        at: Place,
    },
    /// Another kind of value than the field takes.
    #[error("field `{field}` is {found}, it must be {wanted}")]
    Type {
        /// With its parents.
        field: String,
        /// What it takes.
        wanted: &'static str,
        /// What is there.
        found: &'static str,
        /// Where.
        at: Place,
    },
    /// A value that its type refuses.
    #[error("field `{field}`: {reason}")]
    Value {
        /// With its parents.
        field: String,
        /// The type's words.
        reason: String,
        /// Where.
        at: Place,
    },
    /// An image without a digest.
    #[error("image `{image}` of artifact `{name}` is not pinned by a digest")]
    UnpinnedImage {
        /// The artifact.
        name: String,
        /// The reference as written.
        image: String,
        /// Where.
        at: Place,
    },
    /// An artifact that is none of the kinds, or several at once.
    #[error("artifact `{name}` must have exactly one of `git`, `image`, `chart`")]
    ArtifactKind {
        /// The artifact.
        name: String,
        /// Where.
        at: Place,
    },
    /// Artifacts that make no freight.
    #[error("{reason}")]
    Freight {
        /// Why.
        reason: FreightError,
        /// Where.
        at: Place,
    },
    /// It contradicts itself.
    #[error(transparent)]
    Stale(Stale),
}

impl LockError {
    /// The error as a person reads it.
    pub fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Yaml { at, .. } => Diagnosis::input("lock-not-yaml", self).at(at),
            Self::Conflict { at } => Diagnosis::input("lock-not-yaml", self)
                .at(at)
                .hint(format!("keep one side whole, then run `promoter lock fmt {}`", at.path)),
            Self::Documents { at, .. } => Diagnosis::input("lock-not-one-document", self).at(at),
            Self::Kind { at, .. } => Diagnosis::input("lock-kind", self).at(at),
            Self::Version { newer: true, at, .. } => Diagnosis::input("lock-version", self)
                .at(at)
                .hint("the file is newer than this promoter: upgrade it, the plugin first"),
            Self::Version { newer: false, at, .. } => Diagnosis::input("lock-version", self)
                .at(at)
                .hint("probably a slip: set it to `promoter.dev/v1alpha1`"),
            Self::UnknownField { near, known, at, .. } => Diagnosis::input("lock-unknown-field", self)
                .at(at)
                .hint(unknown_field_hint(near.as_deref(), known)),
            Self::MissingField { at, .. } => Diagnosis::input("lock-missing-field", self).at(at),
            Self::Type { at, .. } => Diagnosis::input("lock-wrong-type", self).at(at),
            Self::Value { at, .. } => Diagnosis::input("lock-wrong-value", self).at(at),
            Self::UnpinnedImage { image, at, .. } => Diagnosis::input("lock-unpinned-image", self)
                .at(at)
                .hint(format!("write `{image}@sha256:…`, then run `promoter lock fmt {}`", at.path)),
            Self::ArtifactKind { at, .. } => Diagnosis::input("lock-artifact-kind", self).at(at),
            Self::Freight { at, .. } => Diagnosis::input("lock-freight", self).at(at),
            Self::Stale(stale) => Diagnosis::input("lock-stale", self)
                .at(stale.at())
                .hint(format!("run `promoter lock fmt {}` if the artifacts are right", stale.at().path)),
        }
    }
}

fn unknown_field_hint(near: Option<&str>, known: &[String]) -> String {
    match near {
        Some(near) => format!("probably a slip for `{near}`"),
        None => format!(
            "the fields here are `{}`; if a newer promoter wrote it, upgrade this one",
            known.join("`, `")
        ),
    }
}

impl From<FieldError> for LockError {
    fn from(FieldError { field, problem, at }: FieldError) -> Self {
        match problem {
            Problem::Unknown { near, known } => Self::UnknownField { field, near, known, at },
            Problem::Missing { .. } => Self::MissingField { field, at },
            Problem::Type { wanted, found } => Self::Type { field, wanted, found, at },
            Problem::Value { reason, .. } => Self::Value { field, reason, at },
        }
    }
}
