//! Bases in repositories of real git servers.

use crate::{Said, kustomize, promoter, same, write};
use promoter_testkit::git::{GitHttp, TestRepo};
use std::path::Path;
use tempfile::TempDir;

const BASE: [(&str, &str); 3] = [
    ("eu/kustomization.yaml", "resources: [../app]\nnamespace: eu\n"),
    ("app/kustomization.yaml", "resources: [web.yaml]\n"),
    ("app/web.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n"),
];

fn build(directory: &Path, arguments: &[&str]) -> Said {
    let whole: Vec<&str> = ["kustomize", "build"].iter().chain(arguments).copied().collect();
    promoter(directory, &whole)
}

/// A directory with an overlay over one base.
fn overlay(base: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let text = format!("buildMetadata: [originAnnotations]\nnamePrefix: my-\nresources:\n- {base}\n");
    write(directory.path(), &[("kustomization.yaml", &text)]);
    directory
}

#[test]
fn a_base_of_a_server_is_fetched_once_and_kept() {
    let repo = TestRepo::new();
    let commit = repo.commit("main", &BASE);
    // Not the head any more: what is pinned is asked for by its id.
    repo.commit("main", &[("app/web.yaml", "kind: Other\n")]);
    let server = GitHttp::start(&repo);
    let directory = overlay(&format!("{}//eu?ref={commit}", server.url()));
    let printed = same(directory.path(), &[]);
    assert!(printed.contains(&format!("ref: {commit}")), "{printed}");
    drop(server);
    let kept = build(directory.path(), &["."]);
    assert_eq!((kept.code, kept.stdout), (0, printed));
}

#[test]
fn the_directory_to_build_may_be_in_a_repository() {
    let repo = TestRepo::new();
    let commit = repo.commit("main", &BASE);
    let here = tempfile::tempdir().unwrap();
    same(here.path(), &[&format!("{}//eu?ref={commit}", repo.url())]);
    same(here.path(), &[&format!("git::{}/eu?version={commit}&timeout=30", repo.url())]);
    let moving = build(here.path(), &[&format!("{}//eu?ref=main", repo.url())]);
    assert_eq!((moving.code, moving.stdout.as_str()), (2, ""));
    assert!(moving.stderr.contains("names a branch or tag, which can move"), "{moving:?}");
}

#[test]
fn who_can_mend_it_shows_in_the_exit_code() {
    let repo = TestRepo::new();
    let commit = repo.commit("main", &BASE);
    let server = GitHttp::start(&repo);
    let unknown = overlay(&format!("{}//eu?ref={}", server.url(), "1".repeat(40)));
    let unreachable = overlay(&format!("{}//eu?ref={commit}", server.url()));
    let sha256 = overlay(&format!("{}//eu?ref={}", server.url(), "1".repeat(64)));
    let check = |directory: &TempDir, code, words: &str| {
        let said = build(directory.path(), &[]);
        assert_eq!((said.code, said.stdout.as_str()), (code, ""), "{said:?}");
        assert!(said.stderr.contains("(kustomization.yaml:4)") && said.stderr.contains(words), "{said:?}");
    };
    check(&unknown, 2, "[git-no-commit]");
    check(&sha256, 2, "[git-wrong-object]");
    drop(server);
    check(&unreachable, 3, "[git-unreachable]");
}

#[test]
fn what_is_wrong_in_a_base_is_shown_with_its_repository() {
    let repo = TestRepo::new();
    let commit = repo.commit("main", &[("eu/kustomization.yaml", "resource: [x.yaml]\n")]);
    let said = build(overlay(&format!("{}//eu?ref={commit}", repo.url())).path(), &[]);
    let place = format!("({}@{}//eu/kustomization.yaml:1)", repo.url(), &commit[..12]);
    assert!(said.stderr.contains(&place), "{said:?}");
}

#[test]
fn files_of_submodules_are_elsewhere() {
    let repo = TestRepo::new();
    for (entry, words) in
        [("vendor", "`vendor` is a submodule"), ("vendor/a.yaml", "`vendor/a.yaml` is in a submodule")]
    {
        let kustomization = format!("resources: [{entry}]\n");
        let with = repo.on("main").file("kustomization.yaml", kustomization.as_bytes());
        let commit = with.submodule("vendor", &"1".repeat(40)).commit();
        let said = build(overlay(&format!("{}?ref={commit}", repo.url())).path(), &[]);
        assert!(said.code == 2 && said.stderr.contains(words), "{said:?}");
    }
}

#[test]
fn credentials_come_from_a_file_that_says_for_whom() {
    let repo = TestRepo::new();
    let commit = repo.commit("main", &BASE);
    let server = GitHttp::start_with_login(&repo, "ada", "s3cret");
    let directory = overlay(&format!("{}//eu?ref={commit}", server.url()));
    let denied = build(directory.path(), &[]);
    assert!(denied.code == 2 && denied.stderr.contains("[git-denied]"), "{denied:?}");
    let line = server.url().replace("http://", "http://ada:s3cret@");
    write(directory.path(), &[("store", &line), ("other", "http://ada:s3cret@git.example.com\n")]);
    let elsewhere = build(directory.path(), &["--git-credentials-file", "other"]);
    assert!(elsewhere.code == 2 && !elsewhere.stderr.contains("s3cret"), "{elsewhere:?}");
    assert_eq!(build(directory.path(), &["--git-credentials-file", "store"]).code, 0);
}

#[test]
fn a_render_of_a_directory_takes_pinned_bases_too() {
    let repo = TestRepo::new();
    let commit = repo.commit("main", &BASE);
    let directory = overlay(&format!("{}//eu?ref={commit}", repo.url()));
    let rendered = promoter(directory.path(), &["render"]);
    assert_eq!(rendered.code, 0, "{rendered:?}");
    if let Some(theirs) = kustomize(directory.path(), &["build"]) {
        assert_eq!(rendered.stdout, theirs);
    }
}
