//! What was signed, and what proves who signed it and when, whatever the form in which it was kept.

use serde::Deserialize;

use super::dsse::Envelope;
use super::json::{self, Bytes, Number};

/// Something signed.
#[derive(Debug, Clone)]
pub(super) enum Signed {
    /// A payload by itself.
    Simple { payload: Vec<u8>, signature: Vec<u8> },
    /// A statement in an envelope.
    Envelope(Envelope),
}

impl Signed {
    /// The bytes that are signed.
    pub(super) fn message(&self) -> Vec<u8> {
        match self {
            Self::Simple { payload, .. } => payload.clone(),
            Self::Envelope(envelope) => envelope.message(),
        }
    }

    pub(super) fn signature(&self) -> &[u8] {
        match self {
            Self::Simple { signature, .. } => signature,
            Self::Envelope(envelope) => envelope.signature(),
        }
    }

    /// What is said, whose hash logs hold.
    pub(super) fn payload(&self) -> &[u8] {
        match self {
            Self::Simple { payload, .. } => payload,
            Self::Envelope(envelope) => envelope.payload(),
        }
    }
}

/// What came with a signature.
#[derive(Debug, Clone, Default)]
pub(super) struct Evidence {
    /// The signer's certificate (DER); none where it was signed with a key.
    pub(super) certificate: Option<Vec<u8>>,
    /// Certificates between it and a root (DER).
    pub(super) chain: Vec<Vec<u8>>,
    /// Entries of transparency logs.
    pub(super) entries: Vec<Entry>,
    /// Timestamps (DER).
    pub(super) timestamps: Vec<Vec<u8>>,
}

/// How much of each is looked at.
pub(super) const EACH_MAX: usize = 8;

/// An entry of a transparency log.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// The SHA-256 of the log's key.
    pub(super) log_id: Vec<u8>,
    /// Its place in the whole log.
    pub(super) index: u64,
    /// When the log took it, seconds since 1970. Worth something only with a promise.
    pub(super) time: u64,
    /// The entry itself.
    pub(super) body: Vec<u8>,
    /// The log's signature over all of the above.
    pub(super) promise: Option<Vec<u8>>,
    /// That it is in a tree that the log signed.
    pub(super) proof: Option<Proof>,
}

/// That an entry is in a tree.
#[derive(Debug, Clone)]
pub(super) struct Proof {
    pub(super) index: u64,
    pub(super) size: u64,
    pub(super) root: Vec<u8>,
    pub(super) hashes: Vec<Vec<u8>>,
    /// The signed note with size and root.
    pub(super) checkpoint: String,
}

/// The same as bundles write it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EntryJson {
    // What is zero is left out.
    #[serde(default)]
    log_index: Number,
    log_id: LogId,
    #[serde(default)]
    integrated_time: Number,
    #[serde(default)]
    inclusion_promise: Option<Promise>,
    #[serde(default)]
    inclusion_proof: Option<ProofJson>,
    canonicalized_body: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogId {
    pub(super) key_id: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Promise {
    signed_entry_timestamp: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProofJson {
    #[serde(default)]
    log_index: Number,
    root_hash: Bytes,
    tree_size: Number,
    #[serde(default)]
    hashes: Vec<Bytes>,
    checkpoint: Checkpoint,
}

#[derive(Deserialize)]
struct Checkpoint {
    envelope: String,
}

impl From<EntryJson> for Entry {
    fn from(json: EntryJson) -> Self {
        let proof = json.inclusion_proof.map(|it| Proof {
            index: it.log_index.0,
            size: it.tree_size.0,
            root: it.root_hash.0,
            hashes: it.hashes.into_iter().map(|it| it.0).collect(),
            checkpoint: it.checkpoint.envelope,
        });
        Self {
            log_id: json.log_id.key_id.0,
            index: json.log_index.0,
            time: json.integrated_time.0,
            body: json.canonicalized_body.0,
            promise: json.inclusion_promise.map(|it| it.signed_entry_timestamp.0),
            proof,
        }
    }
}

/// The entry as annotations of cosign's older form have it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AnnotatedEntry {
    signed_entry_timestamp: Bytes,
    payload: AnnotatedPayload,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnnotatedPayload {
    body: Bytes,
    integrated_time: Number,
    log_index: Number,
    #[serde(rename = "logID")]
    log_id: String,
}

impl Entry {
    /// Reads the annotation `dev.sigstore.cosign/bundle`.
    pub(super) fn annotated(text: &str) -> Result<Self, String> {
        let json: AnnotatedEntry = json::read(text.as_bytes(), "the entry of the log")?;
        let log_id = json::unhex(&json.payload.log_id).ok_or("the entry of the log names no log")?;
        Ok(Self {
            log_id,
            index: json.payload.log_index.0,
            time: json.payload.integrated_time.0,
            body: json.payload.body.0,
            promise: Some(json.signed_entry_timestamp.0),
            proof: None,
        })
    }
}
