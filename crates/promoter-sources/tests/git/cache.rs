//! The object cache keeps its contract: asked once, shared by all, never believed, made anew when damaged.

use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use promoter_core::CommitId;
use promoter_kustomize::{FileError, FileKind, Files};
use promoter_sources::git::{Credentials, GitCache, Limits, ObjectKind};
use promoter_testkit::git::{Fault, GitDaemon, GitHttp, TestRepo};
use tempfile::TempDir;

use super::{everything, expected, head_of, id, open, sample};

#[test]
fn what_is_here_is_not_asked_for_again() {
    let (repo, root) = (sample(), TempDir::new().unwrap());
    let http = GitHttp::start(&repo);
    let cache = open(root.path(), &http.url());
    let (first, head) = (head_of(&repo, "main~2"), head_of(&repo, "main"));
    cache.ls_refs(&["refs/heads/"]).unwrap();
    assert_eq!(http.take_log().len(), 2, "one conversation");
    cache.ensure(&[first.clone(), head.clone()]).unwrap();
    assert_eq!(http.take_log().len(), 2, "one conversation for both");
    cache.ensure(&[head.clone(), first]).unwrap();
    open(root.path(), &http.url()).tree(&head, "base").unwrap().read("deep/er/file.yaml").unwrap();
    assert_eq!(http.take_log(), [""; 0], "another handle finds them on disk");
}

#[test]
fn a_further_commit_brings_only_what_is_new() {
    let (repo, root) = (TestRepo::new(), TempDir::new().unwrap());
    let big: String = (0..40_000).map(|it| format!("{:x}\n", it * 7_919)).collect();
    repo.commit("main", &[("big.txt", &big), ("small.txt", "1\n")]);
    let http = GitHttp::start(&repo);
    let cache = open(root.path(), &http.url());
    cache.ensure(&[head_of(&repo, "main")]).unwrap();
    let before = bytes_below(root.path());
    let head = id(&repo.commit("main", &[("small.txt", "2\n")]));
    cache.ensure(std::slice::from_ref(&head)).unwrap();
    let grown = bytes_below(root.path()) - before;
    assert!(grown < before / 10, "{grown} of {before}");
    assert_eq!(cache.tree(&head, "").unwrap().read("big.txt").unwrap().as_ref(), big.as_bytes());
}

fn bytes_below(directory: &Path) -> u64 {
    let sizes = std::fs::read_dir(directory).unwrap().map(|it| {
        let it = it.unwrap();
        if it.path().is_dir() { bytes_below(&it.path()) } else { it.metadata().unwrap().len() }
    });
    sizes.sum()
}

fn cache_files(root: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(cache_files(&path, extension));
        } else if path.extension().is_some_and(|it| it == extension) {
            found.push(path);
        }
    }
    found
}

