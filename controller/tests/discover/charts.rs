//! Versions of charts.

use promoter_controller::discover::ChartDiscovery;
use promoter_core::discovery::Found;
use promoter_core::pipeline::{ChartSubscription, SubscriptionOrigin};
use promoter_core::registries::{HostSettings, RegistrySettings};
use promoter_core::{Content, Diagnosis, Digest};
use promoter_sources::charts::Charts;
use promoter_sources::registry::{Registries, RegistryConfig};
use promoter_testkit::registry::{RegistryProxy, RegistryServer};
use promoter_testkit::{WebFault, WebServer};

use super::{names, origin};

fn discovery(host: String) -> ChartDiscovery {
    let plain = HostSettings { plain_http: true, ..HostSettings::default() };
    let settings = RegistrySettings { hosts: [(host, plain)].into(), ..RegistrySettings::default() };
    let config = RegistryConfig { settings, ..RegistryConfig::default() };
    ChartDiscovery::new(Charts::new(Registries::new(config, None).unwrap(), None).unwrap())
}

fn subscription(fields: &str) -> ChartSubscription {
    match origin(&format!("chart: {{ {fields} }}")) {
        SubscriptionOrigin::Chart(chart) => chart,
        other => panic!("{other:?}"),
    }
}

async fn one(discovery: &ChartDiscovery, subscription: &ChartSubscription) -> Result<Found, Diagnosis> {
    discovery.found(&[subscription]).await.remove(0)
}

fn digest(found: &Found) -> Digest {
    match &found.chosen.as_ref().unwrap().content {
        Content::Chart { digest, .. } => digest.clone(),
        other => panic!("{other}"),
    }
}

/// An index of the charts `web` and `api`; versions with a `*` have their digest in it.
fn index(versions: &[&str]) -> String {
    let entry = |version: &&str| {
        let plain = version.trim_end_matches('*');
        let digest = Digest::of(plain.as_bytes());
        let digest =
            if plain == *version { String::new() } else { format!("    digest: {}\n", digest.hex()) };
        format!(
            "  - version: {plain}\n    urls: [{plain}.tgz]\n    created: \"2026-01-02T03:04:05Z\"\n{digest}"
        )
    };
    let entries: String = versions.iter().map(entry).collect();
    format!(
        "apiVersion: v1\nentries:\n  api:\n{entries}  web:\n{entries}generated: \"2026-01-02T03:04:05Z\"\n"
    )
}

#[tokio::test]
async fn an_index_is_asked_once_for_all_and_an_archive_only_where_it_must() {
    let server = WebServer::start();
    server.put(
        "/index.yaml",
        index(&["17.0.0*", "18.2.0", "18.1.0", "18.3.0-rc.1*", "19.0.0*", "x", "18.0.0*"]),
    );
    server.put("/18.2.0.tgz", "an archive");
    let discovery = discovery(server.host());
    let fields = |name: &str, more: &str| format!("repoURL: \"{}\", name: {name}, {more}", server.url());
    let [web, api, all] = [
        subscription(&fields("web", "constraint: \"^18\"")),
        subscription(&fields("api", "constraint: \"^18\", prereleases: true")),
        subscription(&fields("web", "discoveryLimit: 1")),
    ];
    let found = discovery.found(&[&web, &api, &all]).await;
    let [found_web, found_api, found_all] = [0, 1, 2].map(|it| found[it].as_ref().unwrap());
    assert_eq!(names(found_web), ["18.2.0", "18.0.0"], "people choose among those whose digests are known");
    assert_eq!(digest(found_web), Digest::of(b"an archive"));
    assert_eq!(names(found_api)[0], "18.3.0-rc.1");
    assert_eq!(digest(found_api), Digest::of(b"18.3.0-rc.1"));
    assert_eq!(names(found_all)[0], "19.0.0");
    assert_eq!(server.take_log(), ["GET /index.yaml 200", "GET /18.2.0.tgz 200"]);
    let again = discovery.found(&[&web, &api, &all]).await;
    assert_eq!(again, found);
    assert_eq!(server.take_log(), ["GET /index.yaml 304"]);
    server.put("/index.yaml", index(&["18.4.0*", "18.2.0"]));
    assert_eq!(
        names(&one(&discovery, &web).await.unwrap()),
        ["18.4.0", "18.2.0"],
        "an archive's digest is kept"
    );
    assert_eq!(server.take_log(), ["GET /index.yaml 200"]);
}

