//! A root of trust: the certificate authorities, logs and timestamp authorities that signatures without a key lead to.
//!
//! Source: sigstore's `trusted_root.json`, version 0.1. None is built in: which authorities one trusts is a decision, and
//! theirs change their keys.

use promoter_core::{Diagnosis, UnixSeconds};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::found::{Chain, Raw};
use super::json::{self, Bytes};
use super::key::PublicKey;

/// The media types of version 0.1, and of 0.2, which only adds fields that are not used here.
const ROOTS: [&str; 3] = [
    "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "application/vnd.dev.sigstore.trustedroot.v0.1+json",
    "application/vnd.dev.sigstore.trustedroot.v0.2+json",
];
/// How many of each kind there may be. The public one has a handful.
const EACH_MAX: usize = 64;

/// Why a file is no root of trust.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` is no sigstore root of trust: {why}")]
pub struct RootError {
    path: String,
    why: String,
}

impl RootError {
    /// The error as a person reads it.
    pub fn diagnosis(&self) -> Diagnosis {
        Diagnosis::input("sigstore-root", self)
            .hint("write it with `cosign trusted-root create`, or take that of the public good instance from its TUF repository")
    }
}

/// Certificate authorities, logs and timestamp authorities.
#[derive(Debug, Clone)]
pub struct SigstoreRoot {
    /// Who gives certificates to signers.
    pub(super) authorities: Vec<Authority>,
    /// Logs of signatures.
    pub(super) logs: Vec<Log>,
    /// Logs of certificates.
    pub(super) certificate_logs: Vec<Log>,
    /// Who says what time it is.
    pub(super) timestamps: Vec<Authority>,
    hash: String,
}

/// A certificate authority.
#[derive(Debug, Clone)]
pub(super) struct Authority {
    /// Certificates (DER): those between, then the root.
    pub(super) chain: Vec<Vec<u8>>,
    pub(super) valid: Span,
}

/// A log.
#[derive(Debug, Clone)]
pub(super) struct Log {
    pub(super) id: Vec<u8>,
    pub(super) key: PublicKey,
    pub(super) valid: Span,
}

/// A time span with an open end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    from: i64,
    to: Option<i64>,
}

impl Span {
    pub(super) fn holds(self, at: i64) -> bool {
        self.from <= at && self.to.is_none_or(|to| at <= to)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RootJson {
    media_type: String,
    #[serde(default)]
    certificate_authorities: Vec<AuthorityJson>,
    #[serde(default)]
    tlogs: Vec<LogJson>,
    #[serde(default)]
    ctlogs: Vec<LogJson>,
    #[serde(default)]
    timestamp_authorities: Vec<AuthorityJson>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthorityJson {
    cert_chain: Chain,
    #[serde(default)]
    valid_for: Option<SpanJson>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogJson {
    public_key: KeyJson,
    log_id: IdJson,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeyJson {
    raw_bytes: Bytes,
    #[serde(default)]
    valid_for: Option<SpanJson>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IdJson {
    key_id: Bytes,
}

#[derive(Deserialize, Default)]
struct SpanJson {
    #[serde(default)]
    start: Option<String>,
    #[serde(default)]
    end: Option<String>,
}

impl SigstoreRoot {
    /// Reads a `trusted_root.json`. `path` is for messages.
    pub fn read(text: &str, path: &str) -> Result<Self, RootError> {
        Self::parse(text).map_err(|why| RootError { path: path.into(), why })
    }

    /// Tells roots apart: the SHA-256 of the file.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    fn parse(text: &str) -> Result<Self, String> {
        let json: RootJson = json::read(text.as_bytes(), "the file")?;
        if !ROOTS.contains(&json.media_type.as_str()) {
            return Err("its version is not known".into());
        }
        if json.certificate_authorities.is_empty() {
            return Err("it names no certificate authority".into());
        }
        let lengths = [
            json.certificate_authorities.len(),
            json.tlogs.len(),
            json.ctlogs.len(),
            json.timestamp_authorities.len(),
        ];
        if lengths.iter().any(|it| *it > EACH_MAX) {
            return Err(format!("it names more than {EACH_MAX} of a kind"));
        }
        let authorities = |all: Vec<AuthorityJson>| all.into_iter().map(authority).collect::<Result<_, _>>();
        let root = Self {
            authorities: authorities(json.certificate_authorities)?,
            logs: logs(json.tlogs)?,
            certificate_logs: logs(json.ctlogs)?,
            timestamps: authorities(json.timestamp_authorities)?,
            hash: json::hex(&Sha256::digest(text.as_bytes())),
        };
        match root.logs.is_empty() && root.timestamps.is_empty() {
            true => Err("it names neither a log nor a timestamp authority, so nothing proves a time".into()),
            false => Ok(root),
        }
    }
}

fn authority(json: AuthorityJson) -> Result<Authority, String> {
    let chain: Vec<Vec<u8>> =
        json.cert_chain.certificates.into_iter().map(|it: Raw| it.raw_bytes.0).collect();
    match chain.is_empty() || chain.len() > EACH_MAX {
        true => Err("an authority has no certificate".into()),
        false => Ok(Authority { chain, valid: span(json.valid_for)? }),
    }
}

/// Logs whose keys are known. One with another kind of key is left out, and what it says counts for nothing: a root that
/// names a new kind of log does not make the others worthless.
fn logs(all: Vec<LogJson>) -> Result<Vec<Log>, String> {
    let mut found = Vec::new();
    for json in all {
        let valid = span(json.public_key.valid_for)?;
        if let Ok(key) = PublicKey::from_spki(&json.public_key.raw_bytes.0) {
            found.push(Log { id: json.log_id.key_id.0, key, valid });
        }
    }
    Ok(found)
}

fn span(json: Option<SpanJson>) -> Result<Span, String> {
    let json = json.unwrap_or_default();
    let time = |text: &str| {
        // Fractions of a second decide nothing here.
        let whole = text.split_once('.').map_or_else(|| text.to_owned(), |(it, _)| format!("{it}Z"));
        whole.parse::<UnixSeconds>().map(|it| it.0).map_err(|error| error.to_string())
    };
    Ok(Span {
        from: json.start.as_deref().map(time).transpose()?.unwrap_or(i64::MIN),
        to: json.end.as_deref().map(time).transpose()?,
    })
}
