//! Signed statements: DSSE envelopes with an in-toto statement in them.
//!
//! Source: the DSSE protocol (v1), in-toto's attestation framework (statement v0.1 and v1).

use promoter_core::ImageDigest;
use serde::Deserialize;
use serde_json::Value;

use super::json::{self, Bytes};

/// What `cosign sign` signs where it makes bundles.
pub const SIGN_PREDICATE: &str = "https://sigstore.dev/cosign/sign/v1";
/// What a statement is.
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
const STATEMENTS: [&str; 2] = ["https://in-toto.io/Statement/v0.1", "https://in-toto.io/Statement/v1"];
/// How many subjects a statement may have.
const SUBJECTS_MAX: usize = 10_000;

/// An envelope with one signature.
#[derive(Debug, Clone)]
pub(super) struct Envelope {
    payload: Vec<u8>,
    kind: String,
    signature: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EnvelopeJson {
    payload: Bytes,
    payload_type: String,
    signatures: Vec<SignatureJson>,
}

#[derive(Deserialize)]
struct SignatureJson {
    sig: Bytes,
}

/// What is stated.
pub(super) struct Statement {
    pub(super) predicate_type: String,
    pub(super) predicate: Value,
    subjects: Vec<Subject>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StatementJson {
    #[serde(rename = "_type")]
    kind: String,
    predicate_type: String,
    #[serde(default)]
    predicate: Value,
    subject: Vec<Subject>,
}

#[derive(Deserialize)]
struct Subject {
    #[serde(default)]
    digest: std::collections::BTreeMap<String, String>,
}

impl Envelope {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        Self::of(json::read(bytes, "the attestation's envelope")?)
    }

    pub(super) fn of(json: EnvelopeJson) -> Result<Self, String> {
        let EnvelopeJson { payload, payload_type, mut signatures } = json;
        match (signatures.pop(), signatures.is_empty()) {
            (Some(signature), true) => {
                Ok(Self { payload: payload.0, kind: payload_type, signature: signature.sig.0 })
            }
            (None, _) => Err("the attestation's envelope is not signed".into()),
            (Some(_), false) => Err("the attestation's envelope has more than one signature".into()),
        }
    }

    pub(super) fn payload(&self) -> &[u8] {
        &self.payload
    }

    pub(super) fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// The bytes that are signed.
    pub(super) fn message(&self) -> Vec<u8> {
        let mut out =
            format!("DSSEv1 {} {} {} ", self.kind.len(), self.kind, self.payload.len()).into_bytes();
        out.extend_from_slice(&self.payload);
        out
    }

    pub(super) fn statement(&self) -> Result<Statement, String> {
        if self.kind != PAYLOAD_TYPE {
            return Err("the attestation's envelope holds no in-toto statement".into());
        }
        let json: StatementJson = json::read(&self.payload, "the attestation")?;
        if !STATEMENTS.contains(&json.kind.as_str()) {
            return Err("the attestation is of a version of in-toto that is not known".into());
        }
        Ok(Statement {
            predicate_type: json.predicate_type,
            predicate: json.predicate,
            subjects: json.subject,
        })
    }
}

impl Statement {
    /// Checks that it is about a digest.
    pub(super) fn check_subject(&self, digest: &ImageDigest) -> Result<(), String> {
        let (algorithm, hex) = digest.as_str().split_once(':').unwrap_or_default();
        let is_about = |it: &Subject| it.digest.get(algorithm).is_some_and(|found| found == hex);
        match self.subjects.iter().take(SUBJECTS_MAX).any(is_about) {
            true => Ok(()),
            false => Err("it is about another digest".into()),
        }
    }
}
