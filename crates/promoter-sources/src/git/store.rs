//! The object cache of one repository on disk.
//!
//! Decides where fetched objects lie, who may write when, what counts as damage and what goes when there is too much.
//! The contract stands at the top of [`super`].

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use gix::odb::pack::Bundle;
use promoter_core::CommitId;
use sha2::{Digest as _, Sha256};

use super::objects::{Kind, Objects};
use super::{GitError, Limits, RepoUrl};

/// So many packs in one generation are enough: every lookup asks them all.
const PACKS_MAX: usize = 400;
/// A generation that is too large is left only after so many fetches, or a large repository would be fetched anew each time.
const FETCHES_MIN: usize = 50;
/// So many ends of histories are enough: each is named to the server in every fetch. Objects of our own come with them,
/// so this bounds those too.
const BOUNDARIES_MAX: usize = 4_096;
/// How many of the latest commits are offered to the server as what is here.
const HAVES_MAX: usize = 256;

/// What may be offered to the server as present.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// Commits that are here with their files and, down to the boundaries, their history. Oldest fetch first.
    pub(super) haves: Vec<CommitId>,
    /// Commits that are here while their parents may not be.
    pub(super) boundaries: BTreeSet<CommitId>,
}

/// The cache of one repository.
#[derive(Debug)]
pub(super) struct Store {
    directory: PathBuf,
    limits: Limits,
    current: RwLock<Arc<Generation>>,
}

/// One object database. It only grows; when it is damaged or too large, a new one takes its place.
#[derive(Debug)]
pub(super) struct Generation {
    directory: PathBuf,
    pub(super) objects: Arc<Objects>,
}

