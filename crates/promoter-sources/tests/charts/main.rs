//! Charts from real repositories: indexes that helm made, and registries that helm pushed to.

#![expect(clippy::unwrap_used, reason = "a failed unwrap in a test is a failed test")]

mod archives;
mod oci;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use promoter_core::registries::{HostSettings, RegistrySettings};
use promoter_core::{ChartUrl, Digest};
use promoter_sources::charts::{ChartEntry, ChartError, Charts};
use promoter_sources::registry::{ErrorKind, Registries, RegistryConfig};
use promoter_testkit::{WebFault, WebServer, tool};
use tempfile::TempDir;

/// A client that may ask these hosts by plain http, with docker's credentials in a file.
fn client(hosts: &[String], cache: Option<&Path>, credentials: Option<PathBuf>) -> Charts {
    let plain = HostSettings { plain_http: true, ..HostSettings::default() };
    let hosts = hosts.iter().map(|it| (it.clone(), plain.clone())).collect();
    let settings = RegistrySettings { hosts, ..RegistrySettings::default() };
    let config = RegistryConfig { settings, credentials_file: credentials, ..RegistryConfig::default() };
    Charts::new(Registries::new(config, None).unwrap(), cache.map(Into::into)).unwrap()
}

/// The installed helm with a home of its own.
struct Helm {
    program: PathBuf,
    home: TempDir,
}

impl Helm {
    fn installed() -> Option<Self> {
        Some(Self { program: tool("helm-v4.2.4", "helm")?, home: TempDir::new().unwrap() })
    }

    fn run(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(self.home.path()).env_clear().env("HOME", self.home.path());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "helm {arguments:?}: {said}");
        said + &String::from_utf8_lossy(&output.stdout)
    }

    /// Packages versions of charts; gives the archives by their names.
    fn package(&self, charts: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
        for (name, version) in charts {
            let directory = self.home.path().join("source").join(name);
            std::fs::create_dir_all(directory.join("templates")).unwrap();
            let text = format!(
                "apiVersion: v2\nname: {name}\nversion: {version}\ndescription: |\n  A chart\n  web:\n"
            );
            std::fs::write(directory.join("Chart.yaml"), text).unwrap();
            std::fs::write(directory.join("templates/map.yaml"), "kind: ConfigMap\n").unwrap();
            self.run(&["package", directory.to_str().unwrap(), "--destination", "packages"]);
        }
        let packages = std::fs::read_dir(self.home.path().join("packages")).unwrap();
        let archives =
            packages.map(|it| it.unwrap().path()).filter(|it| it.extension().is_some_and(|it| it == "tgz"));
        archives
            .map(|it| (it.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(it).unwrap()))
            .collect()
    }

    /// Puts what is packaged on a server, with the index that helm makes of it.
    fn publish(&self, server: &WebServer, folder: &str, arguments: &[&str]) -> BTreeMap<String, Vec<u8>> {
        let archives = self.package(&[("web", "1.0.0"), ("web", "1.1.0-rc.1+build.7"), ("other", "2.0.0")]);
        self.run(&[&["repo", "index", "packages"], arguments].concat());
        for (name, bytes) in &archives {
            server.put(&format!("{folder}/{name}"), bytes.clone());
        }
        server.put(
            &format!("{folder}/index.yaml"),
            std::fs::read(self.home.path().join("packages/index.yaml")).unwrap(),
        );
        archives
    }
}

fn chart(server: &WebServer, path: &str) -> ChartUrl {
    format!("{}{path}", server.url()).parse().unwrap()
}

/// The versions of the chart `web`, each with whether the index names its digest.
async fn web(charts: &Charts, repository: &str) -> Result<Vec<ChartEntry>, ChartError> {
    let mut found = charts.versions(repository, &["web"].into()).await?;
    found.remove("web").unwrap().map(|it| it.to_vec())
}

fn versions(entries: &[ChartEntry]) -> Vec<&str> {
    entries.iter().map(|it| it.version.as_str()).collect()
}

/// One version, as an index writes it.
fn index(version: &str, more: &str) -> String {
    format!(
        "apiVersion: v1\nentries:\n  web:\n  - name: web\n    version: {version}\n{more}generated: \"2026-01-02T03:04:05Z\"\n"
    )
}

