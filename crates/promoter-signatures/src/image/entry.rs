//! Whether an entry of a log is about one signature: this payload, this signature, this certificate.
//!
//! Source: Rekor's types `hashedrekord` 0.0.1 and 0.0.2, `dsse` 0.0.1 and 0.0.2, `intoto` 0.0.2.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::certificate::Signer;
use super::evidence::{Entry, Signed};
use super::json::{self, Bytes};
use super::key::PublicKey;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    api_version: String,
    kind: String,
    spec: Spec,
}

/// What the kinds hold, together: each has its own of them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    // hashedrekord 0.0.1
    #[serde(default)]
    data: Option<Data>,
    #[serde(default)]
    signature: Option<SignatureJson>,
    // dsse 0.0.1
    #[serde(default)]
    payload_hash: Option<Hash>,
    #[serde(default)]
    signatures: Vec<DsseSignature>,
    // intoto 0.0.2
    #[serde(default)]
    content: Option<IntotoContent>,
    // 0.0.2 of the others
    #[serde(default, rename = "hashedRekordV002")]
    hashed_rekord: Option<HashedRekordV2>,
    #[serde(default, rename = "dsseV002")]
    dsse: Option<DsseV2>,
}

#[derive(Deserialize)]
struct Data {
    hash: Hash,
}

#[derive(Deserialize)]
struct Hash {
    algorithm: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SignatureJson {
    content: Bytes,
    public_key: PublicKeyJson,
}

#[derive(Deserialize)]
struct PublicKeyJson {
    content: Bytes,
}

#[derive(Deserialize)]
struct DsseSignature {
    signature: Bytes,
    verifier: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntotoContent {
    envelope: IntotoEnvelope,
    payload_hash: Hash,
}

#[derive(Deserialize)]
struct IntotoEnvelope {
    signatures: Vec<IntotoSignature>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntotoSignature {
    /// Base64 of the base64 in the envelope.
    sig: Bytes,
    public_key: Bytes,
}

#[derive(Deserialize)]
struct HashedRekordV2 {
    data: DigestV2,
    signature: SignatureV2,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DsseV2 {
    payload_hash: DigestV2,
    signatures: Vec<SignatureV2>,
}

#[derive(Deserialize)]
struct DigestV2 {
    algorithm: String,
    digest: Bytes,
}

#[derive(Deserialize)]
struct SignatureV2 {
    content: Bytes,
    verifier: VerifierV2,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VerifierV2 {
    #[serde(default)]
    x509_certificate: Option<RawV2>,
    #[serde(default)]
    public_key: Option<RawV2>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawV2 {
    raw_bytes: Bytes,
}

/// What an entry says was signed.
struct Logged {
    /// Its SHA-256, of the bytes that are signed or of what is said in them.
    hash: Option<Vec<u8>>,
    /// True for the bytes that are signed.
    is_of_message: bool,
    /// Signatures with whoever made them: DER of a certificate or key, or PEM of one.
    signatures: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Checks that an entry is about this signature. `leaf` is the signer's certificate (DER).
pub(super) fn check(entry: &Entry, signed: &Signed, signer: &Signer, leaf: &[u8]) -> Result<(), String> {
    let body: Body = json::read(&entry.body, "the entry of its log")?;
    let logged = logged(body, signed)?;
    let hash = match logged.is_of_message {
        true => Sha256::digest(signed.message()),
        false => Sha256::digest(signed.payload()),
    };
    if logged.hash.as_deref() != Some(&hash[..]) {
        return Err("its entry of the log is about something else".into());
    }
    let made: Vec<_> = logged.signatures.iter().filter(|(it, _)| it == signed.signature()).collect();
    match made.as_slice() {
        [] => Err("its entry of the log is about another signature".into()),
        made if made.iter().any(|(_, by)| is_of(by, signer, leaf)) => Ok(()),
        _ => Err("its entry of the log is about another signer".into()),
    }
}

/// True when a certificate or key, in PEM or DER, is the signer's.
fn is_of(by: &[u8], signer: &Signer, leaf: &[u8]) -> bool {
    if by == leaf || by == signer.key.spki() {
        return true;
    }
    let certificate = CertificateDer::from_pem_slice(by);
    if certificate.is_ok_and(|it| it.as_ref() == leaf) {
        return true;
    }
    let key = std::str::from_utf8(by).ok().and_then(|it| PublicKey::read(it).ok());
    key.is_some_and(|it| it.spki() == signer.key.spki())
}

fn logged(body: Body, signed: &Signed) -> Result<Logged, String> {
    let Body { api_version, kind, spec } = body;
    let other =
        || format!("its entry of the log is a `{}`, which is not known here", named(&kind, &api_version));
    let missing = || "its entry of the log is not whole".to_owned();
    match (kind.as_str(), api_version.as_str(), signed) {
        ("hashedrekord", "0.0.1", _) => {
            let (data, signature) = (spec.data.ok_or_else(missing)?, spec.signature.ok_or_else(missing)?);
            Ok(Logged {
                is_of_message: true,
                hash: sha256(&data.hash),
                signatures: vec![(signature.content.0, signature.public_key.content.0)],
            })
        }
        ("hashedrekord", "0.0.2", _) => {
            let spec = spec.hashed_rekord.ok_or_else(missing)?;
            Ok(Logged {
                is_of_message: true,
                hash: sha256_v2(spec.data),
                signatures: signatures_v2(vec![spec.signature]),
            })
        }
        ("dsse", "0.0.1", Signed::Envelope(_)) => {
            let hash = spec.payload_hash.ok_or_else(missing)?;
            let signatures = spec.signatures.into_iter().map(|it| (it.signature.0, it.verifier.0)).collect();
            Ok(Logged { is_of_message: false, hash: sha256(&hash), signatures })
        }
        ("dsse", "0.0.2", Signed::Envelope(_)) => {
            let spec = spec.dsse.ok_or_else(missing)?;
            Ok(Logged {
                is_of_message: false,
                hash: sha256_v2(spec.payload_hash),
                signatures: signatures_v2(spec.signatures),
            })
        }
        ("intoto", "0.0.2", Signed::Envelope(_)) => {
            let content = spec.content.ok_or_else(missing)?;
            let plain = |it: &[u8]| std::str::from_utf8(it).ok().and_then(json::unbase64);
            let signatures = content.envelope.signatures.into_iter();
            let signatures = signatures.filter_map(|it| Some((plain(&it.sig.0)?, it.public_key.0))).collect();
            Ok(Logged { is_of_message: false, hash: sha256(&content.payload_hash), signatures })
        }
        _ => Err(other()),
    }
}

fn named(kind: &str, version: &str) -> String {
    format!("{kind} {version}").chars().filter(|it| !it.is_control() && *it != '`').take(40).collect()
}

fn sha256(hash: &Hash) -> Option<Vec<u8>> {
    json::unhex(&hash.value).filter(|_| hash.algorithm == "sha256")
}

fn sha256_v2(hash: DigestV2) -> Option<Vec<u8>> {
    (hash.algorithm == "SHA2_256").then_some(hash.digest.0)
}

fn signatures_v2(all: Vec<SignatureV2>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let by = |it: VerifierV2| it.x509_certificate.or(it.public_key).map(|it| it.raw_bytes.0);
    all.into_iter().filter_map(|it| Some((it.content.0, by(it.verifier)?))).collect()
}
