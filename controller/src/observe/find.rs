//! Finds the pipelines of a tree: every `promoter.yaml`, wherever it stands.
//!
//! Directories and files that were searched before are known by their objects, so that a new head costs what changed in
//! it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use gix::ObjectId;
use promoter_core::pipeline::{self, PIPELINE_FILE, Pipeline};
use promoter_core::{CommitId, Diagnosis, Place};
use promoter_kustomize::{FileError, FileKind, Files};
use promoter_sources::git::{EntryMode, GitCache, GitError, GitTree, ObjectKind, TreeEntries};

use crate::check;

/// How deep the search goes; the tree below is left alone.
const DEPTH_MAX: usize = 32;
/// How many directories are looked into.
const DIRECTORIES_MAX: usize = 100_000;

/// The pipelines of one commit, and what is wrong with files that are none.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// In the order of their paths.
    pub pipelines: Vec<Arc<Pipeline>>,
    /// One line for each file that could not be taken.
    pub findings: Vec<Diagnosis>,
}

/// Searches one tree after the other.
#[derive(Debug, Default)]
pub(super) struct Finder {
    dry_branch: String,
    /// By object and depth.
    directories: BTreeMap<(ObjectId, usize), Arc<Below>>,
    files: BTreeMap<(String, ObjectId), Arc<Read>>,
}

/// What a directory holds at and below itself, paths from there.
#[derive(Debug, Default)]
struct Below {
    files: Vec<(String, EntryMode, ObjectId)>,
    /// Links, which may lead to directories.
    links: Vec<String>,
    directories: usize,
    /// False when something could not be read; then it is read again for the next head.
    whole: bool,
}

/// Paths with what is there; `None` for what could not be read, so that it is read again.
type Beside = Vec<(String, Option<ObjectId>)>;

/// What one file says.
#[derive(Debug)]
struct Read {
    pipelines: Vec<(Arc<Pipeline>, Vec<Diagnosis>)>,
    unread: Option<Diagnosis>,
    /// Other files that it names, with their objects as they were read; nothing for most.
    beside: Beside,
}

impl Finder {
    /// Searches a commit. Directories whose names begin with a dot are not searched.
    pub(super) fn find(
        &mut self,
        cache: &GitCache,
        dry_branch: &str,
        head: &CommitId,
    ) -> Result<Found, GitError> {
        if self.dry_branch != dry_branch {
            // What a pipeline says may depend on the branch.
            self.files.clear();
            self.dry_branch = dry_branch.to_owned();
        }
        let tree = cache.tree(head, "")?;
        let root = cache.commit(head)?.tree;
        let root = ObjectId::from_hex(root.as_str().as_bytes())
            .map_err(|_| GitError::WrongObject { id: root.to_string(), what: "no object id".into() })?;
        let directories = self.directories.len();
        let below = self.below(cache, head, root, 0);
        let mut paths: Vec<(String, Option<ObjectId>)> = Vec::new();
        for (path, mode, id) in &below.files {
            let is_file = matches!(mode, EntryMode::File | EntryMode::Executable);
            paths.push((path.clone(), is_file.then_some(*id)));
        }
        for link in &below.links {
            if tree.kind(link) == Some(FileKind::Directory) {
                let depth = link.matches('/').count() + 1;
                paths.extend(paths_below(&tree, link, depth).into_iter().map(|it| (it, None)));
            }
        }
        paths.sort_unstable();
        let read: Vec<Arc<Read>> = paths.iter().map(|(path, id)| self.read(&tree, path, *id)).collect();
        // What belongs to older heads is dropped by and by.
        if self.directories.len() > 2 * below.directories.max(directories / 2) + 1_000 {
            self.directories.clear();
        }
        self.files.retain(|_, it| Arc::strong_count(it) > 1);
        Ok(found(&read))
    }

    fn below(&mut self, cache: &GitCache, head: &CommitId, directory: ObjectId, depth: usize) -> Arc<Below> {
        if let Some(known) = self.directories.get(&(directory, depth)) {
            return known.clone();
        }
        let mut below = Below { directories: 1, whole: true, ..Below::default() };
        let Ok(bytes) = cache.bytes(&directory, ObjectKind::Tree, head) else {
            return Arc::new(Below { whole: false, ..below });
        };
        for entry in TreeEntries::new(&bytes) {
            let Some((name, entry)) =
                entry.ok().and_then(|it| Some((std::str::from_utf8(it.name).ok()?, it)))
            else {
                below = Below { directories: 1, whole: true, ..Below::default() };
                break;
            };
            let searched = depth < DEPTH_MAX && !name.starts_with('.');
            match entry.mode {
                _ if name == PIPELINE_FILE => below.files.push((name.to_owned(), entry.mode, entry.id)),
                EntryMode::Link if searched => below.links.push(name.to_owned()),
                EntryMode::Directory if searched && below.directories < DIRECTORIES_MAX => {
                    let inner = self.below(cache, head, entry.id, depth + 1);
                    let path = |it: &str| format!("{name}/{it}");
                    below.files.extend(inner.files.iter().map(|(it, mode, id)| (path(it), *mode, *id)));
                    below.links.extend(inner.links.iter().map(|it| path(it)));
                    below.directories += inner.directories;
                    below.whole &= inner.whole;
                }
                _ => {}
            }
        }
        let below = Arc::new(below);
        if below.whole {
            self.directories.insert((directory, depth), below.clone());
        }
        below
    }