#[tokio::test]
async fn what_helm_publishes_is_found_and_asked_for_once() {
    let Some(helm) = Helm::installed() else { return };
    let (server, cache) = (WebServer::start(), TempDir::new().unwrap());
    let archives = helm.publish(&server, "/stable", &[]);
    let repository = format!("{}/stable", server.url());
    let charts = client(&[server.host()], Some(cache.path()), None);
    let all = charts.versions(&repository, &["web", "other", "gone"].into()).await.unwrap();
    assert_eq!(server.take_log(), ["GET /stable/index.yaml 200"], "one request for all charts");
    let entries = all["web"].as_ref().unwrap();
    assert_eq!(versions(entries), ["1.1.0-rc.1+build.7", "1.0.0"]);
    assert_eq!(versions(all["other"].as_ref().unwrap()), ["2.0.0"]);
    assert_eq!(all["gone"].as_ref().unwrap_err().diagnosis().code, "chart-missing");
    assert!(entries.iter().all(|it| it.created.is_some() && !it.deprecated));
    let url = chart(&server, "/stable/web");
    for entry in entries.iter() {
        let archive = &archives[&format!("web-{}.tgz", entry.version)];
        assert_eq!(charts.digest(&url, entry).await.unwrap(), Digest::of(archive));
    }
    assert_eq!(server.take_log(), [""; 0], "the index names the digests");
    assert_eq!(web(&charts, &repository).await.unwrap(), **entries);
    let again = client(&[server.host()], Some(cache.path()), None);
    assert_eq!(web(&again, &repository).await.unwrap(), **entries);
    assert_eq!(server.take_log(), ["GET /stable/index.yaml 304"; 2], "after a restart too");
    server.put("/stable/index.yaml", index("3.0.0", ""));
    assert_eq!(versions(&web(&again, &repository).await.unwrap()), ["3.0.0"]);
    // What is on the disk may go at any time.
    std::fs::remove_dir_all(cache.path()).unwrap();
    std::fs::create_dir_all(cache.path()).unwrap();
    assert_eq!(versions(&web(&again, &repository).await.unwrap()), ["3.0.0"]);
    assert_eq!(server.take_log(), ["GET /stable/index.yaml 200"; 2]);
}

