//! The options by which a repository is reached, shared by the controller and people's commands.

use std::path::{Path, PathBuf};

use promoter_core::policy::POLICY_FILE;
use promoter_core::{Diagnosis, UnixSeconds};
use promoter_signatures::SigningKey;
use promoter_sources::clients::RegistryAccess;
use promoter_sources::git::{
    CredentialHelper, Credentials, GitError, Limits, RepoUrl, Scheme, Secret, TOKEN_USERNAME, Transport,
    read_token,
};
use promoter_sources::registry::RegistryOptions;

use crate::settings::{Identity, PolicyPlace, Settings};
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
    /// How registries and repositories of charts are reached.
    #[command(flatten)]
    pub registries: RegistryOptions,
    /// User name for git over HTTP
    #[arg(long, value_name = "NAME", env = "PROMOTER_GIT_USERNAME")]
    pub git_username: Option<String>,
    /// File with the password or access token for git over HTTP, read anew each time (or the token itself in
    /// PROMOTER_GIT_TOKEN)
    #[arg(long, value_name = "FILE", env = "PROMOTER_GIT_TOKEN_FILE")]
    pub git_token_file: Option<PathBuf>,
    /// Credentials for the repository, where no token is given, and for bases in others, in the form of git's credential
    /// store: lines `https://user:token@host/path`
    #[arg(long, value_name = "FILE", env = "PROMOTER_GIT_CREDENTIALS_FILE")]
    pub git_credentials_file: Option<PathBuf>,
    /// Whether git's credential helpers are asked.
    #[command(flatten)]
    pub helper: HelperOptions,
    /// How servers are reached and recognised.
    #[command(flatten)]
    pub transport: Transport,
    /// Where the organisation's policy is.
    #[command(flatten)]
    pub policy: PolicyOptions,
    /// Name on the commits that are written
    #[arg(long, value_name = "NAME", env = "PROMOTER_AUTHOR_NAME")]
    pub author_name: Option<String>,
    /// Mail address on the commits that are written; people are named by it
    #[arg(long, value_name = "ADDRESS", env = "PROMOTER_AUTHOR_EMAIL")]
    pub author_email: Option<String>,
}

/// Where the organisation's policy is.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct PolicyOptions {
    /// Repository with the policy; the pipelines' own unless given
    #[arg(long, value_name = "URL", env = "PROMOTER_POLICY_REPO")]
    pub policy_repo: Option<String>,
    /// Branch with the policy; `promoter/policy` unless given, which need not exist
    #[arg(long, value_name = "BRANCH", env = "PROMOTER_POLICY_BRANCH")]
    pub policy_branch: Option<String>,
    /// File with the policy on that branch
    #[arg(long, value_name = "FILE", env = "PROMOTER_POLICY_FILE", default_value = POLICY_FILE)]
    pub policy_file: String,
}

impl PolicyOptions {
    fn place(&self) -> Result<PolicyPlace, Diagnosis> {
        let repo = self.policy_repo.as_deref().map(str::parse).transpose();
        let repo: Option<RepoUrl> = repo.map_err(|error: GitError| error.diagnosis())?;
        let default = PolicyPlace::default();
        Ok(PolicyPlace {
            is_required: repo.is_some() || self.policy_branch.is_some(),
            repo,
            branch: self.policy_branch.clone().unwrap_or(default.branch),
            file: self.policy_file.clone(),
        })
    }
}

/// Whether git's credential helpers are asked.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct HelperOptions {
    /// Ask git's credential helpers for what a server wants (`git credential fill`): people's commands do unless this
    /// says `false`, the controller only if it says `true`
    #[arg(
        long,
        value_name = "BOOL",
        env = "PROMOTER_GIT_CREDENTIAL_HELPER",
        hide_env_values = true,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub git_credential_helper: Option<bool>,
}

impl HelperOptions {
    /// The helpers, if they are asked; `unless_said` holds where the options do not say.
    pub fn helper(&self, unless_said: bool, username: Option<String>) -> Option<CredentialHelper> {
        self.git_credential_helper.unwrap_or(unless_said).then(|| CredentialHelper::new(username))
    }
}

