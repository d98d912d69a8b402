//! The payload that `cosign sign` signs by itself: which digest it is about.
//!
//! Source: cosign's signature specification, "Simple Signing". The reference in it is where the image was when it was
//! signed; images are copied, so it is not looked at.

use promoter_core::ImageDigest;
use serde::Deserialize;

use super::json;

/// The type of the payload.
const TYPE: &str = "cosign container image signature";

#[derive(Deserialize)]
struct Payload {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    digest: String,
}

/// Checks that a payload is about a digest.
pub(super) fn check(payload: &[u8], digest: &ImageDigest) -> Result<(), String> {
    let payload: Payload = json::read(payload, "the signed payload")?;
    if payload.critical.kind != TYPE {
        return Err("the signed payload is none of an image".into());
    }
    match payload.critical.image.digest == digest.as_str() {
        true => Ok(()),
        false => Err("it is a signature of another digest".into()),
    }
}
