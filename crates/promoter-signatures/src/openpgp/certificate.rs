//! What a public key with its self-signatures says about itself, as far as those signatures hold.
//!
//! Source: RFC 9580 §5.2.3 and §10.1. Of several self-signatures the newest counts. A revocation that says that the key
//! was replaced or retired ends it at that time; any other makes everything that it ever signed worthless.

use pgp::composed::{SignedPublicKey, SignedPublicSubKey};
use pgp::packet::{PublicKey, RevocationCode, Signature, SignatureType, SubpacketData};
use pgp::types::{Fingerprint, KeyDetails as _, KeyId, Tag};

/// A public key, understood.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    /// The keys that may sign, the primary one first.
    pub(super) signers: Vec<Signer>,
    /// Names that the key gives to its owner: certified by itself and not taken back.
    pub(crate) users: Vec<String>,
}

/// One key of a certificate that may sign, or was once.
#[derive(Debug, Clone)]
pub(super) struct Signer {
    pub(super) key: SignerKey,
    pub(super) life: Life,
}

/// The two kinds of keys that can sign.
#[derive(Debug, Clone)]
pub(super) enum SignerKey {
    Primary(PublicKey),
    Sub(pgp::packet::PublicSubkey),
}

impl SignerKey {
    pub(super) fn fingerprint(&self) -> Fingerprint {
        match self {
            Self::Primary(key) => key.fingerprint(),
            Self::Sub(key) => key.fingerprint(),
        }
    }

    pub(super) fn id(&self) -> KeyId {
        match self {
            Self::Primary(key) => key.legacy_key_id(),
            Self::Sub(key) => key.legacy_key_id(),
        }
    }

    pub(super) fn verify(&self, signature: &Signature, payload: &[u8]) -> bool {
        match self {
            Self::Primary(key) => signature.verify(key, payload),
            Self::Sub(key) => signature.verify(key, payload),
        }
        .is_ok()
    }
}

/// When a key is of use, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Life {
    created: i64,
    expires: Option<i64>,
    revoked: Option<Revoked>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Revoked {
    /// Whatever it signed is worth nothing.
    Wholly,
    /// Replaced or retired at a time.
    Since(i64),
}

impl Life {
    fn new(created: i64, lasts_seconds: Option<u32>, revoked: Option<Revoked>) -> Self {
        let lasts = lasts_seconds.filter(|it| *it > 0);
        Self { created, expires: lasts.map(|it| created + i64::from(it)), revoked }
    }

    pub(super) fn created(&self) -> i64 {
        self.created
    }

    /// The life of a subkey, which ends with that of its primary key.
    fn within(self, primary: Self) -> Self {
        let expires = [self.expires, primary.expires].into_iter().flatten().min();
        let revoked = match (self.revoked, primary.revoked) {
            (Some(Revoked::Since(own)), Some(Revoked::Since(other))) => Some(Revoked::Since(own.min(other))),
            (Some(Revoked::Wholly), _) | (_, Some(Revoked::Wholly)) => Some(Revoked::Wholly),
            (own, other) => own.or(other),
        };
        Self { expires, revoked, ..self }
    }

    /// Why nothing signed at that time is worth anything; `None` when it is.
    pub(super) fn refuses(&self, at: i64) -> Option<String> {
        let time = promoter_core::UnixSeconds;
        match (self.revoked, self.expires) {
            (Some(Revoked::Wholly), _) => Some("the key is revoked".into()),
            (Some(Revoked::Since(since)), _) if at >= since => {
                Some(format!("the key is revoked since {}", time(since)))
            }
            (_, Some(expires)) if at >= expires => Some(format!("the key expired at {}", time(expires))),
            _ if at < self.created => Some(format!("the key was made later, at {}", time(self.created))),
            _ => None,
        }
    }
}

impl Certificate {
    pub(super) fn new(key: &SignedPublicKey) -> Self {
        let primary = &key.primary_key;
        let details = &key.details;
        let revoked = details.revocation_signatures.iter().filter(|it| it.verify_key(primary).is_ok());
        let revoked = worst(revoked);
        let direct = details.direct_signatures.iter().filter(|it| it.verify_key(primary).is_ok());
        let mut said: Vec<&Signature> = direct.collect();
        let mut users = Vec::new();
        for user in &details.users {
            let valid = |it: &&Signature| it.verify_certification(primary, Tag::UserId, &user.id).is_ok();
            let Some(last) = newest(user.signatures.iter().filter(valid)) else { continue };
            if last.typ() == Some(SignatureType::CertRevocation) {
                continue;
            }
            said.push(last);
            users.push(String::from_utf8_lossy(user.id.id()).into_owned());
        }
        let said = newest(said.into_iter());
        let created = i64::from(primary.created_at().as_secs());
        let life = Life::new(created, said.and_then(lasts), revoked);
        let mut signers = Vec::new();
        if said.is_some_and(may_sign) {
            signers.push(Signer { key: SignerKey::Primary(primary.clone()), life });
        }
        // Without a word of the primary key about itself nothing binds it to anything.
        if said.is_some() {
            signers.extend(key.public_subkeys.iter().filter_map(|it| subkey(primary, life, it)));
        }
        Self { signers, users }
    }
}

/// A subkey that its primary key binds to itself for signing, and that agrees to it.
fn subkey(primary: &PublicKey, of_primary: Life, sub: &SignedPublicSubKey) -> Option<Signer> {
    let valid = sub.signatures.iter().filter(|it| it.verify_subkey_binding(primary, &sub.key).is_ok());
    let (bindings, revocations): (Vec<&Signature>, Vec<&Signature>) =
        valid.partition(|it| it.typ() == Some(SignatureType::SubkeyBinding));
    let binding = newest(bindings.into_iter())?;
    let agrees = |it: &Signature| it.verify_primary_key_binding(&sub.key, primary).is_ok();
    if !may_sign(binding) || !binding.embedded_signature().is_some_and(agrees) {
        return None;
    }
    let created = i64::from(sub.key.created_at().as_secs());
    let life = Life::new(created, lasts(binding), worst(revocations.into_iter())).within(of_primary);
    Some(Signer { key: SignerKey::Sub(sub.key.clone()), life })
}

/// True when a self-signature allows signing. Old keys say nothing about it, and may do everything.
fn may_sign(said: &Signature) -> bool {
    let mut subpackets = said.config().into_iter().flat_map(|it| it.hashed_subpackets());
    let says = subpackets.any(|it| matches!(it.data, SubpacketData::KeyFlags(_)));
    !says || said.key_flags().sign()
}

fn lasts(said: &Signature) -> Option<u32> {
    said.key_expiration_time().map(|it| it.as_secs())
}

fn newest<'a>(signatures: impl Iterator<Item = &'a Signature>) -> Option<&'a Signature> {
    signatures.max_by_key(|it| made_at(it))
}

/// When a signature says that it was made; one that does not say was made long ago.
pub(super) fn made_at(signature: &Signature) -> i64 {
    signature.created().map_or(0, |it| i64::from(it.as_secs()))
}

fn worst<'a>(revocations: impl Iterator<Item = &'a Signature>) -> Option<Revoked> {
    let one = |it: &Signature| match it.revocation_reason_code() {
        Some(RevocationCode::KeySuperseded | RevocationCode::KeyRetired) => Revoked::Since(made_at(it)),
        _ => Revoked::Wholly,
    };
    revocations.map(one).min_by_key(|it| match it {
        Revoked::Wholly => i64::MIN,
        Revoked::Since(at) => *at,
    })
}
