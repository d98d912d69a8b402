//! From branches to rows: which commits, which folders in them, each different folder rendered once.

use super::proof::World;
use super::show::{Proof, Row};
use crate::edge::Progress;
use promoter_controller::parallel;
use promoter_core::{CommitId, Diagnosis, LOCK_FILE, Place};
use promoter_render::hydrate::{Checked, Difference, Trailer, Wrong, check_apps, check_root};
use promoter_sources::git::{CommitInfo, EntryMode, TreeEntries, TreeId};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Directories below each other that are searched.
const DEPTH_MAX: usize = 64;

/// A folder by its path and content. What it is proved to be depends on nothing else.
type Key = (String, String);

type Proofs = BTreeMap<Key, Result<Checked, Diagnosis>>;

/// One commit of a branch, with its folders that hold a lock.
struct Commit {
    branch: String,
    info: CommitInfo,
    folders: Vec<Key>,
}

/// A row for every folder with a lock in every commit, newest first, and one for what else differs in a commit.
pub(super) fn rows(
    world: &World<'_>,
    heads: &[(String, CommitId)],
    notes: Option<&CommitId>,
    depth: usize,
) -> Result<Vec<Row>, Diagnosis> {
    let commits = commits(world, heads, depth)?;
    let mut firsts: BTreeMap<Key, &CommitId> = BTreeMap::new();
    for commit in &commits {
        for key in &commit.folders {
            firsts.entry(key.clone()).or_insert(&commit.info.id);
        }
    }
    let proofs = prove(world, firsts.into_iter().collect());
    let mut rows = Vec::new();
    for commit in &commits {
        rows.extend(rows_of(world, commit, &proofs, notes)?);
    }
    Ok(rows)
}

fn commits(world: &World<'_>, heads: &[(String, CommitId)], depth: usize) -> Result<Vec<Commit>, Diagnosis> {
    let cache = &world.repository.cache;
    let mut logs = Vec::new();
    for (branch, head) in heads {
        let log = cache.first_parent_log(head, depth).map_err(|error| error.diagnosis())?;
        logs.extend(log.into_iter().map(|info| (branch.clone(), info)));
    }
    // One question to the server for all of them.
    let ids: Vec<CommitId> = logs.iter().map(|(_, info)| info.id.clone()).collect();
    cache.ensure(&ids).map_err(|error| error.diagnosis())?;
    let mut search = Search { world, known: BTreeMap::new() };
    let commit = |(branch, info): (String, CommitInfo)| {
        let folders = search.below(&info.tree, &info.id, 0)?.to_vec();
        Ok(Commit { branch, info, folders })
    };
    logs.into_iter().map(commit).collect()
}

/// Finds the folders that hold a lock, each directory read once however many commits share it.
struct Search<'a> {
    world: &'a World<'a>,
    /// By the id of a directory: the folders below it, from there.
    known: BTreeMap<String, Arc<[Key]>>,
}

impl Search<'_> {
    /// The folders in and below a directory. Those whose names begin with a dot are not searched, nor is what links name.
    fn below(
        &mut self,
        directory: &TreeId,
        commit: &CommitId,
        depth: usize,
    ) -> Result<Arc<[Key]>, Diagnosis> {
        if let Some(known) = self.known.get(directory.as_str()) {
            return Ok(known.clone());
        }
        let cache = &self.world.repository.cache;
        let bytes = cache.tree_object(directory, commit).map_err(|error| error.diagnosis())?;
        let mut found = Vec::new();
        for entry in TreeEntries::new(&bytes) {
            let entry = entry.map_err(|error| Diagnosis::upstream("git-unreadable-file", error))?;
            let Ok(name) = std::str::from_utf8(entry.name) else { continue };
            match (entry.mode, TreeId::from_hex(&entry.id.to_string())) {
                (EntryMode::File | EntryMode::Executable, _) if name == LOCK_FILE => {
                    found.push((String::new(), directory.to_string()));
                }
                (EntryMode::Directory, Some(id)) if !name.starts_with('.') && depth < DEPTH_MAX => {
                    let below = self.below(&id, commit, depth + 1)?;
                    found.extend(below.iter().map(|(path, id)| (joined(name, path), id.clone())));
                }
                _ => {}
            }
        }
        let found: Arc<[Key]> = found.into();
        self.known.insert(directory.to_string(), found.clone());
        Ok(found)
    }
}