/// The right to write, held by one thread of one process at a time. Ends with the value, and with the process.
pub(super) struct WriteLock(#[expect(dead_code, reason = "held for its lock")] File);

impl Store {
    /// Opens the cache of a repository below `root`, making it if need be.
    pub(super) fn open(root: &Path, url: &RepoUrl, limits: &Limits) -> Result<Self, GitError> {
        let directory = root.join(directory_name(url));
        let opened = || -> io::Result<Arc<Generation>> {
            make_private(&directory)?;
            let words = directory.join("url");
            if !words.exists() {
                fs::write(words, format!("{url}\n"))?;
            }
            match open_current(&directory, limits)? {
                Some(generation) => Ok(generation),
                None => {
                    let _lock = lock(&directory, limits.deadline)?;
                    match open_current(&directory, limits)? {
                        Some(generation) => Ok(generation),
                        None => make_generation(&directory, limits),
                    }
                }
            }
        };
        let current = opened().map_err(|it| failed(&directory, &it))?;
        Ok(Self { directory, limits: limits.clone(), current: RwLock::new(current) })
    }

    /// The generation that this process reads.
    pub(super) fn current(&self) -> Arc<Generation> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for the right to write, and reads the generation that is in use by then.
    pub(super) fn lock(&self) -> Result<WriteLock, GitError> {
        let locked = || -> io::Result<WriteLock> {
            let lock = lock(&self.directory, self.limits.deadline)?;
            let name = fs::read_to_string(self.directory.join("current")).unwrap_or_default();
            if self.current().directory != self.directory.join(name.trim()) {
                let generation = match open_current(&self.directory, &self.limits)? {
                    Some(generation) => generation,
                    None => make_generation(&self.directory, &self.limits)?,
                };
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = generation;
            }
            Ok(lock)
        };
        locked().map_err(|it| failed(&self.directory, &it))
    }

    /// Leaves `damaged` for a new generation, unless another thread or process did so already.
    pub(super) fn leave(&self, damaged: &Objects, lock: &WriteLock) -> Result<(), GitError> {
        if self.current().objects.path() == damaged.path() {
            self.start_anew(lock)?;
        }
        Ok(())
    }

    /// Starts a new generation when this one has become too large, and removes old ones that somebody still read when they
    /// were left.
    pub(super) fn make_room(&self, lock: &WriteLock) -> Result<(), GitError> {
        let packs = self.current().packs().map_err(|it| self.failed(&it))?;
        let bytes: u64 = packs.iter().map(|(_, bytes)| bytes).sum();
        let large = bytes > self.limits.cache_bytes_max && packs.len() >= FETCHES_MIN;
        let scattered = packs.len() >= PACKS_MAX || self.current().known().boundaries.len() >= BOUNDARIES_MAX;
        if large || scattered { self.start_anew(lock) } else { self.remove_unused() }
    }

    /// Starts a new, empty generation.
    pub(super) fn start_anew(&self, _lock: &WriteLock) -> Result<(), GitError> {
        let made = make_generation(&self.directory, &self.limits).map_err(|it| self.failed(&it))?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = made;
        // Only now this process itself no longer reads the old one, unless a tree of it is still held.
        self.remove_unused()
    }

    /// Removes the generations that nobody reads.
    fn remove_unused(&self) -> Result<(), GitError> {
        let kept = self.current();
        for old in generations(&self.directory).map_err(|it| self.failed(&it))? {
            if old != kept.directory {
                remove_unused(&old);
            }
        }
        Ok(())
    }

    /// An error of this cache's disk.
    pub(super) fn failed(&self, error: &io::Error) -> GitError {
        failed(&self.directory, error)
    }
}

impl Generation {
    /// Takes a pack from the server: proves it, completes it from what is here, and makes it readable at once.
    pub(super) fn take_pack(
        &self,
        pack: &mut dyn Read,
        limits: &Limits,
        _lock: &WriteLock,
    ) -> Result<(), gix::Error> {
        let directory = self.directory.join("objects/pack");
        let options = gix::odb::pack::bundle::write::Options {
            thread_limit: Some(2),
            alloc_limit_bytes: usize::try_from(limits.answer_bytes_max).ok(),
            ..Default::default()
        };
        let written = Bundle::write_to_directory(
            &mut BufReader::with_capacity(64 << 10, pack),
            Some(&directory),
            &mut gix::progress::Discard,
            &AtomicBool::new(false),
            Some(self.objects.handle()),
            gix::hash::Kind::Sha1,
            options,
        )?;
        if let Some(keep) = written.keep_path {
            // It guards against other programs' clean-up, and there is none in here.
            let _ = fs::remove_file(keep);
        }
        Ok(())
    }

    /// Writes objects of our own. Each appears whole or not at all.
    pub(super) fn put(&self, kind: Kind, bytes: &[u8]) -> Result<(), gix::Error> {
        use gix::objs::Write as _;
        self.objects.handle().write_buf(kind, bytes).map(drop)
    }

    /// What may be offered to the server. A file that cannot be read is no knowledge, which costs time only.
    pub(super) fn known(&self) -> Known {
        let mut known = Known::default();
        let text = fs::read_to_string(self.directory.join("fetched")).unwrap_or_default();
        for line in text.lines() {
            match line.split_once(' ').map(|(word, id)| (word, id.parse())) {
                Some(("have", Ok(id))) => known.haves.push(id),
                Some(("boundary", Ok(id))) => drop(known.boundaries.insert(id)),
                // A have without its boundary would promise too much.
                _ => return Known::default(),
            }
        }
        known
    }

    /// Notes what was fetched. To be called when the objects are here.
    pub(super) fn set_known(&self, known: &Known, _lock: &WriteLock) -> io::Result<()> {
        let mut text = String::new();
        for id in &known.boundaries {
            text.push_str(&format!("boundary {id}\n"));
        }
        for id in &known.haves[known.haves.len().saturating_sub(HAVES_MAX)..] {
            text.push_str(&format!("have {id}\n"));
        }
        replace(&self.directory.join("fetched"), text.as_bytes())
    }

    /// The packs and their sizes in bytes; removes what a killed process left half-written.
    fn packs(&self) -> io::Result<Vec<(PathBuf, u64)>> {
        let mut packs = Vec::new();
        for entry in fs::read_dir(self.directory.join("objects/pack"))? {
            let entry = entry?;
            match entry.path().extension().and_then(|it| it.to_str()) {
                Some("pack") => packs.push((entry.path(), entry.metadata()?.len())),
                Some("idx") => {}
                _ => fs::remove_file(entry.path())?,
            }
        }
        Ok(packs)
    }
}

/// A name that says nothing about the repository to those who may only list directories.
fn directory_name(url: &RepoUrl) -> String {
    Sha256::digest(url.to_string().as_bytes()).iter().take(20).map(|it| format!("{it:02x}")).collect()
}

fn failed(directory: &Path, error: &io::Error) -> GitError {
    GitError::Cache { path: directory.display().to_string(), why: error.to_string() }
}

/// What was fetched with one user's rights is not for the others on this machine.
fn make_private(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// The system lifts this lock when the process ends, however it ends, so there are no stale locks.
fn lock(directory: &Path, patience: Duration) -> io::Result<WriteLock> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(directory.join("lock"))?;
    let until = Instant::now() + patience;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(WriteLock(file)),
            Err(TryLockError::WouldBlock) if Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "another process is writing to it for too long",
                ));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// Opens the generation that `current` names; `None` when there is none that can be used.
