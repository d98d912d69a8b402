//! Bases that kustomizations pin in other repositories, as commands reach them.

use clap::{Args, Parser};
use promoter_controller::options::{HelperOptions, cache_root};
use promoter_core::Diagnosis;
use promoter_kustomize::Files;
use promoter_render::PinnedSource;
use promoter_sources::git::wire::Remote;
use promoter_sources::git::{Credentials, GitCache, GitError, Limits, RepoUrl, Scheme, Transport};
use std::path::PathBuf;
use std::sync::Arc;

/// Where objects of repositories are kept, and whose credentials fetch them.
#[derive(Debug, Clone, Args)]
pub(crate) struct BaseOptions {
    /// Where objects of repositories are kept
    #[arg(long, value_name = "DIR", env = "PROMOTER_CACHE_DIR", hide_env_values = true)]
    cache_dir: Option<PathBuf>,
    /// Bytes that the objects of all repositories may take together; the least recently used go
    #[arg(long, value_name = "BYTES", env = "PROMOTER_CACHE_BYTES_MAX", hide_env_values = true, default_value_t = Limits::default().caches_bytes_max)]
    cache_bytes_max: u64,
    /// Credentials for bases in other repositories: lines `https://user:token@host/path`, as git's credential store
    #[arg(long, value_name = "FILE", env = "PROMOTER_GIT_CREDENTIALS_FILE", hide_env_values = true)]
    git_credentials_file: Option<PathBuf>,
    #[command(flatten)]
    helper: HelperOptions,
    #[command(flatten)]
    transport: Transport,
}

/// A command line that says nothing else.
#[derive(Parser)]
struct BaseLine {
    #[command(flatten)]
    bases: BaseOptions,
}

impl BaseOptions {
    /// What the environment says where no flag does.
    pub(crate) fn of_environment() -> Result<Self, Diagnosis> {
        let line = BaseLine::try_parse_from(["promoter"]);
        line.map(|it| it.bases).map_err(|error| Diagnosis::input("command-line", error))
    }

    /// Where caches live; `None` on a machine that has no place for them.
    pub(crate) fn cache_root(&self) -> Option<PathBuf> {
        cache_root(self.cache_dir.as_deref()).ok()
    }

    /// The files of a pinned commit: from the object cache, or fetched by its id. Whoever runs a command may read the
    /// repositories on their own machine.
    pub(crate) fn tree(&self, source: &PinnedSource) -> Result<Arc<dyn Files>, Diagnosis> {
        promoter_sources::install_tls();
        let wrong = |error: GitError| error.diagnosis();
        let url: RepoUrl = source.url.as_str().parse().map_err(wrong)?;
        let stored = match &self.git_credentials_file {
            Some(file) => Credentials::stored(file, &url).map_err(wrong)?,
            None => Credentials::None,
        };
        let credentials = match (stored, self.helper.helper(true, None)) {
            (Credentials::None, Some(helper)) => Credentials::Helper(helper),
            (stored, _) => stored,
        };
        let root = match url.scheme() {
            Scheme::File => PathBuf::new(),
            _ => cache_root(self.cache_dir.as_deref())?,
        };
        let limits = Limits { caches_bytes_max: self.cache_bytes_max, ..Limits::default() };
        let remote = Remote::new(&url, credentials, limits).over(&self.transport);
        let cache = GitCache::of(&root, "", remote).map_err(wrong)?;
        Ok(Arc::new(cache.tree(&source.commit, "").map_err(wrong)?))
    }
}
