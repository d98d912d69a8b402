//! Reaches pinned commits that did not come with a request: which repositories may be asked, with whose credentials.
//!
//! A lockfile is written by people who may not be trusted with the plugin's credentials, and it names the URL. So
//! credentials go only where their owner said (host and path of the credentials file), Argo CD's own only to the
//! Application's repository, and what was fetched with the latter is served for that repository only. Repositories on
//! the plugin's own disk are off unless switched on.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use promoter_core::Diagnosis;
use promoter_kustomize::Files;
use promoter_render::PinnedSource;
use promoter_sources::git::wire::Remote;
use promoter_sources::git::{Credentials, GitCache, Limits, RepoUrl, Scheme, Transport};

use crate::askpass;
use crate::cmp::environment::Environment;

/// Which repositories may be asked, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitOptions {
    /// Directory of the object caches; without it only commits that come with a request can be read.
    pub cache_root: Option<PathBuf>,
    /// How many bytes the object caches may take together; `None` for the default of [`Limits`].
    pub cache_bytes_max: Option<u64>,
    /// A file in the form of git's credential store: lines like `https://user:token@host/path`. Read at each use.
    pub credentials_file: Option<PathBuf>,
    /// Asks Argo CD for the credentials of the Application's repository.
    pub argocd_credentials: bool,
    /// Lets lockfiles name repositories on this machine's disk.
    pub local_repositories: bool,
    /// How servers are reached and recognised.
    pub transport: Transport,
}

/// Why no repository was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum AccessError {
    #[error("the object cache is off")]
    Off,
    #[error("`{0}` is on this machine's disk, which lockfiles may not name")]
    Local(RepoUrl),
}

impl AccessError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Off => Diagnosis::input("git-access-off", self)
                .hint("leave `.git` in the archive, or give the plugin a `--cache-dir`"),
            Self::Local(_) => Diagnosis::input("git-access-local", self).hint("name the repository by https"),
        }
    }
}

/// The way to repositories that a process keeps open.
#[derive(Debug, Default)]
pub struct GitAccess {
    options: GitOptions,
    open: Mutex<BTreeMap<(Owner, RepoUrl), Open>>,
}

/// A cache that this process has open.
#[derive(Debug)]
struct Open {
    credentials: Credentials,
    cache: GitCache,
    used: Instant,
}

/// A cache that nobody asked for this long is closed, so that it may go when there is too much.
const OPEN_UNUSED_MAX: Duration = Duration::from_secs(600);

/// Who may read what a cache holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    /// Every Application: fetched without credentials or with those of the plugin.
    Plugin,
    /// Applications of that repository: fetched with Argo CD's credentials for it.
    Repository,
}

impl GitAccess {
    /// Takes the options; opens nothing yet.
    pub fn new(options: GitOptions) -> Self {
        Self { options, open: Mutex::default() }
    }

    /// Whether repo-server should send credentials along.
    pub(crate) fn wants_argocd_credentials(&self) -> bool {
        self.options.argocd_credentials && self.options.cache_root.is_some()
    }

    /// The files of a pinned commit from its object cache, fetched by id if they are not there.
    pub(crate) fn tree(
        &self,
        source: &PinnedSource,
        environment: &Environment,
    ) -> Result<Arc<dyn Files>, Diagnosis> {
        let url: RepoUrl = source
            .url
            .as_str()
            .parse()
            .map_err(|error: promoter_sources::git::GitError| error.diagnosis())?;
        let cache = self.cache(&url, environment)?;
        let tree = cache.tree(&source.commit, "");
        Ok(Arc::new(tree.map_err(|error| self.without_key(&url, error.diagnosis()))?))
    }

