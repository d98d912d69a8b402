//! Errors say who can mend them, and come in time.

use std::time::{Duration, Instant};

use promoter_core::Fault as Mends;
use promoter_sources::git::{Credentials, GitCache, GitError, Limits, RepoUrl};
use promoter_testkit::git::{Fault, GitDaemon, GitHttp};
use tempfile::TempDir;

use super::{everything, expected, head_of, id, open, sample};

/// Lists and fetches within half a second; gives the code and who mends it.
fn ask(url: &str, credentials: Credentials, commit: &str) -> Result<(), (&'static str, Mends)> {
    let root = TempDir::new().unwrap();
    let limits = Limits { deadline: Duration::from_millis(500), ..Limits::default() };
    let cache = GitCache::open(root.path(), &url.parse().unwrap(), credentials, limits).unwrap();
    let asked = cache.ls_refs(&["refs/"]).and_then(|_| cache.ensure(&[id(commit)]));
    asked.map_err(|it| {
        let diagnosis = it.diagnosis();
        (diagnosis.code, diagnosis.fault)
    })
}

#[test]
fn what_time_mends_is_upstream() {
    let repo = sample();
    let head = repo.id("main").unwrap();
    let http = GitHttp::start(&repo);
    assert_eq!(ask(&http.url(), Credentials::None, &head), Ok(()));
    for (part, fault) in [
        ("", Fault::Status(500)),
        ("", Fault::Status(429)),
        ("", Fault::Hang),
        ("", Fault::NoAnswer),
        ("", Fault::Cut(70)),
        ("POST", Fault::Hang),
        ("POST", Fault::Cut(60)),
        ("POST", Fault::Cut(300)),
        ("POST", Fault::NoAnswer),
    ] {
        http.break_at(part, fault.clone());
        let started = Instant::now();
        let found = ask(&http.url(), Credentials::None, &head);
        assert_eq!(found, Err(("git-unreachable", Mends::Upstream)), "{part} {fault:?}");
        assert!(started.elapsed() < Duration::from_secs(5), "{part} {fault:?}");
    }
    let nobody = ask("git://127.0.0.1:1/repo.git", Credentials::None, &head);
    assert_eq!(nobody, Err(("git-unreachable", Mends::Upstream)));
}

#[test]
fn what_a_person_mends_is_input() {
    let repo = sample();
    let head = repo.id("main").unwrap();
    let http = GitHttp::start(&repo);
    for (fault, expected) in [
        (Fault::Status(401), "git-denied"),
        (Fault::Status(403), "git-denied"),
        (Fault::Status(404), "git-no-repository"),
        (Fault::Status(204), "git-protocol"),
        (Fault::Status(418), "git-protocol"),
        (Fault::Redirect("http://localhost:1/repo.git".into()), "git-no-repository"),
    ] {
        http.break_at("", fault.clone());
        let found = ask(&http.url(), Credentials::None, &head);
        assert_eq!(found, Err((expected, Mends::Input)), "{fault:?}");
    }
    http.heal();
    let daemon = GitDaemon::start(&repo);
    for url in [http.url(), daemon.url()] {
        let missing = url.replace("repo.git", "other.git");
        assert_eq!(
            ask(&missing, Credentials::None, &head),
            Err(("git-no-repository", Mends::Input)),
            "{url}"
        );
    }
    let clear = ask("http://example.com/a.git", Credentials::token("t"), &head);
    assert_eq!(clear, Err(("git-clear-text", Mends::Input)), "nothing was sent");
}

#[test]
fn a_repository_that_moved_on_its_server_is_followed() {
    let (repo, root) = (sample(), TempDir::new().unwrap());
    let http = GitHttp::start_with_login(&repo, "ada", "s3cret");
    http.break_at("GET /old.git", Fault::Redirect(http.url()));
    let old: RepoUrl = http.url().replace("repo.git", "old.git").parse().unwrap();
    let credentials = Credentials::basic("ada", "s3cret");
    let cache = GitCache::open(root.path(), &old, credentials, Limits::default()).unwrap();
    cache.ensure(&[head_of(&repo, "main")]).unwrap();
    let log = http.take_log();
    assert_eq!(log.last().map(String::as_str), Some("POST /repo.git/git-upload-pack"), "{log:?}");
}

