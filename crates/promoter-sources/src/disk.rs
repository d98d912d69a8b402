//! A directory of the disk as a tree of files, opened below a root.
//!
//! Each step of a path is opened from the directory before it and never through a link; links are read and walked by
//! hand. So no link, and no rename while we walk, leads out of the root.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use promoter_kustomize::{FileError, FileKind, Files};
use rustix::fs::{Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

/// Links followed on the way to one path, as Linux bounds them.
const LINKS_MAX: usize = 40;

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
    root: OwnedFd,
    root_path: PathBuf,
    limits: DiskLimits,
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
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root =
            rustix::fs::open(&root_path, flags, Mode::empty()).map_err(|errno| file_error(&shown, errno))?;
        Ok(Self { root, root_path, limits })
    }

    /// Walks to a path. Gives the real path and what was opened there.
    fn walk(&self, path: &str) -> Result<(String, Opened), FileError> {
        let mut walk = Walk { files: self, path, directories: Vec::new(), names: Vec::new(), links: 0 };
        let mut todo: VecDeque<String> = path.split('/').map(String::from).collect();
        while let Some(part) = todo.pop_front() {
            match part.as_str() {
                "" | "." => {}
                ".." => walk.up()?,
                _ => {
                    if let Some(file) = walk.step(part, &mut todo)? {
                        let rest = todo.iter().any(|it| !matches!(it.as_str(), "" | "."));
                        let real = walk.names.join("/");
                        return if rest { Err(FileError::Missing(path.into())) } else { Ok((real, file)) };
                    }
                }
            }
        }
        let real = walk.names.join("/");
        let directory = match walk.directories.pop() {
            Some(directory) => directory,
            None => {
                self.root.try_clone().map_err(|error| FileError::Store(path.into(), error.to_string()))?
            }
        };
        Ok((real, Opened::Directory(directory)))
    }
}

enum Opened {
    File(OwnedFd),
    Directory(OwnedFd),
    Other,
}

/// A walk from the root: the opened directories below it and their names.
struct Walk<'a> {
    files: &'a DiskFiles,
    path: &'a str,
    directories: Vec<OwnedFd>,
    names: Vec<String>,
    links: usize,
}