fn open_current(directory: &Path, limits: &Limits) -> io::Result<Option<Arc<Generation>>> {
    // A generation may be left and removed between reading its name and saying that it is in use.
    for _ in 0..3 {
        let Ok(name) = fs::read_to_string(directory.join("current")) else {
            return Ok(None);
        };
        let name = name.trim();
        if !is_generation(name) || !directory.join(name).join("objects/pack").is_dir() {
            return Ok(None);
        }
        let found = open_generation(&directory.join(name), limits);
        if fs::read_to_string(directory.join("current")).is_ok_and(|it| it.trim() == name) {
            return found.map(Some);
        }
    }
    Ok(None)
}

fn open_generation(directory: &Path, limits: &Limits) -> io::Result<Arc<Generation>> {
    let in_use =
        OpenOptions::new().create(true).truncate(false).write(true).open(directory.join("in-use"))?;
    in_use.lock_shared()?;
    let objects = Objects::open(&directory.join("objects"), limits.file_bytes_max, in_use)?;
    Ok(Arc::new(Generation { directory: directory.to_owned(), objects: Arc::new(objects) }))
}

/// Makes an empty generation the current one. Needs the write lock.
fn make_generation(directory: &Path, limits: &Limits) -> io::Result<Arc<Generation>> {
    let number = |it: &PathBuf| it.file_name()?.to_str()?.strip_prefix("g-")?.parse::<u64>().ok();
    let last = generations(directory)?.iter().filter_map(number).max().unwrap_or(0);
    let name = format!("g-{}", last + 1);
    let made = directory.join(&name);
    // The shape of a bare repository, so that people can look into it with git.
    for part in ["objects/pack", "objects/info", "refs"] {
        fs::create_dir_all(made.join(part))?;
    }
    fs::write(made.join("HEAD"), "ref: refs/heads/main\n")?;
    fs::write(made.join("config"), "[core]\n\trepositoryformatversion = 0\n\tbare = true\n")?;
    let generation = open_generation(&made, limits)?;
    replace(&directory.join("current"), format!("{name}\n").as_bytes())?;
    Ok(generation)
}

/// The directories of all generations, in use or not.
fn generations(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(is_generation) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

fn is_generation(name: &str) -> bool {
    name.strip_prefix("g-").is_some_and(|it| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit()))
}

/// Removes a generation unless a process reads it; what stays goes the next time.
fn remove_unused(directory: &Path) {
    let Ok(in_use) =
        OpenOptions::new().create(true).truncate(false).write(true).open(directory.join("in-use"))
    else {
        return;
    };
    if in_use.try_lock().is_ok() {
        let _ = fs::remove_dir_all(directory);
    }
}

/// Writes a file so that readers see the old or the new content.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix("new-").tempfile_in(directory)?;
    file.write_all(bytes)?;
    file.persist(path).map_err(|it| it.error)?;
    Ok(())
}
