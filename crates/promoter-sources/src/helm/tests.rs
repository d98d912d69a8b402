//! Against the real helm where it is installed; hanging and flooding programs stand in for a helm that does so.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use promoter_core::Fault;
use promoter_kustomize::MemoryFiles;
use promoter_testkit::tool;

use super::*;
use crate::disk::{DiskFiles, DiskLimits};

fn testdata() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/helm")
}

/// The real helm of the tools directory, if it is there.
fn helm() -> Option<Helm> {
    tool("helm-v4.2.4", "helm").map(|it| Helm::new(it, HelmLimits::default()))
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

#[test]
fn a_chart_of_a_repository_is_the_one_that_is_pinned() {
    let Some(helm) = helm() else { return };
    let (url, archive) = chart_repository(&helm.binary);
    let mut pulled = request();
    pulled.directory = None;
    pulled.repo = Some(url.clone());
    pulled.version = Some("0.1.0".into());
    let mut pin = ChartPin {
        url: format!("{url}/shown").parse().unwrap(),
        version: "0.1.0".parse().unwrap(),
        digest: Digest::of(b"another archive"),
    };
    let files = MemoryFiles::new();
    let call = |pin: &ChartPin| {
        helm.template(&ChartCall { files: &files, chart: &pulled, archive: Some(pin), run: 0 })
    };
    assert_eq!(call(&pin).unwrap_err().code, "chart-digest-wrong");
    pin.digest = Digest::of(&archive);
    assert!(call(&pin).unwrap().contains("greeting: \"hello\""));
    let mut gone = pulled.clone();
    gone.version = Some("9.9.9".into());
    pin.digest = Digest::of(b"not in the cache");
    let error =
        helm.template(&ChartCall { files: &files, chart: &gone, archive: Some(&pin), run: 0 }).unwrap_err();
    // The repository answered: asking again gives the same.
    assert_eq!((error.code, error.fault), ("chart-unreachable", Fault::Input));
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let away = format!("http://{closed}");
    gone.repo = Some(away.clone());
    pin.url = format!("{away}/shown").parse().unwrap();
    let error =
        helm.template(&ChartCall { files: &files, chart: &gone, archive: Some(&pin), run: 0 }).unwrap_err();
    assert_eq!((error.code, error.fault), ("chart-unreachable", Fault::Upstream));
}

/// A chart repository on the loopback with the one chart of testdata; gives its address and the archive.
fn chart_repository(helm: &Path) -> (String, Vec<u8>) {
    let directory = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let run = |arguments: &[&str]| {
        let status =
            Command::new(helm).args(arguments).current_dir(directory.path()).stdout(Stdio::null()).status();
        assert!(status.unwrap().success(), "helm {arguments:?}");
    };
    run(&["package", testdata().join("chart").to_str().unwrap()]);
    run(&["repo", "index", ".", "--url", &url]);
    let archive = std::fs::read(directory.path().join("shown-0.1.0.tgz")).unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut head = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            while reader.read_line(&mut head).unwrap() > 2 {}
            let path = head.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
            let body = std::fs::read(directory.path().join(path)).unwrap_or_default();
            let status = if body.is_empty() { "404 Not Found" } else { "200 OK" };
            let length = body.len();
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            // A client that went away ends only this exchange.
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    (url, archive)
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
    let helm = Helm::new("/nowhere/helm", HelmLimits::default());
    let error = template(&helm, &request(), 0).unwrap_err();
    assert_eq!(error.code, "helm-not-installed");
}

#[test]
fn a_helm_that_hangs_is_killed_with_its_children() {
    let limits = HelmLimits { timeout: Duration::from_secs(1), ..HelmLimits::default() };
    let helm = Helm::new(testdata().join("slow"), limits);
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
    let helm = Helm::new(testdata().join("chatty"), limits);
    assert_eq!(template(&helm, &request(), 0).unwrap_err().code, "chart-too-large");
}

#[test]
fn a_chart_that_goes_round_or_is_large_is_refused() {
    let mut files = MemoryFiles::new();
    files.insert("chart/Chart.yaml", *b"name: a").unwrap();
    files.insert_link("chart/templates", ".").unwrap();
    let helm = Helm::new("/nowhere/helm", HelmLimits::default());
    let call = |request: &ChartRequest| {
        helm.template(&ChartCall { files: &files, chart: request, archive: None, run: 0 })
    };
    assert_eq!(call(&request()).unwrap_err().code, "chart-too-large");
    let mut missing = request();
    missing.directory = Some("nothing".into());
    assert_eq!(call(&missing).unwrap_err().code, "file-not-found");
}
