//! The last step: what is refused, and the forms in which the rest may leave.

use std::collections::BTreeMap;
use std::ops::Deref;

use promoter_core::{Digest, Place};
use promoter_yaml::{Node, YamlError, emit_hydrated, emit_json, emit_kustomize};

use crate::{Limits, Manifests, Object, VerifyError};

/// A value that passed [`verify`]; nothing else makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<T> {
    value: T,
    output_bytes_max: usize,
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// The bytes of a `manifest.yaml` and their digest, which is the lock's `render.digest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hydrated {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Their SHA-256.
    pub digest: Digest,
}

impl Hydrated {
    /// Bytes of a branch with their digest.
    pub fn of(bytes: Vec<u8>) -> Self {
        Self { digest: Digest::of(&bytes), bytes }
    }
}

/// Checks manifests: not empty unless allowed, every object whole, no two of one identity, within the limits.
pub fn verify(manifests: Manifests, limits: &Limits) -> Result<Verified<Manifests>, VerifyError> {
    let count = manifests.objects.len();
    if count == 0 && !manifests.rules.allow_empty {
        return Err(VerifyError::Empty { source_path: manifests.source });
    }
    if count > limits.objects_max {
        return Err(VerifyError::TooManyObjects { count, max: limits.objects_max });
    }
    let mut seen = BTreeMap::new();
    for object in &manifests.objects {
        check_whole(object, &manifests.source)?;
        if let Some(identity) = object.identity()
            && let Some(first) = seen.insert(identity, object)
        {
            let at = place(object, &manifests.source);
            return Err(VerifyError::ObjectTwice { object: object.shown(), first: first.at.clone(), at });
        }
    }
    Ok(Verified { value: manifests, output_bytes_max: limits.output_bytes_max })
}

impl Verified<Manifests> {
    /// One compact JSON object per manifest, as Argo CD takes them from a plugin.
    pub fn to_json_objects(&self) -> Result<Vec<String>, VerifyError> {
        let mut bytes = 0;
        let mut texts = Vec::with_capacity(self.objects.len());
        for object in &self.objects {
            let mut text = String::new();
            emit_json(&object.node, false, &mut text).map_err(|error| unwritable(object, error))?;
            bytes += text.len();
            self.check_size(bytes)?;
            texts.push(text);
        }
        Ok(texts)
    }

    /// A YAML stream as kustomize prints it.
    pub fn to_yaml(&self) -> Result<String, VerifyError> {
        self.stream(emit_kustomize)
    }

    /// `manifest.yaml` as it is written to a branch. Errors: also a Secret with data that the lock does not allow,
    /// since everyone who may read the branch could read it.
    pub fn to_hydrated(&self) -> Result<Hydrated, VerifyError> {
        for secret in self.objects.iter().filter(|it| is_secret_with_data(it)) {
            let name = secret.metadata("name").unwrap_or_default();
            let name_given = without_hash(name);
            if !self.rules.allow_secrets.iter().any(|it| it == name || it == name_given) {
                let (object, at) = (secret.shown(), place(secret, &self.source));
                return Err(VerifyError::Secret { object, name: name_given.into(), at });
            }
        }
        Ok(Hydrated::of(self.stream(emit_hydrated)?.into_bytes()))
    }

    fn stream(
        &self,
        emit: impl Fn(&Node, &mut String) -> Result<(), YamlError>,
    ) -> Result<String, VerifyError> {
        let mut text = String::new();
        for object in &self.objects {
            if !text.is_empty() {
                text.push_str("---\n");
            }
            emit(&object.node, &mut text).map_err(|error| unwritable(object, error))?;
            self.check_size(text.len())?;
        }
        Ok(text)
    }

    fn check_size(&self, bytes: usize) -> Result<(), VerifyError> {
        if bytes > self.output_bytes_max {
            return Err(VerifyError::TooLarge { max: self.output_bytes_max });
        }
        Ok(())
    }
}

fn check_whole(object: &Object, source: &str) -> Result<(), VerifyError> {
    let missing = if object.node.as_map().is_none() {
        None
    } else if object.field("apiVersion").is_none() {
        Some("apiVersion")
    } else if object.field("kind").is_none() {
        Some("kind")
    } else if object.metadata("name").is_none() && object.metadata("generateName").is_none() {
        Some("metadata.name")
    } else {
        return Ok(());
    };
    let at = place(object, source);
    Err(match missing {
        Some(field) => VerifyError::Incomplete { object: object.shown(), field, at },
        None => VerifyError::NotAnObject { found: object.node.type_name(), at },
    })
}

/// Where the object stands, or what it was rendered from.
fn place(object: &Object, source: &str) -> Place {
    object.at.clone().unwrap_or_else(|| Place::new(source, 0))
}

fn is_secret_with_data(object: &Object) -> bool {
    let has = |key: &str| object.node.get(key).and_then(Node::as_map).is_some_and(|it| !it.is_empty());
    object.field("kind") == Some("Secret")
        && object.field("apiVersion") == Some("v1")
        && (has("data") || has("stringData"))
}

/// The name that people gave: kustomize's generators put a hyphen and ten characters of a hash behind it.
fn without_hash(name: &str) -> &str {
    let is_hash = |it: &str| it.len() == 10 && it.bytes().all(|it| b"2456789bcdfghkmt".contains(&it));
    name.rsplit_once('-').filter(|(_, hash)| is_hash(hash)).map_or(name, |(given, _)| given)
}

fn unwritable(object: &Object, error: YamlError) -> VerifyError {
    VerifyError::Unwritable { object: object.shown(), error }
}
