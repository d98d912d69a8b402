//! OpenPGP keys and detached signatures.
//!
//! Owns the pgp crate. It checks single signatures; what a key is worth (which of its self-signatures counts, what is
//! expired, revoked or may sign) is decided in `certificate.rs`.

mod certificate;
mod judge;
mod key;

pub(crate) use certificate::Certificate;
pub(crate) use judge::judge;
pub(crate) use key::Key;

use pgp::composed::{Deserializable, SignedPublicKey};

/// How an armored signature begins.
pub(crate) const ARMOR: &str = "-----BEGIN PGP SIGNATURE-----";

/// Reads all public keys of an armored file, which may hold several blocks.
pub(crate) fn read_keyring(text: &str) -> Result<Vec<Certificate>, String> {
    const END: &str = "-----END PGP PUBLIC KEY BLOCK-----";
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((block, after)) = rest.split_once(END) {
        rest = after;
        let block = format!("{}\n{END}\n", block.trim());
        let (keys, _) = SignedPublicKey::from_string_many(&block).map_err(|error| error.to_string())?;
        for key in keys {
            found.push(Certificate::new(&key.map_err(|error| error.to_string())?));
        }
    }
    match found.is_empty() {
        true => Err("it has no block `BEGIN PGP PUBLIC KEY BLOCK`".into()),
        false => Ok(found),
    }
}
