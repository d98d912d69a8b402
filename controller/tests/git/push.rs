//! Refs move from what was seen to what is new, together, or not at all.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use promoter_controller::apply::git::{Draft, PushError, Pushed};
use promoter_core::Fault as Mends;
use promoter_kustomize::Files;
use promoter_sources::git::{Credentials, GitCache, Limits};
use promoter_testkit::git::{Fault, GitDaemon, GitHttp, TestRepo};
use tempfile::TempDir;

use super::{commit_on, id, open, person, tip, update, write};

pub(crate) const ACTIVE: &str = "refs/heads/environment/dev";
pub(crate) const NEXT: &str = "refs/heads/environment/dev-next/guestbook";
const NOTES: &str = "refs/notes/hydrator.metadata";

/// A repository whose active branch has one commit.
pub(crate) fn sample() -> TestRepo {
    let repo = TestRepo::new();
    repo.commit("main", &[("a", "1")]);
    repo.commit(
        "environment/dev",
        &[("guestbook/manifest.yaml", "old\n"), ("other/manifest.yaml", "theirs\n")],
    );
    repo
}

#[test]
fn several_refs_move_together_over_every_transport() {
    for transport in ["http", "git", "file"] {
        let (repo, root) = (sample(), TempDir::new().unwrap());
        let (http, daemon) = (GitHttp::start(&repo), GitDaemon::start(&repo));
        let url = match transport {
            "http" => http.url(),
            "git" => daemon.url(),
            _ => repo.url(),
        };
        let cache = open(root.path(), &url);
        let active = tip(&repo, "environment/dev").unwrap();
        let mut draft = Draft::new(&cache);
        let made = commit_on(&mut draft, &[&active], &[write("guestbook/manifest.yaml", "new\n")], "promote");
        let note = [(made.clone(), "{}".to_owned())].into();
        let notes = draft.notes(None, &note, &person()).unwrap().unwrap();
        let updates =
            [update(ACTIVE, Some(active), &made), update(NEXT, None, &made), update(NOTES, None, &notes)];
        assert_eq!(draft.push(&updates).unwrap(), Pushed::Reported, "{transport}");
        assert_eq!(repo.git(&["show", "environment/dev:guestbook/manifest.yaml"]), "new");
        assert_eq!(tip(&repo, NEXT), Some(made.clone()));
        assert_eq!(repo.git(&["notes", "--ref=hydrator.metadata", "show", made.as_str()]), "{}");
        repo.fsck();
        http.take_log();
        assert!(cache.is_ancestor(&tip(&repo, "environment/dev~1").unwrap(), &made).unwrap());
        assert!(cache.note(&notes, &made).unwrap().is_some());
        assert_eq!(http.take_log(), [""; 0], "what was pushed is not fetched");
    }
}

#[test]
fn a_ref_that_moved_is_stale_and_nothing_changes() {
    let (repo, root) = (sample(), TempDir::new().unwrap());
    let http = GitHttp::start(&repo);
    for url in [http.url(), repo.url()] {
        let cache = open(root.path(), &url);
        let seen = tip(&repo, "environment/dev").unwrap();
        let mut draft = Draft::new(&cache);
        let made = commit_on(&mut draft, &[&seen], &[write("x", "1")], "ours");
        let theirs = id(&repo.commit("environment/dev", &[("y", "1")]));
        let updates = [update(NEXT, None, &made), update(ACTIVE, Some(seen.clone()), &made)];
        let error = draft.push(&updates).unwrap_err();
        let (name, found) = (ACTIVE.to_owned(), Some(theirs.clone()));
        assert_eq!(error, PushError::Stale { url, name, expected: Some(seen), found });
        assert_eq!(error.diagnosis().fault, Mends::Upstream);
        assert_eq!(tip(&repo, "environment/dev"), Some(theirs));
        assert_eq!(tip(&repo, NEXT), None);
    }
    let mut draft = Draft::new(&open(root.path(), &http.url()));
    let made = commit_on(&mut draft, &[], &[write("x", "1")], "ours");
    let exists = draft.push(&[update(ACTIVE, None, &made)]).unwrap_err();
    assert!(matches!(exists, PushError::Stale { expected: None, found: Some(_), .. }), "{exists}");
    let mut draft = Draft::new(&open(root.path(), &http.url()));
    let made = commit_on(&mut draft, &[], &[write("x", "1")], "ours");
    let gone = draft.push(&[update(NEXT, Some(made.clone()), &made)]).unwrap_err();
    assert!(matches!(gone, PushError::Stale { found: None, .. }), "{gone}");
}

