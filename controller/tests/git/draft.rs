//! What is made is what git itself would make, and changes nothing that was not named.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;

use promoter_controller::apply::git::{Change, Draft, DraftError, NewCommit, NewFile};
use promoter_core::UnixSeconds;
use promoter_signatures::{SigningKey, split};
use promoter_sources::git::Signature;
use promoter_testkit::git::TestRepo;
use tempfile::TempDir;

use super::{commit_on, directory, file, id, open, person, tip, update, write};

/// Makes a commit of the changes on `main`, pushes it, and gives git's listing of it.
fn listing(repo: &TestRepo, changes: &[Change]) -> String {
    let root = TempDir::new().unwrap();
    let mut draft = Draft::new(&open(root.path(), &repo.url()));
    let head = tip(repo, "main");
    let parents: Vec<_> = head.iter().collect();
    let made = commit_on(&mut draft, &parents, changes, "edit");
    draft.push(&[update("refs/heads/main", head, &made)]).unwrap();
    repo.fsck();
    repo.git(&["ls-tree", "-r", "--format=%(objectmode) %(path)", "main"])
}

#[test]
fn ids_are_those_of_git() {
    let (repo, root) = (TestRepo::new(), TempDir::new().unwrap());
    let mut draft = Draft::new(&open(root.path(), &repo.url()));
    let changes =
        [write("a", "1\n"), write("a-b", "2"), write("a.b", "3"), write("dir/x", "4"), write("dir.x", "5")];
    let tree = draft.edit(None, &changes).unwrap();
    let (name, email) = ("Ä <b>\n".to_owned(), "ae@example.com".to_owned());
    let author = Signature { name, email, at: UnixSeconds(1_600_000_000), offset_minutes: -90 };
    let new = NewCommit {
        tree: &tree,
        parents: &[],
        author: &author,
        committer: &person(),
        message: "Say\n\nmore\n\n\n",
    };
    let made = draft.commit(&new).unwrap();

    let blob = |content: &str| repo.git_with_input(&["hash-object", "-w", "--stdin"], content.as_bytes());
    let below = repo.git_with_input(&["mktree"], format!("100644 blob {}\tx\n", blob("4")).as_bytes());
    let (one, two, three, five) = (blob("1\n"), blob("2"), blob("3"), blob("5"));
    let entries = format!(
        "100644 blob {one}\ta\n100644 blob {two}\ta-b\n100644 blob {three}\ta.b\n040000 tree {below}\tdir\n100644 blob {five}\tdir.x\n"
    );
    assert_eq!(tree.as_str(), repo.git_with_input(&["mktree"], entries.as_bytes()));
    let text = format!(
        "tree {tree}\nauthor Ä b <ae@example.com> 1600000000 -0130\n\
         committer Test <test@example.com> 1700000000 +0000\n\nSay\n\nmore\n"
    );
    assert_eq!(
        made.as_str(),
        repo.git_with_input(&["hash-object", "-t", "commit", "-w", "--stdin"], text.as_bytes())
    );

    let empty = draft.edit(None, &[]).unwrap();
    assert_eq!(empty.as_str(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904", "the empty tree");
}

#[test]
fn a_signature_changes_nothing_but_itself() {
    let (repo, root) = (TestRepo::new(), TempDir::new().unwrap());
    let file = root.path().join("key");
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&file);
    assert!(command.status().unwrap().success());
    let text = std::fs::read_to_string(&file).unwrap();
    let key = Arc::new(SigningKey::read(&text, None, "key", UnixSeconds(0)).unwrap());
    let cache = open(&root.path().join("cache"), &repo.url());
    let tries = [("plain", None), ("signed", Some(&key)), ("again", Some(&key))];
    let [plain, signed, again] = tries.map(|(branch, key)| {
        let mut draft = Draft::new(&cache).signed_by(key.cloned());
        let made = commit_on(&mut draft, &[], &[write("a", "1")], "say");
        let name = format!("refs/heads/{branch}");
        draft.push(&[update(&name, None, &made)]).unwrap();
        repo.try_git(&["cat-file", "commit", made.as_str()], b"").stdout
    });
    assert_eq!(split(&signed).payload, plain);
    assert_eq!((split(&signed).signatures.len(), split(&plain).signatures.len()), (1, 0));
    assert_eq!(signed, again, "ids are the same again");
    repo.fsck();
}

#[test]
fn what_was_not_named_stays() {
    let repo = TestRepo::new();
    repo.on("main")
        .file("guestbook/manifest.yaml", b"old")
        .file("guestbook/stale.yaml", b"old")
        .file("guestbook/sub/dir/file", b"old")
        .executable("other/manifest.yaml", b"theirs")
        .link("link", "other")
        .file("hydrator.metadata", b"{}")
        .commit();
    let changes = [
        directory("guestbook", &[("manifest.yaml", "new"), ("README.md", "read")]),
        write("new/deep/er", "x"),
    ];
    let expected = "100644 guestbook/README.md\n100644 guestbook/manifest.yaml\n100644 hydrator.metadata\n\
                    120000 link\n100644 new/deep/er\n100755 other/manifest.yaml";
    assert_eq!(listing(&repo, &changes), expected);
    assert_eq!(repo.git(&["show", "main:guestbook/manifest.yaml"]), "new");
}

#[test]
fn modes_are_kept_or_given() {
    let repo = TestRepo::new();
    repo.on("main").executable("kept", b"x").file("plain", b"x").link("link", "plain").commit();
    let executable = |path: &str| Change::File {
        path: path.into(),
        file: NewFile { bytes: b"new".to_vec(), executable_if_new: true },
    };
    let changes =
        [write("kept", "new"), executable("plain"), executable("new"), write("link", "no link any more")];
    assert_eq!(listing(&repo, &changes), "100755 kept\n100644 link\n100755 new\n100644 plain");
}

#[test]
fn paths_are_taken_from_other_commits_or_removed() {
    let repo = TestRepo::new();
    repo.on("main")
        .file("a/old", b"x")
        .file("b/old", b"x")
        .file("root", b"old")
        .file("keep/x", b"x")
        .commit();
    let other =
        id(&repo.commit("other", &[("a/new", "y"), ("a/deep/new", "y"), ("root", "new"), ("c", "y")]));
    let take = |path: &str| Change::Take { path: path.into(), from: other.clone() };
    let remove = |path: &str| Change::Remove { path: path.into() };
    let changes =
        [take("a"), take("b"), take("root"), take("nowhere/at/all"), remove("keep/x"), remove("no/such")];
    assert_eq!(listing(&repo, &changes), "100644 a/deep/new\n100644 a/new\n100644 root");
    assert_eq!(repo.id("main:a"), repo.id("other:a"), "the directory is the same object");
}

#[test]
fn what_changes_nothing_gives_the_same_tree_and_no_objects() {
    let (repo, root) = (TestRepo::new(), TempDir::new().unwrap());
    let head = id(&repo.commit("main", &[("app/a", "1"), ("app/b", "2"), ("c", "3")]));
    let cache = open(root.path(), &repo.url());
    let mut draft = Draft::new(&cache);
    let changes =
        [directory("app", &[("a", "1"), ("b", "2")]), write("c", "3"), Change::Remove { path: "x/y".into() }];
    let tree = draft.edit(Some(&head), &changes).unwrap();
    assert_eq!(tree, cache.commit(&head).unwrap().tree);
}

#[test]
fn what_is_made_can_be_built_upon() {
    let (repo, root) = (TestRepo::new(), TempDir::new().unwrap());
    let mut draft = Draft::new(&open(root.path(), &repo.url()));
    let first = commit_on(&mut draft, &[], &[write("a/x", "1"), write("b/x", "1")], "first");
    let second = commit_on(&mut draft, &[&first], &[write("a/y", "2")], "second");
    let taken = Change::Take { path: "a".into(), from: second.clone() };
    let third = commit_on(&mut draft, &[&first, &second], &[taken], "third");
    draft.push(&[update("refs/heads/new", None, &third)]).unwrap();
    assert_eq!(repo.git(&["ls-tree", "-r", "--name-only", "new"]), "a/x\na/y\nb/x");
    assert_eq!(repo.git(&["rev-list", "--count", "new"]), "3");
    repo.fsck();
}

#[test]
fn paths_that_git_refuses_are_refused() {
    let (repo, root) = (TestRepo::new(), TempDir::new().unwrap());
    let head = id(&repo.commit("main", &[("file", "x"), ("dir/x", "x")]));
    let mut draft = Draft::new(&open(root.path(), &repo.url()));
    for path in ["", "/a", "a/", "a//b", "../a", "a/./b", ".git/config", "a/.GIT", "a\0b"] {
        let edited = draft.edit(Some(&head), &[write(path, "x")]);
        assert!(matches!(edited, Err(DraftError::Path(_))), "{path:?}");
    }
    let nested = Change::Directory { path: "a".into(), files: BTreeMap::from([("x/y".into(), file("x"))]) };
    assert!(matches!(draft.edit(None, &[nested]), Err(DraftError::Path(_))));
    for path in ["file/below", "dir"] {
        let error = draft.edit(Some(&head), &[write(path, "x")]).unwrap_err();
        assert_eq!(error.diagnosis().code, "write-in-the-way", "{error}");
    }
}

#[test]
fn notes_are_what_git_reads() {
    const REF: &str = "refs/notes/hydrator.metadata";
    let (repo, root) = (TestRepo::new(), TempDir::new().unwrap());
    let cache = open(root.path(), &repo.url());
    let ids: Vec<_> = repo.commits("main", 300).iter().map(|it| id(it)).collect();
    // First one note, then so many that they are spread over directories, then one more and one changed.
    for (range, text) in [(0..1, "first"), (0..290, "second"), (289..300, "third")] {
        let mut draft = Draft::new(&cache);
        let new = ids[range.clone()].iter().map(|it| (it.clone(), format!("{text}\n"))).collect();
        let before = tip(&repo, REF);
        let made = draft.notes(before.as_ref(), &new, &person()).unwrap().unwrap();
        draft.push(&[update(REF, before, &made)]).unwrap();
        repo.fsck();
        for commit in [&ids[range.start], &ids[range.end - 1]] {
            let read = repo.git(&["notes", "--ref=hydrator.metadata", "show", commit.as_str()]);
            assert_eq!(read, text);
            assert_eq!(cache.note(&made, commit).unwrap(), Some(format!("{text}\n")));
        }
        let again = Draft::new(&cache).notes(Some(&made), &new, &person()).unwrap();
        assert_eq!(again, None, "nothing is new");
    }
    assert_eq!(repo.git(&["notes", "--ref=hydrator.metadata", "list"]).lines().count(), 300);
    let tree = repo.git(&["ls-tree", REF]);
    assert!(tree.lines().all(|it| it.starts_with("040000")), "{tree}");
    // Git goes on where we stopped.
    repo.git(&["notes", "--ref=hydrator.metadata", "add", "-f", "-m", "git's", ids[5].as_str()]);
    let head = tip(&repo, REF).unwrap();
    assert_eq!(cache.note(&head, &ids[5]).unwrap().unwrap(), "git's\n");
    assert_eq!(cache.note(&head, &ids[6]).unwrap().unwrap(), "second\n");
}

/// Random edits, each compared with what git's own index makes of the same ones.
#[test]
fn random_edits_are_those_of_git() {
    let (repo, root) = (TestRepo::new(), TempDir::new().unwrap());
    let cache = open(root.path(), &repo.url());
    let mut seed = 7_u32;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as usize % below
    };
    let names = ["a", "a-", "a.b", "a0", "b", "B", "ä"];
    let mut head = None;
    for _ in 0..25 {
        let (mut changes, mut lines) = (Vec::new(), String::new());
        for _ in 0..=random(4) {
            // Files and directories have names of their own, so that no edit stands in another's way.
            let directories: String = (0..random(3)).map(|_| format!("{}_/", names[random(7)])).collect();
            let path = format!("{directories}{}", names[random(7)]);
            if random(3) == 0 {
                lines.push_str(&format!("0 0000000000000000000000000000000000000000\t{path}\n"));
                changes.push(Change::Remove { path });
            } else {
                let content = random(5).to_string();
                let blob = repo.git_with_input(&["hash-object", "-w", "--stdin"], content.as_bytes());
                lines.push_str(&format!("100644 {blob}\t{path}\n"));
                changes.push(write(&path, &content));
            }
        }
        repo.git_with_input(&["update-index", "--index-info"], lines.as_bytes());
        let mut draft = Draft::new(&cache);
        let made = commit_on(&mut draft, &head.iter().collect::<Vec<_>>(), &changes, "edit");
        assert_eq!(draft.tree_of(&made).unwrap().as_str(), repo.git(&["write-tree"]), "{changes:?}");
        draft.push(&[update("refs/heads/main", head, &made)]).unwrap();
        head = Some(made);
    }
    repo.fsck();
}