/// Replaces a file by another one, as damage on disk would look to a process that opens it anew.
fn replace(path: &Path, bytes: &[u8]) {
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn spoil_packs(root: &Path) {
    for pack in cache_files(root, "pack") {
        let mut bytes = std::fs::read(&pack).unwrap();
        let middle = 12..bytes.len() - 20;
        bytes[middle].iter_mut().for_each(|it| *it ^= 0x55);
        replace(&pack, &bytes);
    }
}

/// Damages the packs in place, so that those who have them open see it too.
fn spoil_open_packs(root: &Path) {
    for pack in cache_files(root, "pack") {
        std::fs::set_permissions(&pack, PermissionsExt::from_mode(0o600)).unwrap();
        let length = std::fs::metadata(&pack).unwrap().len() as usize;
        let file = std::fs::OpenOptions::new().write(true).open(&pack).unwrap();
        file.write_all_at(&vec![0x55; length - 32], 12).unwrap();
    }
}

fn remove_packs(root: &Path) {
    for file in cache_files(root, "pack").into_iter().chain(cache_files(root, "idx")) {
        std::fs::remove_file(file).unwrap();
    }
}

fn empty_indices(root: &Path) {
    cache_files(root, "idx").iter().for_each(|it| replace(it, b""));
}

fn remove_generations(root: &Path) {
    for entry in std::fs::read_dir(root).unwrap() {
        std::fs::remove_dir_all(entry.unwrap().path().join("g-1")).unwrap();
    }
}

#[test]
fn a_damaged_cache_is_made_anew() {
    let repo = sample();
    let head = head_of(&repo, "main");
    let http = GitHttp::start(&repo);
    for (turn, damage) in [spoil_packs, remove_packs, empty_indices, remove_generations].iter().enumerate() {
        let root = TempDir::new().unwrap();
        open(root.path(), &http.url()).ensure(std::slice::from_ref(&head)).unwrap();
        damage(root.path());
        let tree = open(root.path(), &http.url()).tree(&head, "").unwrap();
        assert_eq!(everything(&tree), expected(&repo, "main"), "damage {turn}");
    }
}

#[test]
fn a_damaged_cache_is_not_built_upon() {
    let http_of = GitHttp::start;
    for (turn, damage) in [spoil_packs, remove_packs, empty_indices].iter().enumerate() {
        let (repo, root) = (sample(), TempDir::new().unwrap());
        let http = http_of(&repo);
        open(root.path(), &http.url()).ensure(&[head_of(&repo, "main")]).unwrap();
        damage(root.path());
        // The server would send differences to files that are no longer here.
        repo.commit("main", &[("base/deep/er/file.yaml", "kind: A\nname: b\n")]);
        let tree = open(root.path(), &http.url()).tree(&head_of(&repo, "main"), "").unwrap();
        assert_eq!(everything(&tree), expected(&repo, "main"), "damage {turn}");
    }
}

#[test]
fn a_broken_connection_is_no_damage() {
    let (repo, root) = (sample(), TempDir::new().unwrap());
    let http = GitHttp::start(&repo);
    let cache = open(root.path(), &http.url());
    cache.ensure(&[head_of(&repo, "main")]).unwrap();
    let packs = cache_files(root.path(), "pack");
    let head = id(&repo.commit("main", &[("new.txt", &"new\n".repeat(100))]));
    for bytes in [30, 90, 150, 300] {
        http.break_at("POST", Fault::Cut(bytes));
        assert_eq!(
            cache.ensure(std::slice::from_ref(&head)).unwrap_err().diagnosis().code,
            "git-unreachable"
        );
        assert_eq!(cache_files(root.path(), "pack"), packs, "cut after {bytes} bytes");
    }
    http.heal();
    cache.ensure(&[head]).unwrap();
    assert_eq!(cache_files(root.path(), "pack").len(), 2);
}

#[test]
fn a_tree_survives_the_loss_of_its_cache() {
    let repo = sample();
    let head = head_of(&repo, "main");
    let http = GitHttp::start(&repo);
    for (turn, damage) in [spoil_open_packs, remove_packs, empty_indices].iter().enumerate() {
        let root = TempDir::new().unwrap();
        open(root.path(), &http.url()).ensure(std::slice::from_ref(&head)).unwrap();
        let tree = open(root.path(), &http.url()).tree(&head, "").unwrap();
        damage(root.path());
        assert_eq!(everything(&tree), expected(&repo, "main"), "damage {turn}");
    }
}

#[test]
fn what_cannot_be_read_is_not_taken_for_absent() {
    let (repo, root) = (sample(), TempDir::new().unwrap());
    let head = head_of(&repo, "main");
    let http = GitHttp::start(&repo);
    open(root.path(), &http.url()).ensure(std::slice::from_ref(&head)).unwrap();
    let tree = open(root.path(), &http.url()).tree(&head, "").unwrap();
    spoil_open_packs(root.path());
    http.break_at("", Fault::Status(503));
    assert_eq!(tree.kind("a.txt"), Some(FileKind::File));
    let error = tree.read("a.txt").unwrap_err();
    assert!(matches!(&error, FileError::Store(_, why) if why.contains("503")), "{error}");
    http.heal();
    assert_eq!(tree.read("a.txt").unwrap().as_ref(), b"two\n");
    assert_eq!(tree.kind("gone"), None);
}

#[test]
fn one_flipped_bit_is_noticed() {
    let (repo, root) = (TestRepo::new(), TempDir::new().unwrap());
    // Stored rather than compressed, so that a flipped bit changes the content and nothing else notices.
    let noise: Vec<u8> = (0u32..2_000).map(|it| (it.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let head = id(&repo.on("main").file("noise", &noise).commit());
    let http = GitHttp::start(&repo);
    open(root.path(), &http.url()).ensure(std::slice::from_ref(&head)).unwrap();
    let pack = cache_files(root.path(), "pack").pop().unwrap();
    let bytes = std::fs::read(&pack).unwrap();
    for place in (bytes.len() / 4..bytes.len() - 20).step_by(97) {
        let mut spoiled = bytes.clone();
        spoiled[place] ^= 1;
        let pack = cache_files(root.path(), "pack").pop().unwrap();
        replace(&pack, &spoiled);
        let tree = open(root.path(), &http.url()).tree(&head, "").unwrap();
        assert_eq!(tree.read("noise").unwrap().as_ref(), noise, "byte {place}");
    }
}

#[test]
fn leftovers_of_a_killed_process_do_no_harm() {
    let (repo, root) = (sample(), TempDir::new().unwrap());
    let http = GitHttp::start(&repo);
    let cache = open(root.path(), &http.url());
    cache.ensure(&[head_of(&repo, "main~1")]).unwrap();
    let pack = cache_files(root.path(), "pack").pop().unwrap();
    std::fs::write(pack.with_file_name(".tmpAbCdEf"), b"half a pack").unwrap();
    std::fs::write(pack.with_file_name("pack-0000000000000000000000000000000000000000.pack"), b"PACK")
        .unwrap();
    std::fs::write(pack.ancestors().nth(3).unwrap().join("fetched"), b"no such thing\n").unwrap();
    let tree = cache.tree(&head_of(&repo, "main"), "").unwrap();
    assert_eq!(everything(&tree), expected(&repo, "main"));
    assert!(!pack.with_file_name(".tmpAbCdEf").exists());
}

const READER: &str = "PROMOTER_TEST_READER";

/// Reads every commit of the task (`root url id…`), beginning with the given one.
fn read_all(task: &str, first: usize) {
    let words: Vec<&str> = task.split(' ').collect();
    let (place, ids) = words.split_at(2);
    for turn in 0..ids.len() {
        let step = (first + turn) % ids.len();
        let tree = open(Path::new(place[0]), place[1]).tree(&id(ids[step]), "").unwrap();
        assert_eq!(everything(&tree)["step"], step.to_string().as_bytes());
    }
}

#[test]
fn many_threads_and_processes_read_at_once() {
    if let Ok(task) = std::env::var(READER) {
        return read_all(&task, std::process::id() as usize);
    }
    let (repo, root) = (TestRepo::new(), TempDir::new().unwrap());
    let ids = repo.commits("main", 12);
    let http = GitHttp::start(&repo);
    let task = format!("{} {} {}", root.path().display(), http.url(), ids.join(" "));
    let start = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "cache::many_threads_and_processes_read_at_once"]).env(READER, &task);
        command.stdout(Stdio::piped()).spawn().unwrap()
    };
    let processes: Vec<_> = (0..3).map(|_| start()).collect();
    std::thread::scope(|scope| {
        for turn in 0..4 {
            let task = &task;
            scope.spawn(move || read_all(task, turn * 3));
        }
    });
    for process in processes {
        let output = process.wait_with_output().unwrap();
        let words = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && words.contains("1 passed"), "{words}");
    }
}