/// The variable that holds a token; it is no option, since options show in process lists.
const TOKEN_VARIABLE: &str = "PROMOTER_GIT_TOKEN";

impl AccessOptions {
    /// The same for a command that a person types: their own credential helpers are asked, unless they say no.
    #[must_use]
    pub fn of_a_person(mut self) -> Self {
        self.helper.git_credential_helper.get_or_insert(true);
        self
    }

    /// How registries are reached. Nothing is made or asked yet; where there is no place for caches, nothing is kept.
    ///
    /// Errors: the file about registries is of no use.
    pub fn registries(&self) -> Result<RegistryAccess, Diagnosis> {
        Ok(RegistryAccess::new(self.registries.config()?, cache_root(self.cache_dir.as_deref()).ok()))
    }

    /// The settings for one repository. `identity` fills in what the options leave out; `registries` may be shared with others.
    pub fn settings(
        &self,
        repo: &str,
        identity: Identity,
        registries: RegistryAccess,
    ) -> Result<Settings, Diagnosis> {
        let wrong = |error: GitError| error.diagnosis();
        let url: RepoUrl = repo.parse().map_err(wrong)?;
        Ok(Settings {
            credentials: self.credentials(&url).map_err(wrong)?,
            url,
            credentials_file: self.git_credentials_file.clone(),
            transport: self.transport.clone(),
            cache_root: cache_root(self.cache_dir.as_deref())?,
            dry_branch: self.branch.clone(),
            identity: Identity {
                name: self.author_name.clone().unwrap_or(identity.name),
                email: self.author_email.clone().unwrap_or(identity.email),
            },
            helm: self.helm.clone(),
            registries,
            policy: self.policy.place()?,
            limits: Limits { caches_bytes_max: self.cache_bytes_max, ..Limits::default() },
        })
    }

    /// What was given for this repository: a token, or else a line of the credential store, or else the helpers.
    fn credentials(&self, url: &RepoUrl) -> Result<Credentials, GitError> {
        let username = || self.git_username.clone().unwrap_or_else(|| TOKEN_USERNAME.into());
        if let Some(path) = &self.git_token_file {
            // A slip in the path is said at the start, not in the middle of the work.
            read_token(path)?;
            return Ok(Credentials::TokenFile { username: username(), path: path.clone() });
        }
        if let Ok(token) = std::env::var(TOKEN_VARIABLE) {
            return Ok(Credentials::basic(username(), token));
        }
        if let Some(file) = &self.git_credentials_file
            && Credentials::stored(file, url)? != Credentials::None
        {
            return Ok(Credentials::Store(file.clone()));
        }
        let is_http = matches!(url.scheme(), Scheme::Https | Scheme::Http);
        let helper = self.helper.helper(false, self.git_username.clone()).filter(|_| is_http);
        Ok(helper.map_or(Credentials::None, Credentials::Helper))
    }
}

/// What the checks of verification and gates may use.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct CheckOptions {
    /// Directory with the secrets that checks name (`headersFrom`, `caFile`, `secretKeyRef`), read anew each time
    #[arg(long, value_name = "DIR", env = "PROMOTER_SECRETS_DIR")]
    pub secrets_dir: Option<PathBuf>,
    /// Clusters whose Argo CD Applications are read and in which Jobs run, as contexts; without it the cluster that the controller runs in
    #[arg(long, value_name = "FILE", env = "PROMOTER_KUBECONFIG")]
    pub kubeconfig: Option<PathBuf>,
    /// Run the programs of `command` checks: whoever may write a promoter.yaml runs them with the controller's rights
    #[arg(long, env = "PROMOTER_ALLOW_COMMANDS")]
    pub allow_commands: bool,
    /// Create the Jobs of `job` checks: whoever may write a promoter.yaml runs them where the controller may create Jobs
    #[arg(long, env = "PROMOTER_ALLOW_JOBS")]
    pub allow_jobs: bool,
    /// After a merge, ask Argo CD to look at the Applications of the environment's `argocd` checks at once; takes the right to
    /// patch Applications
    #[arg(long, env = "PROMOTER_REFRESH_APPLICATIONS")]
    pub refresh_applications: bool,
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
