//! Of a large repository only what is read comes, and whatever the server can or cannot do, the files are what git says.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use promoter_core::CommitId;
use promoter_kustomize::Files;
use promoter_sources::git::{Credentials, GitCache, Limits, ObjectKind};
use promoter_testkit::git::{Fault, GitDaemon, GitHttp, TestRepo};
use tempfile::TempDir;

use super::{everything, expected, head_of, id, noise, sample};

const EAGER: u64 = 256 << 10;

fn open_small(root: &Path, url: &str) -> GitCache {
    let limits = Limits { deadline: Duration::from_secs(30), eager_bytes_max: EAGER, ..Limits::default() };
    GitCache::open(root, &url.parse().unwrap(), Credentials::None, limits).unwrap()
}

/// Two apps beside media files, which make it large.
fn with_media() -> TestRepo {
    let repo = TestRepo::new();
    let mut commit = repo.on("main");
    for app in ["a", "b"] {
        commit = commit
            .file(&format!("apps/{app}/kustomization.yaml"), b"resources: [map.yaml]\n")
            .file(&format!("apps/{app}/map.yaml"), format!("kind: {app}\n").as_bytes())
            .file(&format!("apps/{app}/below/more.yaml"), format!("more: {app}\n").as_bytes());
    }
    for number in 0..6 {
        commit = commit.file(&format!("media/{number}/film"), &noise(number, 200 << 10));
    }
    commit.commit();
    repo
}

/// Two apps beside many small files.
fn with_crowd() -> TestRepo {
    let repo = TestRepo::new();
    let mut commit = repo.on("main").link("apps/a/link", "map.yaml");
    for app in ["a", "b"] {
        commit = commit
            .file(&format!("apps/{app}/map.yaml"), format!("kind: {app}\n").as_bytes())
            .file(&format!("apps/{app}/below/more.yaml"), format!("more: {app}\n").as_bytes());
    }
    for number in 0..400 {
        commit = commit.file(&format!("crowd/{}/{number}", number % 5), &noise(number, 2 << 10));
    }
    commit.commit();
    repo
}

fn generation(root: &Path) -> PathBuf {
    let cache = std::fs::read_dir(root).unwrap().next().unwrap().unwrap().path();
    let name = std::fs::read_to_string(cache.join("current")).unwrap();
    cache.join(name.trim())
}

