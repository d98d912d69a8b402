//! A directory of the disk as a tree of files, opened below a root.
//!
//! Each step of a path is opened from the directory before it and never through a link; links are read and walked by
//! hand. So no link, and no rename while we walk, leads out of the root.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::iter;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use promoter_kustomize::{FileError, FileKind, Files};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

/// Links followed on the way to one path, as Linux bounds them.
const LINKS_MAX: usize = 40;
/// Directories kept open: far below the number of files that a process may open.
const OPENED_MAX: usize = 64;
/// How directories are opened.
const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Bounds that a hostile directory meets.
#[derive(Debug, Clone, Copy)]
pub struct DiskLimits {
    /// Size of one file in bytes.
    pub file_bytes_max: u64,
    /// Names in one directory.
    pub names_max: usize,
}

impl Default for DiskLimits {
    fn default() -> Self {
        Self { file_bytes_max: 64 << 20, names_max: 100_000 }
    }
}

/// The files below a directory of the disk. Names that are not UTF-8 are not seen.
#[derive(Debug)]
pub struct DiskFiles {
    root: Arc<OwnedFd>,
    root_path: PathBuf,
    limits: DiskLimits,
    /// Directories that were opened, by their real path: most questions are about a few of them.
    opened: Mutex<BTreeMap<String, Arc<OwnedFd>>>,
}

impl DiskFiles {
    /// Opens a directory as the root. Links on the way to the root itself are followed: the caller named it.
    ///
    /// Errors: `Missing`, `WrongKind` (no directory), `Store`.
    pub fn open(root: &Path, limits: DiskLimits) -> Result<Self, FileError> {
        let shown = root.display().to_string();
        let root_path = root.canonicalize().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => FileError::Missing(shown.clone()),
            _ => FileError::Store(shown.clone(), error.to_string()),
        })?;
        let root = match rustix::fs::open(&root_path, DIRECTORY, Mode::empty()) {
            Err(Errno::NOTDIR) => return Err(FileError::WrongKind(shown, "a file")),
            other => other.map_err(|errno| file_error(&shown, errno))?,
        };
        Ok(Self { root: Arc::new(root), root_path, limits, opened: Mutex::default() })
    }

    /// The root as the disk knows it, without links.
    pub fn root(&self) -> &Path {
        &self.root_path
    }

    /// Walks to a path. Gives the real path and what is there.
    fn walk(&self, path: &str) -> Result<(String, Found), FileError> {
        let mut walk = Walk { files: self, path, here: Arc::clone(&self.root), names: Vec::new(), links: 0 };
        let mut todo: VecDeque<String> = path.split('/').map(String::from).collect();
        walk.skip_known(&mut todo);
        while let Some(part) = todo.pop_front() {
            match part.as_str() {
                "" | "." => {}
                ".." => walk.up()?,
                _ => {
                    if let Some(found) = walk.step(part, &mut todo)? {
                        let rest = todo.iter().any(|it| !matches!(it.as_str(), "" | "."));
                        let real = walk.names.join("/");
                        return if rest { Err(FileError::Missing(path.into())) } else { Ok((real, found)) };
                    }
                }
            }
        }
        Ok((walk.names.join("/"), Found::Directory(walk.here)))
    }

    fn known(&self, real: &str) -> Option<Arc<OwnedFd>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).get(real).map(Arc::clone)
    }

    fn remember(&self, real: String, directory: &Arc<OwnedFd>) {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if opened.len() >= OPENED_MAX {
            opened.clear();
        }
        opened.insert(real, Arc::clone(directory));
    }
}

enum Found {
    /// A regular file, when it was looked at: its directory and its name there.
    File(Arc<OwnedFd>, String),
    Directory(Arc<OwnedFd>),
    Other,
}

/// A walk from the root: where it is, and the real names that lead there.
struct Walk<'a> {
    files: &'a DiskFiles,
    path: &'a str,
    here: Arc<OwnedFd>,
    names: Vec<String>,
    links: usize,
}

