//! Whether what counts differs between two commits, told by the objects of their directories.
//!
//! Only directories whose objects differ are opened, so the answer depends on what the two commits hold and not on how
//! one became the other: a change that was taken back is none, and one that came with any commit in between is one.

use std::collections::{BTreeMap, BTreeSet};

use gix::ObjectId;
use promoter_core::CommitId;

use super::cache::object_id_of_tree;
use super::objects::Kind;
use super::tree_entries::{Entries, Mode};
use super::{GitCache, GitError};

/// So many directories are opened at most.
const DIRECTORIES_MAX: usize = 200_000;

/// How much of a directory counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// Everything in it.
    All,
    /// Nothing in it.
    Nothing,
    /// It has to be looked into.
    Some,
}

/// Which paths count. Paths are those of git, from the root, with `/` between their parts.
pub trait Paths {
    /// True when a file (or link, or submodule) at this path counts.
    fn file(&self, path: &str) -> bool;
    /// What counts at and below a directory at this path. `Some` is always right, and only slower.
    fn directory(&self, path: &str) -> Counts;
}

type Directory = BTreeMap<Vec<u8>, (Mode, ObjectId)>;

/// A directory that differs; one side may be missing.
struct Pair {
    path: String,
    sides: [Option<ObjectId>; 2],
}

impl GitCache {
    /// True when a path that counts differs between two commits.
    pub fn differ(&self, before: &CommitId, now: &CommitId, paths: &dyn Paths) -> Result<bool, GitError> {
        if before == now {
            return Ok(false);
        }
        self.ensure(&[before.clone(), now.clone()])?;
        let roots = [before, now].map(|it| object_id_of_tree(&self.commit(it)?.tree).map(Some));
        let [old, new] = roots;
        let mut level = vec![Pair { path: String::new(), sides: [old?, new?] }];
        let mut opened = 0;
        while !level.is_empty() {
            level.retain(|it| it.sides[0] != it.sides[1]);
            opened += level.len();
            if opened > DIRECTORIES_MAX {
                let (what, url) =
                    ("the number of directories that differ", self.inner.remote.url.to_string());
                return Err(GitError::TooLarge { what, url, limit: DIRECTORIES_MAX as u64 });
            }
            let wanted: BTreeSet<ObjectId> = level.iter().flat_map(|it| it.sides).flatten().collect();
            self.bring(now, &wanted)?;
            let mut below = Vec::new();
            for pair in &level {
                let [old, new] = pair.sides.map(|it| self.entries(it, now));
                if differs(&pair.path, &old?, &new?, paths, &mut below) {
                    return Ok(true);
                }
            }
            level = below;
        }
        Ok(false)
    }

    fn entries(&self, directory: Option<ObjectId>, commit: &CommitId) -> Result<Directory, GitError> {
        let Some(id) = directory else {
            return Ok(Directory::new());
        };
        let bytes = self.bytes(&id, Kind::Tree, commit)?;
        let entry = Entries::new(&bytes).map(|it| it.map(|it| (it.name.to_vec(), (it.mode, it.id))));
        entry.collect::<Result<_, _>>().map_err(|error| GitError::Damaged {
            id: id.to_string(),
            url: self.inner.remote.url.to_string(),
            why: error.to_string(),
        })
    }
}

/// True when an entry that counts differs here; directories that have to be looked into go to `below`.
fn differs(path: &str, old: &Directory, new: &Directory, paths: &dyn Paths, below: &mut Vec<Pair>) -> bool {
    for name in old.keys().chain(new.keys().filter(|it| !old.contains_key(*it))) {
        let sides = [old.get(name), new.get(name)];
        if sides[0] == sides[1] {
            continue;
        }
        let part = String::from_utf8_lossy(name);
        let at = if path.is_empty() { part.into_owned() } else { format!("{path}/{part}") };
        let directories = sides.map(|it| it.filter(|(mode, _)| *mode == Mode::Directory).map(|(_, id)| *id));
        let is_other = |it: Option<&(Mode, ObjectId)>| it.is_some_and(|(mode, _)| *mode != Mode::Directory);
        if sides.into_iter().any(is_other) && paths.file(&at) {
            return true;
        }
        if directories == [None, None] {
            continue;
        }
        match paths.directory(&at) {
            Counts::All => return true,
            Counts::Nothing => {}
            Counts::Some => below.push(Pair { path: at, sides: directories }),
        }
    }
    false
}
