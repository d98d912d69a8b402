//! A secret key that signs.

use pgp::composed::{Deserializable as _, DetachedSignature, SignedSecretKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{
    SecretKey, SecretSubkey, Signature, SignatureConfig, SignatureType, Subpacket, SubpacketData,
};
use pgp::types::{
    KeyDetails as _, KeyVersion, Password, S2kParams, SecretParams, SigningKey, StringToKey, Timestamp,
};
use promoter_core::UnixSeconds;

use super::Certificate;
use crate::error::KeyError;
use crate::key::SignError;

/// A secret key, opened.
pub(crate) struct Key {
    secret: Secret,
    users: Vec<String>,
}

enum Secret {
    Primary(SecretKey),
    Sub(SecretSubkey),
}

impl Key {
    /// Reads an armored secret key and picks what signs in it, as gpg does: the newest subkey that may, else the primary
    /// key. Which keys may and are still of use is what a judge would say of them now.
    pub(crate) fn read(
        text: &str,
        passphrase: Option<&str>,
        path: &str,
        now: UnixSeconds,
    ) -> Result<Self, KeyError> {
        let path = path.to_owned();
        let format = |why: String| KeyError::Format {
            path: path.clone(),
            why,
            hint: "write it with `gpg --armor --export-secret-keys KEY`",
        };
        let unusable = |why: String| KeyError::Unusable { path: path.clone(), why };
        let (mut found, _) = SignedSecretKey::from_string_many(text).map_err(|it| format(it.to_string()))?;
        let first = found.next().ok_or_else(|| format("it is empty".into()))?;
        let key = first.map_err(|error| format(error.to_string()))?;
        if found.next().is_some() {
            return Err(format("it holds more than one key".into()));
        }
        if key.version() != KeyVersion::V4 {
            return Err(unusable("only keys of version 4 are supported, which gpg reads".into()));
        }
        let certificate = Certificate::new(&key.to_public_key());
        let mut fit: Vec<_> =
            certificate.signers.iter().filter(|it| it.life.refuses(now.0).is_none()).collect();
        if fit.is_empty() {
            let ended = certificate.signers.iter().find_map(|it| it.life.refuses(now.0));
            return Err(unusable(ended.unwrap_or_else(|| "none of its keys is for signing".into())));
        }
        // The primary key is first, so it is taken last.
        fit.reverse();
        fit.sort_by_key(|it| std::cmp::Reverse(it.life.created()));
        let mut why = None;
        for signer in fit {
            let wanted = signer.key.fingerprint();
            let subkeys = key.secret_subkeys.iter().map(|it| &it.key);
            let secret = match subkeys.into_iter().find(|it| it.fingerprint() == wanted) {
                Some(key) => Secret::Sub(key.clone()),
                None => Secret::Primary(key.primary_key.clone()),
            };
            match secret.open(passphrase, &path) {
                Ok(secret) => {
                    let key = Self { secret, users: certificate.users.clone() };
                    key.sign(b"probe", now).map_err(|error| unusable(error.0))?;
                    return Ok(key);
                }
                Err(error) => why = why.or(Some(error)),
            }
        }
        Err(why.unwrap_or_else(|| unusable("none of its keys is for signing".into())))
    }

    pub(crate) fn sign(&self, payload: &[u8], at: UnixSeconds) -> Result<String, SignError> {
        let signature = match &self.secret {
            Secret::Primary(key) => sign(key, payload, at),
            Secret::Sub(key) => sign(key, payload, at),
        };
        let armored = signature
            .and_then(|it| DetachedSignature::new(it).to_armored_string(None.into()))
            .map_err(|error| SignError(error.to_string()))?;
        Ok(armored.replace("\r\n", "\n"))
    }

    pub(crate) fn fingerprint(&self) -> String {
        let print = match &self.secret {
            Secret::Primary(key) => key.fingerprint(),
            Secret::Sub(key) => key.fingerprint(),
        };
        print.to_string().to_ascii_uppercase()
    }

    pub(crate) fn users(&self) -> &[String] {
        &self.users
    }
}

impl Secret {
    /// Takes the passphrase off, once: doing so for every commit would take a tenth of a second each.
    fn open(self, passphrase: Option<&str>, path: &str) -> Result<Self, KeyError> {
        let path = path.to_owned();
        let params = match &self {
            Self::Primary(key) => key.secret_params(),
            Self::Sub(key) => key.secret_params(),
        };
        // What gpg writes where the secret part is elsewhere: offline, or on a card.
        let SecretParams::Encrypted(encrypted) = params else { return Ok(self) };
        if let S2kParams::Cfb { s2k: StringToKey::Private { .. }, .. }
        | S2kParams::MalleableCfb { s2k: StringToKey::Private { .. }, .. } =
            encrypted.string_to_key_params()
        {
            return Err(KeyError::Unusable { path, why: "its secret part is not in the file".into() });
        }
        let password = Password::from(passphrase.ok_or(KeyError::PassphraseMissing { path: path.clone() })?);
        let wrong = |_| KeyError::PassphraseWrong { path };
        match self {
            Self::Primary(mut key) => key.remove_password(&password).map(|()| Self::Primary(key)),
            Self::Sub(mut key) => key.remove_password(&password).map(|()| Self::Sub(key)),
        }
        .map_err(wrong)
    }
}

fn sign(key: &impl SigningKey, payload: &[u8], at: UnixSeconds) -> pgp::errors::Result<Signature> {
    // SHA-512 is what gpg takes for today's keys, and no curve wants more.
    let mut config = SignatureConfig::v4(SignatureType::Binary, key.algorithm(), HashAlgorithm::Sha512);
    let at = Timestamp::from_secs(u32::try_from(at.0).unwrap_or_default());
    config.hashed_subpackets = vec![
        Subpacket::regular(SubpacketData::IssuerFingerprint(key.fingerprint()))?,
        Subpacket::regular(SubpacketData::SignatureCreationTime(at))?,
    ];
    config.unhashed_subpackets = vec![Subpacket::regular(SubpacketData::IssuerKeyId(key.legacy_key_id()))?];
    config.sign(key, &Password::empty(), payload)
}
