//! What certificates and timestamps are written in: reading one value at a time, and the names that occur.

use x509_cert::der::{AnyRef, Decode, Encode as _, Reader as _, SliceReader, Tag, Tagged as _};

/// Object identifiers.
pub(super) mod oid {
    use x509_cert::spki::ObjectIdentifier as Oid;

    const fn oid(text: &str) -> Oid {
        Oid::new_unwrap(text)
    }

    pub(in super::super) const EC_PUBLIC_KEY: Oid = oid("1.2.840.10045.2.1");
    pub(in super::super) const P256: Oid = oid("1.2.840.10045.3.1.7");
    pub(in super::super) const P384: Oid = oid("1.3.132.0.34");
    pub(in super::super) const RSA: Oid = oid("1.2.840.113549.1.1.1");
    pub(in super::super) const ED25519: Oid = oid("1.3.101.112");
    pub(in super::super) const SHA256: Oid = oid("2.16.840.1.101.3.4.2.1");
    pub(in super::super) const SHA384: Oid = oid("2.16.840.1.101.3.4.2.2");
    pub(in super::super) const SHA512: Oid = oid("2.16.840.1.101.3.4.2.3");
    /// Fulcio: the OIDC issuer, as bare bytes and as a text of DER.
    pub(in super::super) const ISSUER: Oid = oid("1.3.6.1.4.1.57264.1.1");
    pub(in super::super) const ISSUER_V2: Oid = oid("1.3.6.1.4.1.57264.1.8");
    /// RFC 6962: timestamps of certificate transparency.
    pub(in super::super) const SCTS: Oid = oid("1.3.6.1.4.1.11129.2.4.2");
    /// RFC 5652 and RFC 3161.
    pub(in super::super) const SIGNED_DATA: Oid = oid("1.2.840.113549.1.7.2");
    pub(in super::super) const TST_INFO: Oid = oid("1.2.840.113549.1.9.16.1.4");
    pub(in super::super) const CONTENT_TYPE: Oid = oid("1.2.840.113549.1.9.3");
    pub(in super::super) const MESSAGE_DIGEST: Oid = oid("1.2.840.113549.1.9.4");
}

/// Reads a value that takes all bytes.
pub(super) fn whole<'a, T: Decode<'a>>(bytes: &'a [u8]) -> Option<T> {
    T::from_der(bytes).ok()
}

/// The values inside a value, in order. At most some thousand, since they lie in bounded bytes.
pub(super) fn inside<'a>(value: &AnyRef<'a>) -> Option<Vec<AnyRef<'a>>> {
    let mut reader = SliceReader::new(value.value()).ok()?;
    let mut found = Vec::new();
    while !reader.is_finished() {
        found.push(AnyRef::decode(&mut reader).ok()?);
    }
    Some(found)
}

/// The bytes of a value with its tag and length.
pub(super) fn encoded(value: &AnyRef<'_>) -> Option<Vec<u8>> {
    value.to_der().ok()
}

/// A context tag: `[number]`, constructed.
pub(super) fn is_context(value: &AnyRef<'_>, number: u32) -> bool {
    match value.tag() {
        Tag::ContextSpecific { number: found, .. } => found.value() == number,
        _ => false,
    }
}

/// True for a value of a tag.
pub(super) fn is(value: &AnyRef<'_>, tag: Tag) -> bool {
    value.tag() == tag
}

/// A value of a tag (its one byte) with these bytes in it.
pub(super) fn wrapped(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len().to_be_bytes();
    let length = &length[length.iter().position(|it| *it != 0).unwrap_or(length.len() - 1)..];
    let mut out = vec![tag];
    match *length {
        [short] if short < 0x80 => out.push(short),
        _ => {
            out.push(0x80 | u8::try_from(length.len()).unwrap_or(8));
            out.extend_from_slice(length);
        }
    }
    out.extend_from_slice(bytes);
    out
}