/// The server lists the refs, and another writer comes before our pack: the hook plays that writer.
#[test]
fn a_race_after_the_listing_is_stale_too() {
    let (repo, root) = (sample(), TempDir::new().unwrap());
    let theirs = id(&repo.commit("theirs", &[("y", "1")]));
    // A hook runs after our connection was told the old value and before the refs are locked.
    repo.hook("pre-receive", &format!("unset GIT_QUARANTINE_PATH; git update-ref {ACTIVE} {theirs}"));
    let http = GitHttp::start(&repo);
    let seen = tip(&repo, ACTIVE).unwrap();
    for url in [http.url(), repo.url()] {
        repo.git(&["update-ref", ACTIVE, seen.as_str()]);
        let mut draft = Draft::new(&open(root.path(), &url));
        let made = commit_on(&mut draft, &[&seen], &[write("x", &url)], "ours");
        let updates = [update(NEXT, None, &made), update(ACTIVE, Some(seen.clone()), &made)];
        let error = draft.push(&updates).unwrap_err();
        assert!(matches!(&error, PushError::Stale { name, .. } if name == ACTIVE), "{error}");
        assert_eq!(tip(&repo, ACTIVE), Some(theirs.clone()));
        assert_eq!(tip(&repo, NEXT), None, "all or none");
    }
}

#[test]
fn a_hook_refuses_with_its_words() {
    let (repo, root) = (sample(), TempDir::new().unwrap());
    repo.hook(
        "pre-receive",
        "while read old new ref; do case $ref in refs/heads/environment/dev) \
         echo 'GH006: Protected branch update failed' >&2; exit 1;; esac; done",
    );
    let (http, daemon) = (GitHttp::start(&repo), GitDaemon::start(&repo));
    for url in [http.url(), daemon.url(), repo.url()] {
        let seen = tip(&repo, "environment/dev").unwrap();
        let mut draft = Draft::new(&open(root.path(), &url));
        let made = commit_on(&mut draft, &[&seen], &[write("x", "1")], "ours");
        let updates = [update(NEXT, None, &made), update(ACTIVE, Some(seen.clone()), &made)];
        let error = draft.push(&updates).unwrap_err();
        let diagnosis = error.diagnosis();
        assert_eq!((diagnosis.code, diagnosis.fault), ("push-rejected", Mends::Input), "{url}: {error}");
        assert!(error.to_string().contains("GH006: Protected branch update failed"), "{error}");
        assert_eq!((tip(&repo, ACTIVE), tip(&repo, NEXT)), (Some(seen), None));
    }
}

#[test]
fn one_refused_ref_stops_the_others() {
    let (repo, root) = (sample(), TempDir::new().unwrap());
    repo.hook("update", "test \"$1\" != refs/heads/environment/dev-next/guestbook");
    let seen = tip(&repo, "environment/dev").unwrap();
    let mut draft = Draft::new(&open(root.path(), &repo.url()));
    let made = commit_on(&mut draft, &[&seen], &[write("x", "1")], "ours");
    let updates = [update(ACTIVE, Some(seen.clone()), &made), update(NEXT, None, &made)];
    let error = draft.push(&updates).unwrap_err();
    assert!(matches!(&error, PushError::Rejected { name, .. } if name == NEXT), "{error}");
    assert_eq!(tip(&repo, ACTIVE), Some(seen));
}

#[test]
fn a_ref_below_another_one_is_refused() {
    let (repo, root) = (sample(), TempDir::new().unwrap());
    repo.commit("environment/dev-next", &[("x", "1")]);
    let mut draft = Draft::new(&open(root.path(), &repo.url()));
    let made = commit_on(&mut draft, &[], &[write("x", "1")], "ours");
    let error = draft.push(&[update(NEXT, None, &made)]).unwrap_err();
    assert_eq!(error.diagnosis().code, "push-rejected", "{error}");
}

