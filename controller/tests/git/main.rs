//! Writing repositories on real git servers.

#![expect(clippy::unwrap_used, reason = "a failed unwrap in a test is a failed test")]

mod bases;
mod draft;
mod push;
mod refused;
mod transports;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use promoter_controller::apply::git::{Change, Draft, NewCommit, NewFile, RefUpdate};
use promoter_core::{CommitId, UnixSeconds};
use promoter_sources::git::{Credentials, GitCache, Limits, Signature};
use promoter_testkit::git::TestRepo;

fn id(text: &str) -> CommitId {
    text.parse().unwrap()
}

fn tip(repo: &TestRepo, revision: &str) -> Option<CommitId> {
    repo.id(revision).map(|it| id(&it))
}

fn open(root: &Path, url: &str) -> GitCache {
    let limits = Limits { deadline: Duration::from_secs(20), ..Limits::default() };
    GitCache::open(root, &url.parse().unwrap(), Credentials::None, limits).unwrap()
}

/// The person that [`TestRepo`] commits as.
fn person() -> Signature {
    let (name, email) = ("Test".into(), "test@example.com".into());
    Signature { name, email, at: UnixSeconds(1_700_000_000), offset_minutes: 0 }
}

fn file(content: &str) -> NewFile {
    NewFile { bytes: content.into(), executable_if_new: false }
}

fn write(path: &str, content: &str) -> Change {
    Change::File { path: path.into(), file: file(content) }
}

fn directory(path: &str, files: &[(&str, &str)]) -> Change {
    let files: BTreeMap<_, _> = files.iter().map(|(name, content)| ((*name).into(), file(content))).collect();
    Change::Directory { path: path.into(), files }
}

fn update(name: &str, expect: Option<CommitId>, to: &CommitId) -> RefUpdate {
    RefUpdate { name: name.into(), expect, to: to.clone() }
}

/// A commit of some changes on top of others.
fn commit_on(draft: &mut Draft, parents: &[&CommitId], changes: &[Change], message: &str) -> CommitId {
    let tree = draft.edit(parents.first().copied(), changes).unwrap();
    let parents: Vec<CommitId> = parents.iter().map(|it| (*it).clone()).collect();
    let (author, committer) = (&person(), &person());
    draft.commit(&NewCommit { tree: &tree, parents: &parents, author, committer, message }).unwrap()
}