    /// An ssh server that does not let us in, or is not known, where nothing was mounted for it: Argo CD sends paths of files
    /// in another container, so people think that there is a key.
    fn without_key(&self, url: &RepoUrl, error: Diagnosis) -> Diagnosis {
        let no_key = match error.code {
            "git-denied" => self.options.transport.ssh_key_file.is_none(),
            "git-host-key" => self.options.transport.ssh_known_hosts_file.is_none(),
            _ => false,
        };
        match no_key && url.scheme() == Scheme::Ssh {
            true => error.hint(
                "Argo CD's ssh key stays in repo-server's container: mount a key and the known hosts into the plugin's, \
                 and name them by `--ssh-key-file` and `--ssh-known-hosts-file`",
            ),
            false => error,
        }
    }

    fn cache(&self, url: &RepoUrl, environment: &Environment) -> Result<GitCache, Diagnosis> {
        let root = self.options.cache_root.as_ref().ok_or_else(|| AccessError::Off.diagnosis())?;
        if url.scheme() == Scheme::File && !self.options.local_repositories {
            return Err(AccessError::Local(url.clone()).diagnosis());
        }
        let (owner, credentials) = self.credentials(url, environment)?;
        let folder = match owner {
            Owner::Plugin => "shared",
            Owner::Repository => "by-repository",
        };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        open.retain(|_, it| now.duration_since(it.used) < OPEN_UNUSED_MAX);
        let key = (owner, url.clone());
        if let Some(it) = open.get_mut(&key)
            && it.credentials == credentials
        {
            it.used = now;
            return Ok(it.cache.clone());
        }
        let mut limits = Limits::default();
        limits.caches_bytes_max = self.options.cache_bytes_max.unwrap_or(limits.caches_bytes_max);
        let remote = Remote::new(url, credentials.clone(), limits).over(&self.options.transport);
        let cache = GitCache::of(root, folder, remote).map_err(|error| error.diagnosis())?;
        open.insert(key, Open { credentials, cache: cache.clone(), used: now });
        Ok(cache)
    }

    fn credentials(
        &self,
        url: &RepoUrl,
        environment: &Environment,
    ) -> Result<(Owner, Credentials), Diagnosis> {
        let of_application = environment.get("ARGOCD_APP_SOURCE_REPO_URL").and_then(|it| it.parse().ok());
        if self.options.argocd_credentials
            && of_application.as_ref() == Some(url)
            && let Some(credentials) = askpass::credentials(environment)?
        {
            return Ok((Owner::Repository, credentials));
        }
        let stored = match &self.options.credentials_file {
            Some(file) => Credentials::stored(file, url).map_err(|error| error.diagnosis())?,
            None => Credentials::None,
        };
        Ok((Owner::Plugin, stored))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_cache_and_for_local_repositories_nothing_is_asked() {
        let url: RepoUrl = "file:///srv/deploy.git".parse().unwrap();
        let environment = Environment::default();
        let code = |options| GitAccess::new(options).cache(&url, &environment).unwrap_err().code;
        assert_eq!(code(GitOptions::default()), "git-access-off");
        let cache_root = Some(PathBuf::from("cache"));
        assert_eq!(code(GitOptions { cache_root, ..GitOptions::default() }), "git-access-local");
    }

    #[test]
    fn caches_that_nobody_asks_for_are_closed() {
        let root = tempfile::TempDir::new().unwrap();
        let cache_root = Some(root.path().to_owned());
        let access = GitAccess::new(GitOptions { cache_root, ..GitOptions::default() });
        let ask = |url: &str| {
            access.cache(&url.parse().unwrap(), &Environment::default()).unwrap();
            let open = access.open.lock().unwrap();
            open.keys().map(|(_, url)| url.path().to_owned()).collect::<Vec<_>>()
        };
        ask("https://git.example.com/a");
        assert_eq!(ask("https://git.example.com/b"), ["/a", "/b"]);
        for it in access.open.lock().unwrap().values_mut().take(1) {
            it.used = it.used.checked_sub(OPEN_UNUSED_MAX).unwrap();
        }
        assert_eq!(ask("https://git.example.com/b"), ["/b"]);
    }
}