#[test]
fn of_many_writers_one_wins_each_round() {
    const WRITERS: usize = 4;
    const ROUNDS: usize = 3;
    let repo = sample();
    let http = GitHttp::start(&repo);
    let urls = [http.url(), repo.url()];
    // Each writer adds a line of its own to one file until all of its lines are in.
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let url = &urls[writer % urls.len()];
            scope.spawn(move || {
                let root = TempDir::new().unwrap();
                let cache = open(root.path(), url);
                let mut written = 0;
                while written < ROUNDS {
                    let head = cache.ls_refs(&[ACTIVE]).unwrap().tips[ACTIVE].clone();
                    let mut draft = Draft::new(&cache);
                    let line = write(&format!("log/{writer}-{written}"), "x");
                    let made = commit_on(&mut draft, &[&head], &[line], "ours");
                    match draft.push(&[update(ACTIVE, Some(head), &made)]) {
                        Ok(_) => written += 1,
                        Err(error) => assert_eq!(error.diagnosis().fault, Mends::Upstream, "{error}"),
                    }
                }
            });
        }
    });
    let lines = repo.git(&["ls-tree", "--name-only", "environment/dev:log"]);
    assert_eq!(lines.lines().count(), WRITERS * ROUNDS, "{lines}");
    assert_eq!(repo.git(&["rev-list", "--count", "environment/dev"]), (1 + WRITERS * ROUNDS).to_string());
    repo.fsck();
}

#[test]
fn a_lost_answer_is_found_out() {
    let (repo, root) = (sample(), TempDir::new().unwrap());
    let http = GitHttp::start(&repo);
    let open = |deadline: Duration| {
        let limits = Limits { deadline, ..Limits::default() };
        GitCache::open(root.path(), &http.url().parse().unwrap(), Credentials::None, limits).unwrap()
    };
    let (patient, hasty) = (open(Duration::from_secs(30)), open(Duration::from_millis(500)));
    let push_with = |cache: &GitCache, content: &str| {
        let seen = tip(&repo, "environment/dev").unwrap();
        let mut draft = Draft::new(cache);
        let made = commit_on(&mut draft, &[&seen], &[write("x", content)], "ours");
        let pushed = draft.push(&[update(ACTIVE, Some(seen.clone()), &made)]);
        (pushed, seen, made)
    };
    let push = |content: &str| push_with(&patient, content);
    http.break_at("POST /repo.git/git-receive-pack", Fault::NoAnswer);
    let (pushed, _, made) = push("1");
    assert_eq!(pushed, Ok(Pushed::Found));
    assert_eq!(tip(&repo, ACTIVE), Some(made));

    http.break_at("POST /repo.git/git-receive-pack", Fault::Cut(10));
    let (pushed, _, made) = push("2");
    assert_eq!(pushed, Ok(Pushed::Found));
    assert_eq!(tip(&repo, ACTIVE), Some(made));

    for (fault, cache) in [(Fault::Hang, &hasty), (Fault::Status(503), &patient)] {
        http.break_at("POST /repo.git/git-receive-pack", fault);
        let (pushed, seen, _) = push_with(cache, "3");
        let error = pushed.unwrap_err();
        assert_eq!(error.diagnosis().code, "git-unreachable", "{error}");
        assert_eq!(tip(&repo, ACTIVE), Some(seen));
    }
    http.break_at("POST", Fault::NoAnswer);
    let (pushed, seen, _) = push("4");
    let error = pushed.unwrap_err();
    assert_eq!(error.diagnosis().code, "push-answer-lost", "{error}");
    assert_ne!(tip(&repo, ACTIVE), Some(seen), "it was done, and we say that we do not know");
}

#[test]
fn credentials_are_needed_and_given() {
    let (repo, root) = (sample(), TempDir::new().unwrap());
    let http = GitHttp::start_with_login(&repo, "ada", "s3cret");
    let push = |password: &str| {
        let (url, credentials) = (http.url().parse().unwrap(), Credentials::basic("ada", password));
        let cache = GitCache::open(root.path(), &url, credentials, Limits::default()).unwrap();
        let mut draft = Draft::new(&cache);
        let made = commit_on(&mut draft, &[], &[write("x", "1")], "ours");
        draft.push(&[update(NEXT, None, &made)])
    };
    assert_eq!(push("wr0ng").unwrap_err().diagnosis().code, "git-denied");
    assert_eq!(push("s3cret"), Ok(Pushed::Reported));
}

