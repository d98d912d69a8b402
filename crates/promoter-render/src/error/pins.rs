//! Why an Application's path gives no pins.

use promoter_core::{Diagnosis, LockError, Name, Place, Repository};

use crate::{ENGINE, Mode};

/// Why an Application's path gives no pins.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PinsError {
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
    /// A path in a parameter leads out of the tree.
    #[error("`{path}` in {what} leaves the tree")]
    PathOutside {
        /// As written.
        path: String,
        /// Where.
        what: &'static str,
    },
}

impl PinsError {
    /// The error as a person reads it.
    pub fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Lock(error) => error.diagnosis(),
            Self::LockMissing { .. } => Diagnosis::input("lock-missing", self)
                .hint("let the Application's path be the directory that holds the lock, or set `lockfile`"),
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
            Self::PathOutside { .. } => {
                Diagnosis::input("path-outside", self).hint("give a path inside the repository")
            }
        }
    }
}