/// The ids of the files that are in the cache, as git sees it.
fn files_here(root: &Path) -> BTreeSet<String> {
    let mut command = Command::new("git");
    command.arg("--git-dir").arg(generation(root)).args(["cat-file", "--batch-all-objects", "--batch-check"]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let words = lines.lines().map(|it| it.split(' ').collect::<Vec<_>>());
    words.filter(|it| it[1] == "blob").map(|it| it[0].to_owned()).collect()
}

fn files_below(repo: &TestRepo, directory: &str) -> BTreeSet<String> {
    let listing = repo.git(&["ls-tree", "-r", &format!("main:{directory}")]);
    listing.lines().map(|it| it.split([' ', '\t']).nth(2).unwrap().to_owned()).collect()
}

fn conversations(http: &GitHttp) -> usize {
    http.take_log().iter().filter(|it| it.starts_with("POST")).count()
}

#[test]
fn a_repository_within_the_budget_comes_whole_and_at_once() {
    let (repo, root) = (sample(), TempDir::new().unwrap());
    let http = GitHttp::start(&repo);
    let tree = open_small(root.path(), &http.url()).tree(&head_of(&repo, "main"), "").unwrap();
    assert_eq!(everything(&tree), expected(&repo, "main"));
    assert_eq!(conversations(&http), 1);
}

#[test]
fn large_files_come_when_they_are_read() {
    let (repo, root) = (with_media(), TempDir::new().unwrap());
    let http = GitHttp::start(&repo);
    let cache = open_small(root.path(), &http.url());
    let tree = cache.tree(&head_of(&repo, "main"), "").unwrap();
    for path in ["apps/a/map.yaml", "apps/b/map.yaml", "apps/b/below/more.yaml"] {
        tree.read(path).unwrap();
    }
    assert_eq!(conversations(&http), 2, "one was left in the middle, one brought all that is small");
    assert_eq!(files_here(root.path()), files_below(&repo, "apps"));
    assert_eq!(tree.list("media/3").unwrap(), ["film"]);
    assert_eq!(conversations(&http), 0, "directories are here");
    assert_eq!(tree.read("media/3/film").unwrap().as_ref(), noise(3, 200 << 10));
    assert_eq!(files_here(root.path()).len(), files_below(&repo, "apps").len() + 1);
    assert_eq!(everything(&tree), expected(&repo, "main"));
}

#[test]
fn many_small_files_come_by_directory() {
    let (repo, root) = (with_crowd(), TempDir::new().unwrap());
    let http = GitHttp::start(&repo);
    let cache = open_small(root.path(), &http.url());
    let tree = cache.tree(&head_of(&repo, "main"), "").unwrap();
    assert_eq!(files_here(root.path()), BTreeSet::new());
    http.take_log();
    assert_eq!(tree.read("apps/a/map.yaml").unwrap().as_ref(), b"kind: a\n");
    assert_eq!(tree.read("apps/a/link").unwrap().as_ref(), b"kind: a\n");
    assert_eq!(tree.read("apps/a/below/more.yaml").unwrap().as_ref(), b"more: a\n");
    assert_eq!(conversations(&http), 1);
    assert_eq!(files_here(root.path()), files_below(&repo, "apps/a"), "nothing else was read or fetched");
    let again = open_small(root.path(), &http.url()).tree(&head_of(&repo, "main"), "apps/a").unwrap();
    again.read("below/more.yaml").unwrap();
    assert_eq!(conversations(&http), 0, "another handle finds them on disk");
    assert_eq!(everything(&tree), expected(&repo, "main"));
}

#[test]
fn a_further_commit_brings_what_changed_with_its_small_files() {
    let (repo, root) = (with_crowd(), TempDir::new().unwrap());
    let http = GitHttp::start(&repo);
    let cache = open_small(root.path(), &http.url());
    cache.tree(&head_of(&repo, "main"), "").unwrap().read("apps/a/map.yaml").unwrap();
    repo.commit("main", &[("apps/a/map.yaml", "kind: changed\n")]);
    http.take_sent();
    http.take_log();
    let tree = cache.tree(&head_of(&repo, "main"), "").unwrap();
    assert_eq!(tree.read("apps/a/map.yaml").unwrap().as_ref(), b"kind: changed\n");
    assert_eq!(tree.read("apps/a/below/more.yaml").unwrap().as_ref(), b"more: a\n");
    assert_eq!(conversations(&http), 1);
    let sent = http.take_sent();
    assert!(sent < 4_000, "{sent} bytes were sent");
    let history = cache.first_parent_log(&head_of(&repo, "main"), 10).unwrap();
    assert_eq!(history.len(), 2);
    assert_eq!(everything(&tree), expected(&repo, "main"));
    repo.commit("side", &[("apps/a/map.yaml", "of another history\n")]);
    let side = cache.tree(&head_of(&repo, "side"), "").unwrap();
    assert_eq!(everything(&side), expected(&repo, "side"));
}

#[test]
fn servers_that_leave_nothing_out_give_all() {
    let (plain, old) = (with_media(), with_media());
    plain.git(&["config", "uploadpack.allowFilter", "false"]);
    let (plain_http, old_http, daemon) =
        (GitHttp::start(&plain), GitHttp::start(&old), GitDaemon::start(&plain));
    old_http.break_at("", Fault::OldProtocol);
    for (repo, url) in [(&plain, plain_http.url()), (&old, old_http.url()), (&plain, daemon.url())] {
        let root = TempDir::new().unwrap();
        let tree = open_small(root.path(), &url).tree(&head_of(repo, "main"), "").unwrap();
        assert_eq!(files_here(root.path()), files_below(repo, ""), "{url}");
        assert_eq!(everything(&tree), expected(repo, "main"), "{url}");
    }
    let filtering = GitDaemon::start(&old);
    let root = TempDir::new().unwrap();
    let tree = open_small(root.path(), &filtering.url()).tree(&head_of(&old, "main"), "").unwrap();
    assert_eq!(files_here(root.path()), files_below(&old, "apps"), "git:// leaves out too");
    assert_eq!(everything(&tree), expected(&old, "main"));
}

#[test]
fn a_server_may_cease_to_leave_out() {
    let (repo, root) = (with_media(), TempDir::new().unwrap());
    let http = GitHttp::start(&repo);
    let cache = open_small(root.path(), &http.url());
    let before = head_of(&repo, "main");
    let tree = cache.tree(&before, "").unwrap();
    repo.git(&["config", "uploadpack.allowFilter", "false"]);
    let after = id(&repo.commit("main", &[("apps/a/map.yaml", "kind: new\n")]));
    http.take_log();
    assert_eq!(everything(&cache.tree(&after, "").unwrap()), expected(&repo, "main"));
    assert_eq!(conversations(&http), 1, "it was told of nothing that may not be here, so it gave all");
    assert_eq!(everything(&tree), expected(&repo, "main~1"), "a tree from before is read on");
}

#[test]
fn what_cannot_be_fetched_is_no_absence() {
    let (repo, root) = (with_media(), TempDir::new().unwrap());
    let http = GitHttp::start(&repo);
    let tree = open_small(root.path(), &http.url()).tree(&head_of(&repo, "main"), "").unwrap();
    http.break_at("", Fault::Status(503));
    let error = tree.read("media/1/film").unwrap_err().to_string();
    assert!(error.contains("503"), "{error}");
    http.heal();
    http.break_at("POST", Fault::Cut(40_000));
    tree.read("media/1/film").unwrap_err();
    http.heal();
    assert_eq!(everything(&tree), expected(&repo, "main"));
}

/// Damages every file of some kind in the cache, in place, or removes it.
fn damage(root: &Path, extension: &str, spoil: bool) {
    for entry in std::fs::read_dir(generation(root).join("objects/pack")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|it| it != extension) {
            continue;
        }
        let mut bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        if spoil {
            let end = bytes.len() - 20;
            bytes[12..end].iter_mut().for_each(|it| *it ^= 0x55);
            std::fs::write(&path, bytes).unwrap();
        }
    }
}

