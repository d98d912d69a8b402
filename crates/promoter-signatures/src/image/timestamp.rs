//! Timestamps of a signature: an authority that is trusted says that it saw the signature at a time.
//!
//! Source: RFC 3161 (the statement) and RFC 5652 (how it is signed).

use x509_cert::Certificate;
use x509_cert::der::asn1::{GeneralizedTime, OctetStringRef};
use x509_cert::der::{AnyRef, Encode as _, Tag, Tagged as _};
use x509_cert::spki::ObjectIdentifier;

use super::chain::{self, Usage};
use super::der::{self, oid};
use super::key::{Hash, PublicKey};
use super::root::Authority;

/// The largest timestamp.
const BYTES_MAX: usize = 64 << 10;

/// Checks a timestamp of a signature, and gives its time: seconds since 1970.
pub(super) fn check(bytes: &[u8], signature: &[u8], authorities: &[Authority]) -> Result<i64, String> {
    let broken = || "its timestamp cannot be read".to_owned();
    if bytes.len() > BYTES_MAX {
        return Err(broken());
    }
    let signed = Signed::read(bytes).ok_or_else(broken)?;
    let stated = Stated::read(signed.statement).ok_or_else(broken)?;
    if stated.hash.of(signature) != stated.hashed {
        return Err("its timestamp is of another signature".into());
    }
    signed.check(&stated, authorities)?;
    Ok(stated.at)
}

/// What is stated.
struct Stated<'a> {
    hash: Hash,
    hashed: &'a [u8],
    at: i64,
}

impl<'a> Stated<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let fields = der::inside(&der::whole(bytes)?)?;
        let imprint = der::inside(fields.get(2)?)?;
        let algorithm: ObjectIdentifier = der::inside(imprint.first()?)?.first()?.decode_as().ok()?;
        let time = fields.get(4).filter(|it| der::is(it, Tag::GeneralizedTime))?;
        Some(Self { hash: Hash::named(&algorithm)?, hashed: imprint.get(1)?.value(), at: seconds(time)? })
    }
}

/// A time, whose fractions of a second are left away: certificates know none.
fn seconds(value: &AnyRef<'_>) -> Option<i64> {
    let text = std::str::from_utf8(value.value()).ok()?;
    let text = text.strip_suffix('Z')?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if !fraction.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    let bytes = der::wrapped(0x18, format!("{whole}Z").as_bytes());
    let time: GeneralizedTime = der::whole(&bytes)?;
    i64::try_from(time.to_unix_duration().as_secs()).ok()
}

/// A statement and who signed it.
struct Signed<'a> {
    statement: &'a [u8],
    certificates: Vec<Vec<u8>>,
    /// The signed attributes, as they are signed: a set.
    attributes: Vec<u8>,
    hash: Hash,
    signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// Reads an answer of an authority, or the token in it.
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let outer: AnyRef<'a> = der::whole(bytes)?;
        let fields = der::inside(&outer)?;
        let token = match fields.first()?.tag() {
            Tag::ObjectIdentifier => fields,
            _ => {
                // The status: granted, or granted with changes.
                let status = der::inside(fields.first()?)?;
                if !matches!(status.first()?.value(), [0 | 1]) {
                    return None;
                }
                der::inside(fields.get(1)?)?
            }
        };
        if token.first()?.decode_as::<ObjectIdentifier>().ok()? != oid::SIGNED_DATA {
            return None;
        }
        let data = der::inside(der::inside(token.get(1)?)?.first()?)?;
        let content = der::inside(data.get(2)?)?;
        if content.first()?.decode_as::<ObjectIdentifier>().ok()? != oid::TST_INFO {
            return None;
        }
        let statement: &OctetStringRef = der::inside(content.get(1)?)?.first()?.decode_as().ok()?;
        let certificates = data.iter().find(|it| der::is_context(it, 0));
        let certificates = certificates.map_or(Some(Vec::new()), |it| {
            der::inside(it)?.iter().map(der::encoded).collect::<Option<Vec<_>>>()
        })?;
        let signers = der::inside(data.last()?)?;
        let [signer] = signers.as_slice() else { return None };
        let signer = der::inside(signer)?;
        let hash: ObjectIdentifier = der::inside(signer.get(2)?)?.first()?.decode_as().ok()?;
        let attributes = signer.get(3).filter(|it| der::is_context(it, 0))?;
        Some(Self {
            statement: statement.as_bytes(),
            certificates,
            attributes: der::wrapped(0x31, attributes.value()),
            hash: Hash::named(&hash)?,
            signature: signer.get(5)?.value(),
        })
    }

    /// Checks that the attributes are about the statement, and that somebody signed them who leads to an authority that
    /// was valid at its time.
    fn check(&self, stated: &Stated<'_>, authorities: &[Authority]) -> Result<(), String> {
        if !self.attributes_fit().unwrap_or(false) {
            return Err("its timestamp is not what its authority signed".into());
        }
        let known: Vec<(Vec<u8>, PublicKey)> = self
            .certificates
            .iter()
            .cloned()
            .chain(leaves(authorities))
            .filter_map(|it| Some((it.clone(), key_of(&it)?)))
            .collect();
        let signer = known
            .iter()
            .find(|(_, key)| key.verify_with(self.hash, &self.attributes, self.signature).is_ok());
        let Some((certificate, _)) = signer else {
            return Err("its timestamp is not signed by an authority of the root of trust".into());
        };
        // The certificates that a root of trust names before the last one may be the signer's, or lie between.
        chain::check(certificate, &self.certificates, authorities, Usage::Timestamps, stated.at)
            .map(|_| ())
            .map_err(|why| format!("of its timestamp, {why}"))
    }

    fn attributes_fit(&self) -> Option<bool> {
        let (mut kind, mut digest) = (false, false);
        for attribute in der::inside(&der::whole(&self.attributes)?)? {
            let parts = der::inside(&attribute)?;
            let [name, values] = parts.as_slice() else { return None };
            let values = der::inside(values)?;
            let [value] = values.as_slice() else { continue };
            match name.decode_as::<ObjectIdentifier>().ok()? {
                oid::CONTENT_TYPE => kind = value.decode_as::<ObjectIdentifier>().ok()? == oid::TST_INFO,
                oid::MESSAGE_DIGEST => digest = value.value() == self.hash.of(self.statement),
                _ => {}
            }
        }
        Some(kind && digest)
    }
}

/// The certificates that sign timestamps: roots of trust name them first, since answers need not hold them.
fn leaves(authorities: &[Authority]) -> impl Iterator<Item = Vec<u8>> {
    authorities.iter().filter_map(|it| it.chain.first().cloned())
}

fn key_of(certificate: &[u8]) -> Option<PublicKey> {
    let certificate: Certificate = der::whole(certificate)?;
    let spki = certificate.tbs_certificate().subject_public_key_info().to_der().ok()?;
    PublicKey::from_spki(&spki).ok()
}