const FETCHER: &str = "PROMOTER_TEST_FETCHER";

#[test]
fn a_killed_process_leaves_no_lock() {
    if let Ok(task) = std::env::var(FETCHER) {
        let words: Vec<&str> = task.split(' ').collect();
        // The server never answers, so this process is killed while it holds the lock.
        let _ = open(Path::new(words[0]), words[1]).ensure(&[id(words[2])]);
        return;
    }
    let (repo, root) = (sample(), TempDir::new().unwrap());
    let head = head_of(&repo, "main");
    let http = GitHttp::start(&repo);
    http.break_at("POST", Fault::Hang);
    let task = format!("{} {} {head}", root.path().display(), http.url());
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "cache::a_killed_process_leaves_no_lock"])
        .env(FETCHER, task)
        .stdout(Stdio::null());
    let mut process = command.spawn().unwrap();
    let mut log = Vec::new();
    while !log.iter().any(|it: &String| it.starts_with("POST")) {
        assert!(process.try_wait().unwrap().is_none(), "it waits for the answer");
        log.extend(http.take_log());
        std::thread::yield_now();
    }
    process.kill().unwrap();
    process.wait().unwrap();
    http.heal();
    let tree = open(root.path(), &http.url()).tree(&head, "").unwrap();
    assert_eq!(everything(&tree), expected(&repo, "main"));
}