#[test]
fn damage_is_told_from_what_did_not_come_yet() {
    for make in [with_media, with_crowd] {
        let repo = make();
        let (head, wanted) = (head_of(&repo, "main"), expected(&repo, "main"));
        let http = GitHttp::start(&repo);
        for (extension, spoil) in [("pack", true), ("pack", false), ("idx", true), ("idx", false)] {
            let root = TempDir::new().unwrap();
            open_small(root.path(), &http.url()).tree(&head, "").unwrap().read("apps/a/map.yaml").unwrap();
            let before = generation(root.path());
            damage(root.path(), extension, spoil);
            let tree = open_small(root.path(), &http.url()).tree(&head, "").unwrap();
            assert_eq!(everything(&tree), wanted, "{extension} {spoil}");
            if spoil {
                assert_ne!(generation(root.path()), before, "a damaged generation is left");
            }
        }
        let root = TempDir::new().unwrap();
        open_small(root.path(), &http.url()).tree(&head, "").unwrap();
        std::fs::remove_file(generation(root.path()).join("partial")).unwrap();
        let tree = open_small(root.path(), &http.url()).tree(&head, "").unwrap();
        assert_eq!(everything(&tree), wanted, "without the mark");
    }
}

#[test]
fn what_was_pushed_is_kept_without_its_files() {
    let (repo, root) = (with_crowd(), TempDir::new().unwrap());
    let http = GitHttp::start(&repo);
    let cache = open_small(root.path(), &http.url());
    let tree = cache.commit(&head_of(&repo, "main")).unwrap().tree;
    let text = format!("tree {tree}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nx\n");
    let hash = gix::objs::compute_hash(gix::hash::Kind::Sha1, ObjectKind::Commit, text.as_bytes()).unwrap();
    let commit: CommitId = hash.to_string().parse().unwrap();
    http.take_log();
    cache.keep(std::slice::from_ref(&commit), &[(ObjectKind::Commit, text.into_bytes())], &[]).unwrap();
    assert_eq!(cache.commit(&commit).unwrap().message, "x\n");
    assert_eq!(http.take_log(), [""; 0]);
}

