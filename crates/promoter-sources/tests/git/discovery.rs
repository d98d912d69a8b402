//! What discovery asks: tags with what they say, history, and whether paths differ, of repositories from which hardly any
//! file is wanted.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use promoter_core::UnixSeconds;
use promoter_sources::git::wire::Remote;
use promoter_sources::git::{Counts, Credentials, GitCache, Limits, Paths, TagInfo, TagRef};
use promoter_testkit::git::{Fault, GitDaemon, GitHttp, TestRepo};
use tempfile::TempDir;

use super::{id, noise, open};

fn bare(root: &Path, url: &str) -> GitCache {
    let limits = Limits { deadline: Duration::from_secs(30), ..Limits::default() };
    GitCache::bare(root, "discovery", Remote::new(&url.parse().unwrap(), Credentials::None, limits)).unwrap()
}

/// Objects in the cache by kind, as git sees them.
fn kinds_here(root: &Path) -> BTreeSet<(String, usize)> {
    let cache = std::fs::read_dir(root.join("discovery")).unwrap().next().unwrap().unwrap().path();
    let name = std::fs::read_to_string(cache.join("current")).unwrap();
    let mut command = Command::new("git");
    command.arg("--git-dir").arg(cache.join(name.trim()));
    command.args(["cat-file", "--batch-all-objects", "--batch-check=%(objecttype)"]);
    let output = command.output().unwrap();
    let kinds: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(Into::into).collect();
    kinds.iter().map(|it| (it.clone(), kinds.iter().filter(|other| *other == it).count())).collect()
}

fn kinds(expected: &[(&str, usize)]) -> BTreeSet<(String, usize)> {
    expected.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect()
}

fn posts(http: &GitHttp) -> usize {
    http.take_log().iter().filter(|it| it.starts_with("POST")).count()
}

fn tag(repo: &TestRepo, name: &str, target: &str, seconds: i64) {
    let target = repo.git(&["rev-parse", target]);
    let kind = repo.git(&["cat-file", "-t", &target]);
    let text = format!(
        "object {target}\ntype {kind}\ntag {name}\ntagger Ada <ada@example.com> {seconds} +0200\n\nRelease {name}\n\nBody\n"
    );
    let object = repo.git_with_input(&["mktag"], text.as_bytes());
    repo.git(&["update-ref", &format!("refs/tags/{name}"), &object]);
}

/// Three commits; annotated, light and nested tags, and two that lead to no commit.
fn tagged() -> TestRepo {
    let repo = TestRepo::new();
    repo.commits("main", 3);
    tag(&repo, "v1.0.0", "main~2", 1_800_000_000);
    repo.git(&["tag", "v1.1.0", "main~1"]);
    tag(&repo, "nested", "refs/tags/v1.0.0", 1_800_000_500);
    let blob = repo.git(&["rev-parse", "main:step"]);
    repo.git(&["tag", "file", &blob]);
    tag(&repo, "note", &blob, 1_800_000_900);
    repo
}

#[test]
fn tags_say_what_git_says_over_every_transport() {
    let repo = tagged();
    let (http, old, daemon) = (GitHttp::start(&repo), GitHttp::start(&repo), GitDaemon::start(&repo));
    old.break_at("", Fault::OldProtocol);
    for url in [http.url(), old.url(), daemon.url(), repo.url()] {
        let root = TempDir::new().unwrap();
        for cache in [bare(root.path(), &url), open(root.path(), &url)] {
            let refs = cache.ls_refs(&["refs/tags/"]).unwrap();
            let tags: Vec<TagRef> = refs.tags().collect();
            let names: Vec<&str> = tags.iter().map(|it| it.name.as_str()).collect();
            assert_eq!(names, ["file", "nested", "note", "v1.0.0", "v1.1.0"], "{url}");
            let object = |name: &str| repo.id(&format!("refs/tags/{name}"));
            for tag in &tags {
                let expected = repo.id(&format!("refs/tags/{}^{{}}", tag.name));
                assert_eq!(Some(tag.target.to_string()), expected, "{url}: {}", tag.name);
                let annotated = tag.object.as_ref().map(ToString::to_string);
                let is_annotated = !matches!(tag.name.as_str(), "file" | "v1.1.0");
                assert_eq!(annotated, object(&tag.name).filter(|_| is_annotated), "{url}: {}", tag.name);
            }
            let said = cache.tags(&tags).unwrap();
            let [None, Some(nested), None, Some(first), Some(second)] = &said[..] else {
                panic!("{url}: {said:?}");
            };
            assert_eq!(first.message.as_deref(), Some("Release v1.0.0\n\nBody\n"));
            let tagger = first.tagger.as_ref().unwrap();
            assert_eq!((tagger.email.as_str(), tagger.offset_minutes), ("ada@example.com", 120));
            assert_eq!(first.created(), UnixSeconds(1_800_000_000));
            assert_eq!((second.created(), second.message.as_ref()), (UnixSeconds(1_700_000_001), None));
            assert_eq!(nested.commit, first.commit, "{url}");
            assert_eq!(nested.created(), UnixSeconds(1_800_000_500));
        }
    }
}

