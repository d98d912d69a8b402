//! Archives that a lock pins, from private repositories.

use std::path::{Path, PathBuf};

use promoter_core::{ChartUrl, Digest};
use promoter_sources::charts::{ChartError, Charts};
use promoter_sources::registry::ErrorKind;
use promoter_testkit::registry::{
    Entrance, Flavor, PASSWORD, RegistryFault, RegistryProxy, RegistryServer, USER,
};
use promoter_testkit::{WebFault, WebServer};
use tempfile::TempDir;

use super::{chart, client, index};

/// docker's file with entries for hosts.
fn login(directory: &Path, hosts: &[String]) -> PathBuf {
    let file = directory.join("config.json");
    let entry =
        |host: &String| format!("\"{host}\": {{ \"username\": \"{USER}\", \"password\": \"{PASSWORD}\" }}");
    let entries: Vec<String> = hosts.iter().map(entry).collect();
    std::fs::write(&file, format!("{{ \"auths\": {{ {} }} }}", entries.join(", "))).unwrap();
    file
}

async fn archive(charts: &Charts, url: &ChartUrl, digest: &Digest) -> Result<Vec<u8>, ChartError> {
    charts.archive(url, &"1.0.0".parse().unwrap(), digest).await.map(|it| it.to_vec())
}

fn code<T: std::fmt::Debug>(result: Result<T, ChartError>) -> &'static str {
    result.unwrap_err().diagnosis().code
}

#[tokio::test]
async fn a_private_registry_gives_what_the_digest_names() {
    for flavor in Flavor::ALL {
        let Some(server) = RegistryServer::start(flavor, Entrance::Password) else { continue };
        let (proxy, files) = (RegistryProxy::start(server.host()), TempDir::new().unwrap());
        server.push_chart("charts/web", "1.0.0", b"the archive");
        // Whoever pushes a version again changes nothing that is pinned.
        server.push_chart("charts/web", "1.0.0", b"another archive");
        let url: ChartUrl = format!("oci://{}/charts/web", proxy.host()).parse().unwrap();
        let digest = Digest::of(b"the archive");
        assert_eq!(
            code(archive(&client(&[proxy.host()], None, None), &url, &digest).await),
            "registry-denied"
        );
        let charts = client(&[proxy.host()], None, Some(login(files.path(), &[proxy.host()])));
        proxy.break_at("/blobs/", RegistryFault::Flip(0));
        let error = archive(&charts, &url, &digest).await.unwrap_err();
        assert_eq!((error.kind(), error.diagnosis().code), (ErrorKind::Upstream, "registry-wrong-digest"));
        proxy.heal();
        proxy.take_requests();
        let (one, other) = tokio::join!(archive(&charts, &url, &digest), archive(&charts, &url, &digest));
        assert_eq!((one.unwrap(), other.unwrap()), (b"the archive".to_vec(), b"the archive".to_vec()));
        let asked = proxy.take_requests();
        assert_eq!((asked.blobs, asked.all()), (1, 1), "{:?}", proxy.take_log());
        let unknown = Digest::of(b"never pushed");
        assert_eq!(code(archive(&charts, &url, &unknown).await), "chart-gone");
    }
}

#[tokio::test]
async fn a_private_web_server_gives_what_its_index_leads_to() {
    let (server, elsewhere, files) = (WebServer::start(), WebServer::start(), TempDir::new().unwrap());
    server.require_login(USER, PASSWORD);
    let hosts = [server.host(), elsewhere.host()];
    let credentials = login(files.path(), &hosts);
    let fresh = || client(&hosts, None, Some(credentials.clone()));
    let (url, digest) = (chart(&server, "/web"), Digest::of(b"archive"));
    server.put("/web.tgz", "archive");
    elsewhere.put("/web.tgz", "archive");
    let at =
        |address: &str| server.put("/index.yaml", index("1.0.0", &format!("    urls: [\"{address}\"]\n")));

    at("web.tgz");
    assert_eq!(code(archive(&client(&hosts, None, None), &url, &digest).await), "registry-denied");
    server.take_log();
    assert_eq!(archive(&fresh(), &url, &digest).await.unwrap(), b"archive");
    assert_eq!(server.take_log(), ["GET /index.yaml 200 with login", "GET /web.tgz 200 with login"]);

    at(&format!("{}/web.tgz", elsewhere.url()));
    assert_eq!(archive(&fresh(), &url, &digest).await.unwrap(), b"archive");
    assert_eq!(elsewhere.take_log(), ["GET /web.tgz 200"], "another host sees no credentials");

    at("web.tgz");
    let error = archive(&fresh(), &url, &Digest::of(b"locked")).await.unwrap_err();
    let wanted = format!("has digest `{digest}`, the lock says `{}`", Digest::of(b"locked"));
    assert!(error.to_string().contains(&wanted), "{error}");
    assert_eq!(error.diagnosis().code, "chart-digest-wrong");
    at("gone.tgz");
    assert_eq!(code(archive(&fresh(), &url, &digest).await), "chart-unusable");
    server.put("/index.yaml", index("2.0.0", "    urls: [web.tgz]\n"));
    assert_eq!(code(archive(&fresh(), &url, &digest).await), "chart-gone");
    let missing = chart(&server, "/other");
    assert_eq!(code(archive(&fresh(), &missing, &digest).await), "chart-missing");
    at("web.tgz");
    server.put("/web.tgz", vec![b'a'; (64 << 20) + 1]);
    let error = archive(&fresh(), &url, &digest).await.unwrap_err();
    assert!(error.to_string().contains("larger than"), "{error}");
}

