//! Why manifests are no answer.

use promoter_core::{Diagnosis, Digest, Place};
use promoter_yaml::YamlError;

use super::shown_path;

/// Why manifests are no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// A document that is no mapping.
    #[error("a manifest is {found} and no object")]
    NotAnObject {
        /// What it is.
        found: &'static str,
        /// Where.
        at: Place,
    },
    /// An object without a field that every object has.
    #[error("the manifest of `{object}` has no `{field}`")]
    Incomplete {
        /// What is known of it.
        object: String,
        /// The field.
        field: &'static str,
        /// Where.
        at: Place,
    },
    /// Two objects of one group, kind, namespace and name.
    #[error("`{object}` is there twice{}", first_at(.first.as_ref()))]
    ObjectTwice {
        /// The object.
        object: String,
        /// Where the first one stands.
        first: Option<Place>,
        /// Where the second one stands.
        at: Place,
    },
    /// Nothing came out.
    #[error("the render of `{}` is empty", shown_path(.source_path))]
    Empty {
        /// The directory or file.
        source_path: String,
    },
    /// A Secret with data would be written to a branch.
    #[error("`{object}` has data and would be readable on the environment's branch")]
    Secret {
        /// The object.
        object: String,
        /// Its name for `allowSecrets`.
        name: String,
        /// Where.
        at: Place,
    },
    /// An object that cannot be written.
    #[error("`{object}` cannot be written: {}", .error.message)]
    Unwritable {
        /// The object.
        object: String,
        /// Why.
        error: YamlError,
    },
    /// More objects than allowed.
    #[error("the render has {count} objects, more than {max}")]
    TooManyObjects {
        /// How many.
        count: usize,
        /// The limit.
        max: usize,
    },
    /// More output than allowed.
    #[error("the render has more than {max} bytes")]
    TooLarge {
        /// The limit.
        max: usize,
    },
    /// The lock has a digest and there is no file.
    #[error("the lock names hydrated manifests and the file is missing")]
    ManifestMissing {
        /// The file.
        at: Place,
    },
    /// The hydrated manifests are not those of the lock.
    #[error("the hydrated manifests have digest `{found}`, the lock says `{locked}`")]
    Tampered {
        /// As the lock says.
        locked: Digest,
        /// As the bytes say.
        found: Digest,
        /// The file.
        at: Place,
    },
    /// The hydrated manifests are not what a live render gives.
    #[error("the hydrated manifests say `{found}` where a live render says `{rendered}`")]
    Differs {
        /// The line of the file.
        found: String,
        /// The line of the render.
        rendered: String,
        /// The first line that differs.
        at: Place,
    },
}

impl VerifyError {
    /// The error as a person reads it.
    pub fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::NotAnObject { at, .. } | Self::Incomplete { at, .. } => {
                Diagnosis::input("object-incomplete", self).at(at).hint(
                    "move other YAML files to another folder, or mark them `# +argocd:skip-file-rendering`",
                )
            }
            Self::ObjectTwice { at, .. } => {
                Diagnosis::input("object-twice", self).at(at).hint("remove or rename one of them")
            }
            Self::Empty { .. } => Diagnosis::input("render-empty", self).hint(
                "it would delete everything that runs; is this the directory of the manifests? \
                 If it is meant, set `allowEmpty: true`",
            ),
            Self::Secret { name, at, .. } => Diagnosis::input("secret-in-output", self).at(at).hint(format!(
                "seal it or read it from a secret store; if it is no secret, add `{name}` to `allowSecrets`"
            )),
            Self::Unwritable { .. } => Diagnosis::input("object-unwritable", self)
                .hint("JSON has no infinite numbers and no control characters outside of strings"),
            Self::TooManyObjects { .. } | Self::TooLarge { .. } => {
                Diagnosis::input("render-too-large", self).hint("split the Application, or raise the limit")
            }
            Self::ManifestMissing { at } => Diagnosis::input("manifest-missing", self)
                .at(at)
                .hint("restore the file from the branch's history, or use render mode `live`"),
            Self::Tampered { at, .. } => Diagnosis::input("manifest-tampered", self)
                .at(at)
                .hint("revert the commit that changed it by hand; to change what runs, change its source"),
            Self::Differs { at, .. } => Diagnosis::input("manifest-differs", self)
                .at(at)
                .hint("the branch was changed by hand or by another engine; promote the freight again"),
        }
    }
}

fn first_at(first: Option<&Place>) -> String {
    first.map(|it| format!(", first at {it}")).unwrap_or_default()
}