impl Walk<'_> {
    /// Starts in the directory of the path if it was opened before; that it was means that no link is on the way.
    fn skip_known(&mut self, todo: &mut VecDeque<String>) {
        let Some((directory, name)) = self.path.rsplit_once('/') else { return };
        if let Some(known) = self.files.known(directory) {
            self.here = known;
            self.names = directory.split('/').map(String::from).collect();
            *todo = VecDeque::from([name.to_owned()]);
        }
    }

    fn up(&mut self) -> Result<(), FileError> {
        self.names.pop().ok_or_else(|| FileError::Outside(self.path.into()))?;
        let names = std::mem::take(&mut self.names);
        self.here = Arc::clone(&self.files.root);
        names.into_iter().try_for_each(|name| self.enter(name))
    }

    /// Goes into a directory below, never through a link.
    fn enter(&mut self, name: String) -> Result<(), FileError> {
        self.names.push(name);
        let real = self.names.join("/");
        self.here = match self.files.known(&real) {
            Some(known) => known,
            None => {
                let name = self.names.last().map_or("", String::as_str);
                let opened =
                    rustix::fs::openat(&*self.here, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty());
                let opened = Arc::new(opened.map_err(|errno| file_error(self.path, errno))?);
                self.files.remember(real, &opened);
                opened
            }
        };
        Ok(())
    }

    /// Goes into a directory, puts a link's parts in front of what is left, or gives what is at the end.
    fn step(&mut self, part: String, todo: &mut VecDeque<String>) -> Result<Option<Found>, FileError> {
        let stat = rustix::fs::statat(&*self.here, part.as_str(), AtFlags::SYMLINK_NOFOLLOW);
        let stat = stat.map_err(|errno| file_error(self.path, errno))?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                self.enter(part)?;
                Ok(None)
            }
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(&*self.here, part.as_str(), Vec::new())
                    .map_err(|errno| file_error(self.path, errno))?;
                let target = target.into_string().map_err(|_| FileError::Missing(self.path.into()))?;
                self.follow(&target, todo)?;
                Ok(None)
            }
            FileType::RegularFile => {
                self.names.push(part.clone());
                Ok(Some(Found::File(Arc::clone(&self.here), part)))
            }
            _ => {
                self.names.push(part);
                Ok(Some(Found::Other))
            }
        }
    }

    fn follow(&mut self, target: &str, todo: &mut VecDeque<String>) -> Result<(), FileError> {
        self.links += 1;
        if self.links > LINKS_MAX {
            return Err(FileError::Loop(self.path.into()));
        }
        let target = if target.starts_with('/') {
            self.here = Arc::clone(&self.files.root);
            self.names.clear();
            let below = Path::new(target).strip_prefix(&self.files.root_path);
            below.ok().and_then(Path::to_str).ok_or_else(|| FileError::Outside(self.path.into()))?
        } else {
            target
        };
        for part in target.split('/').rev() {
            todo.push_front(part.into());
        }
        Ok(())
    }
}

impl Files for DiskFiles {
    fn kind(&self, path: &str) -> Option<FileKind> {
        match self.walk(path).ok()?.1 {
            Found::File(..) => Some(FileKind::File),
            Found::Directory(_) => Some(FileKind::Directory),
            Found::Other => None,
        }
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, FileError> {
        let (directory, name) = match self.walk(path)?.1 {
            Found::File(directory, name) => (directory, name),
            Found::Directory(_) => return Err(FileError::WrongKind(path.into(), "a directory")),
            Found::Other => return Err(FileError::WrongKind(path.into(), "no regular file")),
        };
        // NONBLOCK: what was a file a moment ago may now be a pipe, and opening one would wait for its writer.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&*directory, name, flags, Mode::empty());
        let file = File::from(file.map_err(|errno| file_error(path, errno))?);
        let store = |error: std::io::Error| FileError::Store(path.into(), error.to_string());
        let metadata = file.metadata().map_err(store)?;
        if !metadata.is_file() {
            return Err(FileError::WrongKind(path.into(), "no regular file"));
        }
        let max = self.limits.file_bytes_max;
        let bytes = read_all(file.take(max.saturating_add(1)), metadata.len().min(max)).map_err(store)?;
        if bytes.len() as u64 > max {
            return Err(FileError::TooLarge(path.into(), max));
        }
        Ok(bytes)
    }

    fn list(&self, path: &str) -> Result<Vec<String>, FileError> {
        let Found::Directory(directory) = self.walk(path)?.1 else {
            return Err(FileError::WrongKind(path.into(), "a file"));
        };
        let entries = Dir::read_from(&*directory).map_err(|errno| file_error(path, errno))?;
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|errno| file_error(path, errno))?;
            match entry.file_name().to_str() {
                Ok("." | "..") | Err(_) => continue,
                Ok(name) => names.push(name.to_owned()),
            }
            if names.len() > self.limits.names_max {
                return Err(FileError::Store(
                    path.into(),
                    format!("more than {} names", self.limits.names_max),
                ));
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn real_path(&self, path: &str) -> Result<String, FileError> {
        Ok(self.walk(path)?.0)
    }
}

/// Reads a file to its end, which should come after so many bytes.
///
/// Reading into the place where the bytes stay saves a copy, and the memory for it.
fn read_all(mut file: impl Read, bytes_expected: u64) -> std::io::Result<Arc<[u8]>> {
    let mut bytes: Arc<[u8]> = iter::repeat_n(0, usize::try_from(bytes_expected).unwrap_or(0)).collect();
    let mut filled = 0;
    if let Some(space) = Arc::get_mut(&mut bytes) {
        while filled < space.len() {
            match file.read(&mut space[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
    let mut more = Vec::new();
    file.read_to_end(&mut more)?;
    match filled == bytes.len() && more.is_empty() {
        true => Ok(bytes),
        // It grew or shrank while it was read.
        false => Ok([&bytes[..filled], &more].concat().into()),
    }
}

fn file_error(path: &str, errno: Errno) -> FileError {
    match errno {
        // ELOOP: a directory became a link while we walked.
        Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG | Errno::LOOP => FileError::Missing(path.into()),
        other => FileError::Store(path.into(), std::io::Error::from(other).to_string()),
    }
}
