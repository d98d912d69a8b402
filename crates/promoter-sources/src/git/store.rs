//! The object cache of one repository on disk.
//!
//! Decides where fetched objects lie, who may write when, what counts as damage and what goes when there is too much.
//! The contract stands at the top of [`super`].

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use sha2::{Digest as _, Sha256};

use super::generation::{self, Generation, Shape};
use super::objects::Objects;
use super::{GitError, Limits, RepoUrl, sweep};

/// So many packs in one generation are enough: every lookup asks them all.
const PACKS_MAX: usize = 400;
/// A generation that is too large is left only after so many fetches, or a large repository would be fetched anew each time.
const FETCHES_MIN: usize = 50;
/// So many ends of histories are enough: each is named to the server in every fetch.
const BOUNDARIES_MAX: usize = 4_096;
/// So many files with one object each are enough: those of what was pushed a little at a time.
const LOOSE_MAX: usize = 4_096;
/// Caches below one root are counted when one of them grew by this part of what all may hold.
const SWEEP_PART: u64 = 64;
/// The time of last use is noted no more often than this.
const USE_NOTED_EVERY: Duration = Duration::from_secs(60);

/// The cache of one repository.
#[derive(Debug)]
pub(super) struct Store {
    root: PathBuf,
    directory: PathBuf,
    url: String,
    limits: Limits,
    current: RwLock<Arc<Generation>>,
    /// Bytes that came since the caches below the root were last counted.
    grown: AtomicU64,
    opened: Instant,
    /// When the time of last use was noted, in seconds after `opened`.
    noted: AtomicU64,
}

