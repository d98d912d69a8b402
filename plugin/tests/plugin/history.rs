//! Pinned commits from the history in the request and from the object cache.

use std::path::Path;
use std::time::Duration;

use promoter_kustomize::MemoryFiles;
use promoter_plugin::cmp::client::{Archive, Request};
use promoter_testkit::git::{Authority, Door, Fault, GitHttp, TestRepo};
use tonic::Code;

use crate::common::{Served, git, lock, request};

/// For servers that stay broken: long enough for an answer, too short for many tries.
const BRIEF: Duration = Duration::from_secs(5);

/// A repository with two commits that differ in `envs/prod`, and a lock in `guestbook` that pins the first.
struct Repository {
    directory: tempfile::TempDir,
    pinned: String,
}

impl Repository {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        git(path, &["init", "--quiet"]);
        write(path, "envs/prod/config.yaml", &object("first"));
        git(path, &["add", "."]);
        git(path, &["commit", "--quiet", "--message", "first"]);
        let pinned = git(path, &["rev-parse", "HEAD"]);
        write(path, "envs/prod/config.yaml", &object("second"));
        git(path, &["commit", "--quiet", "--all", "--message", "second"]);
        let repository = Self { pinned, directory };
        repository.lock(&format!("file://{}/.git", repository.path().display()), &repository.pinned);
        repository
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn lock(&self, url: &str, commit: &str) {
        write(self.path(), "guestbook/promotion.lock.yaml", &lock(url, commit, None));
    }

