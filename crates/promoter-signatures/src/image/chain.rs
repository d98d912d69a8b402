//! Whether a certificate leads to a trusted one. Owns webpki.

use std::time::Duration;

use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, Error, KeyUsage, anchor_from_trusted_cert};

use super::root::Authority;

/// What a certificate may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Usage {
    CodeSigning,
    Timestamps,
}

impl Usage {
    fn key_usage(self) -> KeyUsage {
        // The object identifiers 1.3.6.1.5.5.7.3.3 and 1.3.6.1.5.5.7.3.8, encoded.
        match self {
            Self::CodeSigning => KeyUsage::required(&[0x2b, 6, 1, 5, 5, 7, 3, 3]),
            Self::Timestamps => KeyUsage::required(&[0x2b, 6, 1, 5, 5, 7, 3, 8]),
        }
    }
}

/// Checks that a certificate leads to one of the authorities that are valid at a time, when it is valid itself. Gives the
/// certificate (DER) that signed it.
///
/// `between` are certificates that came with it; they count only as far as they lead to an authority.
pub(super) fn check(
    leaf: &[u8],
    between: &[Vec<u8>],
    authorities: &[Authority],
    usage: Usage,
    at: i64,
) -> Result<Vec<u8>, String> {
    let leaf = CertificateDer::from(leaf);
    let end = EndEntityCert::try_from(&leaf).map_err(|error| words(&error))?;
    let time = u64::try_from(at).map_err(|_| "its time is before 1970".to_owned())?;
    let time = UnixTime::since_unix_epoch(Duration::from_secs(time));
    let mut refused = None;
    for authority in authorities.iter().filter(|it| it.valid.holds(at)) {
        let Some((root, rest)) = authority.chain.split_last() else { continue };
        let anchor_der = CertificateDer::from(root.as_slice());
        let anchor: TrustAnchor<'_> = match anchor_from_trusted_cert(&anchor_der) {
            Ok(anchor) => anchor,
            Err(error) => {
                refused = refused.or(Some(error));
                continue;
            }
        };
        let between: Vec<CertificateDer<'_>> =
            rest.iter().chain(between).map(|it| CertificateDer::from(it.as_slice())).collect();
        let anchors = [anchor];
        let found = end.verify_for_usage(
            ALL_VERIFICATION_ALGS,
            &anchors,
            &between,
            time,
            usage.key_usage(),
            None,
            None,
        );
        match found {
            Ok(path) => {
                let issuer = path.intermediate_certificates().next().map(|it| it.der().to_vec());
                return Ok(issuer.unwrap_or_else(|| root.clone()));
            }
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    Err(refused
        .map_or_else(|| "no authority of the root of trust is valid at its time".into(), |it| words(&it)))
}

fn words(error: &Error) -> String {
    match error {
        Error::CertExpired { .. } => "its certificate had expired when it was signed".into(),
        Error::CertNotValidYet { .. } => "its certificate was not valid yet when it was signed".into(),
        Error::UnknownIssuer => "its certificate is of no authority of the root of trust".into(),
        Error::RequiredEkuNotFoundContext(_) => "its certificate is not made for this use".into(),
        other => format!("its certificate is refused: {other:?}"),
    }
}
