//! Servers that refuse, and servers whose disk is in the way: who mends it, and that nothing is half written.

use promoter_controller::apply::git::{Draft, PushError, Pushed};
use promoter_core::{Diagnosis, Fault as Mends};
use promoter_testkit::git::{GitHttp, TestRepo};
use promoter_testkit::on_small_disk;
use tempfile::TempDir;

use super::push::{ACTIVE, NEXT, sample};
use super::{commit_on, open, tip, update, write};

/// Adds a file to the active branch and moves the proposed one along.
fn push(repo: &TestRepo, url: &str, content: &str) -> Result<Pushed, PushError> {
    let root = TempDir::new().unwrap();
    let mut draft = Draft::new(&open(root.path(), url));
    let seen = tip(repo, ACTIVE).unwrap();
    let made = commit_on(&mut draft, &[&seen], &[write("x", content)], "ours");
    draft.push(&[update(ACTIVE, Some(seen), &made), update(NEXT, tip(repo, NEXT), &made)])
}

fn refused(repo: &TestRepo, url: &str, content: &str) -> Diagnosis {
    let before = repo.git(&["for-each-ref"]);
    let diagnosis = push(repo, url, content).unwrap_err().diagnosis();
    assert_eq!(repo.git(&["for-each-ref"]), before, "{diagnosis}");
    diagnosis
}

#[test]
fn the_protections_of_the_hosts_are_told_with_the_way_through() {
    let repo = sample();
    let http = GitHttp::start(&repo);
    for (words, way) in [
        ("error: GH006: Protected branch update failed for refs/heads/environment/dev.", "GitHub"),
        ("error: GH013: Repository rule violations found for refs/heads/environment/dev.", "GitHub"),
        ("GitLab: You are not allowed to push code to protected branches on this project.", "GitLab"),
        ("Gitea: Not allowed to push to protected branch environment/dev", "Gitea"),
        ("Forgejo: Not allowed to push to protected branch environment/dev", "Forgejo"),
        ("Branch refs/heads/environment/dev can only be modified through pull requests.", "Bitbucket"),
        ("TF402455: Pushes to this branch are not permitted; you must use a pull request.", "Azure"),
        ("no change on Fridays", "hook"),
    ] {
        let line = words.replace('\'', "");
        repo.hook(
            "update",
            &format!("test $1 = {NEXT} || {{ echo; echo '{line}'; echo '  '; exit 1; }} >&2"),
        );
        for url in [http.url(), repo.url()] {
            let diagnosis = refused(&repo, &url, words);
            assert_eq!((diagnosis.code, diagnosis.fault), ("push-rejected", Mends::Input), "{diagnosis}");
            assert!(
                diagnosis.cause.contains(&format!("`{ACTIVE}`")) && diagnosis.cause.contains(words),
                "{diagnosis}"
            );
            assert!(diagnosis.hint.as_ref().unwrap().contains(way), "{diagnosis}");
        }
    }
}

#[test]
fn a_lock_file_that_a_killed_process_left_is_named_until_it_is_gone() {
    let repo = sample();
    let http = GitHttp::start(&repo);
    for url in [http.url(), repo.url()] {
        let lock = repo.path().join(format!("{ACTIVE}.lock"));
        std::fs::write(&lock, "").unwrap();
        let diagnosis = refused(&repo, &url, &url);
        assert_eq!((diagnosis.code, diagnosis.fault), ("git-unreachable", Mends::Upstream), "{diagnosis}");
        assert!(diagnosis.cause.contains("dev.lock': File exists"), "{diagnosis}");
        std::fs::remove_file(&lock).unwrap();
        assert_eq!(push(&repo, &url, &url), Ok(Pushed::Reported), "{url}");
    }
    repo.fsck();
}

#[test]
fn more_than_the_server_takes_is_a_matter_for_people() {
    let repo = sample();
    let http = GitHttp::start(&repo);
    repo.git(&["config", "receive.maxInputSize", "200"]);
    for url in [http.url(), repo.url()] {
        let text: String = (0u32..2_000).map(|it| format!("{:x}", it.wrapping_mul(2_654_435_761))).collect();
        let diagnosis = refused(&repo, &url, &text);
        assert_eq!((diagnosis.code, diagnosis.fault), ("push-rejected", Mends::Input), "{diagnosis}");
        assert!(diagnosis.hint.as_ref().unwrap().contains("raise its limit"), "{diagnosis}");
    }
}

#[test]
fn repositories_with_other_ids_are_not_written_to() {
    let directory = TempDir::new().unwrap();
    let mut git = std::process::Command::new("git");
    git.current_dir(directory.path()).args([
        "init",
        "--quiet",
        "--bare",
        "--object-format=sha256",
        "repo.git",
    ]);
    assert!(git.status().unwrap().success());
    let daemon = promoter_testkit::git::GitDaemon::start_in(directory.path());
    let root = TempDir::new().unwrap();
    let mut draft = Draft::new(&open(root.path(), &daemon.url()));
    let made = commit_on(&mut draft, &[], &[write("x", "1")], "ours");
    let diagnosis = draft.push(&[update(NEXT, None, &made)]).unwrap_err().diagnosis();
    assert_eq!((diagnosis.code, diagnosis.fault), ("git-unsupported", Mends::Input), "{diagnosis}");
}

const TASK: &str = "PROMOTER_TEST_SERVER_DISK";

#[test]
fn a_server_whose_disk_is_full_is_tried_again() {
    if std::env::var(TASK).is_ok() {
        return on_the_disk();
    }
    let disk = TempDir::new().unwrap();
    let Some(mut command) = on_small_disk(disk.path(), 1_024) else { return };
    command.arg(std::env::current_exe().unwrap());
    command.args(["--exact", "refused::a_server_whose_disk_is_full_is_tried_again"]);
    // Temporary directories, and so the repository, lie on the small disk.
    let output = command.env(TASK, "1").env("TMPDIR", disk.path()).output().unwrap();
    let words = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && words.contains("1 passed"), "{words}");
}

/// More than fits on the disk, however well it is compressed.
fn noise() -> String {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..200_000).map(|_| format!("{:016x}", next())).collect()
}

fn on_the_disk() {
    let repo = sample();
    repo.git(&["config", "receive.unpackLimit", "1"]);
    let noise = noise();
    let diagnosis = refused(&repo, &repo.url(), &noise);
    assert_eq!((diagnosis.code, diagnosis.fault), ("git-unreachable", Mends::Upstream), "{diagnosis}");
    assert!(diagnosis.cause.contains("No space left"), "{diagnosis}");
    assert_eq!(push(&repo, &repo.url(), "small"), Ok(Pushed::Reported));
    repo.fsck();
}