const READER: &str = "PROMOTER_TEST_PARTIAL_READER";

/// Reads all files of the task (`root url commit`) in an order of its own.
fn read_crowd(task: &str, first: usize) {
    let words: Vec<&str> = task.split(' ').collect();
    let tree = open_small(Path::new(words[0]), words[1]).tree(&id(words[2]), "").unwrap();
    for turn in 0..5 {
        let folder = (turn + first) % 5;
        for name in tree.list(&format!("crowd/{folder}")).unwrap() {
            let bytes = tree.read(&format!("crowd/{folder}/{name}")).unwrap();
            assert_eq!(bytes.as_ref(), noise(name.parse().unwrap(), 2 << 10));
        }
    }
}

#[test]
fn threads_and_processes_fetch_files_side_by_side() {
    if let Ok(task) = std::env::var(READER) {
        return read_crowd(&task, std::process::id() as usize % 5);
    }
    let (repo, root) = (with_crowd(), TempDir::new().unwrap());
    let http = GitHttp::start(&repo);
    let task = format!("{} {} {}", root.path().display(), http.url(), head_of(&repo, "main"));
    let start = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "partial::threads_and_processes_fetch_files_side_by_side"])
            .env(READER, &task)
            .stdout(Stdio::piped());
        command.spawn().unwrap()
    };
    let processes: Vec<_> = (0..2).map(|_| start()).collect();
    std::thread::scope(|scope| {
        for turn in 0..4 {
            let task = &task;
            scope.spawn(move || read_crowd(task, turn));
        }
    });
    for process in processes {
        let output = process.wait_with_output().unwrap();
        let words = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && words.contains("1 passed"), "{words}");
    }
    let asked = conversations(&http);
    assert!(asked <= 3 + 5, "{asked} conversations: none fetches what another one brought");
}

#[test]
fn reading_a_subtree_needs_nothing_else() {
    let (repo, root) = (with_media(), TempDir::new().unwrap());
    let head = head_of(&repo, "main");
    let needed: BTreeSet<String> = ["main", "main^{tree}", "main:apps", "main:apps/a", "main:apps/a/below"]
        .iter()
        .map(|it| repo.id(it).unwrap())
        .chain(files_below(&repo, "apps/a"))
        .collect();
    let all = repo.git(&["cat-file", "--batch-all-objects", "--batch-check"]);
    for object in all.lines().map(|it| it.split(' ').next().unwrap()) {
        let path = repo.path().join("objects").join(&object[..2]).join(&object[2..]);
        if !needed.contains(object) {
            std::fs::remove_file(path).unwrap();
        }
    }
    let cache =
        GitCache::open(root.path(), &repo.url().parse().unwrap(), Credentials::None, Limits::default());
    let cache = cache.unwrap();
    let files = everything(&cache.tree(&head, "apps/a").unwrap());
    assert_eq!(files.len(), 3);
    assert_eq!(files["map.yaml"], b"kind: a\n");
    assert!(cache.tree(&head, "apps/b").unwrap().read("map.yaml").is_err());
}
