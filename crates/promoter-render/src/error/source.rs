//! Why a source gives no manifests.

use promoter_core::{Diagnosis, Fault, Place};
use promoter_kustomize::{BuildError, FileError};
use promoter_yaml::YamlError;

use super::shown_path;

/// Why a source gives no manifests.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// A chart from a repository that the lock does not pin.
    #[error("chart `{chart}` of repository `{repository}` is not pinned by the lock")]
    ChartNotPinned {
        /// Its name.
        chart: String,
        /// Its repository.
        repository: String,
    },
    /// The source directory is not there.
    #[error("source directory `{}` does not exist{}", shown_path(.path), in_commit(.commit.as_deref()))]
    SourceMissing {
        /// The directory.
        path: String,
        /// The pinned commit.
        commit: Option<String>,
    },
    /// A file of the tree cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file is not UTF-8.
    #[error("a manifest file is not UTF-8 text")]
    NotText {
        /// The file.
        at: Place,
    },
    /// A file is not YAML.
    #[error("{}", .error.message)]
    Yaml {
        /// What is wrong.
        error: YamlError,
        /// Where.
        at: Place,
    },
    /// The kustomization cannot be built.
    #[error(transparent)]
    Build(BuildError),
    /// The world behind the door failed.
    #[error("{}", .0.cause)]
    World(Diagnosis),
    /// Two renders of the same differ.
    #[error("two renders of `{}` differ in {what}", shown_path(.source_path))]
    NotRepeatable {
        /// What differs.
        what: String,
        /// The directory.
        source_path: String,
    },
}

impl SourceError {
    /// The error as a person reads it.
    pub fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::World(diagnosis) => diagnosis.clone(),
            Self::Build(error) => build_diagnosis(error),
            Self::File(error) => file_diagnosis(error),
            Self::SourceMissing { .. } => Diagnosis::input("source-missing", self)
                .hint("`render.source` is relative to the root of the repository"),
            Self::NotText { at } | Self::Yaml { at, .. } => {
                Diagnosis::input("manifest-not-yaml", self).at(at)
            }
            Self::ChartNotPinned { .. } => Diagnosis::input("chart-not-pinned", self).hint(
                "add a chart artifact with its digest to the freight, or keep the chart in the repository",
            ),
            Self::NotRepeatable { .. } => Diagnosis::input("render-not-repeatable", self)
                .hint("give the chart fixed values instead of random ones, dates or look-ups"),
        }
    }
}

fn file_diagnosis(error: &FileError) -> Diagnosis {
    match error {
        FileError::Store(path, _) => Diagnosis::upstream("file-unreadable", error).at(Place::new(path, 0)),
        FileError::Outside(_) => Diagnosis::input("path-outside", error)
            .hint("links and paths may lead anywhere inside the repository, not out of it"),
        FileError::TooLarge(..) => {
            Diagnosis::input("file-too-large", error).hint("keep such data out of the repository")
        }
        // `Missing`, `WrongKind`, `Loop`, and what the engine may yet tell apart.
        _ => Diagnosis::input("file-not-found", error),
    }
}

/// The engine has codes of its own; who can mend it is all that it leaves open.
pub fn build_diagnosis(error: &BuildError) -> Diagnosis {
    Diagnosis {
        code: error.code,
        fault: if error.upstream { Fault::Upstream } else { Fault::Input },
        cause: error.message.clone(),
        at: error.path.as_ref().map(|path| Place::new(path, error.line)),
        hint: error.hint.clone(),
        not_before: None,
    }
}

/// What the world said, on its way through the engine, which adds the place. [`build_diagnosis`] makes the same of it.
pub fn build_error(diagnosis: &Diagnosis) -> BuildError {
    let error = BuildError::new(diagnosis.code, diagnosis.cause.clone())
        .with_upstream(diagnosis.fault == Fault::Upstream);
    match &diagnosis.hint {
        Some(hint) => error.hint(hint.clone()),
        None => error,
    }
}

fn in_commit(commit: Option<&str>) -> String {
    commit.map(|it| format!(" in commit `{}`", it.get(..12).unwrap_or(it))).unwrap_or_default()
}