    fn read(&mut self, tree: &GitTree, path: &str, id: Option<ObjectId>) -> Arc<Read> {
        let Some(id) = id else {
            return Arc::new(read(&self.dry_branch, tree, path));
        };
        let place = (path.to_owned(), id);
        let is_same = |(path, id): &(String, Option<ObjectId>)| tree.object_at(path).ok() == *id;
        let stands = |it: &&Arc<Read>| it.beside.iter().all(is_same);
        if let Some(known) = self.files.get(&place).filter(stands) {
            return known.clone();
        }
        let read = Arc::new(read(&self.dry_branch, tree, path));
        self.files.insert(place, read.clone());
        read
    }
}

fn found(read: &[Arc<Read>]) -> Found {
    let mut findings: Vec<Diagnosis> = read.iter().filter_map(|it| it.unread.clone()).collect();
    let mut all: Vec<&(Arc<Pipeline>, Vec<Diagnosis>)> = read.iter().flat_map(|it| &it.pipelines).collect();
    if read.is_empty() {
        let cause = format!("there is no {PIPELINE_FILE} on the dry branch");
        findings.push(
            Diagnosis::input("pipeline-unknown", cause)
                .hint("commit one, or name another branch with `--branch`"),
        );
    }
    let values: Vec<Pipeline> = all.iter().map(|(it, _)| (**it).clone()).collect();
    let (contradicts, contradictions) = contradictions(&values);
    findings.extend(contradictions);
    let mut contradicts = contradicts.into_iter();
    all.retain(|_| !contradicts.next().unwrap_or_default());
    findings.extend(all.iter().flat_map(|(_, checks)| checks.iter().cloned()));
    Found { pipelines: all.iter().map(|(it, _)| it.clone()).collect(), findings }
}

/// Which pipelines contradict each other, and how: which of them is meant is for a person to say. The others stay.
fn contradictions(pipelines: &[Pipeline]) -> (Vec<bool>, Vec<Diagnosis>) {
    let mut findings = Vec::new();
    let mut contradicts = vec![false; pipelines.len()];
    if pipeline::check_together(pipelines).is_ok() {
        return (contradicts, findings);
    }
    for (index, one) in pipelines.iter().enumerate() {
        for (before, other) in pipelines.iter().enumerate().take(index) {
            if let Err(error) = pipeline::check_together(&[other.clone(), one.clone()]) {
                (contradicts[before], contradicts[index]) = (true, true);
                findings.push(error.diagnosis());
            }
        }
    }
    (contradicts, findings)
}

/// The paths at and below a directory that is reached by a link.
fn paths_below(files: &dyn Files, directory: &str, depth: usize) -> Vec<String> {
    let mut paths = Vec::new();
    let mut directories = vec![(directory.to_owned(), depth)];
    let mut looked_into = 0;
    while let Some((directory, depth)) = directories.pop() {
        looked_into += 1;
        if looked_into > DIRECTORIES_MAX {
            break;
        }
        let Ok(names) = files.list(&directory) else {
            continue;
        };
        for name in names {
            let path = format!("{directory}/{name}");
            if name == PIPELINE_FILE {
                paths.push(path);
            } else if depth < DEPTH_MAX
                && !name.starts_with('.')
                && files.kind(&path) == Some(FileKind::Directory)
            {
                directories.push((path, depth + 1));
            }
        }
    }
    paths
}

fn read(dry_branch: &str, tree: &GitTree, path: &str) -> Read {
    let beside = RefCell::default();
    let found = pipelines(dry_branch, tree, path, &beside);
    let beside = beside.into_inner();
    match found {
        Ok(found) => {
            let checked = found.into_iter().map(|it| {
                let findings = check::findings(&it);
                (Arc::new(it), findings)
            });
            Read { pipelines: checked.collect(), unread: None, beside }
        }
        Err(diagnosis) => Read { pipelines: Vec::new(), unread: Some(diagnosis), beside },
    }
}

fn pipelines(
    dry_branch: &str,
    tree: &GitTree,
    path: &str,
    asked: &RefCell<Beside>,
) -> Result<Vec<Pipeline>, Diagnosis> {
    let unreadable = |why: String| Diagnosis::input("pipeline-unreadable", why).at(Place::new(path, 0));
    let bytes = tree.read(path).map_err(|error| unreadable(error.to_string()))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| unreadable(format!("`{path}` is not UTF-8")))?;
    let beside = |path: &str| {
        let bytes = tree.read(path);
        let id = tree.object_at(path).ok().filter(|_| bytes.is_ok());
        asked.borrow_mut().push((path.to_owned(), id));
        let bytes = bytes.map_err(|error| match error {
            FileError::Missing(_) => "is not there".to_owned(),
            _ => "cannot be read".to_owned(),
        })?;
        std::str::from_utf8(&bytes).map(str::to_owned).map_err(|_| "is not UTF-8".to_owned())
    };
    pipeline::read_beside(dry_branch, path, text, &beside).map_err(|error| error.diagnosis())
}
