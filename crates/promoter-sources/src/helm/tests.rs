//! Against the real helm where it is installed; hanging and flooding programs stand in for a helm that does so.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use promoter_core::{Digest, Fault};
use promoter_kustomize::MemoryFiles;
use promoter_testkit::{WebServer, tool};

use super::*;
use crate::disk::{DiskFiles, DiskLimits};

fn testdata() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/helm")
}

/// The real helm of the tools directory, if it is there.
fn helm() -> Option<Helm> {
    tool("helm-v4.2.4", "helm").map(|it| Helm::new(it, HelmLimits::default(), RegistryAccess::default()))
}

fn request() -> ChartRequest {
    let mut request = ChartRequest::new("shown", "web");
    request.directory = Some("chart".into());
    request.namespace = Some("shop".into());
    request.kube_version = Some("1.33.2".into());
    request
}

fn files() -> DiskFiles {
    DiskFiles::open(&testdata(), DiskLimits::default()).unwrap()
}

fn template(helm: &Helm, request: &ChartRequest, run: u8) -> Result<String, Diagnosis> {
    helm.template(&ChartCall { files: &files(), chart: request, archive: None, run })
}

#[test]
fn renders_what_is_asked_for() {
    let Some(helm) = helm() else { return };
    let plain = template(&helm, &request(), 0).unwrap();
    for line in
        ["name: web", "namespace: shop", "greeting: \"hello\"", "kube: \"v1.33.2\"", "widgets: \"false\""]
    {
        assert!(plain.contains(line), "{line} in {plain}");
    }
    assert!(!plain.contains("CustomResourceDefinition"));
    assert!(plain.contains("name: check"));
    let mut other = request();
    other.values = vec!["greeting: first".into(), "greeting: second".into()];
    other.api_versions = vec!["v1".into(), "example.com/v1/Widget".into()];
    other.include_crds = true;
    other.skip_tests = true;
    let other = template(&helm, &other, 0).unwrap();
    assert!(other.contains("greeting: \"second\"") && other.contains("widgets: \"true\""), "{other}");
    assert!(other.contains("CustomResourceDefinition") && !other.contains("name: check"), "{other}");
}

#[test]
fn keeps_what_it_rendered_run_by_run() {
    let Some(helm) = helm() else { return };
    let mut random = request();
    random.values = vec!["random: true".into()];
    let first = template(&helm, &random, 0).unwrap();
    assert_eq!(first, template(&helm, &random, 0).unwrap());
    assert_ne!(first, template(&helm, &random, 1).unwrap());
}

#[test]
fn says_what_helm_says_without_the_places_of_this_run() {
    let Some(helm) = helm() else { return };
    let mut failing = request();
    failing.values = vec!["fail: set an image".into()];
    let error = template(&helm, &failing, 0).unwrap_err();
    assert_eq!((error.code, error.fault), ("helm-failed", Fault::Input));
    assert!(
        error.cause.contains("set an image") && !error.cause.contains("promoter-helm"),
        "{}",
        error.cause
    );
    let mut files = MemoryFiles::new();
    files.insert("chart/Chart.yaml", *b"apiVersion: v2\nname: a\nversion: 1.0.0\ndependencies: [{ name: b, version: 1.0.0, repository: \"https://charts.example.com\" }]\n").unwrap();
    let call = ChartCall { files: &files, chart: &request(), archive: None, run: 0 };
    let error = helm.template(&call).unwrap_err();
    assert!(error.hint.as_deref().unwrap_or_default().contains("helm dependency build"), "{error}");
}

/// A repository with the one chart of testdata, and its archive.
fn chart_repository(helm: &Path) -> (WebServer, Vec<u8>) {
    let (directory, server) = (tempfile::tempdir().unwrap(), WebServer::start());
    let run = |arguments: &[&str]| {
        let status =
            Command::new(helm).args(arguments).current_dir(directory.path()).stdout(Stdio::null()).status();
        assert!(status.unwrap().success(), "helm {arguments:?}");
    };
    run(&["package", testdata().join("chart").to_str().unwrap()]);
    run(&["repo", "index", "."]);
    let read = |name: &str| std::fs::read(directory.path().join(name)).unwrap();
    server.put("/index.yaml", read("index.yaml"));
    server.put("/shown-0.1.0.tgz", read("shown-0.1.0.tgz"));
    (server, read("shown-0.1.0.tgz"))
}

/// What is asked of a repository: the chart in this version.
fn of_repository(url: &str, version: &str) -> ChartRequest {
    let mut request = request();
    request.directory = None;
    request.repo = Some(url.to_owned());
    request.version = Some(version.into());
    request
}

fn closed() -> String {
    format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
}

