//! Changes to what cosign made, one at a time.

use super::Case;
use promoter_signatures::image::Found;
use serde_json::Value;

impl Case {
    /// The same with the text of its one signature or attestation changed.
    pub(crate) fn with(&self, change: impl Fn(&mut Value)) -> Self {
        let changed = self.found.iter().map(|it| match it {
            Found::Simple { payload, annotations } => {
                Found::Simple { payload: changed(payload, &change), annotations: annotations.clone() }
            }
            Found::Envelope { envelope, annotations } => {
                Found::Envelope { envelope: changed(envelope, &change), annotations: annotations.clone() }
            }
            Found::Bundle(bytes) => Found::Bundle(changed(bytes, &change)),
        });
        Self { digest: self.digest.clone(), found: changed.collect() }
    }

    /// The same with an annotation changed (or taken away, when that gives nothing).
    pub(crate) fn annotated(&self, name: &str, change: impl Fn(&str) -> Option<String>) -> Self {
        let mut made = self.clone();
        for it in &mut made.found {
            let (Found::Simple { annotations, .. } | Found::Envelope { annotations, .. }) = it else {
                continue;
            };
            if let Some(text) = annotations.remove(name)
                && let Some(text) = change(&text)
            {
                annotations.insert(name.into(), text);
            }
        }
        made
    }

    /// The same for another image.
    pub(crate) fn of_another(&self) -> Self {
        let digest = format!("sha256:{}", "1".repeat(64)).parse();
        Self { digest: digest.unwrap(), found: self.found.clone() }
    }

    /// The one bundle.
    pub(crate) fn bundle(&self) -> Value {
        let Some(Found::Bundle(bytes)) = self.found.first() else { unreachable!() };
        serde_json::from_slice(bytes).unwrap()
    }
}

fn changed(bytes: &[u8], change: &impl Fn(&mut Value)) -> Vec<u8> {
    let mut json = serde_json::from_slice(bytes).unwrap();
    change(&mut json);
    serde_json::to_vec(&json).unwrap()
}

/// A base64 text with one bit of its bytes turned.
pub(crate) fn bent(text: &Value) -> Value {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let mut bytes = STANDARD.decode(text.as_str().unwrap()).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    Value::String(STANDARD.encode(bytes))
}
