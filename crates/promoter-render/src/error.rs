//! Why a render is refused, and how a person reads it.

use promoter_core::{Diagnosis, Digest, LockError, Name, Place, Repository};
use promoter_kustomize::{BuildError, FileError};
use promoter_yaml::YamlError;

use crate::{ENGINE, Mode, PinnedSource};

/// Why no manifests come out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// No lock in the Application's path.
    #[error("there is no lock `{path}`")]
    LockMissing {
        /// Its path.
        path: String,
    },
    /// The lock cannot be read.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The lock is for another environment.
    #[error("the lock is for environment `{found}`, not `{wanted}`")]
    OtherEnvironment {
        /// What the Application says.
        wanted: Name,
        /// What the lock says.
        found: Name,
        /// The lock.
        at: Place,
    },
    /// The engine in the lock is none that this build can stand in for.
    #[error("the lock was rendered by `{engine}`, this is `{ENGINE}`")]
    EngineUnknown {
        /// As the lock says.
        engine: String,
        /// The lock.
        at: Place,
    },
    /// Hydrated manifests are asked for and the lock has none.
    #[error("render mode `{mode}` needs hydrated manifests, and the lock has no `render.digest`")]
    NotHydrated {
        /// What was asked for.
        mode: Mode,
        /// The lock.
        at: Place,
    },
    /// No git artifact to render from.
    #[error("the lock pins no git commit to render from")]
    NoGitSource {
        /// The lock.
        at: Place,
    },
    /// Several git artifacts, none named `config`.
    #[error("the lock pins several git commits and none of them is named `config`")]
    ManyGitSources {
        /// The lock.
        at: Place,
    },
    /// Two image artifacts of one repository.
    #[error("the lock pins image repository `{repository}` twice")]
    ImagePinnedTwice {
        /// The repository.
        repository: Repository,
        /// The lock.
        at: Place,
    },
    /// A chart from a repository that the lock does not pin.
    #[error("chart `{chart}` of repository `{repository}` is not pinned by the lock")]
    ChartNotPinned {
        /// Its name.
        chart: String,
        /// Its repository.
        repository: String,
    },
    /// A path in a parameter leads out of the tree.
    #[error("`{path}` in {what} leaves the tree")]
    PathOutside {
        /// As written.
        path: String,
        /// Where.
        what: &'static str,
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
    #[error("{error}")]
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
    /// A document that is no mapping.
    #[error("a manifest is {found} and no object")]
    NotAnObject {
        /// What it is.
        found: &'static str,
        /// Where.
        at: Place,
    },
    /// An object without a field that every object has.
    #[error("`{object}` has no `{field}`")]
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
        at: Option<Place>,
    },
    /// Nothing came out.
    #[error("the render of `{}` is empty", shown_path(.source_path))]
    Empty {
        /// The directory or file.
        source_path: String,
    },
    /// Two renders of the same differ.
    #[error("two renders of `{}` differ in {what}", shown_path(.source_path))]
    NotRepeatable {
        /// What differs.
        what: String,
        /// The directory.
        source_path: String,
    },
    /// A Secret with data would be written to a branch.
    #[error("`{object}` has data and would be readable on the environment's branch")]
    Secret {
        /// The object.
        object: String,
        /// Its name.
        name: String,
        /// Where.
        at: Option<Place>,
    },
    /// An object that cannot be written.
    #[error("`{object}` cannot be written: {error}")]
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

