//! A disk that is full or read-only: it is said so, nothing is lost, and it goes on when there is room again.

use std::path::Path;
use std::process::Command;

use promoter_core::{CommitId, Fault as Mends};
use promoter_kustomize::Files;
use promoter_sources::git::GitError;
use promoter_testkit::git::{GitHttp, TestRepo};
use promoter_testkit::on_small_disk;
use tempfile::TempDir;

use super::{id, noise, open};

const TASK: &str = "PROMOTER_TEST_DISK";

#[test]
fn a_full_disk_and_one_that_is_read_only_are_said_and_lose_nothing() {
    if let Ok(task) = std::env::var(TASK) {
        return on_the_disk(&task);
    }
    let (repo, disk) = (TestRepo::new(), TempDir::new().unwrap());
    let small = repo.commit("main", &[("step", "1")]);

    let large = repo.on("large").file("noise", &noise(1, 2_000_000)).commit();
    let later = repo.commit("main", &[("step", "2")]);
    let last = repo.commit("main", &[("step", "3")]);
    let http = GitHttp::start(&repo);
    let Some(mut command) = on_small_disk(disk.path(), 512) else { return };
    command.arg(std::env::current_exe().unwrap());
    command.args(["--exact", "small_disk::a_full_disk_and_one_that_is_read_only_are_said_and_lose_nothing"]);
    command.env(TASK, format!("{} {} {small} {large} {later} {last}", disk.path().display(), http.url()));
    let output = command.output().unwrap();
    let words = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && words.contains("1 passed"), "{words}");
}

fn on_the_disk(task: &str) {
    let words: Vec<&str> = task.split(' ').collect();
    let (root, url) = (Path::new(words[0]), words[1]);
    let [small, large, later, last] = [2, 3, 4, 5].map(|it| id(words[it]));
    let cache = open(root, url);
    let step = |commit: &CommitId| {
        let read = open(root, url).tree(commit, "").map(|it| it.read("step").unwrap().to_vec());
        read.map(|it| String::from_utf8(it).unwrap())
    };
    let full = |error: GitError| {
        let diagnosis = error.diagnosis();
        assert_eq!((diagnosis.code, diagnosis.fault), ("git-cache", Mends::Upstream), "{diagnosis}");
        diagnosis.cause
    };
    assert_eq!(step(&small).unwrap(), "1");
    for _ in 0..2 {
        let cause = full(cache.ensure(std::slice::from_ref(&large)).unwrap_err());
        assert!(cause.contains("No space left"), "{cause}");
        assert_eq!(step(&small).unwrap(), "1", "what was there is there");
    }
    assert_eq!(step(&later).unwrap(), "2", "what fits is fetched");

    // The disk itself is in use by our own open files; what is opened from now on goes by a second, read-only mount.
    let mount = |arguments: &[&str]| {
        assert!(Command::new("mount").args(arguments).status().unwrap().success(), "{arguments:?}");
    };
    mount(&["--bind", words[0], words[0]]);
    mount(&["-o", "remount,bind,ro", words[0]]);
    let cause = full(cache.ensure(std::slice::from_ref(&last)).unwrap_err());
    assert!(cause.contains("Read-only"), "{cause}");
    assert_eq!(cache.tree(&small, "").unwrap().read("step").unwrap().as_ref(), b"1", "it is read on");
}
