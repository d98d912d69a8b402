//! Reading repositories from real git servers.

#![expect(clippy::unwrap_used, reason = "a failed unwrap in a test is a failed test")]

mod bound;
mod cache;
mod discovery;
mod disk;
mod faults;
mod logins;
mod partial;
mod proxies;
mod read;
mod small_disk;
mod transports;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use promoter_core::CommitId;
use promoter_kustomize::{FileKind, Files};
use promoter_sources::git::{Credentials, GitCache, Limits};
use promoter_testkit::git::TestRepo;

fn id(text: &str) -> CommitId {
    text.parse().unwrap()
}

fn head_of(repo: &TestRepo, revision: &str) -> CommitId {
    id(&repo.id(revision).unwrap())
}

fn open(root: &Path, url: &str) -> GitCache {
    let limits = Limits { deadline: Duration::from_secs(20), ..Limits::default() };
    GitCache::open(root, &url.parse().unwrap(), Credentials::None, limits).unwrap()
}

/// Bytes that do not compress, each seed's its own.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(&mut next).flatten().take(length).collect()
}

/// A repository of four commits with files of all kinds.
fn sample() -> TestRepo {
    let repo = TestRepo::new();
    let first = [("a.txt", "one\n"), ("base/deep/er/file.yaml", "kind: A\n"), ("base.txt", "sorts around\n")];
    repo.commit("main", &first);
    repo.on("main")
        .executable("run.sh", b"#!/bin/sh\n")
        .link("link", "base/deep")
        .file("empty", b"")
        .commit();
    repo.commit("main", &[("a.txt", "two\n")]);
    repo.commit("environment/dev", &[("guestbook/manifest.yaml", "x: 1\n")]);
    repo
}

/// Every file of a tree with its bytes, without those behind links.
fn everything(tree: &dyn Files) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![String::new()];
    while let Some(directory) = open.pop() {
        for name in tree.list(&directory).unwrap() {
            let path = format!("{directory}/{name}").trim_start_matches('/').to_owned();
            match tree.kind(&path) {
                _ if tree.real_path(&path).unwrap() != path => {}
                Some(FileKind::File) => drop(found.insert(path.clone(), tree.read(&path).unwrap().to_vec())),
                Some(FileKind::Directory) => open.push(path),
                None => {}
            }
        }
    }
    found
}

/// The same as the git program says it.
fn expected(repo: &TestRepo, revision: &str) -> BTreeMap<String, Vec<u8>> {
    let listing = repo.git(&["ls-tree", "-r", revision]);
    let files = listing.lines().filter(|it| !it.starts_with("120000"));
    let read = |line: &str| {
        let (head, path) = line.split_once('\t').unwrap();
        let blob = head.split(' ').nth(2).unwrap();
        (path.to_owned(), repo.try_git(&["cat-file", "blob", blob], b"").stdout)
    };
    files.map(read).collect()
}
