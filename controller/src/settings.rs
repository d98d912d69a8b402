//! What a controller or a person's command has to know before it can do anything: which repository, as whom.

use std::path::PathBuf;

use promoter_core::policy::{POLICY_BRANCH, POLICY_FILE};
use promoter_sources::clients::RegistryAccess;
use promoter_sources::git::{Credentials, Limits, RepoUrl, Transport};

/// Which repository, how it is reached, and who writes.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The repository.
    pub url: RepoUrl,
    /// What proves to its server who asks.
    pub credentials: Credentials,
    /// Credentials for other repositories, which kustomizations name as bases: a file like git's credential store.
    pub credentials_file: Option<PathBuf>,
    /// How git servers are reached and recognised.
    pub transport: Transport,
    /// Where object caches live; one folder a repository is made below it.
    pub cache_root: PathBuf,
    /// The dry branch; unset takes the repository's default branch.
    pub dry_branch: Option<String>,
    /// Author and committer of what is written.
    pub identity: Identity,
    /// The helm binary, for charts.
    pub helm: PathBuf,
    /// How registries are reached, for charts that locks pin.
    pub registries: RegistryAccess,
    /// Where the organisation's policy is.
    pub policy: PolicyPlace,
    /// Bounds of one conversation with a git server.
    pub limits: Limits,
}

/// Where a policy file is read from: a place that those who write pipelines cannot write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyPlace {
    /// The repository; `None` for the pipelines' own.
    pub repo: Option<RepoUrl>,
    /// The branch.
    pub branch: String,
    /// The path of the file there.
    pub file: String,
    /// True when it was asked for by name: then it must be there. Otherwise a branch that does not exist means that
    /// there is no policy.
    pub is_required: bool,
}

impl Default for PolicyPlace {
    fn default() -> Self {
        Self { repo: None, branch: POLICY_BRANCH.into(), file: POLICY_FILE.into(), is_required: false }
    }
}

/// Who writes commits and whose word a person's command records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Name.
    pub name: String,
    /// Mail address, without brackets. Records name people by it.
    pub email: String,
}

impl Default for Identity {
    fn default() -> Self {
        Self { name: "promoter".into(), email: "promoter@localhost".into() }
    }
}