#[test]
fn a_local_path_without_repository_is_named() {
    let root = TempDir::new().unwrap();
    let url: RepoUrl = root.path().display().to_string().parse().unwrap();
    let error = GitCache::open(root.path(), &url, Credentials::None, Limits::default()).unwrap_err();
    assert_eq!(error.diagnosis().code, "git-no-repository", "{error}");
}

#[test]
fn a_commit_that_nobody_has_is_named() {
    let (repo, root) = (sample(), TempDir::new().unwrap());
    let (http, old, daemon) = (GitHttp::start(&repo), GitHttp::start(&repo), GitDaemon::start(&repo));
    old.break_at("", Fault::OldProtocol);
    let gone = id("00000000000000000000000000000000000000ab");
    for url in [http.url(), old.url(), daemon.url(), repo.url()] {
        let error = open(root.path(), &url).commit(&gone).unwrap_err();
        assert_eq!(error.diagnosis().code, "git-no-commit", "{url}: {error}");
        assert!(error.to_string().contains(gone.as_str()));
    }
    let tree = head_of(&repo, "main^{tree}");
    for url in [http.url(), repo.url()] {
        let error = open(root.path(), &url).commit(&tree).unwrap_err();
        assert_eq!(error.diagnosis().code, "git-wrong-object", "{url}: {error}");
    }
}

#[test]
fn credentials_open_the_door_and_stay_at_it() {
    let (repo, root) = (sample(), TempDir::new().unwrap());
    let http = GitHttp::start_with_login(&repo, "ada", "s3cret");
    let url: RepoUrl = http.url().parse().unwrap();
    let ask = |credentials| {
        let cache = GitCache::open(root.path(), &url, credentials, Limits::default()).unwrap();
        cache.ls_refs(&["refs/heads/"]).map(|it| it.tips.len())
    };
    assert_eq!(ask(Credentials::basic("ada", "s3cret")), Ok(3));
    let error = ask(Credentials::basic("ada", "wr0ng")).unwrap_err();
    assert_eq!(error.diagnosis().code, "git-denied");
    assert!(!format!("{error} {error:?}").contains("wr0ng"));
    assert!(matches!(ask(Credentials::None), Err(GitError::Denied { .. })));
}

#[test]
fn an_answer_beyond_the_limit_is_refused() {
    let (repo, root) = (sample(), TempDir::new().unwrap());
    let http = GitHttp::start(&repo);
    let limits = Limits { answer_bytes_max: 400, ..Limits::default() };
    let cache = GitCache::open(root.path(), &http.url().parse().unwrap(), Credentials::None, limits).unwrap();
    cache.ls_refs(&[]).unwrap();
    let error = cache.ensure(&[head_of(&repo, "main")]).unwrap_err();
    assert_eq!(error.diagnosis().code, "git-too-large", "{error}");
    let limits = Limits { refs_max: 1, ..Limits::default() };
    for url in [http.url(), repo.url()] {
        let limits = limits.clone();
        let cache = GitCache::open(root.path(), &url.parse().unwrap(), Credentials::None, limits).unwrap();
        let error = cache.ls_refs(&["refs/heads/"]).unwrap_err();
        assert_eq!(error.diagnosis().code, "git-too-large", "{url}: {error}");
    }
}

#[test]
fn a_flipped_bit_on_the_way_is_never_believed() {
    let repo = sample();
    let head = head_of(&repo, "main");
    let http = GitHttp::start(&repo);
    let mut refused = 0;
    for place in (0..700).step_by(29) {
        let root = TempDir::new().unwrap();
        let cache = open(root.path(), &http.url());
        http.break_at("POST", Fault::Flip(place));
        // A bit in words that nobody reads, or behind the end, does no harm.
        refused += usize::from(cache.ensure(std::slice::from_ref(&head)).is_err());
        http.heal();
        assert_eq!(everything(&cache.tree(&head, "").unwrap()), expected(&repo, "main"), "byte {place}");
    }
    assert!(refused > 12, "{refused} were refused");
}
