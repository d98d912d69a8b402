//! A disk that is full, or not ours, is named, and leaves nothing wrong behind.

use std::path::Path;
use std::process::{Command, Stdio};

use promoter_sources::git::{Credentials, GitCache, Limits};
use promoter_testkit::git::{GitHttp, TestRepo};
use tempfile::TempDir;

use super::{everything, expected, head_of, id, noise, open, sample};

const WRITER: &str = "PROMOTER_TEST_FULL_DISK";

/// The limit of a process on the size of files plays the full disk: writing fails in the middle.
#[test]
fn a_full_disk_leaves_no_half_pack() {
    if let Ok(task) = std::env::var(WRITER) {
        let words: Vec<&str> = task.split(' ').collect();
        let error = open(Path::new(words[0]), words[1]).ensure(&[id(words[2])]).unwrap_err();
        assert_eq!(error.diagnosis().code, "git-cache", "{error}");
        return;
    }
    let (repo, root) = (TestRepo::new(), TempDir::new().unwrap());
    let first = id(&repo.commit("main", &[("a", "b")]));
    let head = id(&repo.on("main").file("noise", &noise(1, 300 << 10)).commit());
    let http = GitHttp::start(&repo);
    open(root.path(), &http.url()).ensure(std::slice::from_ref(&first)).unwrap();
    let task = format!("{} {} {head}", root.path().display(), http.url());
    let script = "trap '' XFSZ; ulimit -f 100; exec \"$0\" --exact disk::a_full_disk_leaves_no_half_pack";
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(std::env::current_exe().unwrap()).env(WRITER, task);
    let output = command.stderr(Stdio::null()).output().unwrap();
    let words = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && words.contains("1 passed"), "{words}");
    let cache = std::fs::read_dir(root.path()).unwrap().next().unwrap().unwrap().path();
    let packs = std::fs::read_dir(cache.join("g-1/objects/pack")).unwrap().count();
    assert_eq!(packs, 2, "the pack of the first commit and its index");
    let cache = open(root.path(), &http.url());
    assert_eq!(everything(&cache.tree(&first, "").unwrap()).len(), 1, "what was here is here");
    assert_eq!(everything(&cache.tree(&head, "").unwrap()), expected(&repo, "main"));
}

#[test]
fn a_place_that_is_no_directory_is_named() {
    let (repo, root) = (sample(), TempDir::new().unwrap());
    let http = GitHttp::start(&repo);
    let file = root.path().join("file");
    std::fs::write(&file, "").unwrap();
    let opened = GitCache::open(&file, &http.url().parse().unwrap(), Credentials::None, Limits::default());
    assert_eq!(opened.unwrap_err().diagnosis().code, "git-cache");
}

#[test]
fn a_cache_that_somebody_deleted_is_filled_again() {
    let (repo, root) = (sample(), TempDir::new().unwrap());
    let http = GitHttp::start(&repo);
    let cache = open(root.path(), &http.url());
    let tree = cache.tree(&head_of(&repo, "main~1"), "").unwrap();
    std::fs::remove_dir_all(std::fs::read_dir(root.path()).unwrap().next().unwrap().unwrap().path()).unwrap();
    assert_eq!(everything(&cache.tree(&head_of(&repo, "main"), "").unwrap()), expected(&repo, "main"));
    assert_eq!(everything(&tree), expected(&repo, "main~1"));
}
