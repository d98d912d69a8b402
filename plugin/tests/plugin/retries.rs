//! What fails for a passing reason is tried again while there is time, and nothing else is.

use std::time::Duration;

use promoter_kustomize::MemoryFiles;
use promoter_plugin::cmp::client::{Archive, ClientError, Request};
use promoter_testkit::git::{Fault, GitHttp, TestRepo};
use tonic::Code;

use crate::common::{OBJECTS, PATIENCE, Served, hydrated_request, lock, request};

const OBJECT: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n";
const ANSWER: &str = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}"#;

/// A server with one commit, a plugin with an empty cache, and a request whose lock pins the commit without history.
struct Scene {
    /// What the server serves.
    _repository: TestRepo,
    server: GitHttp,
    served: Served,
    request: Request,
}

impl Scene {
    fn new(options: &[&str]) -> Self {
        let repository = TestRepo::new();
        let commit = repository.commit("main", &[("envs/prod/a.yaml", OBJECT)]);
        let server = GitHttp::start(&repository);
        let mut files = MemoryFiles::new();
        let text = lock(&server.url(), &commit, None);
        files.insert("guestbook/promotion.lock.yaml", text.into_bytes()).unwrap();
        let request = request(Archive::of_files(&files).unwrap());
        let directory = tempfile::tempdir().unwrap();
        let cache = directory.path().join("cache").to_str().unwrap().to_owned();
        let served = Served::start_in(directory, &[&["--cache-dir", &cache], options].concat());
        Self { _repository: repository, server, served, request }
    }

    async fn ask(&self) -> Result<Vec<String>, ClientError> {
        self.served.client().await.generate(&self.request).await
    }

    /// Asks, and heals the server once the plugin has said that it tries again.
    async fn ask_and_heal(&self) -> Vec<String> {
        let client = self.served.client().await;
        let asked = tokio::spawn({
            let request = self.request.clone();
            async move { client.generate(&request).await }
        });
        let line = tokio::task::block_in_place(|| self.served.logged("trying again"));
        assert_eq!(
            (&line["level"], &line["app"], &line["tries"]),
            (&"WARN".into(), &"guestbook-prod".into(), &1.into())
        );
        self.server.heal();
        asked.await.unwrap().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_back_in_time_leaves_no_error() {
    for fault in [Fault::Status(503), Fault::NoAnswer, Fault::Cut(10)] {
        let scene = Scene::new(&[]);
        scene.server.break_at("", fault.clone());
        assert_eq!(scene.ask_and_heal().await, [ANSWER], "{fault:?}");
        let line = scene.served.logged("answered");
        assert!(line["tries"].as_u64().unwrap() >= 2, "{line}");
        assert!(line["fetch_ms"].as_f64().unwrap() >= 250.0, "the pause counts: {line}");
    }
}

/// `Retry-After` binds longer than our own pauses.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_when_is_asked_then() {
    let scene = Scene::new(&[]);
    scene.server.break_at("", Fault::Says(503, ("retry-after", "1".into()), "busy".into()));
    assert_eq!(scene.ask_and_heal().await, [ANSWER]);

    let scene = Scene::new(&[]);
    scene.server.break_at("", Fault::Says(429, ("retry-after", "3600".into()), "busy".into()));
    let error = scene.ask().await.unwrap_err();
    let (code, message) = error.status().unwrap();
    assert!(code == Code::Unavailable && message.ends_with("[git-later]"), "{message}");
    assert_eq!(scene.server.take_log().len(), 1);
}

#[tokio::test]
async fn what_stays_broken_is_told_before_the_deadline() {
    let mut scene = Scene::new(&[]);
    scene.request.timeout = Duration::from_secs(5);
    scene.server.break_at("", Fault::Status(503));
    let error = scene.ask().await.unwrap_err();
    let (code, message) = error.status().unwrap();
    assert_eq!(code, Code::Unavailable, "{message}");
    assert!(message.contains(" tries in ") && message.ends_with("[git-unreachable]"), "{message}");
    assert!(scene.server.take_log().len() >= 2);
}

#[tokio::test]
async fn nothing_definite_is_asked_twice() {
    for (status, code) in [(401, "[git-denied]"), (404, "[git-no-repository]")] {
        let scene = Scene::new(&[]);
        scene.server.break_at("", Fault::Status(status));
        let error = scene.ask().await.unwrap_err();
        assert!(error.status().unwrap().1.ends_with(code), "{error}");
        assert_eq!(scene.server.take_log().len(), 1, "{code}");
    }
}

/// The plugin has one place for renders. Whoever waits for a server does not keep it from those who need none.
#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_server_keeps_no_place() {
    let scene = Scene::new(&["--renders", "1"]);
    scene.server.break_at("", Fault::Says(503, ("retry-after", "20".into()), "busy".into()));
    let client = scene.served.client().await;
    let waiting = tokio::spawn({
        let request = scene.request.clone();
        async move { client.generate(&request).await }
    });
    tokio::task::block_in_place(|| scene.served.logged("trying again"));
    let other = Request { timeout: PATIENCE, ..hydrated_request() };
    assert_eq!(scene.served.client().await.generate(&other).await.unwrap(), OBJECTS);
    assert!(!waiting.is_finished());
    waiting.abort();
}

/// The same while the server says nothing at all.
#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_server_that_hangs_keeps_no_place() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/acme/deploy.git", silent.local_addr().unwrap());
    let mut files = MemoryFiles::new();
    files.insert("guestbook/promotion.lock.yaml", lock(&url, &"ab".repeat(20), None).into_bytes()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let cache = directory.path().join("cache").to_str().unwrap().to_owned();
    let served = Served::start_in(directory, &["--cache-dir", &cache, "--renders", "1"]);
    let (client, hanging) = (served.client().await, request(Archive::of_files(&files).unwrap()));
    let waiting = tokio::spawn(async move { client.generate(&hanging).await });
    let _asked = tokio::task::block_in_place(|| silent.accept().unwrap());
    let other = Request { timeout: PATIENCE, ..hydrated_request() };
    assert_eq!(served.client().await.generate(&other).await.unwrap(), OBJECTS);
    assert!(!waiting.is_finished());
    waiting.abort();
}
