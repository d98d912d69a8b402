//! What is read is what the git program says, over every transport.

use promoter_core::CommitId;
use promoter_kustomize::{FileError, Files};
use promoter_sources::git::{Credentials, GitCache, GitError, GitTree, Limits};
use promoter_testkit::git::{Fault, GitDaemon, GitHttp, TestRepo};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

use super::{everything, expected, head_of, id, open, sample};

#[test]
fn every_transport_gives_the_same_refs() {
    let repo = sample();
    repo.git(&["tag", "-a", "-m", "first", "v1", "main~1"]);
    let (http, old, daemon) = (GitHttp::start(&repo), GitHttp::start(&repo), GitDaemon::start(&repo));
    old.break_at("", Fault::OldProtocol);
    let root = TempDir::new().unwrap();
    let plain = repo.path().display().to_string();
    for url in [http.url(), old.url(), daemon.url(), repo.url(), plain] {
        let refs = open(root.path(), &url).ls_refs(&["refs/heads/environment/", "refs/tags/"]).unwrap();
        assert_eq!(refs.default_branch.as_deref(), Some("refs/heads/main"), "{url}");
        let named = |name: &str| refs.tips.get(name).map(ToString::to_string);
        assert_eq!(named("HEAD"), repo.id("main"), "{url}");
        assert_eq!(named("refs/heads/environment/dev"), repo.id("environment/dev"), "{url}");
        assert_eq!(named("refs/tags/v1"), repo.id("main~1"), "{url}: tags are peeled");
        assert_eq!(refs.tips.len(), 3, "{url}: {refs:?}");
    }
}

#[test]
fn an_empty_repository_has_no_refs() {
    let (repo, root) = (TestRepo::new(), TempDir::new().unwrap());
    let (http, old) = (GitHttp::start(&repo), GitHttp::start(&repo));
    old.break_at("", Fault::OldProtocol);
    for url in [http.url(), old.url(), repo.url()] {
        let refs = open(root.path(), &url).ls_refs(&["refs/"]).unwrap();
        assert!(refs.tips.is_empty(), "{url}");
    }
}

#[test]
fn trees_are_what_git_says() {
    let repo = sample();
    let (http, old, daemon) = (GitHttp::start(&repo), GitHttp::start(&repo), GitDaemon::start(&repo));
    old.break_at("", Fault::OldProtocol);
    for url in [http.url(), old.url(), daemon.url(), repo.url()] {
        let root = TempDir::new().unwrap();
        let tree = open(root.path(), &url).tree(&head_of(&repo, "main"), "").unwrap();
        assert_eq!(everything(&tree), expected(&repo, "main"), "{url}");
        let names = ["a.txt", "base", "base.txt", "empty", "link", "run.sh"];
        assert_eq!(tree.list("").unwrap(), names, "{url}: in byte order, unlike in the tree object");
    }
}

#[test]
fn links_stay_inside() {
    let (repo, root) = (TestRepo::new(), TempDir::new().unwrap());
    repo.on("main")
        .file("app/real/file", b"x")
        .file("secret", b"s")
        .link("app/to-file", "real/file")
        .link("app/to-directory", "./real/../real")
        .link("app/up", "..")
        .link("app/out", "../../etc")
        .link("app/absolute", "/etc/passwd")
        .link("app/a", "b")
        .link("app/b", "a")
        .link("app/nowhere", "gone")
        .commit();
    let head = head_of(&repo, "main");
    let cache = open(root.path(), &repo.url());
    let whole = cache.tree(&head, "").unwrap();
    assert_eq!(whole.read("app/to-file").unwrap().as_ref(), b"x");
    assert_eq!(whole.real_path("app/to-directory/file").unwrap(), "app/real/file");
    assert_eq!(whole.read("app/up/secret").unwrap().as_ref(), b"s");
    assert!(matches!(whole.read("app/out"), Err(FileError::Outside(_))));
    assert!(matches!(whole.read("app/absolute"), Err(FileError::Outside(_))));
    assert!(matches!(whole.read("app/a"), Err(FileError::Loop(_))));
    assert!(matches!(whole.read("app/nowhere"), Err(FileError::Missing(_))));
    assert!(matches!(whole.read("app/real/file/x"), Err(FileError::Missing(_))));
    assert_eq!(whole.kind("app/absolute"), None);
    let below = cache.tree(&head, "app").unwrap();
    assert!(
        matches!(below.read("up/secret"), Err(FileError::Outside(_))),
        "the root is the directory asked for"
    );
    for path in ["gone", "secret", "app/out"] {
        assert!(matches!(cache.tree(&head, path), Err(GitError::NoDirectory { .. })), "{path}");
    }
}

