//! What the bytes of a manifest say: one image or artifact, or an index of several.
//!
//! Source: OCI image spec 1.1, "Image Manifest" and "Image Index"; Docker's image manifest, version 2, schema 2.

use std::collections::BTreeMap;

use promoter_core::discovery::Platform;
use promoter_core::{Digest, ImageDigest, Repository};
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;

use super::RegistryError;
use super::query::{CONTENT_DIGEST, is_of};
use super::wire::Answer;

/// What we take for a manifest.
pub(super) const ACCEPTED: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.docker.distribution.manifest.v2+json";
/// How the first schema calls itself, in both of its forms.
const SCHEMA_ONE: &str = "application/vnd.docker.distribution.manifest.v1+";
/// The most entries of an index that are read.
const ENTRIES_MAX: usize = 1_000;

/// A manifest or index as its registry has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Its media type, as the registry says it.
    pub media_type: String,
    /// What its bytes have.
    pub digest: ImageDigest,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What a manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// Several images.
    Index { annotations: BTreeMap<String, String>, images: Vec<(ImageDigest, Platform)> },
    /// One image or artifact.
    Image {
        annotations: BTreeMap<String, String>,
        /// Media type and digest of its configuration.
        config: (String, ImageDigest),
    },
}

impl Manifest {
    /// The manifest of an answer, which has the digest that the registry says it has, if it says so.
    pub(super) fn of(answer: &Answer, what: &str, repository: &Repository) -> Result<Self, RegistryError> {
        let media_type = answer.header(CONTENT_TYPE).unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim().to_owned();
        if is_schema_one(&media_type, &answer.body) {
            return Err(RegistryError::SchemaOne { repository: repository.to_string(), what: what.into() });
        }
        let said: Option<ImageDigest> = answer.header(CONTENT_DIGEST).and_then(|it| it.parse().ok());
        let digest = match said {
            Some(digest) if is_of(&digest, &answer.body) => digest,
            Some(digest) => {
                let (host, digest) = (answer.host.name.clone(), digest.to_string());
                return Err(RegistryError::WrongDigest { host, digest });
            }
            None => Digest::of(&answer.body)
                .as_str()
                .parse()
                .map_err(|_| answer.host.protocol("its manifest has no digest"))?,
        };
        Ok(Self { media_type, digest, bytes: answer.body.clone() })
    }

    /// What it says; `Err` is the rest of a sentence.
    pub(super) fn content(&self) -> Result<Content, String> {
        let body: Value = serde_json::from_slice(&self.bytes).map_err(|_| "is no JSON".to_owned())?;
        let annotations = annotations(&body["annotations"]);
        match (body.get("manifests"), body.get("config")) {
            // What may be read as either is read differently by different programs.
            (Some(_), Some(_)) => Err("is both an index and an image".into()),
            (Some(Value::Array(entries)), None) if body.get("layers").is_none() => {
                if entries.len() > ENTRIES_MAX {
                    return Err(format!("has more than {ENTRIES_MAX} entries"));
                }
                let images = entries.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
                Ok(Content::Index { annotations, images: images.into_iter().flatten().collect() })
            }
            (None, Some(config)) => {
                let media_type = config["mediaType"].as_str().unwrap_or_default().to_owned();
                let digest = config["digest"].as_str().and_then(|it| it.parse().ok());
                let digest = digest.ok_or("names no configuration by its digest")?;
                Ok(Content::Image { annotations, config: (media_type, digest) })
            }
            _ => Err("is neither an index nor an image".into()),
        }
    }
}

/// True for a manifest that names no content. Registries say so by its type, and the document by its version.
pub(super) fn is_schema_one(media_type: &str, body: &[u8]) -> bool {
    media_type.starts_with(SCHEMA_ONE)
        || serde_json::from_slice::<Value>(body).is_ok_and(|it| it["schemaVersion"] == 1)
}

/// Annotations that are texts.
pub(super) fn annotations(node: &Value) -> BTreeMap<String, String> {
    let pairs = node.as_object().into_iter().flatten();
    pairs.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

/// An entry of an index that names a platform. Attestations are kept as images for no platform, which they are not.
fn entry(node: &Value) -> Result<Option<(ImageDigest, Platform)>, String> {
    let digest = node["digest"].as_str().and_then(|it| it.parse().ok());
    let digest = digest.ok_or("has an entry without a digest")?;
    Ok(platform(&node["platform"]).filter(|it| it.os != "unknown").map(|it| (digest, it)))
}

/// The platform that a mapping names, if it names one.
pub(super) fn platform(node: &Value) -> Option<Platform> {
    let text = |name: &str| node[name].as_str().unwrap_or_default();
    let variant = text("variant");
    let slash = if variant.is_empty() { "" } else { "/" };
    format!("{}/{}{slash}{variant}", text("os"), text("architecture")).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn content(text: &str) -> Result<Content, String> {
        let text = text.replace("A64", A);
        let digest = A.parse().unwrap();
        Manifest { media_type: String::new(), digest, bytes: text.into_bytes() }.content()
    }

    #[test]
    fn an_index_is_its_platforms() {
        let index = r#"{ "schemaVersion": 2, "annotations": { "a": "b", "n": 1 }, "manifests": [
            { "digest": "A64", "platform": { "os": "linux", "architecture": "arm64", "variant": "v8" } },
            { "digest": "A64", "platform": { "os": "linux", "architecture": "amd64", "os.version": "1" } },
            { "digest": "A64", "platform": { "os": "unknown", "architecture": "unknown" } },
            { "digest": "A64" } ] }"#;
        let Ok(Content::Index { annotations, images }) = content(index) else { panic!() };
        assert_eq!(annotations.into_iter().collect::<Vec<_>>(), [("a".into(), "b".into())]);
        let platforms: Vec<String> = images.iter().map(|(_, it)| it.to_string()).collect();
        assert_eq!(platforms, ["linux/arm64/v8", "linux/amd64"]);
    }

    #[test]
    fn what_is_neither_is_refused() {
        for (text, why) in [
            ("nonsense", "is no JSON"),
            ("{}", "is neither an index nor an image"),
            ("[]", "is neither an index nor an image"),
            (r#"{"manifests":{}}"#, "is neither an index nor an image"),
            (r#"{"manifests":[],"layers":[]}"#, "is neither an index nor an image"),
            (r#"{"manifests":[],"config":{"digest":"A64"}}"#, "is both an index and an image"),
            (r#"{"manifests":[{}]}"#, "has an entry without a digest"),
            (r#"{"config":{"digest":"sha256:1"}}"#, "names no configuration by its digest"),
        ] {
            assert_eq!(content(text), Err(why.to_owned()), "{text}");
        }
        assert!(is_schema_one("application/vnd.docker.distribution.manifest.v1+prettyjws", b""));
        assert!(is_schema_one("application/json", br#"{"schemaVersion":1}"#));
        assert!(!is_schema_one("application/json", br#"{"schemaVersion":2}"#));
    }
}