impl RenderError {
    /// The error as a person reads it.
    pub fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Lock(error) => error.diagnosis(),
            Self::World(diagnosis) => diagnosis.clone(),
            Self::LockMissing { .. }
            | Self::OtherEnvironment { .. }
            | Self::EngineUnknown { .. }
            | Self::NotHydrated { .. }
            | Self::NoGitSource { .. }
            | Self::ManyGitSources { .. }
            | Self::ImagePinnedTwice { .. }
            | Self::ChartNotPinned { .. } => self.of_the_lock(),
            Self::PathOutside { .. }
            | Self::SourceMissing { .. }
            | Self::File(_)
            | Self::NotText { .. }
            | Self::Yaml { .. }
            | Self::Build(_) => self.of_the_source(),
            _ => self.of_the_result(),
        }
    }

    /// The same error with the commit in which it happened, where that is the point.
    pub(crate) fn in_commit(self, source: &PinnedSource) -> Self {
        match self {
            Self::SourceMissing { path, .. } => {
                Self::SourceMissing { path, commit: Some(source.commit.to_string()) }
            }
            other => other,
        }
    }

    fn of_the_lock(&self) -> Diagnosis {
        match self {
            Self::OtherEnvironment { at, .. } => Diagnosis::input("environment-mismatch", self)
                .at(at)
                .hint("let the Application's `environment` and its path name the same environment"),
            Self::EngineUnknown { at, .. } => Diagnosis::input("engine-unknown", self)
                .at(at)
                .hint("run a promoter of that version or a later one"),
            Self::NotHydrated { at, .. } => Diagnosis::input("not-hydrated", self).at(at).hint(
                "use render mode `auto` or `live`, or point the Application at the environment's branch",
            ),
            Self::NoGitSource { at } => Diagnosis::input("lock-without-source", self)
                .at(at)
                .hint("add a git artifact: `- { name: config, git: URL, commit: ID }`"),
            Self::ManyGitSources { at } => Diagnosis::input("lock-without-source", self)
                .at(at)
                .hint("name the one that holds `render.source` `config`"),
            Self::ImagePinnedTwice { at, .. } => Diagnosis::input("image-pinned-twice", self)
                .at(at)
                .hint("keep one artifact for each image repository"),
            Self::ChartNotPinned { .. } => Diagnosis::input("chart-not-pinned", self).hint(
                "add a chart artifact with its digest to the freight, or keep the chart in the repository",
            ),
            _ => Diagnosis::input("lock-missing", self)
                .hint("let the Application's path be the directory that holds the lock, or set `lockfile`"),
        }
    }

    fn of_the_source(&self) -> Diagnosis {
        match self {
            Self::SourceMissing { .. } => Diagnosis::input("source-missing", self)
                .hint("`render.source` is relative to the root of the repository"),
            Self::NotText { at } => Diagnosis::input("manifest-not-yaml", self).at(at),
            Self::Yaml { at, .. } => Diagnosis::input("manifest-not-yaml", self).at(at),
            Self::File(FileError::Store(path, _)) => {
                Diagnosis::upstream("file-unreadable", self).at(Place::new(path, 0))
            }
            Self::File(FileError::Outside(_)) => Diagnosis::input("path-outside", self)
                .hint("links and paths may lead anywhere inside the repository, not out of it"),
            Self::File(_) => Diagnosis::input("file-not-found", self),
            Self::Build(error) => build_diagnosis(error),
            _ => Diagnosis::input("path-outside", self).hint("give a path inside the repository"),
        }
    }

    fn of_the_result(&self) -> Diagnosis {
        match self {
            Self::NotAnObject { at, .. } | Self::Incomplete { at, .. } => {
                Diagnosis::input("object-incomplete", self).at(at).hint(
                    "move other YAML files to another folder, or mark them `# +argocd:skip-file-rendering`",
                )
            }
            Self::ObjectTwice { at, .. } => maybe_at(Diagnosis::input("object-twice", self), at.as_ref())
                .hint("remove or rename one of them"),
            Self::Empty { .. } => Diagnosis::input("render-empty", self)
                .hint("an empty answer would delete everything; if that is meant, set `allowEmpty: true`"),
            Self::NotRepeatable { .. } => Diagnosis::input("render-not-repeatable", self)
                .hint("give the chart fixed values instead of random ones, dates or look-ups"),
            Self::Secret { name, at, .. } => maybe_at(
                Diagnosis::input("secret-in-output", self),
                at.as_ref(),
            )
            .hint(format!(
                "seal it or read it from a secret store; if it is no secret, add `{name}` to `allowSecrets`"
            )),
            Self::Unwritable { .. } => Diagnosis::input("object-unwritable", self),
            Self::TooManyObjects { .. } | Self::TooLarge { .. } => {
                Diagnosis::input("render-too-large", self).hint("split the Application, or raise the limit")
            }
            Self::ManifestMissing { at } => Diagnosis::input("manifest-missing", self)
                .at(at)
                .hint("restore the file from the branch's history, or use render mode `live`"),
            Self::Differs { at, .. } => Diagnosis::input("manifest-differs", self)
                .at(at)
                .hint("the branch was changed by hand or by another engine; promote the freight again"),
            Self::Tampered { at, .. } => Diagnosis::input("manifest-tampered", self)
                .at(at)
                .hint("revert the commit that changed it by hand; to change what runs, change its source"),
            _ => Diagnosis::bug("render-failed", self),
        }
    }
}

fn build_diagnosis(error: &BuildError) -> Diagnosis {
    let mut diagnosis = if error.upstream {
        Diagnosis::upstream("kustomize-upstream", error)
    } else {
        Diagnosis::input("kustomize-build", error)
    };
    if let Some(path) = &error.path {
        diagnosis = diagnosis.at(Place::new(path, error.line));
    }
    match &error.hint {
        Some(hint) => diagnosis.hint(hint),
        None => diagnosis,
    }
}

fn maybe_at(diagnosis: Diagnosis, at: Option<&Place>) -> Diagnosis {
    match at {
        Some(at) => diagnosis.at(at),
        None => diagnosis,
    }
}

fn shown_path(path: &str) -> &str {
    if path.is_empty() { "." } else { path }
}

fn in_commit(commit: Option<&str>) -> String {
    commit.map(|it| format!(" in commit `{}`", it.get(..12).unwrap_or(it))).unwrap_or_default()
}

fn first_at(first: Option<&Place>) -> String {
    first.map(|it| format!(", first at {it}")).unwrap_or_default()
}