#[test]
fn a_pinned_chart_is_the_archive_with_its_digest() {
    let Some(helm) = helm() else { return };
    let (server, archive) = chart_repository(&helm.binary);
    let files = MemoryFiles::new();
    let call = |url: &str, version: &str, digest: Digest, values: &str| {
        let mut chart = of_repository(url, version);
        chart.values = vec![values.to_owned()];
        let url = format!("{url}/shown").parse().unwrap();
        let pin = ChartPin { url, version: version.parse().unwrap(), digest };
        helm.template(&ChartCall { files: &files, chart: &chart, archive: Some(&pin), run: 0 })
    };
    let code = |rendered: Result<String, Diagnosis>| rendered.map_err(|it| (it.code, it.fault)).unwrap_err();
    let other = Digest::of(b"another archive");
    assert_eq!(code(call(&server.url(), "0.1.0", other, "")), ("chart-digest-wrong", Fault::Input));
    server.take_log();
    let digest = Digest::of(&archive);
    assert!(call(&server.url(), "0.1.0", digest.clone(), "").unwrap().contains("greeting: \"hello\""));
    assert_eq!(server.take_log(), ["GET /index.yaml 304", "GET /shown-0.1.0.tgz 200"]);
    let other_values = call(&server.url(), "0.1.0", digest, "greeting: other").unwrap();
    assert!(other_values.contains("greeting: \"other\""), "{other_values}");
    assert_eq!(server.take_log(), [""; 0], "the archive is kept");
    // The repository answered: asking again gives the same.
    let unseen = || Digest::of(b"not in the cache");
    assert_eq!(code(call(&server.url(), "9.9.9", unseen(), "")), ("chart-gone", Fault::Input));
    let error = call(&closed(), "0.1.0", unseen(), "").unwrap_err();
    assert_eq!((error.code, error.fault), ("registry-unreachable", Fault::Upstream));
    assert!(error.cause.contains("version `0.1.0` of `http://"), "{error}");
}

#[test]
fn a_chart_that_nothing_pins_is_pulled_by_helm() {
    let Some(helm) = helm() else { return };
    let (server, _) = chart_repository(&helm.binary);
    let files = MemoryFiles::new();
    let build = |url: &str, version: &str| Externals::template(&helm, &files, &of_repository(url, version));
    for _ in 0..2 {
        assert!(build(&server.url(), "0.1.0").unwrap().contains("greeting: \"hello\""));
        assert!(server.take_log().contains(&"GET /shown-0.1.0.tgz 200".to_owned()), "it may change");
    }
    let said = build(&server.url(), "9.9.9").unwrap_err().to_string();
    assert!(said.contains("helm cannot get chart `shown`"), "{said}");
    let mut request = of_repository(&server.url(), "9.9.9");
    let home = tempfile::tempdir().unwrap();
    assert_eq!(helm.pull(&request, home.path()).unwrap_err().diagnosis().fault, Fault::Input);
    request.repo = Some(closed());
    let error = helm.pull(&request, home.path()).unwrap_err().diagnosis();
    assert_eq!((error.code, error.fault), ("chart-unreachable", Fault::Upstream));
}

#[test]
fn names_cannot_become_options() {
    let Some(helm) = helm() else { return };
    let mut sly = request();
    sly.release_name = "--post-renderer=/bin/true".into();
    let error = template(&helm, &sly, 0).unwrap_err();
    assert_eq!(error.code, "helm-failed");
    assert!(error.cause.contains("invalid release name") || error.cause.contains("regex"), "{}", error.cause);
}

#[test]
fn a_missing_helm_is_named() {
    let helm = Helm::new("/nowhere/helm", HelmLimits::default(), RegistryAccess::default());
    let error = template(&helm, &request(), 0).unwrap_err();
    assert_eq!(error.code, "helm-not-installed");
    assert!(error.cause.contains("chart `shown`"), "{error}");
    assert!(error.hint.unwrap_or_default().contains("PROMOTER_HELM"));
}

#[test]
fn a_helm_that_hangs_is_killed_with_its_children() {
    let limits = HelmLimits { timeout: Duration::from_secs(1), ..HelmLimits::default() };
    let helm = Helm::new(testdata().join("slow"), limits, RegistryAccess::default());
    let start = Instant::now();
    let error = template(&helm, &request(), 0).unwrap_err();
    assert_eq!((error.code, error.fault), ("helm-timeout", Fault::Upstream));
    assert!(start.elapsed() < Duration::from_secs(20));
    let pid_file = std::env::temp_dir().join(format!("promoter-slow-{}.pid", std::process::id()));
    // On a machine so busy that the program had not begun, there is no child to look for.
    let Ok(child) = std::fs::read_to_string(&pid_file) else { return };
    std::fs::remove_file(pid_file).unwrap();
    let child: i32 = child.trim().parse().unwrap();
    // It was told to end, and does so when it has its turn: then it is gone, or a zombie that its new parent has not yet
    // buried. It would sleep for ten minutes.
    let state = || std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
    let ended = |state: &str| state.is_empty() || state.contains(") Z ");
    while !ended(&state()) {
        assert!(start.elapsed() < Duration::from_secs(60), "{}", state());
        std::thread::yield_now();
    }
}

#[test]
fn a_helm_that_floods_is_stopped() {
    let limits = HelmLimits { output_bytes_max: 1_000, ..HelmLimits::default() };
    let helm = Helm::new(testdata().join("chatty"), limits, RegistryAccess::default());
    assert_eq!(template(&helm, &request(), 0).unwrap_err().code, "chart-too-large");
}

#[test]
fn a_chart_that_goes_round_or_is_large_is_refused() {
    let mut files = MemoryFiles::new();
    files.insert("chart/Chart.yaml", *b"name: a").unwrap();
    files.insert_link("chart/templates", ".").unwrap();
    let helm = Helm::new("/nowhere/helm", HelmLimits::default(), RegistryAccess::default());
    let call = |request: &ChartRequest| {
        helm.template(&ChartCall { files: &files, chart: request, archive: None, run: 0 })
    };
    assert_eq!(call(&request()).unwrap_err().code, "chart-too-large");
    let mut missing = request();
    missing.directory = Some("nothing".into());
    assert_eq!(call(&missing).unwrap_err().code, "file-not-found");
}
