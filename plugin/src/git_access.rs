//! Reaches pinned commits that did not come with a request: which repositories may be asked, with whose credentials.
//!
//! A lockfile is written by people who may not be trusted with the plugin's credentials, and it names the URL. So
//! credentials go only where their owner said (host and path of the credentials file), Argo CD's own only to the
//! Application's repository, and what was fetched with the latter is served for that repository only. Repositories on
//! the plugin's own disk are off unless switched on.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use promoter_core::Diagnosis;
use promoter_kustomize::Files;
use promoter_render::PinnedSource;
use promoter_sources::git::{Credentials, GitCache, Limits, RepoUrl, Scheme};

use crate::askpass;
use crate::cmp::environment::Environment;

/// Which repositories may be asked, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitOptions {
    /// Directory of the object caches; without it only commits that come with a request can be read.
    pub cache_root: Option<PathBuf>,
    /// A file in the form of git's credential store: lines like `https://user:token@host/path`. Read at each use.
    pub credentials_file: Option<PathBuf>,
    /// Asks Argo CD for the credentials of the Application's repository.
    pub argocd_credentials: bool,
    /// Lets lockfiles name repositories on this machine's disk.
    pub local_repositories: bool,
}

/// Why no repository was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum AccessError {
    #[error("the object cache is off")]
    Off,
    #[error("`{0}` is on this machine's disk, which lockfiles may not name")]
    Local(RepoUrl),
    #[error("credentials file `{0}`: {1}")]
    CredentialsFile(String, String),
}

impl AccessError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Off => Diagnosis::input("git-access-off", self)
                .hint("leave `.git` in the archive, or give the plugin a `--cache-dir`"),
            Self::Local(_) => Diagnosis::input("git-access-local", self).hint("name the repository by https"),
            Self::CredentialsFile(..) => Diagnosis::upstream("git-access-credentials", self)
                .hint("write a line for each host as git's credential store does: `https://user:token@host`"),
        }
    }
}

/// The way to repositories that a process keeps open.
#[derive(Debug, Default)]
pub struct GitAccess {
    options: GitOptions,
    open: Mutex<BTreeMap<(Owner, RepoUrl), (Credentials, GitCache)>>,
}

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
        Ok(Arc::new(cache.tree(&source.commit, "").map_err(|error| error.diagnosis())?))
    }

    fn cache(&self, url: &RepoUrl, environment: &Environment) -> Result<GitCache, Diagnosis> {
        let root = self.options.cache_root.as_ref().ok_or_else(|| AccessError::Off.diagnosis())?;
        if url.scheme() == Scheme::File && !self.options.local_repositories {
            return Err(AccessError::Local(url.clone()).diagnosis());
        }
        let (owner, credentials) = self.credentials(url, environment)?;
        let directory = match owner {
            Owner::Plugin => root.join("shared"),
            Owner::Repository => root.join("by-repository"),
        };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (owner, url.clone());
        if let Some((used, cache)) = open.get(&key)
            && *used == credentials
        {
            return Ok(cache.clone());
        }
        let cache = GitCache::open(&directory, url, credentials.clone(), Limits::default())
            .map_err(|error| error.diagnosis())?;
        open.insert(key, (credentials, cache.clone()));
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
        let Some(file) = &self.options.credentials_file else {
            return Ok((Owner::Plugin, Credentials::None));
        };
        let fault = |why: String| AccessError::CredentialsFile(file.display().to_string(), why).diagnosis();
        let text = fs::read_to_string(file).map_err(|error| fault(error.to_string()))?;
        let stored =
            stored_credentials(&text, url).map_err(|line| fault(format!("line {line} is malformed")))?;
        Ok((Owner::Plugin, stored.unwrap_or_default()))
    }
}

/// The first line of a credential store that is for a repository: same scheme, host and port, and a path that it lies
/// at or below. The error is the number of a line that cannot be read; its words stay unsaid.
fn stored_credentials(text: &str, url: &RepoUrl) -> Result<Option<Credentials>, usize> {
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let stored = parse_stored(line).ok_or(index + 1)?;
        let below = url.path().strip_prefix(stored.path.as_str());
        let at_or_below =
            below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || rest.starts_with(".git"));
        if stored.place.scheme() == url.scheme()
            && stored.place.host() == url.host()
            && stored.place.port() == url.port()
            && at_or_below
        {
            return Ok(Some(stored.credentials));
        }
    }
    Ok(None)
}

struct Stored {
    place: RepoUrl,
    path: String,
    credentials: Credentials,
}

fn parse_stored(line: &str) -> Option<Stored> {
    let (scheme, rest) = line.split_once("://")?;
    let (secret, place) = rest.rsplit_once('@')?;
    let (username, password) = secret.split_once(':')?;
    let (host, path) = place.split_once('/').unwrap_or((place, ""));
    let path = path.trim_end_matches('/');
    // A place has a path; for a whole host any will do.
    let place = format!("{scheme}://{host}/{}", if path.is_empty() { "any" } else { path }).parse().ok()?;
    Some(Stored {
        place,
        path: if path.is_empty() { String::new() } else { format!("/{path}") },
        credentials: Credentials::basic(percent_decoded(username)?, percent_decoded(password)?),
    })
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first == b'%' {
            let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &rest[2..];
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORE: &str =
        "# mounted\nhttps://ada:a%40b@git.example.com/acme\n\nhttps://bot:t@git.example.com:8443\n";

    fn found(url: &str) -> Option<Credentials> {
        stored_credentials(STORE, &url.parse().unwrap()).unwrap()
    }

    #[test]
    fn credentials_go_only_where_their_line_says() {
        let ada = Some(Credentials::basic("ada", "a@b"));
        assert_eq!(found("https://git.example.com/acme/deploy.git"), ada);
        assert_eq!(found("https://git.example.com/acme"), ada);
        assert_eq!(found("https://git.example.com:8443/x/y"), Some(Credentials::basic("bot", "t")));
        for elsewhere in [
            "https://git.example.com/acme-evil/deploy",
            "https://git.example.com/other",
            "https://evil.example/acme/deploy",
            "http://git.example.com/acme/deploy",
            "ssh://git@git.example.com/acme/deploy",
        ] {
            assert_eq!(found(elsewhere), None, "{elsewhere}");
        }
    }

    #[test]
    fn a_malformed_line_is_named_and_not_shown() {
        let url = "https://git.example.com/acme/x".parse().unwrap();
        assert_eq!(stored_credentials("\nhttps://token@git.example.com\n", &url), Err(2));
        assert_eq!(stored_credentials("https://u:%zz@git.example.com\n", &url), Err(1));
    }

    #[test]
    fn without_a_cache_and_for_local_repositories_nothing_is_asked() {
        let url: RepoUrl = "file:///srv/deploy.git".parse().unwrap();
        let environment = Environment::default();
        let code = |options| GitAccess::new(options).cache(&url, &environment).unwrap_err().code;
        assert_eq!(code(GitOptions::default()), "git-access-off");
        let cache_root = Some(PathBuf::from("cache"));
        assert_eq!(code(GitOptions { cache_root, ..GitOptions::default() }), "git-access-local");
    }
}
