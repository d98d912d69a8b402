//! All caches below one root stay within a bound: the least recently used go, and none that is in use.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use promoter_kustomize::Files;
use promoter_sources::git::wire::Remote;
use promoter_sources::git::{Credentials, GitCache, Limits};
use promoter_testkit::git::{GitDaemon, TestRepo};
use tempfile::TempDir;

use super::{head_of, id, noise};

/// A repository whose cache takes about 100 KiB.
fn repository(seed: u64) -> (TestRepo, GitDaemon) {
    let repo = TestRepo::new();
    repo.on("main").file("file", &noise(seed, 100 << 10)).commit();
    let daemon = GitDaemon::start(&repo);
    (repo, daemon)
}

/// Room for two such caches.
const BYTES_MAX: u64 = 250 << 10;

fn open_of(root: &Path, owner: &str, url: &str) -> GitCache {
    let deadline = Duration::from_secs(30);
    let limits = Limits { deadline, caches_bytes_max: BYTES_MAX, ..Limits::default() };
    GitCache::of(root, owner, Remote::new(&url.parse().unwrap(), Credentials::None, limits)).unwrap()
}

/// The repositories that have a cache below the root, by the words in it.
fn cached(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        match std::fs::read_to_string(path.join("url")) {
            Ok(url) => found.push(url.trim().to_owned()),
            Err(_) if path.is_dir() => found.extend(cached(&path)),
            Err(_) => {}
        }
    }
    found.sort();
    found
}

#[test]
fn the_least_recently_used_go() {
    let root = TempDir::new().unwrap();
    let served = [1, 2, 3].map(repository);
    let read = |number: usize| {
        let (repo, daemon) = &served[number];
        let tree = open_of(root.path(), "", &daemon.url()).tree(&head_of(repo, "main"), "").unwrap();
        assert_eq!(tree.read("file").unwrap().as_ref(), noise(number as u64 + 1, 100 << 10));
    };
    read(0);
    read(1);
    read(0);
    assert_eq!(cached(root.path()).len(), 2);
    read(2);
    let mut left = vec![served[0].1.url(), served[2].1.url()];
    left.sort();
    assert_eq!(cached(root.path()), left, "the second was not used for longest");
    read(1);
    let mut left = vec![served[1].1.url(), served[2].1.url()];
    left.sort();
    assert_eq!(cached(root.path()), left, "what went comes again");
}

#[test]
fn what_is_in_use_stays() {
    let root = TempDir::new().unwrap();
    let served = [1, 2, 3, 4].map(repository);
    let cache_of = |number: usize| open_of(root.path(), "", &served[number].1.url());
    let head = |number: usize| head_of(&served[number].0, "main");
    let open = cache_of(0);
    open.ensure(&[head(0)]).unwrap();
    let tree = cache_of(1).tree(&head(1), "").unwrap();
    cache_of(2).ensure(&[head(2)]).unwrap();
    cache_of(3).ensure(&[head(3)]).unwrap();
    let urls = cached(root.path());
    assert!(urls.contains(&served[0].1.url()), "a cache is open");
    assert!(urls.contains(&served[1].1.url()), "a tree is held");
    assert!(!urls.contains(&served[2].1.url()));
    assert_eq!(tree.read("file").unwrap().as_ref(), noise(2, 100 << 10));
    assert_eq!(open.tree(&head(0), "").unwrap().read("file").unwrap().as_ref(), noise(1, 100 << 10));
}

#[test]
fn owners_share_the_bound_and_nothing_else() {
    let root = TempDir::new().unwrap();
    let served = [1, 2].map(repository);
    for owner in ["one", "two"] {
        for (repo, daemon) in &served {
            open_of(root.path(), owner, &daemon.url()).ensure(&[head_of(repo, "main")]).unwrap();
        }
    }
    assert_eq!(cached(root.path()).len(), 2);
    assert_eq!(cached(&root.path().join("two")).len(), 2);
}

#[test]
fn what_a_killed_process_left_goes_too() {
    let root = TempDir::new().unwrap();
    let gone = root.path().join("gone-0123456789012345678901234567890123456789/g-1");
    std::fs::create_dir_all(&gone).unwrap();
    let elsewhere = root.path().join("other/things");
    std::fs::create_dir_all(&elsewhere).unwrap();
    std::fs::write(elsewhere.join("large"), noise(1, 300 << 10)).unwrap();
    let (repo, daemon) = repository(1);
    open_of(root.path(), "", &daemon.url()).ensure(&[head_of(&repo, "main")]).unwrap();
    assert!(!gone.exists());
    assert!(elsewhere.join("large").exists(), "what is no cache is not ours to remove");
}

const READER: &str = "PROMOTER_TEST_BOUND_READER";

/// Reads the repositories of the task (`root url commit url commit …`) round and round.
fn read_round(task: &str, first: usize) {
    let words: Vec<&str> = task.split(' ').collect();
    let repositories: Vec<&[&str]> = words[1..].chunks(2).collect();
    for turn in 0..20 {
        let number = (turn * 3 + first) % repositories.len();
        let (url, commit) = (repositories[number][0], repositories[number][1]);
        let tree = open_of(Path::new(words[0]), "", url).tree(&id(commit), "").unwrap();
        assert_eq!(tree.read("file").unwrap().as_ref(), noise(number as u64 + 1, 100 << 10));
    }
}

#[test]
fn caches_go_and_come_under_many_threads_and_processes() {
    if let Ok(task) = std::env::var(READER) {
        return read_round(&task, std::process::id() as usize);
    }
    let root = TempDir::new().unwrap();
    let served = [1, 2, 3, 4].map(repository);
    let pairs = served.iter().map(|(repo, daemon)| format!("{} {}", daemon.url(), head_of(repo, "main")));
    let task = format!("{} {}", root.path().display(), pairs.collect::<Vec<_>>().join(" "));
    let start = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "bound::caches_go_and_come_under_many_threads_and_processes"])
            .env(READER, &task)
            .stdout(Stdio::piped());
        command.spawn().unwrap()
    };
    let processes: Vec<_> = (0..2).map(|_| start()).collect();
    std::thread::scope(|scope| {
        for turn in 0..3 {
            let task = &task;
            scope.spawn(move || read_round(task, turn));
        }
    });
    for process in processes {
        let output = process.wait_with_output().unwrap();
        let words = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && words.contains("1 passed"), "{words}");
    }
}