#[test]
fn files_beyond_the_limit_are_refused() {
    let (repo, root) = (TestRepo::new(), TempDir::new().unwrap());
    let head = id(&repo.commit("main", &[("large", &"x".repeat(5_000)), ("small", "x")]));
    let http = GitHttp::start(&repo);
    for url in [http.url(), repo.url()] {
        let limits = Limits { file_bytes_max: 4_000, ..Limits::default() };
        let cache = GitCache::open(root.path(), &url.parse().unwrap(), Credentials::None, limits).unwrap();
        let tree = cache.tree(&head, "").unwrap();
        assert_eq!(tree.read("large"), Err(FileError::TooLarge("large".into(), 4_000)), "{url}");
        assert!(tree.read("small").is_ok());
        let limits = Limits { tree_bytes_max: 4_000, ..Limits::default() };
        let cache = GitCache::open(root.path(), &url.parse().unwrap(), Credentials::None, limits).unwrap();
        let tree = cache.tree(&head, "").unwrap();
        assert!(matches!(tree.read("large"), Err(FileError::TooLarge(..))), "{url}: the sum counts too");
    }
}

#[test]
fn history_is_fetched_as_far_as_it_is_walked() {
    let (repo, root) = (TestRepo::new(), TempDir::new().unwrap());
    let ids = repo.commits("main", 90);
    let side = repo.commit("side", &[("side", "1")]);
    let merged = repo.on("main").merging(&[&side]).file("step", b"merged").at(1_700_000_100).commit();
    let http = GitHttp::start(&repo);
    for url in [http.url(), repo.url()] {
        let cache = open(root.path(), &url);
        let log = cache.first_parent_log(&id(&merged), 3).unwrap();
        let found: Vec<&str> = log.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(found, [&merged, &ids[89], &ids[88]]);
        assert_eq!(log[0].parents, [id(&ids[89]), id(&side)]);
        assert!(cache.is_ancestor(&id(&side), &id(&merged)).unwrap());
        assert!(cache.is_ancestor(&id(&ids[0]), &id(&merged)).unwrap());
        assert!(!cache.is_ancestor(&id(&merged), &id(&ids[89])).unwrap());
        assert!(!cache.is_ancestor(&id(&side), &id(&ids[89])).unwrap());
        assert_eq!(cache.first_parent_log(&id(&merged), 1_000).unwrap().len(), 91);
        assert_eq!(cache.commit(&id(&ids[5])).unwrap().message, "change");
    }
}

#[test]
fn notes_are_found_flat_and_spread() {
    const REF: &str = "--ref=hydrator.metadata";
    let (repo, root) = (TestRepo::new(), TempDir::new().unwrap());
    let ids = repo.commits("main", 300);
    let mut batch = String::new();
    for step in 0..300 {
        batch.push_str(&format!("{} {}\n", ids[0], ids[step]));
        if step != 2 && step != 299 {
            continue;
        }
        repo.git(&["notes", REF, "add", "-f", "-m", "the note", &ids[0]]);
        repo.git_with_input(
            &["notes", REF, "copy", "-f", "--stdin"],
            batch.split_once('\n').unwrap().1.as_bytes(),
        );
        let (from, to) = (&ids[0], &ids[step]);
        let expected = format!("note on {step}\n");
        repo.git(&["notes", REF, "add", "-f", "-m", expected.trim(), to]);
        let head = head_of(&repo, "refs/notes/hydrator.metadata");
        let cache = open(root.path(), &repo.url());
        assert_eq!(cache.note(&head, &id(from)).unwrap().as_deref(), Some("the note\n"));
        assert_eq!(cache.note(&head, &id(to)).unwrap(), Some(expected));
        assert!(ids[1..step].iter().all(|it| cache.note(&head, &id(it)).unwrap().is_some()));
        assert_eq!(cache.note(&head, &head).unwrap(), None);
    }
    let tree = repo.git(&["ls-tree", "refs/notes/hydrator.metadata"]);
    assert!(tree.lines().all(|it| it.starts_with("040000")), "git has spread them: {tree}");
}

