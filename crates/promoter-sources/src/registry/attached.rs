//! What is attached to an image: signatures and attestations, in the three ways in which cosign keeps them.
//!
//! Reads them, bounded; what they are worth is decided elsewhere. Older ones are layers of a manifest whose tag says what it
//! is about (`sha256-….sig`, `.att`), newer ones are bundles that refer to the image.
//!
//! Source: cosign's signature specification ("Storage") and bundle specification, OCI distribution spec 1.1 ("Referrers").

use std::collections::BTreeMap;

use promoter_core::{ImageDigest, Repository};
use serde_json::Value;

use super::manifest::annotations;
use super::{ErrorKind, Registries, RegistryError};

/// How many are read of one image; each is a request.
const ATTACHED_MAX: usize = 64;
/// The largest one.
const BYTES_MAX: usize = 16 << 20;
/// All of one image together.
const ALL_BYTES_MAX: usize = 64 << 20;
/// How many manifests are looked into.
const MANIFESTS_MAX: usize = 64;

const SIMPLE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";
/// How the types of bundles begin, in all of their spellings.
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle";
/// How the types of what cosign lets refer to images begin, besides bundles.
const COSIGN: &str = "application/vnd.dev.cosign.";

/// One signature or attestation, as it was found. Nothing of it has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// Its form.
    pub form: AttachedForm,
    /// The payload, envelope or bundle.
    pub content: Vec<u8>,
    /// Annotations of its layer.
    pub annotations: BTreeMap<String, String>,
}

/// The forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachedForm {
    /// A payload whose signature is an annotation.
    Simple,
    /// A DSSE envelope.
    Envelope,
    /// A sigstore bundle.
    Bundle,
}

/// What is attached to an image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attachments {
    /// What was read.
    pub found: Vec<Attached>,
    /// How many were not, because they are too many, too large or broken.
    pub left_out: usize,
}

impl Registries {
    /// What is attached to a digest in its own repository: the tags `.sig` and `.att`, and what refers to it.
    ///
    /// Errors: those of every request that keep from knowing what there is. One that is broken is left out, since whoever may
    /// push could break all others with it.
    pub async fn attached(
        &self,
        repository: &Repository,
        digest: &ImageDigest,
    ) -> Result<Attachments, RegistryError> {
        let mut reading =
            Reading { registries: self, repository, attachments: Attachments::default(), bytes: 0 };
        let mut manifests = Vec::new();
        for suffix in ["sig", "att"] {
            let tag = format!("{}.{suffix}", digest.as_str().replacen(':', "-", 1));
            let Ok(tag) = tag.parse() else { continue };
            manifests.extend(definite(self.digest(repository, &tag).await)?);
        }
        for referrer in self.referrers(repository, digest, None).await? {
            let kind = referrer.artifact_type.as_str();
            // Lists that stand under a tag need not say the type.
            if kind.is_empty() || kind.starts_with(BUNDLE) || kind.starts_with(COSIGN) {
                manifests.push(referrer.digest);
            }
        }
        let more = manifests.len().saturating_sub(MANIFESTS_MAX);
        for manifest in manifests.iter().take(MANIFESTS_MAX) {
            reading.manifest(manifest).await?;
        }
        reading.attachments.left_out += more;
        Ok(reading.attachments)
    }
}

/// What has been read so far.
struct Reading<'a> {
    registries: &'a Registries,
    repository: &'a Repository,
    attachments: Attachments,
    bytes: usize,
}

impl Reading<'_> {
    async fn manifest(&mut self, digest: &ImageDigest) -> Result<(), RegistryError> {
        let Some(manifest) = definite(self.registries.manifest(self.repository, digest).await)? else {
            self.attachments.left_out += 1;
            return Ok(());
        };
        let json: Value = serde_json::from_slice(&manifest.bytes).unwrap_or_default();
        for layer in json["layers"].as_array().map_or(&[][..], Vec::as_slice) {
            self.layer(layer).await?;
        }
        Ok(())
    }

    async fn layer(&mut self, layer: &Value) -> Result<(), RegistryError> {
        let form = match layer["mediaType"].as_str().unwrap_or_default() {
            SIMPLE => AttachedForm::Simple,
            ENVELOPE => AttachedForm::Envelope,
            kind if kind.starts_with(BUNDLE) => AttachedForm::Bundle,
            _ => return Ok(()),
        };
        let digest = layer["digest"].as_str().and_then(|it| it.parse().ok());
        let left = ALL_BYTES_MAX.saturating_sub(self.bytes).min(BYTES_MAX);
        let fits = layer["size"].as_u64().is_some_and(|it| it <= left as u64);
        let read = match digest {
            Some(digest) if fits && self.attachments.found.len() < ATTACHED_MAX => {
                definite(self.registries.blob(self.repository, &digest, left).await)?
            }
            _ => None,
        };
        match read {
            None => self.attachments.left_out += 1,
            Some(content) => {
                self.bytes += content.len();
                let annotations = annotations(&layer["annotations"]);
                self.attachments.found.push(Attached { form, content, annotations });
            }
        }
        Ok(())
    }
}

/// `None` for what the registry says is not there or of no use.
fn definite<T>(read: Result<T, RegistryError>) -> Result<Option<T>, RegistryError> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::Definite => Ok(None),
        Err(error) => Err(error),
    }
}