#[test]
fn a_cache_that_is_too_large_is_started_anew() {
    let (repo, root) = (TestRepo::new(), TempDir::new().unwrap());
    let ids = repo.commits("main", 110);
    let daemon = GitDaemon::start(&repo);
    let limits = Limits { cache_bytes_max: 1, ..Limits::default() };
    let cache =
        GitCache::open(root.path(), &daemon.url().parse().unwrap(), Credentials::None, limits).unwrap();
    let first = cache.tree(&id(&ids[0]), "").unwrap();
    ids.iter().for_each(|it| cache.ensure(&[id(it)]).unwrap());
    let packs = cache_files(root.path(), "pack").len();
    assert!(packs < 70, "{packs} packs of {} fetches are left", ids.len());
    assert_eq!(first.read("step").unwrap().as_ref(), b"0", "a tree outlives the generation it came from");
    assert_eq!(cache.tree(&id(&ids[109]), "").unwrap().read("step").unwrap().as_ref(), b"109");
}

#[test]
fn what_is_kept_is_bounded_too() {
    let (repo, root) = (TestRepo::new(), TempDir::new().unwrap());
    let http = GitHttp::start(&repo);
    let cache = open(root.path(), &http.url());
    let empty = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
    let kept = |numbers: std::ops::Range<usize>| {
        let commit =
            |it| format!("tree {empty}\nauthor A <a@b> {it} +0000\ncommitter A <a@b> {it} +0000\n\nx\n");
        let texts: Vec<String> = numbers.map(commit).collect();
        let hash = |it: &String| {
            let id =
                gix::objs::compute_hash(gix::hash::Kind::Sha1, ObjectKind::Commit, it.as_bytes()).unwrap();
            id.to_string().parse().unwrap()
        };
        let ids: Vec<CommitId> = texts.iter().map(hash).collect();
        let mut objects = vec![(ObjectKind::Tree, Vec::new())];
        objects.extend(texts.into_iter().map(|it| (ObjectKind::Commit, it.into_bytes())));
        cache.keep(&ids, &objects, &[]).unwrap();
        ids
    };
    let first = kept(0..50);
    assert_eq!(cache.commit(&first[0]).unwrap().message, "x\n");
    let mut second = Vec::new();
    for push in 1..120 {
        second = kept(50 * push..50 * (push + 1));
    }
    assert_eq!(cache.commit(&first[0]).unwrap_err().diagnosis().code, "git-no-commit", "started anew");
    assert_eq!(cache.commit(&second[0]).unwrap().message, "x\n");
}
