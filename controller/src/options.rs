//! The options by which a repository is reached, shared by the controller and people's commands.

use std::path::{Path, PathBuf};

use promoter_core::{Diagnosis, UnixSeconds};
use promoter_signatures::SigningKey;
use promoter_sources::git::{Credentials, Limits, RepoUrl, Secret};

use crate::settings::{Identity, Settings};
use crate::signatures::read_text;

/// How the repository is reached, and as whom.
#[derive(Debug, Clone, clap::Args)]
pub struct AccessOptions {
    /// Dry branch; the repository's default branch unless given
    #[arg(long, value_name = "BRANCH", env = "PROMOTER_BRANCH")]
    pub branch: Option<String>,
    /// Where objects of repositories are kept
    #[arg(long, value_name = "DIR", env = "PROMOTER_CACHE_DIR")]
    pub cache_dir: Option<PathBuf>,
    /// Bytes that the objects of all repositories may take together; the least recently used go
    #[arg(long, value_name = "BYTES", env = "PROMOTER_CACHE_BYTES_MAX", default_value_t = Limits::default().caches_bytes_max)]
    pub cache_bytes_max: u64,
    /// The helm binary that renders charts
    #[arg(long, value_name = "FILE", env = "PROMOTER_HELM", default_value = "helm")]
    pub helm: PathBuf,
    /// User name for git over HTTP
    #[arg(long, value_name = "NAME", env = "PROMOTER_GIT_USERNAME")]
    pub git_username: Option<String>,
    /// File with the password or access token for git over HTTP (or the token itself in PROMOTER_GIT_TOKEN)
    #[arg(long, value_name = "FILE", env = "PROMOTER_GIT_TOKEN_FILE")]
    pub git_token_file: Option<PathBuf>,
    /// Credentials for bases in other repositories, in the form of git's credential store: lines `https://user:token@host/path`
    #[arg(long, value_name = "FILE", env = "PROMOTER_GIT_CREDENTIALS_FILE")]
    pub git_credentials_file: Option<PathBuf>,
    /// Name on the commits that are written
    #[arg(long, value_name = "NAME", env = "PROMOTER_AUTHOR_NAME")]
    pub author_name: Option<String>,
    /// Mail address on the commits that are written; people are named by it
    #[arg(long, value_name = "ADDRESS", env = "PROMOTER_AUTHOR_EMAIL")]
    pub author_email: Option<String>,
}

/// The variable that holds a token; it is no option, since options show in process lists.
const TOKEN_VARIABLE: &str = "PROMOTER_GIT_TOKEN";

impl AccessOptions {
    /// The settings for one repository. `identity` fills in what the options leave out.
    pub fn settings(&self, repo: &str, identity: Identity) -> Result<Settings, Diagnosis> {
        let url: RepoUrl =
            repo.parse().map_err(|error: promoter_sources::git::GitError| error.diagnosis())?;
        Ok(Settings {
            url,
            credentials: self.credentials()?,
            credentials_file: self.git_credentials_file.clone(),
            cache_root: cache_root(self.cache_dir.as_deref())?,
            dry_branch: self.branch.clone(),
            identity: Identity {
                name: self.author_name.clone().unwrap_or(identity.name),
                email: self.author_email.clone().unwrap_or(identity.email),
            },
            helm: self.helm.clone(),
            limits: Limits { caches_bytes_max: self.cache_bytes_max, ..Limits::default() },
        })
    }

    fn credentials(&self) -> Result<Credentials, Diagnosis> {
        let token = match &self.git_token_file {
            Some(path) => Some(std::fs::read_to_string(path).map_err(|error| {
                Diagnosis::input("token-file", format!("`{}` cannot be read: {error}", path.display()))
            })?),
            None => std::env::var(TOKEN_VARIABLE).ok(),
        };
        Ok(match (&self.git_username, token) {
            (_, None) => Credentials::None,
            (None, Some(token)) => Credentials::token(token),
            (Some(username), Some(token)) => Credentials::basic(username, token),
        })
    }
}

/// What signs the commits that are written.
#[derive(Debug, Clone, clap::Args)]
pub struct SigningOptions {
    /// Private key that signs every commit that is written: OpenSSH's format, or an armored OpenPGP secret key
    #[arg(long, value_name = "FILE", env = "PROMOTER_SIGNING_KEY_FILE")]
    pub signing_key_file: Option<PathBuf>,
    /// File with the passphrase of that key
    #[arg(long, value_name = "FILE", env = "PROMOTER_SIGNING_KEY_PASSPHRASE_FILE")]
    pub signing_key_passphrase_file: Option<PathBuf>,
}

impl SigningOptions {
    /// The key, if one was named, opened and found fit.
    pub fn key(&self, now: UnixSeconds) -> Result<Option<SigningKey>, Diagnosis> {
        self.signing_key_file.as_deref().map(|it| self.read(it, now)).transpose()
    }

    /// Reads a key of a file, with the passphrase of the options.
    pub fn read(&self, file: &Path, now: UnixSeconds) -> Result<SigningKey, Diagnosis> {
        let read = |file: &Path| read_text(file, KEY_BYTES_MAX).map(Secret::new);
        let passphrase = self.signing_key_passphrase_file.as_deref().map(read).transpose();
        let unread = |why| Diagnosis::input("signing-key-file", why);
        let (text, passphrase) = (read(file).map_err(unread)?, passphrase.map_err(unread)?);
        let passphrase = passphrase.as_ref().map(Secret::expose);
        SigningKey::read(text.expose(), passphrase, &file.display().to_string(), now)
            .map_err(|error| error.diagnosis())
    }
}

/// The largest key or passphrase that is read.
const KEY_BYTES_MAX: u64 = 1 << 20;

/// Where object caches live: the directory that was asked for, else one in the person's own cache.
pub fn cache_root(asked: Option<&Path>) -> Result<PathBuf, Diagnosis> {
    if let Some(directory) = asked {
        return Ok(directory.to_owned());
    }
    let variable = |name| std::env::var_os(name).filter(|it| !it.is_empty()).map(PathBuf::from);
    variable("XDG_CACHE_HOME")
        .or_else(|| variable("HOME").map(|home| home.join(".cache")))
        .map(|cache| cache.join("promoter"))
        .ok_or_else(|| {
            Diagnosis::input("cache-dir", "there is no place for the object cache")
                .hint("give one with `--cache-dir`, or set HOME")
        })
}
