//! What tests put into registries: small images, indexes, charts.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::RegistryServer;
use super::client::Line;

pub(super) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const HELM_CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
const HELM_LAYER: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/// The digest of some bytes.
pub fn digest_of(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|it| format!("{it:02x}")).collect();
    format!("sha256:{hex}")
}

impl RegistryServer {
    /// Pushes an image for each platform (`linux/amd64`), several with an index, and gives the digest that the tag names.
    /// `created` is RFC 3339.
    pub fn push_image(
        &self,
        repository: &str,
        tag: &str,
        platforms: &[&str],
        created: &str,
        labels: &[(&str, &str)],
    ) -> String {
        let mut push = Push { line: self.line(repository), repository };
        let layer = push.blob(b"a layer");
        let mut entries = Vec::new();
        for platform in platforms {
            let parts: Vec<&str> = platform.split('/').collect();
            let mut named = json!({ "os": parts[0], "architecture": parts[1] });
            if let Some(variant) = parts.get(2) {
                named["variant"] = json!(variant);
            }
            let labels: serde_json::Map<String, Value> =
                labels.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
            let mut config = named.clone();
            config["created"] = json!(created);
            config["config"] = json!({ "Labels": labels });
            config["rootfs"] = json!({ "type": "layers", "diff_ids": [layer] });
            let config = config.to_string();
            let manifest = json!({
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": descriptor(OCI_CONFIG, config.as_bytes()),
                "layers": [descriptor(OCI_LAYER, b"a layer")],
            });
            push.blob(config.as_bytes());
            let manifest = manifest.to_string();
            let reference =
                if platforms.len() == 1 { tag.to_owned() } else { digest_of(manifest.as_bytes()) };
            let digest = push.manifest(&reference, OCI_MANIFEST, manifest.as_bytes());
            if platforms.len() == 1 {
                return digest;
            }
            let mut entry = descriptor(OCI_MANIFEST, manifest.as_bytes());
            entry["platform"] = named;
            entries.push(entry);
        }
        let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries });
        push.manifest(tag, OCI_INDEX, index.to_string().as_bytes())
    }

    /// Lets further tags name what is pushed already.
    pub fn tag_again(&self, repository: &str, from: &str, tags: &[String]) {
        let mut push = Push { line: self.line(repository), repository };
        let found = push.line.ask("GET", &format!("/v2/{repository}/manifests/{from}"), "", b"");
        let kind = found.header("content-type").expect("a type").to_owned();
        for tag in tags {
            push.manifest(tag, &kind, &found.body);
        }
    }

    /// Pushes a chart as Helm does, and gives the digest of its manifest.
    pub fn push_chart(&self, repository: &str, version: &str, archive: &[u8]) -> String {
        let mut push = Push { line: self.line(repository), repository };
        let name = repository.rsplit('/').next().unwrap_or_default();
        let config = json!({ "name": name, "version": version, "apiVersion": "v2" }).to_string();
        push.blob(config.as_bytes());
        push.blob(archive);
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor(HELM_CONFIG, config.as_bytes()),
            "layers": [descriptor(HELM_LAYER, archive)],
            "annotations": { "org.opencontainers.image.version": version },
        });
        // Helm writes `_` for `+`, which no tag may hold.
        push.manifest(&version.replace('+', "_"), OCI_MANIFEST, manifest.to_string().as_bytes())
    }

    /// Pushes a manifest as it is, under a tag or its own digest, and gives its digest.
    pub fn push_manifest(&self, repository: &str, reference: &str, kind: &str, manifest: &[u8]) -> String {
        Push { line: self.line(repository), repository }.manifest(reference, kind, manifest)
    }

    /// Pushes content, and gives its digest.
    pub fn push_blob(&self, repository: &str, bytes: &[u8]) -> String {
        Push { line: self.line(repository), repository }.blob(bytes)
    }

    /// Deletes a manifest by its digest.
    pub fn delete_manifest(&self, repository: &str, digest: &str) {
        let reply =
            self.line(repository).ask("DELETE", &format!("/v2/{repository}/manifests/{digest}"), "", b"");
        assert_eq!(reply.status, 202, "a manifest is deleted");
    }
}

/// One repository that is written to.
struct Push<'a> {
    line: Line,
    repository: &'a str,
}

impl Push<'_> {
    fn blob(&mut self, bytes: &[u8]) -> String {
        let digest = digest_of(bytes);
        let base = format!("/v2/{}/blobs", self.repository);
        if self.line.ask("GET", &format!("{base}/{digest}"), "", b"").status == 200 {
            return digest;
        }
        let start = self.line.ask("POST", &format!("{base}/uploads/"), "", b"");
        let place = start.header("location").expect("a place for the upload");
        let sign = if place.contains('?') { '&' } else { '?' };
        let target = format!("{place}{sign}digest={digest}");
        let reply = self.line.ask("PUT", &target, "application/octet-stream", bytes);
        assert_eq!(reply.status, 201, "{}", String::from_utf8_lossy(&reply.body));
        digest
    }

    fn manifest(&mut self, reference: &str, kind: &str, bytes: &[u8]) -> String {
        let target = format!("/v2/{}/manifests/{reference}", self.repository);
        let reply = self.line.ask("PUT", &target, kind, bytes);
        assert_eq!(reply.status, 201, "{}", String::from_utf8_lossy(&reply.body));
        digest_of(bytes)
    }
}

pub(super) fn descriptor(kind: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": kind, "digest": digest_of(bytes), "size": bytes.len() })
}