    fn request(&self, with_git: bool) -> Request {
        request(Archive::of_directory(self.path(), with_git).unwrap())
    }
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn object(value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  key: {value}\n")
}

const FIRST: &str =
    r#"{"apiVersion":"v1","data":{"key":"first"},"kind":"ConfigMap","metadata":{"name":"a"}}"#;

#[tokio::test]
async fn the_pinned_commit_is_read_from_the_request_loose_and_packed() {
    let (repository, served) = (Repository::new(), Served::start(&[]));
    let client = served.client().await;
    assert_eq!(client.generate(&repository.request(true)).await.unwrap(), [FIRST]);
    git(repository.path(), &["gc", "--quiet"]);
    assert_eq!(client.generate(&repository.request(true)).await.unwrap(), [FIRST]);
}

/// A lock that pins a commit of a repository on a server, without history beside it.
fn request_for(url: &str, commit: &str) -> Request {
    let mut files = MemoryFiles::new();
    files.insert("guestbook/promotion.lock.yaml", lock(url, commit, None).into_bytes()).unwrap();
    request(Archive::of_files(&files).unwrap())
}

#[tokio::test]
async fn without_history_in_the_request_the_commit_is_fetched_once() {
    let repository = TestRepo::new();
    let pinned = repository.commit("main", &[("envs/prod/config.yaml", &object("first"))]);
    repository.commit("main", &[("envs/prod/config.yaml", &object("second"))]);
    let server = GitHttp::start_with_login(&repository, "ada", "s3cret/");
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("store");
    std::fs::write(&store, server.url().replace("http://", "http://ada:s3cret%2F@")).unwrap();
    let cache = directory.path().join("cache");
    let (cache, store) = (cache.to_str().unwrap(), store.to_str().unwrap());
    let request = request_for(&server.url(), &pinned);

    let served = Served::start(&["--cache-dir", cache]);
    let error = served.client().await.generate(&request).await.unwrap_err();
    assert!(error.status().unwrap().1.ends_with("[git-denied]"), "{error}");

    let served = Served::start(&["--cache-dir", cache, "--git-credentials-file", store]);
    let client = served.client().await;
    assert_eq!(client.generate(&request).await.unwrap(), [FIRST]);
    server.take_log();
    assert_eq!(client.generate(&request).await.unwrap(), [FIRST]);
    assert!(server.take_log().is_empty());

    let mut other = request_for(&server.url(), &repository.commit("main", &[("envs/prod/config.yaml", "")]));
    other.timeout = BRIEF;
    server.break_at("", Fault::Status(503));
    let error = client.generate(&other).await.unwrap_err();
    let (code, message) = error.status().unwrap();
    assert_eq!(code, Code::Unavailable);
    assert!(
        message.contains("the request holds no `.git`") && message.ends_with("[git-unreachable]"),
        "{message}"
    );
}

#[tokio::test]
async fn a_server_of_our_own_authority_is_trusted_by_option() {
    let repository = TestRepo::new();
    let pinned = repository.commit("main", &[("envs/prod/config.yaml", &object("first"))]);
    let (authority, directory) = (Authority::new(), tempfile::tempdir().unwrap());
    let certificate = authority.certify(&["127.0.0.1"]);
    let door = Door { certificate: Some(&certificate), ..Door::default() };
    let server = GitHttp::start_behind(&repository, door);
    let request = request_for(&server.url(), &pinned);
    let cache = directory.path().join("cache");
    let authority = authority.write(directory.path());
    let options = ["--cache-dir", cache.to_str().unwrap(), "--ca-file", authority.to_str().unwrap()];
    let error = Served::start(&options[..2]).client().await.generate(&request).await.unwrap_err();
    let (code, message) = error.status().unwrap();
    assert!(code == Code::InvalidArgument && message.ends_with("[git-certificate]"), "{message}");
    assert_eq!(Served::start(&options).client().await.generate(&request).await.unwrap(), [FIRST]);
}

#[tokio::test]
async fn bases_that_kustomizations_pin_come_from_the_object_cache() {
    let base = TestRepo::new();
    let files = [("app/kustomization.yaml", "resources: [a.yaml]\n"), ("app/a.yaml", &object("first"))];
    let base_commit = base.commit("main", &files);
    let elsewhere = GitHttp::start(&base);
    let overlay = |reference: &str| format!("resources: ['{}//app?ref={reference}']\n", elsewhere.url());
    let repository = TestRepo::new();
    let [pinned, moving, unknown] = [base_commit.as_str(), "main", &"1".repeat(40)]
        .map(|it| repository.commit("main", &[("envs/prod/kustomization.yaml", &overlay(it))]));
    let own = GitHttp::start(&repository);
    let mut request = request_for(&own.url(), &pinned);
    request.env.push(("ARGOCD_APP_SOURCE_REPO_URL".into(), own.url()));
    let directory = tempfile::tempdir().unwrap();
    let served = Served::start(&["--cache-dir", directory.path().to_str().unwrap()]);
    let client = served.client().await;

    elsewhere.break_at("", Fault::Status(503));
    let brief = Request { timeout: BRIEF, ..request.clone() };
    let error = client.generate(&brief).await.unwrap_err();
    let (code, message) = error.status().unwrap();
    assert_eq!(code, Code::Unavailable);
    assert!(message.contains("(envs/prod/kustomization.yaml:1)"), "{message}");
    assert!(message.ends_with("[git-unreachable]"), "{message}");

    elsewhere.heal();
    assert_eq!(client.generate(&request).await.unwrap(), [FIRST]);
    elsewhere.take_log();
    assert_eq!(client.generate(&request).await.unwrap(), [FIRST]);
    assert!(elsewhere.take_log().is_empty());

    for (commit, ending) in [(moving, "[kustomize-remote]"), (unknown, "[git-no-commit]")] {
        let error = client.generate(&request_for(&own.url(), &commit)).await.unwrap_err();
        let (code, message) = error.status().unwrap();
        assert_eq!(code, Code::InvalidArgument);
        assert!(message.ends_with(ending), "{message}");
    }
}

#[tokio::test]
async fn an_error_names_both_places_that_were_tried() {
    let repository = Repository::new();
    repository.lock("https://git.example.com/acme/deploy.git", &"ab".repeat(20));
    let served = Served::start(&[]);
    let client = served.client().await;
    for (with_git, tried) in [(true, "in the request"), (false, "the request holds no `.git`")] {
        let error = client.generate(&repository.request(with_git)).await.unwrap_err();
        let (code, message) = error.status().unwrap();
        assert_eq!(code, Code::InvalidArgument);
        assert!(message.contains(tried) && message.contains("the object cache is off"), "{message}");
        assert!(message.ends_with("[git-access-off]"), "{message}");
    }
}

#[tokio::test]
async fn lockfiles_reach_the_disk_of_the_plugin_only_where_it_is_asked_for() {
    let repository = Repository::new();
    let cache = tempfile::tempdir().unwrap();
    let cache = ["--cache-dir", cache.path().to_str().unwrap()];
    let served = Served::start(&cache);
    let error = served.client().await.generate(&repository.request(false)).await.unwrap_err();
    assert!(error.status().unwrap().1.ends_with("[git-access-local]"), "{error}");
    let served = Served::start(&[cache[0], cache[1], "--local-repositories"]);
    assert_eq!(served.client().await.generate(&repository.request(false)).await.unwrap(), [FIRST]);
}