#[tokio::test]
async fn what_is_kept_is_not_asked_for_after_a_restart() {
    let (server, cache) = (WebServer::start(), TempDir::new().unwrap());
    server.put("/index.yaml", index("1.0.0", "    urls: [web.tgz]\n"));
    server.put("/web.tgz", "another archive");
    let (url, digest) = (chart(&server, "/web"), Digest::of(b"archive"));
    let ask = async || archive(&client(&[server.host()], Some(cache.path()), None), &url, &digest).await;
    assert_eq!(code(ask().await), "chart-digest-wrong");
    server.put("/web.tgz", "archive");
    server.take_log();
    assert_eq!(ask().await.unwrap(), b"archive");
    assert_eq!(server.take_log(), ["GET /index.yaml 304", "GET /web.tgz 200"], "what was wrong was not kept");
    assert_eq!(ask().await.unwrap(), b"archive");
    assert_eq!(server.take_log(), [""; 0]);
}

#[tokio::test]
async fn an_index_may_name_a_registry() {
    let Some(registry) = RegistryServer::start(Flavor::V3, Entrance::Password) else { return };
    let (server, files) = (WebServer::start(), TempDir::new().unwrap());
    registry.push_chart("charts/web", "1.0.0", b"archive");
    let address = format!("    urls: [\"oci://{}/charts/web:1.0.0\"]\n", registry.host());
    server.put("/index.yaml", index("1.0.0", &address));
    let hosts = [server.host(), registry.host().to_owned()];
    let charts = client(&hosts, None, Some(login(files.path(), &hosts)));
    let found = archive(&charts, &chart(&server, "/web"), &Digest::of(b"archive")).await;
    assert_eq!(found.unwrap(), b"archive");
    assert_eq!(server.take_log(), ["GET /index.yaml 200 with login"]);
}

/// Nobody said that plain http is meant. What is pinned may come so, since its digest decides; credentials may not go so.
#[tokio::test]
async fn in_clear_text_nothing_is_shown() {
    let (server, files) = (WebServer::start(), TempDir::new().unwrap());
    server.put("/index.yaml", index("1.0.0", "    urls: [web.tgz]\n"));
    server.put("/web.tgz", "archive");
    let charts = client(&[], None, Some(login(files.path(), &[server.host()])));
    let (url, digest) = (chart(&server, "/web"), Digest::of(b"archive"));
    assert_eq!(archive(&charts, &url, &digest).await.unwrap(), b"archive");
    assert_eq!(server.take_log(), ["GET /index.yaml 200", "GET /web.tgz 200"]);
    // What nothing pins is believed to nobody in between.
    let versions = charts.versions(&server.url(), &["web"].into()).await;
    assert_eq!(code(versions), "chart-clear-text");
    server.require_login(USER, PASSWORD);
    assert_eq!(code(archive(&charts, &url, &digest).await), "chart-clear-text");
    assert_eq!(server.take_log(), ["GET /index.yaml 401"]);
}

#[tokio::test]
async fn a_server_that_wants_peace_has_it_and_a_part_is_never_the_whole() {
    let server = WebServer::start();
    server.put("/index.yaml", index("1.0.0", "    urls: [web.tgz]\n"));
    server.put("/web.tgz", "archive");
    let (url, digest) = (chart(&server, "/web"), Digest::of(b"archive"));
    let charts = client(&[server.host()], None, None);
    server.break_at("web.tgz", WebFault::Cut(3));
    let error = archive(&charts, &url, &digest).await.unwrap_err();
    assert_eq!((error.kind(), error.diagnosis().code), (ErrorKind::Upstream, "registry-unreachable"));
    server.heal();
    server.break_at("web.tgz", WebFault::Status(503, Some("120")));
    let error = archive(&charts, &url, &digest).await.unwrap_err().diagnosis();
    assert!(error.code == "registry-later" && error.not_before.is_some(), "{error}");
}