impl Walk<'_> {
    fn up(&mut self) -> Result<(), FileError> {
        self.names.pop();
        self.directories.pop().map(drop).ok_or_else(|| FileError::Outside(self.path.into()))
    }

    /// Goes into a directory, puts a link's parts in front of what is left, or gives what is at the end.
    fn step(&mut self, part: String, todo: &mut VecDeque<String>) -> Result<Option<Opened>, FileError> {
        let here = self.directories.last().map_or_else(|| self.files.root.as_fd(), |it| it.as_fd());
        // NONBLOCK: opening a pipe would otherwise wait for its writer.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        match rustix::fs::openat(here, part.as_str(), flags, Mode::empty()) {
            Ok(opened) => {
                let stat = rustix::fs::fstat(&opened).map_err(|errno| file_error(self.path, errno))?;
                self.names.push(part);
                match FileType::from_raw_mode(stat.st_mode) {
                    FileType::Directory => {
                        self.directories.push(opened);
                        Ok(None)
                    }
                    FileType::RegularFile => Ok(Some(Opened::File(opened))),
                    _ => Ok(Some(Opened::Other)),
                }
            }
            // What NOFOLLOW answers for a link: ELOOP on Linux and macOS, EMLINK on FreeBSD.
            Err(Errno::LOOP | Errno::MLINK) => {
                let target = rustix::fs::readlinkat(here, part.as_str(), Vec::new())
                    .map_err(|errno| file_error(self.path, errno))?;
                let target = target.into_string().map_err(|_| FileError::Missing(self.path.into()))?;
                self.follow(&target, todo)?;
                Ok(None)
            }
            // A socket cannot be opened.
            Err(Errno::NXIO | Errno::OPNOTSUPP) => {
                self.names.push(part);
                Ok(Some(Opened::Other))
            }
            Err(errno) => Err(file_error(self.path, errno)),
        }
    }

    fn follow(&mut self, target: &str, todo: &mut VecDeque<String>) -> Result<(), FileError> {
        self.links += 1;
        if self.links > LINKS_MAX {
            return Err(FileError::Loop(self.path.into()));
        }
        let target = if target.starts_with('/') {
            self.directories.clear();
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
            Opened::File(_) => Some(FileKind::File),
            Opened::Directory(_) => Some(FileKind::Directory),
            Opened::Other => None,
        }
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, FileError> {
        let file = match self.walk(path)?.1 {
            Opened::File(file) => File::from(file),
            Opened::Directory(_) => return Err(FileError::WrongKind(path.into(), "a directory")),
            Opened::Other => return Err(FileError::WrongKind(path.into(), "no regular file")),
        };
        let max = self.limits.file_bytes_max;
        let mut bytes = Vec::new();
        file.take(max.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|error| FileError::Store(path.into(), error.to_string()))?;
        if bytes.len() as u64 > max {
            return Err(FileError::TooLarge(path.into(), max));
        }
        Ok(bytes.into())
    }

    fn list(&self, path: &str) -> Result<Vec<String>, FileError> {
        let Opened::Directory(directory) = self.walk(path)?.1 else {
            return Err(FileError::WrongKind(path.into(), "a file"));
        };
        let entries = Dir::read_from(directory).map_err(|errno| file_error(path, errno))?;
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

fn file_error(path: &str, errno: Errno) -> FileError {
    match errno {
        Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG => FileError::Missing(path.into()),
        other => FileError::Store(path.into(), std::io::Error::from(other).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn open(root: &Path) -> DiskFiles {
        DiskFiles::open(root, DiskLimits { file_bytes_max: 4, names_max: 10 }).unwrap()
    }

    fn tree() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(dir.path().join("secret"), "s").unwrap();
        fs::write(root.join("a/x"), "x").unwrap();
        fs::write(root.join("a/large"), "12345").unwrap();
        symlink("a/b/../x", root.join("inside")).unwrap();
        symlink(root.join("a"), root.join("absolute")).unwrap();
        symlink("../secret", root.join("out")).unwrap();
        symlink("/etc/passwd", root.join("etc")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        dir
    }

    #[test]
    fn reads_lists_and_bounds() {
        let dir = tree();
        let files = open(&dir.path().join("root"));
        assert_eq!(&*files.read("a/x").unwrap(), b"x");
        assert_eq!(files.read("a/large"), Err(FileError::TooLarge("a/large".into(), 4)));
        assert_eq!(files.list("a").unwrap(), ["b", "large", "x"]);
        assert_eq!(files.read("a"), Err(FileError::WrongKind("a".into(), "a directory")));
        assert_eq!(files.list("a/x"), Err(FileError::WrongKind("a/x".into(), "a file")));
        assert_eq!(files.read("a/x/y"), Err(FileError::Missing("a/x/y".into())));
        assert_eq!(files.read("nothing"), Err(FileError::Missing("nothing".into())));
        assert_eq!(files.kind(""), Some(FileKind::Directory));
        assert_eq!(files.list("").unwrap(), files.list("").unwrap());
        assert_eq!(files.list("").unwrap().len(), 6);
        for name in 0..11 {
            fs::write(dir.path().join(format!("root/a/b/{name}")), "").unwrap();
        }
        assert!(matches!(files.list("a/b"), Err(FileError::Store(..))));
    }

    #[test]
    fn follows_links_inside_and_never_out() {
        let dir = tree();
        let files = open(&dir.path().join("root"));
        assert_eq!(&*files.read("inside").unwrap(), b"x");
        assert_eq!(files.real_path("inside").unwrap(), "a/x");
        assert_eq!(files.real_path("absolute/x").unwrap(), "a/x");
        assert_eq!(files.read("out"), Err(FileError::Outside("out".into())));
        assert_eq!(files.read("etc"), Err(FileError::Outside("etc".into())));
        assert_eq!(files.read("loop"), Err(FileError::Loop("loop".into())));
        assert_eq!(files.read("../secret"), Err(FileError::Outside("../secret".into())));
        assert_eq!(files.kind("out"), None);
    }

    #[test]
    fn the_root_of_the_disk_holds_everything() {
        let dir = tree();
        let files = open(Path::new("/"));
        let path = dir.path().canonicalize().unwrap().join("root/out");
        assert_eq!(&*files.read(&path.to_str().unwrap()[1..]).unwrap(), b"s");
    }

    #[test]
    fn a_pipe_is_no_file_and_does_not_block() {
        let dir = tree();
        let path = dir.path().join("root/pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &path, FileType::Fifo, Mode::from(0o600), 0).unwrap();
        let files = open(&dir.path().join("root"));
        assert_eq!(files.read("pipe"), Err(FileError::WrongKind("pipe".into(), "no regular file")));
        assert_eq!(files.kind("pipe"), None);
    }
}