#[tokio::test]
async fn what_cannot_be_read_decides_nothing_and_a_bad_version_is_passed_over() {
    let server = WebServer::start();
    server.put("/index.yaml", index(&["1.2.0", "1.1.0*"]));
    let discovery = discovery(server.host());
    let web = subscription(&format!("repoURL: \"{}\", name: web", server.url()));
    // The archive of the best is not there: that version is of no use, which is said.
    let found = one(&discovery, &web).await.unwrap();
    assert_eq!(names(&found), ["1.1.0"]);
    assert!(found.passed_over.iter().any(|it| it.contains("1.2.0")), "{found:?}");
    let gone = subscription(&format!("repoURL: \"{}\", name: gone", server.url()));
    assert!(one(&discovery, &gone).await.unwrap_err().code == "chart-missing");
    // A server in trouble says nothing about a version.
    server.put("/index.yaml", index(&["1.3.0", "1.1.0*"]));
    server.break_at("1.3.0", WebFault::Status(500, None));
    assert!(one(&discovery, &web).await.unwrap_err().code == "registry-unreachable");
    server.heal();
    server.put("/1.3.0.tgz", "there");
    assert_eq!(names(&one(&discovery, &web).await.unwrap()), ["1.3.0", "1.1.0"]);
    server.break_at("index", WebFault::Status(429, Some("120")));
    let why = one(&discovery, &web).await.unwrap_err();
    assert!(why.not_before.is_some() && why.code == "registry-later", "{why}");
}

#[tokio::test]
async fn charts_of_a_registry_cost_two_requests_while_nothing_changes() {
    let Some(registry) = RegistryServer::open() else { return };
    for version in ["1.0.0", "1.1.0_build.7", "1.2.0-rc.1"] {
        registry.push_chart("charts/web", version, version.as_bytes());
    }
    registry.push_image("charts/web", "3.0.0", &["linux/amd64"], "2026-01-02T03:04:05Z", &[]);
    let proxy = RegistryProxy::start(registry.host());
    let discovery = discovery(proxy.host());
    let web = subscription(&format!("repoURL: \"oci://{}/charts/web\"", proxy.host()));
    let found = one(&discovery, &web).await.unwrap();
    assert_eq!(names(&found), ["1.1.0+build.7", "1.0.0"]);
    assert_eq!(digest(&found), Digest::of(b"1.1.0_build.7"));
    assert!(found.notes.iter().any(|it| it.contains("3.0.0") && it.contains("is no chart")), "{found:?}");
    proxy.take_requests();
    assert_eq!(one(&discovery, &web).await.unwrap(), found);
    assert_eq!(proxy.take_requests().all(), 2);
    registry.push_chart("charts/web", "1.1.0_build.7", b"pushed again");
    assert_eq!(digest(&one(&discovery, &web).await.unwrap()), Digest::of(b"pushed again"));
}

#[tokio::test]
async fn thousands_of_versions_cost_one_request() {
    let server = WebServer::start();
    let versions: Vec<String> = (0..5_000).map(|it| format!("1.{it}.0*")).collect();
    server.put("/index.yaml", index(&versions.iter().map(String::as_str).collect::<Vec<_>>()));
    let discovery = discovery(server.host());
    let web = subscription(&format!("repoURL: \"{}\", name: web", server.url()));
    let found = one(&discovery, &web).await.unwrap();
    assert_eq!((names(&found)[0].as_str(), names(&found).len()), ("1.4999.0", 21));
    assert_eq!(one(&discovery, &web).await.unwrap(), found);
    assert_eq!(server.take_log(), ["GET /index.yaml 200", "GET /index.yaml 304"]);
}
