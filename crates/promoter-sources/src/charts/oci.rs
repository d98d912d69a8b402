//! Charts in registries: their tags are versions, and the layer of a tag's manifest is the archive.
//!
//! Source: helm's documentation, "Use OCI-based registries"; OCI image spec 1.1, "Image Manifest".

use promoter_core::{ChartUrl, Digest, ImageTag, Repository};
use serde_json::Value;

use super::archive::ARCHIVE_BYTES_MAX;
use super::store::Store;
use super::{ChartEntry, ChartError, unusable};
use crate::registry::{Registries, RegistryError};

/// The type of a chart's configuration.
const CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
/// The type of the layer that is its archive.
const ARCHIVE: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

const HUB: &str = "registry-1.docker.io";

/// The tags of a chart as versions.
pub(super) async fn versions(
    registries: &Registries,
    chart: &ChartUrl,
) -> Result<Vec<ChartEntry>, ChartError> {
    let tags = registries.tags(&repository(chart)?).await?;
    let entry = |tag: &String| ChartEntry {
        version: tag.replace('_', "+"),
        digest: None,
        created: None,
        deprecated: false,
        urls: Vec::new(),
    };
    Ok(tags.iter().map(entry).collect())
}

/// The digest of the archive of a version, by the manifest that its tag names now.
pub(super) async fn digest(
    registries: &Registries,
    store: &Store,
    chart: &ChartUrl,
    version: &str,
) -> Result<Digest, ChartError> {
    let repository = repository(chart)?;
    let tag: ImageTag = version
        .replace('+', "_")
        .parse()
        .map_err(|_| unusable(chart, version, "is no tag that a registry can have"))?;
    let manifest = registries.digest(&repository, &tag).await?;
    let key = format!("manifest {manifest}");
    if let Some(digest) = store.digest(&key) {
        return Ok(digest);
    }
    let bytes = registries.manifest(&repository, &manifest).await?.bytes;
    let digest = archive_of(&bytes).map_err(|why| unusable(chart, version, &why))?;
    store.keep_digest(&key, &digest);
    Ok(digest)
}

/// The archive that a digest names, asked for by that alone: no tag takes part, so that one which was pushed again changes
/// nothing.
pub(super) async fn archive(
    registries: &Registries,
    chart: &ChartUrl,
    version: &str,
    digest: &Digest,
) -> Result<Vec<u8>, ChartError> {
    let layer = digest.as_str().parse().map_err(|_| unusable(chart, version, "is pinned by no digest"))?;
    match registries.blob(&repository(chart)?, &layer, ARCHIVE_BYTES_MAX).await {
        Err(RegistryError::Missing { answer, .. }) => Err(ChartError::Gone {
            chart: chart.to_string(),
            version: version.to_owned(),
            why: format!("its registry has no `{digest}` ({answer})"),
        }),
        Err(RegistryError::Malformed { why, .. }) => Err(unusable(chart, version, &why)),
        other => Ok(other?),
    }
}

fn repository(chart: &ChartUrl) -> Result<Repository, ChartError> {
    let text =
        chart.as_str().split_once("://").map_or(chart.as_str(), |(_, rest)| rest).trim_end_matches('/');
    // Helm's users name the one who answers for Docker Hub; settings and credentials are those of `docker.io`.
    let text = match text.split_once('/') {
        Some((HUB, path)) => format!("docker.io/{path}"),
        _ => text.to_owned(),
    };
    text.parse().map_err(|_| {
        let repository = chart.to_string();
        RegistryError::NoRepository { repository, answer: "it is no name that a registry can have".into() }
            .into()
    })
}

/// The digest of the archive that a manifest names. `Err` is the rest of a sentence.
fn archive_of(manifest: &[u8]) -> Result<Digest, String> {
    let manifest: Value =
        serde_json::from_slice(manifest).map_err(|_| "has a manifest that is no JSON".to_owned())?;
    let config = manifest["config"]["mediaType"].as_str().unwrap_or("an index");
    if config != CONFIG {
        let shown: String = config.chars().filter(|it| !it.is_control()).take(100).collect();
        return Err(format!("is no chart (`{shown}`)"));
    }
    let layers = manifest["layers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut archives = layers.iter().filter(|it| it["mediaType"] == ARCHIVE);
    let digest = match (archives.next(), archives.next()) {
        (Some(one), None) => one["digest"].as_str().and_then(|it| it.parse().ok()),
        _ => return Err("has not exactly one archive".into()),
    };
    digest.ok_or_else(|| "names its archive by no SHA-256".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_chart_is_told_from_other_artifacts() {
        let digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        let layer = |kind: &str| json!({ "mediaType": kind, "digest": digest, "size": 1 });
        let found = |config: &str, layers: Value| {
            let manifest = json!({ "config": { "mediaType": config }, "layers": layers });
            archive_of(manifest.to_string().as_bytes()).map(|it| it.to_string())
        };
        let provenance = "application/vnd.cncf.helm.chart.provenance.v1.prov";
        assert_eq!(found(CONFIG, json!([layer(provenance), layer(ARCHIVE)])), Ok(digest.to_owned()));
        let image = "application/vnd.oci.image.config.v1+json";
        assert_eq!(found(image, json!([layer(ARCHIVE)])), Err(format!("is no chart (`{image}`)")));
        for layers in
            [json!([]), json!([layer(provenance)]), json!([layer(ARCHIVE), layer(ARCHIVE)]), json!(1)]
        {
            assert_eq!(found(CONFIG, layers), Err("has not exactly one archive".to_owned()));
        }
        assert_eq!(archive_of(b"{\"manifests\": []}"), Err("is no chart (`an index`)".to_owned()));
        assert!(archive_of(b"x").is_err());
        let other = json!([{ "mediaType": ARCHIVE, "digest": "sha512:00" }]);
        assert_eq!(found(CONFIG, other), Err("names its archive by no SHA-256".to_owned()));
    }
}
