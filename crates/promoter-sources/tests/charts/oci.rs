//! Charts in registries.

use promoter_core::{ChartUrl, Digest};
use promoter_sources::registry::ErrorKind;
use promoter_testkit::registry::{RegistryProxy, RegistryServer};

use super::{Helm, client, versions};

#[tokio::test]
async fn what_helm_pushes_is_found_with_the_digest_of_its_archive() {
    let (Some(helm), Some(registry)) = (Helm::installed(), RegistryServer::open()) else { return };
    let archives = helm.package(&[("web", "1.0.0"), ("web", "1.1.0+build.7")]);
    let target = format!("oci://{}/charts", registry.host());
    for name in archives.keys() {
        helm.run(&["push", &format!("packages/{name}"), &target, "--plain-http"]);
    }
    registry.push_image("charts/web", "2.0.0", &["linux/amd64"], "2026-01-02T03:04:05Z", &[]);
    let proxy = RegistryProxy::start(registry.host());
    let charts = client(&[proxy.host()], None, None);
    let chart: ChartUrl = format!("oci://{}/charts/web", proxy.host()).parse().unwrap();
    let entries = charts.oci_versions(&chart).await.unwrap();
    assert_eq!(versions(&entries), ["1.0.0", "1.1.0+build.7", "2.0.0"]);
    for entry in &entries[..2] {
        let archive = &archives[&format!("web-{}.tgz", entry.version)];
        assert_eq!(charts.digest(&chart, entry).await.unwrap(), Digest::of(archive));
    }
    let error = charts.digest(&chart, &entries[2]).await.unwrap_err();
    assert_eq!((error.kind(), error.diagnosis().code), (ErrorKind::Definite, "chart-unusable"));
    assert!(error.to_string().contains("is no chart"), "{error}");
    proxy.take_requests();
    charts.oci_versions(&chart).await.unwrap();
    charts.digest(&chart, &entries[1]).await.unwrap();
    assert_eq!(proxy.take_requests().all(), 2, "the tags, and what one of them names now");
}
