//! The forms in which signatures lie in registries: layers of cosign's `.sig` and `.att` manifests with annotations, and
//! sigstore bundles.

use std::collections::BTreeMap;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde::Deserialize;

use super::FOUND_BYTES_MAX;
use super::dsse::{Envelope, EnvelopeJson};
use super::evidence::{EACH_MAX, Entry, EntryJson, Evidence, Signed};
use super::json::{self, Bytes};

const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
const CHAIN: &str = "dev.sigstore.cosign/chain";
const ENTRY: &str = "dev.sigstore.cosign/bundle";
const TIMESTAMP: &str = "dev.sigstore.cosign/rfc3161timestamp";

/// The annotations of a layer that matter here; others need not be kept.
pub const ANNOTATIONS: [&str; 5] = [SIGNATURE, CERTIFICATE, CHAIN, ENTRY, TIMESTAMP];

/// A signature or attestation, as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A layer of a `.sig` manifest: the signed payload, and the layer's annotations.
    Simple {
        /// The layer.
        payload: Vec<u8>,
        /// Its annotations, at least [`ANNOTATIONS`].
        annotations: BTreeMap<String, String>,
    },
    /// A layer of an `.att` manifest: an envelope, and the layer's annotations.
    Envelope {
        /// The layer.
        envelope: Vec<u8>,
        /// Its annotations, at least [`ANNOTATIONS`].
        annotations: BTreeMap<String, String>,
    },
    /// A sigstore bundle.
    Bundle(Vec<u8>),
}

impl Found {
    /// What is signed, and what came with it.
    pub(super) fn read(&self) -> Result<(Signed, Evidence), String> {
        let bytes = match self {
            Self::Simple { payload: it, .. } | Self::Envelope { envelope: it, .. } | Self::Bundle(it) => it,
        };
        if bytes.len() > FOUND_BYTES_MAX {
            return Err(format!("it is larger than {FOUND_BYTES_MAX} bytes"));
        }
        match self {
            Self::Simple { payload, annotations } => {
                let signature = annotations.get(SIGNATURE).ok_or("its signature is not there")?;
                let signature = json::unbase64(signature).ok_or("its signature is no base64")?;
                Ok((Signed::Simple { payload: payload.clone(), signature }, annotated(annotations)?))
            }
            Self::Envelope { envelope, annotations } => {
                Ok((Signed::Envelope(Envelope::read(envelope)?), annotated(annotations)?))
            }
            Self::Bundle(bytes) => bundle(bytes),
        }
    }
}

fn annotated(annotations: &BTreeMap<String, String>) -> Result<Evidence, String> {
    let pem = |name: &str| -> Result<Vec<Vec<u8>>, String> {
        let text = annotations.get(name).map_or("", String::as_str);
        let read = CertificateDer::pem_slice_iter(text.as_bytes()).take(EACH_MAX);
        let read = read.map(|it| it.map(|it| it.to_vec())).collect::<Result<_, _>>();
        read.map_err(|_| "its certificate is no PEM".to_owned())
    };
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Timestamp {
        #[serde(rename = "SignedRFC3161Timestamp")]
        signed: Bytes,
    }
    let entry = annotations.get(ENTRY).map(|it| Entry::annotated(it)).transpose()?;
    let stamp = annotations.get(TIMESTAMP).map(|it| json::read::<Timestamp>(it.as_bytes(), "the timestamp"));
    Ok(Evidence {
        certificate: pem(CERTIFICATE)?.into_iter().next(),
        chain: pem(CHAIN)?,
        entries: entry.into_iter().collect(),
        timestamps: stamp.transpose()?.into_iter().map(|it| it.signed.0).collect(),
    })
}

/// A bundle, as its versions 0.1 to 0.3 have it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    media_type: String,
    verification_material: Material,
    #[serde(default)]
    dsse_envelope: Option<EnvelopeJson>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Material {
    #[serde(default)]
    certificate: Option<Raw>,
    #[serde(default)]
    x509_certificate_chain: Option<Chain>,
    #[serde(default)]
    tlog_entries: Vec<EntryJson>,
    #[serde(default)]
    timestamp_verification_data: Option<Timestamps>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Raw {
    pub(super) raw_bytes: Bytes,
}

#[derive(Deserialize)]
pub(super) struct Chain {
    pub(super) certificates: Vec<Raw>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Timestamps {
    #[serde(default)]
    rfc3161_timestamps: Vec<Stamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stamp {
    signed_timestamp: Bytes,
}

/// The media types of bundles; version 0.3 has two spellings.
const BUNDLES: [&str; 4] = [
    "application/vnd.dev.sigstore.bundle.v0.3+json",
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
    "application/vnd.dev.sigstore.bundle+json;version=0.2",
    "application/vnd.dev.sigstore.bundle+json;version=0.1",
];

fn bundle(bytes: &[u8]) -> Result<(Signed, Evidence), String> {
    let Bundle { media_type, verification_material: material, dsse_envelope } =
        json::read(bytes, "the bundle")?;
    if !BUNDLES.contains(&media_type.as_str()) {
        return Err("the bundle is of a version that is not known".into());
    }
    let Some(envelope) = dsse_envelope else {
        return Err("the bundle signs a file and states nothing about an image".into());
    };
    let mut chain = material.x509_certificate_chain.map_or_else(Vec::new, |it| it.certificates);
    let certificate = match material.certificate {
        Some(certificate) => Some(certificate),
        None if chain.is_empty() => None,
        None => Some(chain.remove(0)),
    };
    let entries = material.tlog_entries;
    let stamps = material.timestamp_verification_data.map_or_else(Vec::new, |it| it.rfc3161_timestamps);
    if [chain.len(), entries.len(), stamps.len()].iter().any(|it| *it > EACH_MAX) {
        return Err(format!("the bundle has more than {EACH_MAX} certificates, log entries or timestamps"));
    }
    let evidence = Evidence {
        certificate: certificate.map(|it| it.raw_bytes.0),
        chain: chain.into_iter().map(|it| it.raw_bytes.0).collect(),
        entries: entries.into_iter().map(Entry::from).collect(),
        timestamps: stamps.into_iter().map(|it| it.signed_timestamp.0).collect(),
    };
    Ok((Signed::Envelope(Envelope::of(envelope)?), evidence))
}