#[test]
fn a_dot_git_directory_is_read_without_trusting_it() {
    let (repo, limits) = (sample(), Limits::default());
    let head = head_of(&repo, "main");
    let loose = GitTree::from_dot_git(repo.path(), &head, "", &limits).unwrap();
    assert_eq!(everything(&loose), expected(&repo, "main"));
    repo.git(&["repack", "-a", "-d", "-q"]);
    let packed = GitTree::from_dot_git(repo.path(), &head, "", &limits).unwrap();
    assert_eq!(everything(&packed), expected(&repo, "main"));
    let code = |path: &Path, commit: &CommitId| {
        GitTree::from_dot_git(path, commit, "", &limits).unwrap_err().diagnosis().code
    };
    assert_eq!(code(repo.path(), &id("00000000000000000000000000000000000000ab")), "git-no-commit");
    assert_eq!(code(Path::new("/nonexistent"), &head), "git-dot-git");

    let borrower = TestRepo::new();
    let info = borrower.path().join("objects/info");
    std::fs::create_dir_all(&info).unwrap();
    std::fs::write(info.join("alternates"), format!("{}/objects\n", repo.path().display())).unwrap();
    assert_eq!(code(borrower.path(), &head), "git-dot-git");
}

#[test]
fn a_dot_git_directory_in_memory_is_read_too() {
    let repo = sample();
    repo.git(&["gc", "-q"]);
    // The bare repository's own files play the archive: committed to another repository they are a tree of files.
    let (archive, root) = (TestRepo::new(), TempDir::new().unwrap());
    let mut commit = archive.on("main").file(".git/objects/info/alternates", b"/elsewhere\n");
    for entry in std::fs::read_dir(repo.path().join("objects/pack")).unwrap() {
        let path = entry.unwrap().path();
        let name = format!(".git/objects/pack/{}", path.file_name().unwrap().to_str().unwrap());
        commit = commit.file(&name, &std::fs::read(&path).unwrap());
    }
    let files = open(root.path(), &archive.url()).tree(&id(&commit.commit()), "").unwrap();
    let (scratch, limits) = (TempDir::new().unwrap(), Limits::default());
    let head = head_of(&repo, "main");
    let tree = GitTree::from_dot_git_files(&files, ".git", scratch.path(), &head, "base", &limits).unwrap();
    assert_eq!(tree.read("deep/er/file.yaml").unwrap().as_ref(), b"kind: A\n");
    drop(tree);
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0, "nothing is left");
}

const OVER_SSH: &str = "PROMOTER_TEST_SSH";

/// The program `ssh` is played by a script that runs the command on this machine, as the server's shell would.
#[test]
fn ssh_runs_the_program_of_that_name() {
    if let Ok(task) = std::env::var(OVER_SSH) {
        let (url, root) = task.split_once(' ').unwrap();
        let cache = open(Path::new(root), url);
        let head = cache.ls_refs(&["refs/heads/main"]).unwrap().tips["refs/heads/main"].clone();
        assert_eq!(cache.tree(&head, "").unwrap().read("a.txt").unwrap().as_ref(), b"two\n");
        let gone = open(Path::new(root), &format!("{url}x")).ls_refs(&[]).unwrap_err();
        assert_eq!(gone.diagnosis().code, "git-no-repository", "{gone}");
        return;
    }
    let (repo, root) = (sample(), TempDir::new().unwrap());
    let script = root.path().join("ssh");
    std::fs::write(&script, "#!/bin/sh\nfor command; do :; done\nexec sh -c \"$command\"\n").unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", root.path().display(), std::env::var("PATH").unwrap());
    let task = format!("git@example.com:{} {}", repo.path().display(), root.path().display());
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "read::ssh_runs_the_program_of_that_name"])
        .env("PATH", path)
        .env(OVER_SSH, task);
    let output = command.output().unwrap();
    let words = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && words.contains("1 passed"), "{words}");
}
