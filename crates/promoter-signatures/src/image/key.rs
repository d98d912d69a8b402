//! Public keys, and whether one made a signature. Owns ring, and ed25519-dalek for the one form that ring does not know.

use ed25519_dalek::{Signature, VerifyingKey};
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject as _;
use sha2::{Digest as _, Sha256};
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::der::{self, oid};
use super::json;

/// A public key of ECDSA (P-256, P-384), RSA (2,048 to 8,192 bits) or Ed25519.
#[derive(Clone)]
pub struct PublicKey {
    /// The key as certificates hold it.
    spki: Vec<u8>,
    /// The part of it that ring takes.
    bytes: Vec<u8>,
    kind: Kind,
    name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    P256,
    P384,
    Rsa,
    Ed25519,
}

/// Why a text is no public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is no public key that signs images: {0}")]
pub struct ImageKeyError(String);

impl PublicKey {
    /// Reads a key in PEM, as `cosign public-key` prints it.
    pub fn read(pem: &str) -> Result<Self, ImageKeyError> {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| ImageKeyError("it is no `PUBLIC KEY` in PEM".into()))?;
        Self::from_spki(&der).map_err(ImageKeyError)
    }

    /// Reads the DER of a `SubjectPublicKeyInfo`. The error goes on after `: `.
    pub(super) fn from_spki(spki: &[u8]) -> Result<Self, String> {
        let broken = || "it cannot be read".to_owned();
        let parsed: SubjectPublicKeyInfoRef<'_> = der::whole(spki).ok_or_else(broken)?;
        let curve = || parsed.algorithm.parameters_oid().ok();
        let kind = match parsed.algorithm.oid {
            oid::EC_PUBLIC_KEY if curve() == Some(oid::P256) => Kind::P256,
            oid::EC_PUBLIC_KEY if curve() == Some(oid::P384) => Kind::P384,
            oid::EC_PUBLIC_KEY => return Err("of the curves only P-256 and P-384 are known".into()),
            oid::RSA => Kind::Rsa,
            oid::ED25519 => Kind::Ed25519,
            other => return Err(format!("the algorithm {other} is not known")),
        };
        let bytes = parsed.subject_public_key.as_bytes().ok_or_else(broken)?.to_vec();
        let name = format!("key SHA256:{}", json::base64(&Sha256::digest(spki)));
        Ok(Self { spki: spki.to_vec(), bytes, kind, name })
    }

    /// `key SHA256:…`, over the key as certificates hold it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key as certificates hold it.
    pub(super) fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The SHA-256 of the key: what logs are named by.
    pub(super) fn id(&self) -> Vec<u8> {
        Sha256::digest(&self.spki).to_vec()
    }

    /// Checks that the key signed a message. ECDSA signatures are DER; the hash is SHA-256, of P-384 SHA-384 too, which
    /// signers choose differently. Ed25519 signs the message or, as cosign does it where there are no envelopes, its hash.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), ()> {
        let algorithms: &[&'static dyn VerificationAlgorithm] = match self.kind {
            Kind::P256 => &[&signature::ECDSA_P256_SHA256_ASN1],
            Kind::P384 => &[&signature::ECDSA_P384_SHA384_ASN1, &signature::ECDSA_P384_SHA256_ASN1],
            Kind::Rsa => &[&signature::RSA_PKCS1_2048_8192_SHA256],
            Kind::Ed25519 => &[&signature::ED25519],
        };
        match self.verify_by(algorithms, message, signature) {
            Err(()) if self.kind == Kind::Ed25519 => self.verify_hashed(message, signature),
            answer => answer,
        }
    }

    /// Ed25519ph of RFC 8032, with SHA-512 and no context.
    fn verify_hashed(&self, message: &[u8], signature: &[u8]) -> Result<(), ()> {
        let key = self.bytes.as_slice().try_into().map_err(|_| ())?;
        let key = VerifyingKey::from_bytes(key).map_err(|_| ())?;
        let signature = Signature::from_slice(signature).map_err(|_| ())?;
        let hashed = sha2::Sha512::new_with_prefix(message);
        key.verify_prehashed_strict(hashed, None, &signature).map_err(|_| ())
    }

    /// The same with the hash that a timestamp's signer names.
    pub(super) fn verify_with(&self, hash: Hash, message: &[u8], signature: &[u8]) -> Result<(), ()> {
        let algorithm: &'static dyn VerificationAlgorithm = match (self.kind, hash) {
            (Kind::P256, Hash::Sha256) => &signature::ECDSA_P256_SHA256_ASN1,
            (Kind::P256, Hash::Sha384) => &signature::ECDSA_P256_SHA384_ASN1,
            (Kind::P384, Hash::Sha256) => &signature::ECDSA_P384_SHA256_ASN1,
            (Kind::P384, Hash::Sha384) => &signature::ECDSA_P384_SHA384_ASN1,
            (Kind::Rsa, Hash::Sha256) => &signature::RSA_PKCS1_2048_8192_SHA256,
            (Kind::Rsa, Hash::Sha384) => &signature::RSA_PKCS1_2048_8192_SHA384,
            (Kind::Rsa, Hash::Sha512) => &signature::RSA_PKCS1_2048_8192_SHA512,
            (Kind::Ed25519, _) => &signature::ED25519,
            (Kind::P256 | Kind::P384, Hash::Sha512) => return Err(()),
        };
        self.verify_by(&[algorithm], message, signature)
    }

    fn verify_by(
        &self,
        algorithms: &[&'static dyn VerificationAlgorithm],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), ()> {
        let made = |it: &&'static dyn VerificationAlgorithm| {
            UnparsedPublicKey::new(*it, &self.bytes).verify(message, signature).is_ok()
        };
        algorithms.iter().any(made).then_some(()).ok_or(())
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

/// The hashes that timestamps are made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    pub(super) fn of(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha384 => sha2::Sha384::digest(bytes).to_vec(),
            Self::Sha512 => sha2::Sha512::digest(bytes).to_vec(),
        }
    }

    pub(super) fn named(oid: &x509_cert::spki::ObjectIdentifier) -> Option<Self> {
        match *oid {
            oid::SHA256 => Some(Self::Sha256),
            oid::SHA384 => Some(Self::Sha384),
            oid::SHA512 => Some(Self::Sha512),
            _ => None,
        }
    }
}
