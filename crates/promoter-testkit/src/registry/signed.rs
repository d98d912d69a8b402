//! Signed images: what cosign left beside one (testdata/cosign) is put where cosign puts it.

use std::path::Path;

use serde_json::{Value, json};

use super::RegistryServer;
use super::push::{OCI_INDEX, OCI_MANIFEST, descriptor, digest_of};

const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// Forms of testdata/cosign, their media types, and the ends of their tags.
const TAGGED: [(&str, &str, &str); 2] = [
    ("simple", "application/vnd.dev.cosign.simplesigning.v1+json", "sig"),
    ("envelope", "application/vnd.dsse.envelope.v1+json", "att"),
];

impl RegistryServer {
    /// Pushes an image as `tag` together with its signatures and attestations, as cosign pushes them for registries without a
    /// referrers API. `case` is a name of testdata/cosign. Gives the digest of the image.
    pub fn push_signed(&self, repository: &str, tag: &str, case: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../testdata/cosign/{case}.json"));
        let text = std::fs::read_to_string(path).expect("a case");
        let case: Value = serde_json::from_str(&text).expect("a case is JSON");
        let text = |it: &Value| it.as_str().expect("a text").to_owned();
        self.push_blob(repository, text(&case["config"]).as_bytes());
        let digest = self.push_manifest(repository, tag, OCI_MANIFEST, text(&case["manifest"]).as_bytes());
        assert_eq!(digest, text(&case["digest"]), "the image is the one that was signed");

        let stem = digest.replace(':', "-");
        let found = case["found"].as_array().expect("what was found");
        let of = |form: &str| found.iter().filter(|it| it["form"] == form).collect::<Vec<_>>();
        for (form, kind, suffix) in TAGGED {
            let layers = of(form);
            if !layers.is_empty() {
                let manifest = self.attached(repository, kind, &layers).to_string();
                self.push_manifest(
                    repository,
                    &format!("{stem}.{suffix}"),
                    OCI_MANIFEST,
                    manifest.as_bytes(),
                );
            }
        }
        let mut entries = Vec::new();
        for bundle in of("bundle") {
            let mut manifest = self.attached(repository, BUNDLE, &[bundle]);
            manifest["artifactType"] = json!(BUNDLE);
            let text = manifest.to_string();
            self.push_manifest(repository, &digest_of(text.as_bytes()), OCI_MANIFEST, text.as_bytes());
            let mut entry = descriptor(OCI_MANIFEST, text.as_bytes());
            entry["artifactType"] = json!(BUNDLE);
            entries.push(entry);
        }
        if !entries.is_empty() {
            let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries });
            self.push_manifest(repository, &stem, OCI_INDEX, index.to_string().as_bytes());
        }
        digest
    }

    /// A manifest with a layer for each signature.
    fn attached(&self, repository: &str, kind: &str, layers: &[&Value]) -> Value {
        self.push_blob(repository, b"{}");
        let layer = |it: &&Value| {
            let content = it["content"].as_str().expect("a text").as_bytes();
            self.push_blob(repository, content);
            let mut layer = descriptor(kind, content);
            layer["annotations"] = it.get("annotations").cloned().unwrap_or_else(|| json!({}));
            layer
        };
        let layers: Vec<Value> = layers.iter().map(layer).collect();
        let config = descriptor("application/vnd.oci.image.config.v1+json", b"{}");
        json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers })
    }
}
