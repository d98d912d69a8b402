//! Whether commits of the dry branch differ in lockfiles alone: promotions in the layout `folders` do, and change nothing that
//! renders or pipelines are made of.

use std::collections::BTreeMap;

use promoter_core::{CommitId, LOCK_FILE};
use promoter_sources::git::{EntryMode, GitCache, GitError, TreeEntries, TreeId};

type Entries = BTreeMap<Vec<u8>, (EntryMode, String)>;

/// True when every path in which two commits differ is a lockfile. Reads only the directories in which they differ; what
/// cannot be read counts as "no".
pub(super) fn differ_in_locks_only(cache: &GitCache, before: &CommitId, now: &CommitId) -> bool {
    compare(cache, before, now).unwrap_or(None).is_some()
}

fn compare(cache: &GitCache, before: &CommitId, now: &CommitId) -> Result<Option<()>, GitError> {
    let mut left = vec![(cache.commit(before)?.tree, cache.commit(now)?.tree)];
    while let Some((old, new)) = left.pop() {
        if old == new {
            continue;
        }
        let (Some(old), Some(new)) =
            (entries(&cache.tree_object(&old, before)?), entries(&cache.tree_object(&new, now)?))
        else {
            return Ok(None);
        };
        for name in old.keys().chain(new.keys().filter(|it| !old.contains_key(*it))) {
            match (old.get(name), new.get(name)) {
                (one, other) if one == other || are_locks(name, one, other) => {}
                (Some((EntryMode::Directory, one)), Some((EntryMode::Directory, other))) => {
                    let (Some(one), Some(other)) = (TreeId::from_hex(one), TreeId::from_hex(other)) else {
                        return Ok(None);
                    };
                    left.push((one, other));
                }
                _ => return Ok(None),
            }
        }
    }
    Ok(Some(()))
}

fn are_locks(name: &[u8], one: Option<&(EntryMode, String)>, other: Option<&(EntryMode, String)>) -> bool {
    let is_file = |it: Option<&(EntryMode, String)>| it.is_none_or(|(mode, _)| *mode == EntryMode::File);
    name == LOCK_FILE.as_bytes() && is_file(one) && is_file(other)
}

fn entries(tree: &[u8]) -> Option<Entries> {
    let one = |entry: Result<promoter_sources::git::TreeEntry<'_>, _>| {
        let entry = entry.ok()?;
        Some((entry.name.to_vec(), (entry.mode, entry.id.to_string())))
    };
    TreeEntries::new(tree).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use promoter_sources::git::{Credentials, Limits, RepoUrl};
    use promoter_testkit::git::TestRepo;

    const LOCK: &str = "apps/a/envs/dev/promotion.lock.yaml";

    #[test]
    fn a_promotion_changes_locks_and_nothing_else() {
        let repo = TestRepo::new();
        let url: RepoUrl = repo.url().parse().unwrap();
        let unused = std::path::Path::new("");
        let cache = GitCache::open(unused, &url, Credentials::None, Limits::default()).unwrap();
        let first = repo.commit("main", &[("apps/a/envs/dev/map.yaml", "a: 1\n"), ("README.md", "")]);
        let mut before = first.clone();
        let mut then = |now: String| {
            let [old, new] = [&before, &now].map(|it| it.parse().unwrap());
            before = now;
            differ_in_locks_only(&cache, &old, &new)
        };
        let on = || repo.on("main");
        assert!(then(on().file(LOCK, b"one").commit()), "made");
        assert!(then(on().file(LOCK, b"two").file("promotion.lock.yaml", b"three").commit()), "changed");
        assert!(then(on().message("nothing").commit()), "nothing");
        assert!(!then(on().file(LOCK, b"three").file("README.md", b"x").commit()), "with something else");
        assert!(!then(on().file("apps/a/envs/dev/map.yaml", b"a: 2\n").commit()), "something else");
        assert!(!then(on().executable(LOCK, b"three").commit()), "another mode");
        assert!(!then(on().remove(LOCK).commit()), "it was executable");
        assert!(then(on().remove("promotion.lock.yaml").commit()), "removed");
        assert!(
            !then(on().file("apps/b/promotion.lock.yaml", b"one").commit()),
            "a directory that was not there"
        );
        assert!(!then(on().link(LOCK, "map.yaml").commit()), "a link");
        assert!(!then(on().file(&format!("{LOCK}/map.yaml"), b"").commit()), "a directory of the name");
        let [old, new] = [&first, &"0".repeat(40)].map(|it| it.parse().unwrap());
        assert!(!differ_in_locks_only(&cache, &old, &new), "unread");
    }
}
