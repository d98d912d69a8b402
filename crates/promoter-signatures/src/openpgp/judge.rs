//! Judges detached signatures by trusted certificates.

use pgp::composed::{Deserializable as _, DetachedSignature};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureType};

use super::Certificate;
use super::certificate::{Signer, made_at};
use crate::verdict::Verdict;

/// Judges a signature. What the key was worth counts at the time that the signature states; the signature itself must not
/// have expired by `now`.
pub(crate) fn judge(trusted: &[Certificate], armored: &str, payload: &[u8], now: i64) -> Verdict {
    let signature = match read(armored) {
        Ok(signature) => signature,
        Err(why) => return Verdict::bad("", format!("the signature cannot be read: {why}")),
    };
    let named = issuer(&signature);
    if !matches!(signature.typ(), Some(SignatureType::Binary | SignatureType::Text)) {
        return Verdict::bad(named, "it is no signature of a document");
    }
    let candidates: Vec<(&Certificate, &Signer)> = trusted
        .iter()
        .flat_map(|it| it.signers.iter().map(move |signer| (it, signer)))
        .filter(|(_, it)| is_named(&signature, it))
        .collect();
    let Some((certificate, signer)) =
        candidates.iter().find(|(_, it)| it.key.verify(&signature, payload)).or(candidates.first())
    else {
        return Verdict::unknown(named, "the key is not in the keyring, or may not sign");
    };
    let key = signer.key.fingerprint().to_string().to_ascii_uppercase();
    if !signer.key.verify(&signature, payload) {
        return Verdict::bad(key, "the signature is of something else than this commit");
    }
    let weak = [HashAlgorithm::Md5, HashAlgorithm::Sha1, HashAlgorithm::Ripemd160];
    if signature.hash_alg().is_none_or(|it| weak.contains(&it)) {
        return Verdict::bad(key, "its hash can be forged");
    }
    let at = made_at(&signature);
    let lasts = signature.signature_expiration_time().map_or(0, |it| i64::from(it.as_secs()));
    if lasts > 0 && now >= at + lasts {
        let when = promoter_core::UnixSeconds(at + lasts);
        return Verdict::bad(key, format!("the signature expired at {when}"));
    }
    match signer.life.refuses(at) {
        Some(why) => Verdict::bad(key, why),
        None => Verdict::good(key, certificate.users.clone()),
    }
}

/// Reads exactly one signature.
fn read(armored: &str) -> Result<Signature, String> {
    let (mut found, _) = DetachedSignature::from_string_many(armored).map_err(|error| error.to_string())?;
    match (found.next(), found.next()) {
        (Some(Ok(one)), None) => Ok(one.signature),
        (Some(Err(error)), _) => Err(error.to_string()),
        (None, _) => Err("it is empty".into()),
        _ => Err("there is more than one".into()),
    }
}

/// True when the signature may be that of the key; one that names no key may be anybody's.
fn is_named(signature: &Signature, signer: &Signer) -> bool {
    let (prints, ids) = (signature.issuer_fingerprint(), signature.issuer_key_id());
    if !prints.is_empty() {
        return prints.contains(&&signer.key.fingerprint());
    }
    ids.is_empty() || ids.contains(&&signer.key.id())
}

fn issuer(signature: &Signature) -> String {
    let print = signature.issuer_fingerprint().first().map(|it| it.to_string());
    let named = print.or_else(|| signature.issuer_key_id().first().map(|it| it.to_string()));
    named.unwrap_or_default().to_ascii_uppercase()
}
