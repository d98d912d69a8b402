//! What a signer's certificate says of its owner. Owns x509-cert.

use x509_cert::Certificate;
use x509_cert::der::asn1::Utf8StringRef;
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::spki::ObjectIdentifier;

use super::der::{self, oid};
use super::key::PublicKey;
use promoter_core::signature::Keyless;

/// A certificate, read.
pub(super) struct Signer {
    pub(super) certificate: Certificate,
    pub(super) key: PublicKey,
}

impl Signer {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let broken = || "its certificate cannot be read".to_owned();
        let certificate: Certificate = der::whole(bytes).ok_or_else(broken)?;
        let spki = certificate.tbs_certificate().subject_public_key_info().to_der().map_err(|_| broken())?;
        let key = PublicKey::from_spki(&spki)
            .map_err(|why| format!("its certificate has a key that is not known: {why}"))?;
        Ok(Self { certificate, key })
    }

    pub(super) fn extension(&self, wanted: ObjectIdentifier) -> Result<Option<&Extension>, String> {
        let all = self.certificate.tbs_certificate().extensions().map_or(&[][..], Vec::as_slice);
        let mut found = all.iter().filter(|it| it.extn_id == wanted);
        match (found.next(), found.next()) {
            (first, None) => Ok(first),
            _ => Err("its certificate says something twice".into()),
        }
    }

    /// Checks that the owner is one of those that are accepted; gives `identity by issuer`.
    pub(super) fn check(&self, who: &Keyless) -> Result<String, String> {
        let issuer = self.issuer()?;
        let identity = self.identity()?;
        if !who.issuer.fits(&issuer) {
            return Err(format!(
                "it is signed by {}, for whom {} vouches and not {}",
                plain(&identity),
                plain(&issuer),
                who.issuer
            ));
        }
        match who.identity.fits(&identity) {
            true => Ok(format!("{} by {}", plain(&identity), plain(&issuer))),
            false => Err(format!("it is signed by {} and not by {}", plain(&identity), who.identity)),
        }
    }

    /// The address of the OIDC issuer. Where both extensions are there, they must say the same.
    fn issuer(&self) -> Result<String, String> {
        let second = self.extension(oid::ISSUER_V2)?;
        let second = second.map(|it| {
            let text = Utf8StringRef::from_der(it.extn_value.as_bytes());
            text.map(|it| it.as_str().to_owned()).map_err(|_| "its certificate has an issuer that is no text")
        });
        let second = second.transpose()?;
        let first = self.extension(oid::ISSUER)?.map(|it| {
            let text = String::from_utf8(it.extn_value.as_bytes().to_vec());
            text.map_err(|_| "its certificate has an issuer that is no text")
        });
        match (first.transpose()?, second) {
            (Some(first), Some(second)) if first != second => {
                Err("its certificate names two issuers of its identity".into())
            }
            (_, Some(issuer)) | (Some(issuer), None) => Ok(issuer),
            (None, None) => Err("its certificate does not say who vouches for its owner".into()),
        }
    }

    /// The one mail address or URI of the owner.
    fn identity(&self) -> Result<String, String> {
        let names = self.certificate.tbs_certificate().get_extension::<SubjectAltName>();
        let names = names.map_err(|_| "its certificate has names that cannot be read".to_owned())?;
        let names = names.map_or_else(Vec::new, |(_, it)| it.0);
        match names.as_slice() {
            [GeneralName::Rfc822Name(it)] | [GeneralName::UniformResourceIdentifier(it)] => {
                Ok(it.as_str().to_owned())
            }
            [] => Err("its certificate names no owner".into()),
            [_] => Err("its certificate names its owner neither by mail address nor by URI".into()),
            _ => Err("its certificate names several owners".into()),
        }
    }
}

/// What somebody else wrote, on one line and not too long.
fn plain(text: &str) -> String {
    text.chars().map(|it| if it.is_control() { '?' } else { it }).take(200).collect()
}
