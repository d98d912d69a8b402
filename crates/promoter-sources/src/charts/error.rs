//! Why there is no chart, and what follows for whoever asked.

use promoter_core::{Diagnosis, Digest, one_line};

use crate::registry::{ErrorKind, RegistryError};

/// Why a repository of charts did not give what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChartError {
    /// What the server says, or why it could not be asked.
    #[error(transparent)]
    Server(#[from] RegistryError),
    /// There is no index.
    #[error("`{repository}` is no repository of charts: it has no index.yaml ({answer})")]
    NoRepository {
        /// Its address.
        repository: String,
        /// What the server said.
        answer: String,
    },
    /// The index cannot be read.
    #[error("the index of `{repository}` {why}")]
    Index {
        /// The repository's address.
        repository: String,
        /// What is wrong, as the rest of a sentence.
        why: String,
    },
    /// The repository has no such chart.
    #[error("`{repository}` has no chart `{chart}`")]
    NoChart {
        /// The repository's address.
        repository: String,
        /// The chart.
        chart: String,
    },
    /// One version is of no use.
    #[error("version `{version}` of `{chart}` {why}")]
    Unusable {
        /// The chart's address.
        chart: String,
        /// The version.
        version: String,
        /// What is wrong, as the rest of a sentence.
        why: String,
    },
    /// A version that a lock pins is not there any more.
    #[error("version `{version}` of `{chart}` is gone: {why}")]
    Gone {
        /// The chart's address.
        chart: String,
        /// The version.
        version: String,
        /// Who says so, as the rest of a sentence.
        why: String,
    },
    /// The archive is not the one that the lock names.
    #[error("the archive of version `{version}` of `{chart}` has digest `{found}`, the lock says `{locked}`")]
    OtherArchive {
        /// The chart's address.
        chart: String,
        /// The version.
        version: String,
        /// As the lock says.
        locked: Digest,
        /// As the bytes say.
        found: Digest,
    },
    /// It takes too long.
    #[error("version `{version}` of `{chart}` did not come within {seconds} seconds")]
    Late {
        /// The chart's address.
        chart: String,
        /// The version.
        version: String,
        /// The limit.
        seconds: u64,
    },
    /// It would be asked in clear text, which nobody said it may.
    #[error("`{url}` is plain http, which is not said of `{host}`")]
    ClearText {
        /// What would be asked for.
        url: String,
        /// The host.
        host: String,
    },
    /// The disk.
    #[error("the cache of charts `{path}` failed: {why}")]
    Cache {
        /// Which place.
        path: String,
        /// What happened.
        why: String,
    },
}

impl ChartError {
    /// What a caller may decide.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Server(error) => error.kind(),
            Self::Unusable { .. } => ErrorKind::Definite,
            Self::NoRepository { .. }
            | Self::Index { .. }
            | Self::NoChart { .. }
            | Self::Gone { .. }
            | Self::OtherArchive { .. }
            | Self::ClearText { .. } => ErrorKind::Input,
            Self::Cache { .. } | Self::Late { .. } => ErrorKind::Upstream,
        }
    }

    /// The error as a person reads it.
    pub fn diagnosis(&self) -> Diagnosis {
        let cause = one_line(&self.to_string());
        match self {
            Self::Server(error) => error.diagnosis(),
            Self::NoRepository { .. } => Diagnosis::input("chart-no-repository", cause)
                .hint("check `repoURL`: it is the address that stands before `/index.yaml`"),
            Self::Index { .. } => Diagnosis::input("chart-index", cause)
                .hint("make it anew with `helm repo index`, or ask whoever runs the repository"),
            Self::NoChart { .. } => Diagnosis::input("chart-missing", cause)
                .hint("check `name`; `helm search repo` lists the charts"),
            Self::Unusable { .. } => Diagnosis::input("chart-unusable", cause)
                .hint("push it again, or leave it out by the constraint"),
            Self::Gone { .. } => Diagnosis::input("chart-gone", cause).hint(
                "push that very archive again, or promote freight whose chart is there; many registries say this too when credentials are missing",
            ),
            Self::OtherArchive { .. } => Diagnosis::input("chart-digest-wrong", cause).hint(
                "the repository replaced a published version; find out why before pinning the new digest",
            ),
            Self::Late { .. } => Diagnosis::upstream("chart-unreachable", cause),
            Self::ClearText { .. } => Diagnosis::input("chart-clear-text", cause)
                .hint("use https, or set `plainHttp: true` for this host in `--registries-file`"),
            Self::Cache { .. } => {
                Diagnosis::upstream("chart-cache", cause).hint("check space and rights of the directory")
            }
        }
    }
}
