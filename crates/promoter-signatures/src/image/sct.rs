//! Whether a certificate was logged before it was given out: the timestamps of certificate transparency inside it.
//!
//! Source: RFC 6962, sections 3.2 and 3.3. What a log signs is the certificate without these timestamps.

use sha2::{Digest as _, Sha256};
use x509_cert::Certificate;
use x509_cert::der::asn1::OctetString;
use x509_cert::der::{Decode as _, Encode as _};

use super::certificate::Signer;
use super::der::{self, oid};
use super::root::Log;

/// How many timestamps are looked at.
const SCTS_MAX: usize = 16;

/// One timestamp.
struct Sct<'a> {
    log_id: &'a [u8],
    /// Milliseconds since 1970.
    at: u64,
    extensions: &'a [u8],
    signature: &'a [u8],
}

/// Checks that one timestamp of one log is there. `issuer` is the certificate (DER) that signed it.
pub(super) fn check(signer: &Signer, issuer: &[u8], logs: &[Log]) -> Result<(), String> {
    let broken = || "the proof that its certificate was logged cannot be read".to_owned();
    let Some(extension) = signer.extension(oid::SCTS)? else {
        return Err("nothing proves that its certificate was logged".into());
    };
    let list = OctetString::from_der(extension.extn_value.as_bytes()).map_err(|_| broken())?;
    let scts = scts(list.as_bytes()).ok_or_else(broken)?;
    let (issuer, bare) = (issuer_key(issuer).ok_or_else(broken)?, without_scts(signer).ok_or_else(broken)?);
    let is_good = |sct: &Sct<'_>| {
        let at = i64::try_from(sct.at / 1000).unwrap_or(i64::MAX);
        logs.iter()
            .filter(|it| it.id == sct.log_id && it.valid.holds(at))
            .any(|log| log.key.verify(&message(sct, &issuer, &bare), sct.signature).is_ok())
    };
    match scts.iter().any(is_good) {
        true => Ok(()),
        false => Err("no log of the root of trust says that its certificate was logged".into()),
    }
}

/// What a log signed.
fn message(sct: &Sct<'_>, issuer_key_hash: &[u8], bare: &[u8]) -> Vec<u8> {
    // Version 1, a timestamp of a certificate; an entry made before the certificate was.
    let mut out = vec![0, 0];
    out.extend_from_slice(&sct.at.to_be_bytes());
    out.extend_from_slice(&[0, 1]);
    out.extend_from_slice(issuer_key_hash);
    let length = u32::try_from(bare.len()).unwrap_or(u32::MAX).to_be_bytes();
    out.extend_from_slice(&length[1..]);
    out.extend_from_slice(bare);
    let length = u16::try_from(sct.extensions.len()).unwrap_or(u16::MAX).to_be_bytes();
    out.extend_from_slice(&length);
    out.extend_from_slice(sct.extensions);
    out
}

fn issuer_key(issuer: &[u8]) -> Option<Vec<u8>> {
    let issuer: Certificate = der::whole(issuer)?;
    let spki = issuer.tbs_certificate().subject_public_key_info().to_der().ok()?;
    Some(Sha256::digest(spki).to_vec())
}

/// The signed part of the certificate without its timestamps.
fn without_scts(signer: &Signer) -> Option<Vec<u8>> {
    let tbs = signer.certificate.tbs_certificate().to_der().ok()?;
    let fields = der::inside(&der::whole(&tbs)?)?;
    let mut body = Vec::new();
    for field in fields {
        if !der::is_context(&field, 3) {
            body.extend(der::encoded(&field)?);
            continue;
        }
        let list = der::inside(&field)?;
        let [list] = list.as_slice() else { return None };
        let mut kept = Vec::new();
        for extension in der::inside(list)? {
            let parts = der::inside(&extension)?;
            if parts.first().and_then(|it| it.decode_as::<x509_cert::spki::ObjectIdentifier>().ok())
                != Some(oid::SCTS)
            {
                kept.extend(der::encoded(&extension)?);
            }
        }
        body.extend(der::wrapped(0xa3, &der::wrapped(0x30, &kept)));
    }
    Some(der::wrapped(0x30, &body))
}

/// Reads a list of timestamps.
fn scts(bytes: &[u8]) -> Option<Vec<Sct<'_>>> {
    let (list, rest) = vector(bytes)?;
    let (mut left, mut found) = (list, Vec::new());
    while !left.is_empty() && found.len() < SCTS_MAX {
        let (one, rest) = vector(left)?;
        left = rest;
        // Version 1 is all that there is; others are passed over.
        let Some((0, one)) = one.split_first().map(|(version, rest)| (*version, rest)) else { continue };
        let (log_id, one) = one.split_at_checked(32)?;
        let (at, one) = one.split_first_chunk::<8>()?;
        let (extensions, one) = vector(one)?;
        // Hash and algorithm, which the key of the log says too.
        let (_, one) = one.split_first_chunk::<2>()?;
        let (signature, end) = vector(one)?;
        if !end.is_empty() {
            return None;
        }
        found.push(Sct { log_id, at: u64::from_be_bytes(*at), extensions, signature });
    }
    rest.is_empty().then_some(found)
}

/// Bytes with their length before them, and what comes behind.
fn vector(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}
