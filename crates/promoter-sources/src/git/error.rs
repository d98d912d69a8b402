//! Why git did not give what was asked, and who can mend it.

use promoter_core::{CommitId, Diagnosis, UnixSeconds};

/// Why a repository could not be read (or, for the shared parts, written).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GitError {
    /// The text is no URL of a repository.
    #[error("repository URL `{url}` {why}")]
    Url {
        /// What was given, without its secret.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The server wants other credentials, or any.
    #[error("`{url}` refuses our credentials ({answer})")]
    Denied {
        /// The repository.
        url: String,
        /// Status or first line of the answer.
        answer: String,
    },
    /// There is no such repository (some servers say so to everyone who may not read it).
    #[error("there is no repository at `{url}` ({answer})")]
    NoRepository {
        /// The repository.
        url: String,
        /// Status or first line of the answer.
        answer: String,
    },
    /// Credentials would travel in clear text.
    #[error("credentials for `{url}` would travel in clear text")]
    ClearText {
        /// The repository.
        url: String,
    },
    /// The file with credentials is of no use.
    #[error("credentials file `{path}`: {why}")]
    CredentialsFile {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// A file that says how servers are reached is of no use: authorities, a certificate, keys of ssh.
    #[error("the {what} `{path}` {why}")]
    AccessFile {
        /// What it is for, in words.
        what: &'static str,
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The file with the password or access token cannot be read.
    #[error("the token file `{path}` cannot be read: {why}")]
    TokenFile {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// git's credential helpers could not be asked.
    #[error("git's credential helpers gave no answer for `{url}`: {why}")]
    CredentialHelper {
        /// The repository.
        url: String,
        /// What happened.
        why: String,
    },
    /// The server's certificate is not one that this machine trusts.
    #[error("the certificate of `{url}` is not trusted: {why}")]
    Certificate {
        /// The repository.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The ssh server does not show the key by which it is known, or is not known at all.
    #[error("the ssh server of `{url}` is not trusted: {why}")]
    HostKey {
        /// The repository.
        url: String,
        /// What ssh said.
        why: String,
    },
    /// The proxy on the way does not let us pass.
    #[error("the proxy on the way to `{url}` does not let us pass: {why}")]
    Proxy {
        /// The repository.
        url: String,
        /// What it said.
        why: String,
    },
    /// The server does not have the commit, or does not give it by id.
    #[error("commit `{commit}` is not to be had from `{url}` ({answer})")]
    NoCommit {
        /// The commit.
        commit: CommitId,
        /// The repository or directory.
        url: String,
        /// What the server said.
        answer: String,
    },
    /// The id names something that is no commit, or a kind of id that is not supported.
    #[error("`{id}` is {what}, a commit was wanted")]
    WrongObject {
        /// The id.
        id: String,
        /// What it is.
        what: String,
    },
    /// The directory is not in the commit.
    #[error("commit `{commit}` has no directory `{path}`")]
    NoDirectory {
        /// The commit.
        commit: CommitId,
        /// The path that was wanted.
        path: String,
    },
    /// The server did not answer as it should: refused connections, 5xx, 429, an answer cut short, no answer in time.
    #[error("`{url}` did not answer as it should: {why}")]
    Unreachable {
        /// The repository.
        url: String,
        /// What happened.
        why: String,
    },
    /// The server wants to be left alone for a while (429 or 503 with `Retry-After`).
    #[error("`{url}` wants no question before {until} ({answer})")]
    Later {
        /// The repository.
        url: String,
        /// Its status.
        answer: String,
        /// When it may be asked again.
        until: UnixSeconds,
    },
    /// More than the limit: of bytes, refs or entries.
    #[error("{what} of `{url}` is more than {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The repository.
        url: String,
        /// The limit.
        limit: u64,
    },
    /// The server's answer is no git protocol.
    #[error("`{url}` does not speak git's smart protocol: {why}")]
    Protocol {
        /// The repository.
        url: String,
        /// What was unexpected.
        why: String,
    },
    /// A repository of a kind that is not supported.
    #[error("`{url}` {what}")]
    Unsupported {
        /// The repository.
        url: String,
        /// What it is, as the rest of a sentence.
        what: String,
    },
    /// The object cache on this machine failed.
    #[error("the object cache at `{path}` failed: {why}")]
    Cache {
        /// Its directory.
        path: String,
        /// What happened.
        why: String,
    },
    /// An object that must be there is missing or is not what its id says.
    #[error("object `{id}` of `{url}` is damaged: {why}")]
    Damaged {
        /// The object.
        id: String,
        /// Where it was read from.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// A `.git` directory that we do not read.
    #[error("the `.git` directory {why}")]
    DotGit {
        /// What is wrong with it.
        why: String,
    },
}

impl GitError {
    /// The error as a person reads it.
    pub fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Url { .. } => Diagnosis::input("git-url", self),
            Self::Denied { .. } => Diagnosis::input("git-denied", self)
                .hint("check user name and token, and that they may read this repository"),
            Self::NoRepository { .. } => Diagnosis::input("git-no-repository", self)
                .hint("check the URL; many servers say this too when credentials are missing"),
            Self::ClearText { .. } => Diagnosis::input("git-clear-text", self)
                .hint("use https; where nobody else listens, `--allow-clear-text` lets them"),
            Self::CredentialsFile { .. } => Diagnosis::upstream("git-access-credentials", self)
                .hint("write a line for each host as git's credential store does: `https://user:token@host`"),
            Self::AccessFile { .. } => {
                Diagnosis::input("git-access-file", self).hint("check its path, rights and form")
            }
            Self::TokenFile { .. } => {
                Diagnosis::input("token-file", self).hint("check `--git-token-file` and the file's rights")
            }
            Self::CredentialHelper { .. } => Diagnosis::upstream("git-credential-helper", self)
                .hint("try `git credential fill`, or give a token with `--git-token-file`"),
            Self::Certificate { .. } => Diagnosis::input("git-certificate", self).hint(
                "give the certificates of the authorities that you trust with `--ca-file`, or mend the server's",
            ),
            Self::HostKey { .. } => Diagnosis::input("git-host-key", self).hint(
                "ask the server's owner for its key and put it into the known hosts (`--ssh-known-hosts-file`)",
            ),
            Self::Proxy { .. } => Diagnosis::input("git-proxy", self)
                .hint("check user and password in HTTPS_PROXY, or name the host in NO_PROXY"),
            Self::NoCommit { .. } => Diagnosis::input("git-no-commit", self)
                .hint("push the commit, or keep a branch or tag that contains it"),
            Self::WrongObject { .. } => Diagnosis::input("git-wrong-object", self),
            Self::NoDirectory { .. } => Diagnosis::input("git-no-directory", self),
            Self::Unreachable { .. } => Diagnosis::upstream("git-unreachable", self),
            Self::Later { until, .. } => Diagnosis::upstream("git-later", self).not_before(*until),
            Self::TooLarge { .. } => Diagnosis::input("git-too-large", self),
            Self::Protocol { .. } => Diagnosis::input("git-protocol", self)
                .hint("check that the URL is the repository's, not a web page's"),
            Self::Unsupported { .. } => Diagnosis::input("git-unsupported", self)
                .hint("convert the repository, or use a copy in git's usual format"),
            Self::Cache { .. } => {
                Diagnosis::upstream("git-cache", self).hint("check space and rights of the directory")
            }
            Self::Damaged { .. } => Diagnosis::upstream("git-damaged", self),
            Self::DotGit { .. } => Diagnosis::input("git-dot-git", self),
        }
    }
}