fn joined(directory: &str, path: &str) -> String {
    if path.is_empty() { directory.to_owned() } else { format!("{directory}/{path}") }
}

/// Proves folders, as many at a time as there are processors.
fn prove(world: &World<'_>, jobs: Vec<(Key, &CommitId)>) -> Proofs {
    let progress = Progress::new("verified", "folders", jobs.len());
    let done = AtomicUsize::new(0);
    let proved = parallel::each(jobs, |(key, commit)| {
        let tree = world.repository.cache.tree(commit, "").map_err(|error| error.diagnosis());
        let proof = tree.and_then(|tree| world.check(&tree, &key.0));
        progress.show(done.fetch_add(1, Ordering::Relaxed) + 1);
        (key, proof)
    });
    proved.into_iter().collect()
}

fn rows_of(
    world: &World<'_>,
    commit: &Commit,
    proofs: &Proofs,
    notes: Option<&CommitId>,
) -> Result<Vec<Row>, Diagnosis> {
    let row = |folder: Option<&str>| Row::new(&commit.branch, &commit.info.id, folder);
    let (mut rows, mut checked) = (Vec::new(), Vec::new());
    for key in &commit.folders {
        rows.push(match proofs.get(key) {
            Some(Ok(proof)) => {
                checked.push((key.0.as_str(), proof));
                row(Some(&key.0)).proved(proof)
            }
            Some(Err(why)) => row(Some(&key.0)).unproved(why),
            None => continue,
        });
    }
    // Without a proof of every folder nothing can be said of the files that they share, and there are none of the kind
    // where nothing is hydrated.
    let is_hydrated = checked.iter().any(|(_, it)| it.is_hydrated());
    if !is_hydrated || checked.len() < rows.len() {
        return Ok(rows);
    }
    let tree = world.repository.cache.tree(&commit.info.id, "").map_err(|error| error.diagnosis())?;
    let mut shared = check_apps(&checked);
    shared.extend(check_root(&tree, &checked)?);
    shared.extend(check_note(world, &commit.info, &checked, notes)?);
    if !shared.is_empty() {
        rows.push(row(None).with(Proof::Differs, &shared));
    }
    Ok(rows)
}

/// Holds the note of a commit that promoter wrote against the freight that it is about.
fn check_note(
    world: &World<'_>,
    info: &CommitInfo,
    folders: &[(&str, &Checked)],
    notes: Option<&CommitId>,
) -> Result<Option<Difference>, Diagnosis> {
    let prefix = format!("{}: sha256:", Trailer::FREIGHT);
    let ids: Vec<_> = folders.iter().filter_map(|(_, it)| Some(it.lock.as_ref()?.freight.id())).collect();
    let named = info.message.lines().filter_map(|it| it.strip_prefix(&prefix));
    // A withdrawal names the freight that is not there any more; a commit of several promotions names each.
    let freight: Vec<&str> = named.filter(|it| ids.iter().any(|id| id.hex() == *it)).collect();
    let Some(first) = freight.first() else {
        return Ok(None);
    };
    let note = match notes {
        Some(notes) => world.repository.cache.note(notes, &info.id).map_err(|error| error.diagnosis())?,
        None => None,
    };
    let at = Place::new("refs/notes/hydrator.metadata", 0);
    let Some(note) = note else {
        return Ok(Some(Difference { at, what: Wrong::Missing }));
    };
    let read: Option<serde_json::Value> = serde_json::from_str(&note).ok();
    let names = read.as_ref().and_then(|it| it.get("drySha")?.as_str());
    if names.is_some_and(|it| freight.contains(&it)) {
        return Ok(None);
    }
    let why = format!("`drySha` is `{}`, the commit is about `{first}`", names.unwrap_or("missing"));
    Ok(Some(Difference { at, what: Wrong::Broken(why) }))
}