#[test]
fn commits_and_tags_come_without_directories() {
    let repo = tagged();
    let (http, root) = (GitHttp::start(&repo), TempDir::new().unwrap());
    let cache = bare(root.path(), &http.url());
    let tags: Vec<TagRef> = cache.ls_refs(&["refs/tags/v"]).unwrap().tags().collect();
    http.take_log();
    let said: Vec<Option<TagInfo>> = cache.tags(&tags).unwrap();
    assert_eq!((said.len(), posts(&http)), (2, 1));
    assert_eq!(kinds_here(root.path()), kinds(&[("commit", 2), ("tag", 1)]));
    cache.tags(&tags).unwrap();
    assert_eq!(posts(&http), 0, "what is here is not asked for");
    let log = cache.first_parent_log(&id(&repo.id("main").unwrap()), 10).unwrap();
    assert_eq!((log.len(), posts(&http)), (3, 1));
    assert_eq!(kinds_here(root.path()), kinds(&[("commit", 3), ("tag", 1)]));
    // Files are still to be had, one by one.
    use promoter_kustomize::Files as _;
    let tree = cache.tree(&log[0].id, "").unwrap();
    assert_eq!(tree.read("step").unwrap().as_ref(), b"2");
    assert_eq!(kinds_here(root.path()), kinds(&[("blob", 1), ("commit", 3), ("tag", 1), ("tree", 1)]));
}

#[test]
fn servers_that_leave_nothing_out_are_read_too() {
    let repo = tagged();
    let main = id(&repo.id("main").unwrap());
    for setting in [["uploadpack.allowFilter", "false"], ["uploadpackfilter.tree.allow", "false"]] {
        repo.git(&["config", "uploadpack.allowFilter", "true"]);
        repo.git(&["config", setting[0], setting[1]]);
        let (http, root) = (GitHttp::start(&repo), TempDir::new().unwrap());
        let cache = bare(root.path(), &http.url());
        let tags: Vec<TagRef> = cache.ls_refs(&["refs/tags/"]).unwrap().tags().collect();
        assert_eq!(cache.tags(&tags).unwrap().iter().flatten().count(), 3, "{setting:?}");
        assert_eq!(cache.first_parent_log(&main, 10).unwrap().len(), 3);
        let first = id(&repo.id("main~2").unwrap());
        assert!(cache.differ(&first, &main, &Below("step")).unwrap());
        http.take_log();
        assert!(cache.differ(&first, &main, &Below("step")).unwrap());
        assert_eq!(cache.first_parent_log(&main, 10).unwrap().len(), 3);
        assert_eq!(posts(&http), 0, "{setting:?}: nothing is fetched again");
    }
}

