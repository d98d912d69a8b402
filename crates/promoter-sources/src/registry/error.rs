//! Why a registry did not give what was asked, and what follows for whoever asked.

use promoter_core::{Diagnosis, Fault, UnixSeconds};

/// What an error lets a caller decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The registry gave its answer: this one tag or digest is not there, or of no use. The others are not touched by it.
    Definite,
    /// Time helps. Nothing may be decided meanwhile: what was not read may be anything.
    Upstream,
    /// A person mends it. Nothing may be decided meanwhile.
    Input,
}

/// Why a registry did not give what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// The registry has no such tag, manifest or blob.
    #[error("`{repository}` has no {what} ({answer})")]
    Missing {
        /// The repository.
        repository: String,
        /// What was asked for, in words.
        what: String,
        /// What the registry said.
        answer: String,
    },
    /// What the registry has under this tag or digest is no manifest, configuration or index that we can read.
    #[error("{what} of `{repository}` {why}")]
    Malformed {
        /// The repository.
        repository: String,
        /// What was read, in words.
        what: String,
        /// What is wrong with it, as the rest of a sentence.
        why: String,
    },
    /// The manifest has the first schema, which names no content.
    #[error("{what} of `{repository}` has a manifest of schema 1, which has no digest to pin")]
    SchemaOne {
        /// The repository.
        repository: String,
        /// What was read, in words.
        what: String,
    },
    /// The registry has no such repository (some say so of one without tags, and to everyone who may not read it).
    #[error("there is no repository `{repository}` ({answer})")]
    NoRepository {
        /// The repository.
        repository: String,
        /// What the registry said.
        answer: String,
    },
    /// The registry, or the server that gives out its tokens, wants other credentials, or any.
    #[error("`{host}` does not let us read `{repository}` ({answer})")]
    Denied {
        /// Who refused.
        host: String,
        /// The repository.
        repository: String,
        /// What it said, and whether credentials were sent.
        answer: String,
    },
    /// Credentials or a token would travel in clear text.
    #[error("credentials for `{repository}` would travel in clear text to `{host}`")]
    ClearText {
        /// Where to.
        host: String,
        /// The repository.
        repository: String,
    },
    /// The certificate is not one that we trust.
    #[error("the certificate of `{host}` is not trusted: {why}")]
    Certificate {
        /// The host.
        host: String,
        /// What is wrong with it.
        why: String,
    },
    /// The file with authorities is of no use.
    #[error("the file of authorities `{path}` for `{host}` {why}")]
    Authorities {
        /// The host.
        host: String,
        /// The file.
        path: String,
        /// What is wrong with it, as the rest of a sentence.
        why: String,
    },
    /// The file with credentials is of no use.
    #[error("the file of registry credentials `{path}` {why}")]
    CredentialsFile {
        /// The file.
        path: String,
        /// What is wrong with it, as the rest of a sentence.
        why: String,
    },
    /// A credential helper gave no credentials, and did not say that it knows none.
    #[error("the credential helper `{helper}` gave no answer for `{host}`: {why}")]
    CredentialHelper {
        /// The program.
        helper: String,
        /// The host.
        host: String,
        /// What happened.
        why: String,
    },
    /// No answer: refused connections, 5xx, an answer cut short, no answer in time.
    #[error("`{host}` did not answer as it should: {why}")]
    Unreachable {
        /// The host.
        host: String,
        /// What happened.
        why: String,
    },
    /// The host is left alone for a while: it wants so (429 or 503), or did not answer a moment ago.
    #[error("`{host}` is not asked before {until} ({answer})")]
    Later {
        /// The host.
        host: String,
        /// Its status, or what happened.
        answer: String,
        /// When it may be asked again.
        until: UnixSeconds,
    },
    /// The answer is none of a registry.
    #[error("`{host}` does not answer as registries do: {why}")]
    Protocol {
        /// The host.
        host: String,
        /// What was unexpected.
        why: String,
    },
    /// The bytes are not those that the digest names.
    #[error("`{host}` gives other bytes than `{digest}` names")]
    WrongDigest {
        /// The host.
        host: String,
        /// What was asked for.
        digest: String,
    },
    /// A listing is larger than any that we read.
    #[error("{what} of `{repository}` is more than {limit}")]
    TooLarge {
        /// The repository.
        repository: String,
        /// What, in words.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
}

impl RegistryError {
    /// What a caller may decide.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Missing { .. } | Self::Malformed { .. } | Self::SchemaOne { .. } => ErrorKind::Definite,
            other if other.diagnosis().fault == Fault::Input => ErrorKind::Input,
            _ => ErrorKind::Upstream,
        }
    }

    /// The error as a person reads it.
    pub fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Missing { .. } => Diagnosis::input("registry-missing", self)
                .hint("push it again, or let the subscription ignore this tag"),
            Self::Malformed { .. } => Diagnosis::input("registry-malformed", self)
                .hint("push it again, or let the subscription ignore this tag"),
            Self::SchemaOne { .. } => Diagnosis::input("registry-schema-one", self)
                .hint("push it again with a build tool of this decade, or let the subscription ignore this tag"),
            Self::NoRepository { .. } => Diagnosis::input("registry-no-repository", self)
                .hint("check the name; many registries say this too when credentials are missing"),
            Self::Denied { .. } => Diagnosis::input("registry-denied", self)
                .hint("check the credentials in docker's config.json (`--registry-config`), and that they may pull"),
            Self::ClearText { .. } => Diagnosis::input("registry-clear-text", self)
                .hint("use https; where nobody else listens, set `plainHttp: true` for this host in `--registries-file`"),
            Self::Certificate { .. } => Diagnosis::input("registry-certificate", self)
                .hint("name the authority with `caFile` for this host in `--registries-file`, or mend the certificate"),
            Self::Authorities { .. } => {
                Diagnosis::input("registry-ca-file", self).hint("check its path, rights and form")
            }
            Self::CredentialsFile { .. } => Diagnosis::input("registry-credentials-file", self)
                .hint("write it as `docker login` or `kubectl create secret docker-registry` do"),
            Self::CredentialHelper { helper, .. } => Diagnosis::upstream("registry-credential-helper", self)
                .hint(format!("try `echo HOST | {helper} get`")),
            // What TLS calls an answer that is none of its own.
            Self::Unreachable { why, .. } if why.contains("InvalidContentType") => {
                Diagnosis::upstream("registry-unreachable", self).hint(
                    "it seems to speak plain http; if that is meant, set `plainHttp: true` for this host in `--registries-file`",
                )
            }
            Self::Unreachable { .. } => Diagnosis::upstream("registry-unreachable", self),
            Self::Later { until, .. } => Diagnosis::upstream("registry-later", self).not_before(*until),
            Self::Protocol { .. } => Diagnosis::upstream("registry-protocol", self)
                .hint("check that the host is a registry, and that nothing between answers in its place"),
            Self::WrongDigest { .. } => Diagnosis::upstream("registry-wrong-digest", self)
                .hint("nothing of it is used; look for a broken cache or proxy between"),
            Self::TooLarge { .. } => Diagnosis::input("registry-too-large", self)
                .hint("remove old tags from the repository, or name another one"),
        }
    }
}