#[tokio::test]
async fn a_digest_that_the_index_does_not_name_is_that_of_the_archive() {
    let (server, elsewhere, cache) = (WebServer::start(), WebServer::start(), TempDir::new().unwrap());
    let config = cache.path().join("config.json");
    let entry = |server: &WebServer| {
        format!("\"{}\": {{ \"username\": \"ada\", \"password\": \"s3cret\" }}", server.host())
    };
    let text = format!("{{ \"auths\": {{ {}, {} }} }}", entry(&server), entry(&elsewhere));
    std::fs::write(&config, text).unwrap();
    let hosts = [server.host(), elsewhere.host()];
    let charts = client(&hosts, Some(cache.path()), Some(config.clone()));
    server.put("/web-1.0.0.tgz", "archive");
    elsewhere.put("/web-1.0.0.tgz", "archive elsewhere");
    server.require_login("ada", "s3cret");
    let url = chart(&server, "/web");
    for (address, log, bytes) in [
        ("web-1.0.0.tgz".to_owned(), ["GET /web-1.0.0.tgz 200 with login"; 1].as_slice(), "archive"),
        (format!("{}/web-1.0.0.tgz", server.url()), &["GET /web-1.0.0.tgz 200 with login"], "archive"),
        (format!("{}/web-1.0.0.tgz", elsewhere.url()), &[], "archive elsewhere"),
    ] {
        server.put("/index.yaml", index("1.0.0", &format!("    urls: [\"{address}\"]\n")));
        let entries = web(&charts, &server.url()).await.unwrap();
        server.take_log();
        assert_eq!(charts.known_digest(&url, &entries[0]), None);
        assert_eq!(charts.digest(&url, &entries[0]).await.unwrap(), Digest::of(bytes.as_bytes()));
        assert_eq!(server.take_log(), log, "{address}");
        let again = client(&hosts, Some(cache.path()), Some(config.clone()));
        assert_eq!(again.digest(&url, &entries[0]).await.unwrap(), Digest::of(bytes.as_bytes()));
        assert_eq!(server.take_log(), [""; 0], "it is kept");
    }
    assert_eq!(elsewhere.take_log(), ["GET /web-1.0.0.tgz 200"], "another host sees no credentials");
    // A redirect to another host takes none along either.
    server.put("/index.yaml", index("1.0.1", "    urls: [moved.tgz]\n"));
    server.break_at("moved", WebFault::Moved(format!("{}/web-1.0.0.tgz", elsewhere.url())));
    let entries = web(&charts, &server.url()).await.unwrap();
    charts.digest(&url, &entries[0]).await.unwrap();
    assert_eq!(elsewhere.take_log(), ["GET /web-1.0.0.tgz 200"]);
    for (urls, said) in [
        ("", "no address"),
        ("    urls: [gone.tgz]\n", "is not where the index says"),
        ("    urls: [\"file:///etc/passwd\"]\n", "no usable address"),
    ] {
        server.put("/index.yaml", index("1.0.2", urls));
        let entries = web(&charts, &server.url()).await.unwrap();
        let error = charts.digest(&url, &entries[0]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Definite);
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[tokio::test]
async fn an_index_that_cannot_be_had_is_an_error_and_never_a_part() {
    let server = WebServer::start();
    let charts = client(&[server.host()], None, None);
    server.put("/index.yaml", index("1.0.0", ""));
    assert_eq!(versions(&web(&charts, &server.url()).await.unwrap()), ["1.0.0"]);
    let long = index("2.0.0", &format!("    description: {}\n", "x".repeat(100_000)));
    server.put("/index.yaml", long.clone());
    for (fault, code) in [
        (WebFault::Cut(50), "registry-unreachable"),
        (WebFault::Cut(70_000), "registry-unreachable"),
        (WebFault::Unmarked(70_000), "registry-protocol"),
        (WebFault::Unmarked(1 << 20), "registry-protocol"),
        (WebFault::Status(500, None), "registry-unreachable"),
        (WebFault::Status(404, None), "chart-no-repository"),
        (WebFault::Status(304, None), "registry-protocol"),
    ] {
        server.break_at("", fault.clone());
        let fresh = client(&[server.host()], None, None);
        for charts in
            if matches!(fault, WebFault::Status(304, _)) { vec![&fresh] } else { vec![&charts, &fresh] }
        {
            let error = web(charts, &server.url()).await.unwrap_err();
            assert_eq!(error.diagnosis().code, code, "{fault:?}: {error}");
            assert_ne!(error.kind(), ErrorKind::Definite);
        }
        server.heal();
    }
    assert_eq!(versions(&web(&charts, &server.url()).await.unwrap()), ["2.0.0"], "the part was not kept");
    for text in ["<html></html>", "entries: 1\n", ""] {
        server.put("/index.yaml", text);
        let error = web(&charts, &server.url()).await.unwrap_err();
        assert_eq!(error.diagnosis().code, "chart-index", "{text}: {error}");
    }
    server.put("/index.yaml", vec![b'a'; 65 << 20]);
    let error = web(&charts, &server.url()).await.unwrap_err();
    assert!(error.to_string().contains("larger than"), "{error}");
}

#[tokio::test]
async fn a_server_that_wants_peace_has_it() {
    let server = WebServer::start();
    let charts = client(&[server.host()], None, None);
    server.break_at("", WebFault::Status(429, Some("120")));
    let error = web(&charts, &server.url()).await.unwrap_err();
    assert!(error.diagnosis().not_before.is_some(), "{error}");
    assert_eq!(error.kind(), ErrorKind::Upstream);
    server.heal();
    server.take_log();
    let error = web(&charts, &server.url()).await.unwrap_err();
    assert_eq!(
        (error.diagnosis().code, server.take_log().len()),
        ("registry-later", 0),
        "nobody asks before"
    );
}

#[tokio::test]
async fn credentials_are_needed_and_never_said() {
    let (server, files) = (WebServer::start(), TempDir::new().unwrap());
    server.put("/index.yaml", index("1.0.0", ""));
    server.require_login("ada", "s3cret");
    let charts = |password: &str| {
        let config = files.path().join("config.json");
        let entry = format!("{{ \"username\": \"ada\", \"password\": \"{password}\" }}");
        std::fs::write(&config, format!("{{ \"auths\": {{ \"{}\": {entry} }} }}", server.host())).unwrap();
        client(&[server.host()], None, Some(config))
    };
    let error = web(&client(&[server.host()], None, None), &server.url()).await.unwrap_err();
    assert!(error.to_string().contains("no credentials were sent"), "{error}");
    let error = web(&charts("wr0ng"), &server.url()).await.unwrap_err();
    assert_eq!(error.diagnosis().code, "registry-denied");
    assert!(!format!("{error} {error:?}").contains("wr0ng"));
    assert_eq!(versions(&web(&charts("s3cret"), &server.url()).await.unwrap()), ["1.0.0"]);
    let error = web(&client(&[], None, None), &server.url()).await.unwrap_err();
    assert_eq!(error.diagnosis().code, "chart-clear-text", "plain http only where the settings say so");
}