/// Everything at and below one path.
struct Below(&'static str);

impl Paths for Below {
    fn file(&self, path: &str) -> bool {
        path.strip_prefix(self.0).is_some_and(|it| it.is_empty() || it.starts_with('/'))
    }

    fn directory(&self, path: &str) -> Counts {
        match self.file(path) {
            true => Counts::All,
            false if self.0.strip_prefix(path).is_some_and(|it| it.starts_with('/')) => Counts::Some,
            false => Counts::Nothing,
        }
    }
}

/// Files by the end of their names, wherever they are.
struct Ending(&'static str);

impl Paths for Ending {
    fn file(&self, path: &str) -> bool {
        path.ends_with(self.0)
    }

    fn directory(&self, _: &str) -> Counts {
        Counts::Some
    }
}

#[test]
fn what_differs_is_told_by_what_two_commits_hold() {
    let repo = TestRepo::new();
    let first = repo.commit("main", &[("src/a/main.rs", "1"), ("docs/a.md", "1"), ("src/x", "1")]);
    let docs = repo.commit("main", &[("docs/a.md", "2")]);
    let changed = repo.commit("main", &[("src/a/main.rs", "2")]);
    let later = repo.commit("main", &[("docs/deep/er/b.md", "3")]);
    let back = repo.commit("main", &[("src/a/main.rs", "1")]);
    let mode = repo.on("main").executable("src/x", b"1").commit();
    let replaced = repo.on("main").remove("src/x").file("src/x/README.md", b"").commit();
    let removed = repo.on("main").remove("src").commit();
    let http = GitHttp::start(&repo);
    let root = TempDir::new().unwrap();
    for cache in
        [bare(root.path(), &http.url()), open(root.path(), &http.url()), open(root.path(), &repo.url())]
    {
        let differ = |a: &str, b: &str, paths: &dyn Paths| {
            let both = [(a, b), (b, a)].map(|(a, b)| cache.differ(&id(a), &id(b), paths).unwrap());
            assert_eq!(both[0], both[1], "the order does not matter");
            both[0]
        };
        assert!(!differ(&first, &docs, &Below("src")));
        assert!(differ(&first, &docs, &Below("docs")) && differ(&first, &docs, &Below("docs/a.md")));
        assert!(differ(&first, &changed, &Below("src")) && differ(&first, &changed, &Below("src/a/main.rs")));
        assert!(!differ(&first, &changed, &Below("src/x")) && !differ(&first, &changed, &Below("sr")));
        assert!(differ(&first, &later, &Below("src")), "the last commit is about something else");
        assert!(!differ(&first, &back, &Below("src")), "it was taken back");
        assert!(differ(&first, &back, &Ending(".md")) && !differ(&first, &back, &Ending(".rs")));
        assert!(differ(&back, &mode, &Below("src")) && differ(&mode, &replaced, &Below("src/x")));
        assert!(differ(&mode, &replaced, &Ending("x")), "a file became a directory");
        assert!(differ(&mode, &replaced, &Ending(".md")) && !differ(&mode, &replaced, &Ending(".rs")));
        assert!(differ(&replaced, &removed, &Ending(".rs")) && !differ(&replaced, &removed, &Below("docs")));
        assert!(!differ(&first, &first, &Ending("")));
    }
}

#[test]
fn only_directories_that_matter_are_fetched() {
    let repo = TestRepo::new();
    let mut commit = repo.on("main");
    for number in 0..50 {
        commit = commit.file(&format!("media/{number}/film"), &noise(number, 1_000));
    }
    let first = commit.file("src/deep/er/main.rs", b"1").file("src/README", b"").commit();
    let second = repo.commit("main", &[("src/deep/er/main.rs", "2"), ("media/1/film", "")]);
    let (http, root) = (GitHttp::start(&repo), TempDir::new().unwrap());
    let cache = bare(root.path(), &http.url());
    assert!(cache.differ(&id(&first), &id(&second), &Below("src")).unwrap());
    assert_eq!(kinds_here(root.path()), kinds(&[("commit", 2), ("tree", 2)]), "the roots alone");
    assert_eq!(posts(&http), 2, "the commits, and their roots");
    assert!(!cache.differ(&id(&first), &id(&second), &Below("src/README")).unwrap());
    assert_eq!(kinds_here(root.path()), kinds(&[("commit", 2), ("tree", 4)]));
    assert_eq!(posts(&http), 1);
    assert!(cache.differ(&id(&first), &id(&second), &Ending(".rs")).unwrap());
    assert_eq!(posts(&http), 3, "three levels more, each in one conversation");
}

#[test]
fn a_walk_ends_where_it_is_told_to() {
    let (repo, root) = (TestRepo::new(), TempDir::new().unwrap());
    let ids = repo.commits("main", 300);
    let http = GitHttp::start(&repo);
    let cache = bare(root.path(), &http.url());
    let head = id(&ids[299]);
    let log = cache.first_parents_until(&head, 1_000, |it| it.id.as_str() == ids[290]).unwrap();
    assert_eq!((log.len(), posts(&http)), (10, 1));
    assert_eq!(kinds_here(root.path()), kinds(&[("commit", 64)]));
    assert_eq!(cache.first_parents_until(&head, 100, |_| false).unwrap().len(), 100);
    assert_eq!(kinds_here(root.path()), kinds(&[("commit", 100)]), "no more than the walk may go");
}