#[test]
fn a_ref_can_move_to_a_commit_that_is_there() {
    let (repo, root) = (sample(), TempDir::new().unwrap());
    let http = GitHttp::start(&repo);
    let main = tip(&repo, "main").unwrap();
    let cache = open(root.path(), &http.url());
    Draft::new(&cache).push(&[update(NEXT, None, &main)]).unwrap();
    assert_eq!(tip(&repo, NEXT), Some(main.clone()));
    assert_eq!(cache.commit(&main).unwrap().id, main, "the cache does not take it for present");
}

/// Between reading and pushing, the cache was started anew, so what the new objects build upon is no longer in it.
#[test]
fn what_is_kept_is_whole() {
    let (repo, root) = (sample(), TempDir::new().unwrap());
    let http = GitHttp::start(&repo);
    let cache = open(root.path(), &http.url());
    let seen = tip(&repo, ACTIVE).unwrap();
    let mut draft = Draft::new(&cache);
    let made = commit_on(&mut draft, &[&seen], &[write("guestbook/manifest.yaml", "new\n")], "ours");
    for entry in std::fs::read_dir(root.path()).unwrap() {
        let directory = entry.unwrap().path();
        std::fs::write(directory.join("current"), "g-none").unwrap();
    }
    draft.push(&[update(ACTIVE, Some(seen), &made)]).unwrap();
    http.take_log();
    let tree = cache.tree(&made, "").unwrap();
    assert_eq!(tree.read("other/manifest.yaml").unwrap().as_ref(), b"theirs\n");
    assert_eq!(http.take_log().len(), 2, "it was fetched in one conversation");
}

const WRITER: &str = "PROMOTER_TEST_WRITER";

/// Killed while the server works: the refs are old or new together, and the next writer goes on.
#[test]
fn a_killed_writer_leaves_all_or_nothing() {
    if let Ok(task) = std::env::var(WRITER) {
        let words: Vec<&str> = task.split(' ').collect();
        let cache = open(Path::new(words[0]), words[1]);
        let seen = id(words[2]);
        let mut draft = Draft::new(&cache);
        let made = commit_on(&mut draft, &[&seen], &[write("killed", words[2])], "killed");
        let notes = draft.notes(None, &[(made.clone(), "{}".to_owned())].into(), &person()).unwrap().unwrap();
        let _ = draft.push(&[update(ACTIVE, Some(seen), &made), update(NOTES, None, &notes)]);
        return;
    }
    for hook in ["pre-receive", "update", "post-receive"] {
        let (repo, root) = (sample(), TempDir::new().unwrap());
        // The hook says which process waits for it, and goes on when the writer is dead.
        let (reached, go_on) = (root.path().join("reached"), root.path().join("go-on"));
        let wait = format!("while ! test -e {}; do sleep 0.01; done", go_on.display());
        let say = format!("echo $PPID > {0}.new; mv {0}.new {0}", reached.display());
        repo.hook(hook, &format!("{say}\n{wait}"));
        let seen = tip(&repo, ACTIVE).unwrap();
        let task = format!("{} {} {seen}", root.path().display(), repo.url());
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "push::a_killed_writer_leaves_all_or_nothing"]).env(WRITER, task);
        let mut writer = command.stdout(Stdio::null()).spawn().unwrap();
        while !reached.exists() {
            assert!(writer.try_wait().unwrap().is_none(), "it is at {hook}");
            std::thread::yield_now();
        }
        writer.kill().unwrap();
        writer.wait().unwrap();
        std::fs::write(go_on, "").unwrap();
        let server = std::fs::read_to_string(&reached).unwrap();
        while Path::new("/proc").join(server.trim()).exists() {
            std::thread::yield_now();
        }
        let cache = open(root.path(), &repo.url());
        let refs = cache.ls_refs(&[ACTIVE, NOTES]).unwrap().tips;
        assert_eq!(refs[ACTIVE] != seen, refs.contains_key(NOTES), "{hook}: both or none");
        let mut draft = Draft::new(&cache);
        let made = commit_on(&mut draft, &[&refs[ACTIVE]], &[write("next", "1")], "next");
        draft.push(&[update(ACTIVE, Some(refs[ACTIVE].clone()), &made)]).unwrap();
        repo.fsck();
    }
}