/// The right to write, held by one thread of one process at a time. Ends with the value, and with the process.
pub(super) struct WriteLock(#[expect(dead_code, reason = "held for its lock")] File);

impl Store {
    /// Opens the cache of a repository below `root`, making it if need be. Caches of one owner lie side by side in a
    /// folder of that name (`""` for none); the root's bound is for all of them. A new one begins in this shape.
    pub(super) fn open(
        root: &Path,
        owner: &str,
        url: &RepoUrl,
        limits: &Limits,
        shape: Shape,
    ) -> Result<Self, GitError> {
        let directory = root.join(owner).join(directory_name(url));
        let url = url.to_string();
        let (current, made) =
            open_or_make(&directory, &url, shape, limits).map_err(|it| failed(&directory, &it))?;
        let store = Self {
            root: root.to_owned(),
            directory,
            url,
            limits: limits.clone(),
            current: RwLock::new(current),
            // A new cache counts at its first fetch what is there already.
            grown: AtomicU64::new(if made { limits.caches_bytes_max } else { 0 }),
            opened: Instant::now(),
            noted: AtomicU64::new(0),
        };
        note_use(&store.directory);
        Ok(store)
    }

    /// The generation that this process reads.
    pub(super) fn current(&self) -> Arc<Generation> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes that the cache is in use, for those who look for what nobody uses any more.
    pub(super) fn touch(&self) {
        let now = self.opened.elapsed().as_secs();
        let due = self.noted.load(Ordering::Relaxed) + USE_NOTED_EVERY.as_secs();
        if now >= due {
            self.noted.store(now, Ordering::Relaxed);
            note_use(&self.directory);
        }
    }

    /// Waits for the right to write, and reads the generation that is in use by then.
    pub(super) fn lock(&self) -> Result<WriteLock, GitError> {
        let locked = || -> io::Result<WriteLock> {
            let lock = lock(&self.directory, self.limits.deadline)?;
            let name = fs::read_to_string(self.directory.join("current")).unwrap_or_default();
            if self.current().directory != self.directory.join(name.trim()) {
                let generation = match open_current(&self.directory, &self.limits)? {
                    Some(generation) => generation,
                    None => self.make(self.current().shape)?,
                };
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = generation;
            }
            Ok(lock)
        };
        locked().map_err(|it| self.failed(&it))
    }

    /// Leaves `damaged` for a new generation, unless another thread or process did so already.
    pub(super) fn leave(&self, damaged: &Objects, lock: &WriteLock) -> Result<(), GitError> {
        let current = self.current();
        if current.objects.path() == damaged.path() {
            self.start_anew(current.shape, lock)?;
        }
        Ok(())
    }

    /// Starts a new generation when this one has become too large, and removes old ones that somebody still read when they
    /// were left.
    pub(super) fn make_room(&self, lock: &WriteLock) -> Result<(), GitError> {
        let current = self.current();
        let packs = current.packs().map_err(|it| self.failed(&it))?;
        let bytes: u64 = packs.iter().map(|(_, bytes)| bytes).sum();
        let large = bytes > self.limits.cache_bytes_max && packs.len() >= FETCHES_MIN;
        let scattered = packs.len() >= PACKS_MAX
            || current.known().boundaries.len() >= BOUNDARIES_MAX
            || current.loose() >= LOOSE_MAX;
        if large || scattered { self.start_anew(current.shape, lock) } else { self.remove_unused() }
    }

    /// Starts a new, empty generation.
    pub(super) fn start_anew(&self, shape: Shape, _lock: &WriteLock) -> Result<(), GitError> {
        let made = self.make(shape).map_err(|it| self.failed(&it))?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = made;
        // Only now this process itself no longer reads the old one, unless a tree of it is still held.
        self.remove_unused()
    }

    /// Counts what came, and now and then removes the caches below the root that were not used for longest.
    pub(super) fn grew(&self, bytes: u64) {
        let grown = self.grown.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if grown >= self.limits.caches_bytes_max / SWEEP_PART {
            self.grown.store(0, Ordering::Relaxed);
            sweep::sweep(&self.root, self.limits.caches_bytes_max);
        }
    }

    /// An error of this cache's disk.
    pub(super) fn failed(&self, error: &io::Error) -> GitError {
        failed(&self.directory, error)
    }

    fn make(&self, shape: Shape) -> io::Result<Arc<Generation>> {
        make_current(&self.directory, &self.url, shape, &self.limits)
    }

    /// Removes the generations that nobody reads.
    fn remove_unused(&self) -> Result<(), GitError> {
        let kept = self.current();
        for old in generation::all(&self.directory).map_err(|it| self.failed(&it))? {
            if old != kept.directory {
                generation::remove_unused(&old);
            }
        }
        Ok(())
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
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// Opens the current generation. True when there was none.
fn open_or_make(
    directory: &Path,
    url: &str,
    shape: Shape,
    limits: &Limits,
) -> io::Result<(Arc<Generation>, bool)> {
    if let Some(generation) = open_current(directory, limits)? {
        return Ok((generation, false));
    }
    let _lock = lock(directory, limits.deadline)?;
    match open_current(directory, limits)? {
        Some(generation) => Ok((generation, false)),
        None => make_current(directory, url, shape, limits).map(|it| (it, true)),
    }
}

/// Waits for the right to write to the cache in a directory, making the directory if need be.
///
/// The system lifts this lock when the process ends, however it ends, so there are no stale locks.
fn lock(directory: &Path, patience: Duration) -> io::Result<WriteLock> {
    let until = Instant::now() + patience;
    loop {
        if let Some(lock) = try_lock(directory)? {
            return Ok(lock);
        }
        if Instant::now() >= until {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "another process is writing to it for too long",
            ));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The right to write to the cache in a directory, if nobody has it.
pub(super) fn try_lock(directory: &Path) -> io::Result<Option<WriteLock>> {
    let path = directory.join("lock");
    make_private(directory)?;
    let file = match OpenOptions::new().create(true).truncate(false).write(true).open(&path) {
        Ok(file) => file,
        // The cache was removed a moment ago.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    // A lock on a file that was removed meanwhile keeps nobody out.
    let (locked, there) = (file.metadata()?, fs::metadata(&path));
    let same = there.is_ok_and(|it| (it.dev(), it.ino()) == (locked.dev(), locked.ino()));
    Ok(same.then_some(WriteLock(file)))
}

/// The time of the file `lock` is that of the last use. Best effort: a wrong one costs another fetch.
fn note_use(directory: &Path) {
    let noted = OpenOptions::new().write(true).open(directory.join("lock"));
    let _ = noted.and_then(|it| it.set_modified(SystemTime::now()));
}

/// When the cache in a directory was last used.
pub(super) fn last_use(directory: &Path) -> SystemTime {
    let noted = fs::metadata(directory.join("lock")).and_then(|it| it.modified());
    noted.unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Opens the generation that `current` names; `None` when there is none that can be used.
fn open_current(directory: &Path, limits: &Limits) -> io::Result<Option<Arc<Generation>>> {
    // A generation may be left and removed between reading its name and saying that it is in use.
    for _ in 0..3 {
        let Ok(name) = fs::read_to_string(directory.join("current")) else {
            return Ok(None);
        };
        let name = name.trim();
        if !generation::is_name(name) || !directory.join(name).join("objects/pack").is_dir() {
            return Ok(None);
        }
        let found = generation::open(&directory.join(name), limits);
        if fs::read_to_string(directory.join("current")).is_ok_and(|it| it.trim() == name) {
            return found.map(Some);
        }
    }
    Ok(None)
}

/// Makes an empty generation the current one. Needs the write lock.
fn make_current(directory: &Path, url: &str, shape: Shape, limits: &Limits) -> io::Result<Arc<Generation>> {
    let number = |it: &PathBuf| it.file_name()?.to_str()?.strip_prefix("g-")?.parse::<u64>().ok();
    let last = generation::all(directory)?.iter().filter_map(number).max().unwrap_or(0);
    let name = format!("g-{}", last + 1);
    let made = generation::make(&directory.join(&name), shape, limits)?;
    generation::replace(&directory.join("url"), format!("{url}\n").as_bytes())?;
    generation::replace(&directory.join("current"), format!("{name}\n").as_bytes())?;
    Ok(made)
}
