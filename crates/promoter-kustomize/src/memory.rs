//! A tree of files held in memory: an unpacked archive, a test's input, a part of another tree.
//!
//! Decides how links are followed inside a tree. Leaves to others where the bytes come from and how many may come.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::files::{FileError, FileKind, Files};

/// Links followed on the way to one path, as Linux bounds them.
const LINKS_MAX: usize = 40;

/// What is directly at a path, before links are followed.
#[derive(Debug, Clone)]
enum Entry {
    File(Arc<[u8]>),
    Link(Box<str>),
    Directory(Directory),
}

type Directory = BTreeMap<Box<str>, Entry>;

/// Files, directories and symbolic links by path. Cloning shares the bytes of the files.
#[derive(Debug, Clone, Default)]
pub struct MemoryFiles {
    root: Directory,
}

impl MemoryFiles {
    /// An empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// A tree of regular files: normal paths with their contents.
    ///
    /// Errors: as [`Self::insert`].
    pub fn from_entries<P: AsRef<str>, B: AsRef<[u8]>>(
        entries: impl IntoIterator<Item = (P, B)>,
    ) -> Result<Self, FileError> {
        let mut files = Self::new();
        for (path, bytes) in entries {
            files.insert(path.as_ref(), bytes.as_ref())?;
        }
        Ok(files)
    }

    /// Puts a regular file at a normal path and makes the directories above it; replaces a file or link that is there.
    ///
    /// Errors: `WrongKind` when a directory is there, or a file or link stands where a directory is needed;
    /// `Outside` when the path is not normal.
    pub fn insert(&mut self, path: &str, bytes: impl Into<Arc<[u8]>>) -> Result<(), FileError> {
        self.put(path, Entry::File(bytes.into()))
    }

    /// Puts a symbolic link at a normal path. The target is as in the file system: relative to the link's directory; it
    /// need not exist. Errors: as [`Self::insert`].
    pub fn insert_link(&mut self, path: &str, target: &str) -> Result<(), FileError> {
        self.put(path, Entry::Link(target.into()))
    }

    /// Makes a directory and those above it, so that an empty one exists too. Errors: as [`Self::insert`].
    pub fn insert_directory(&mut self, path: &str) -> Result<(), FileError> {
        self.directory_for(path, parts(path)?).map(|_| ())
    }

    fn put(&mut self, path: &str, entry: Entry) -> Result<(), FileError> {
        let mut above = parts(path)?;
        let Some(name) = above.pop() else {
            return Err(FileError::WrongKind(path.into(), "a directory"));
        };
        let directory = self.directory_for(path, above)?;
        if matches!(directory.get(name), Some(Entry::Directory(_))) {
            return Err(FileError::WrongKind(path.into(), "a directory"));
        }
        directory.insert(name.into(), entry);
        Ok(())
    }

    fn directory_for(&mut self, path: &str, parts: Vec<&str>) -> Result<&mut Directory, FileError> {
        let mut directory = &mut self.root;
        for part in parts {
            match directory.entry(part.into()).or_insert_with(|| Entry::Directory(Directory::new())) {
                Entry::Directory(below) => directory = below,
                _ => return Err(FileError::WrongKind(path.into(), "below a file or link")),
            }
        }
        Ok(directory)
    }

    /// Walks to a path, following links. Gives the real path and what is there.
    fn resolve(&self, path: &str) -> Result<(String, Found<'_>), FileError> {
        let mut todo: Vec<String> = parts(path)?.into_iter().rev().map(String::from).collect();
        let mut directories = vec![&self.root];
        let mut names: Vec<String> = Vec::new();
        let mut links = 0;
        while let Some(part) = todo.pop() {
            match part.as_str() {
                "" | "." => continue,
                ".." => {
                    names.pop().ok_or_else(|| FileError::Outside(path.into()))?;
                    directories.pop();
                    continue;
                }
                _ => {}
            }
            let here = directories.last().copied().unwrap_or(&self.root);
            match here.get(part.as_str()) {
                None => return Err(FileError::Missing(path.into())),
                Some(Entry::Directory(below)) => {
                    directories.push(below);
                    names.push(part);
                }
                Some(Entry::File(bytes)) => {
                    names.push(part);
                    if todo.iter().any(|it| !matches!(it.as_str(), "" | ".")) {
                        return Err(FileError::Missing(path.into()));
                    }
                    return Ok((names.join("/"), Found::File(bytes)));
                }
                Some(Entry::Link(target)) => {
                    links += 1;
                    if links > LINKS_MAX {
                        return Err(FileError::Loop(path.into()));
                    }
                    if target.starts_with('/') {
                        return Err(FileError::Outside(path.into()));
                    }
                    todo.extend(target.split('/').rev().map(String::from));
                }
            }
        }
        let here = directories.last().copied().unwrap_or(&self.root);
        Ok((names.join("/"), Found::Directory(here)))
    }
}

enum Found<'a> {
    File(&'a Arc<[u8]>),
    Directory(&'a Directory),
}

impl Files for MemoryFiles {
    fn kind(&self, path: &str) -> Option<FileKind> {
        match self.resolve(path).ok()?.1 {
            Found::File(_) => Some(FileKind::File),
            Found::Directory(_) => Some(FileKind::Directory),
        }
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, FileError> {
        match self.resolve(path)?.1 {
            Found::File(bytes) => Ok(Arc::clone(bytes)),
            Found::Directory(_) => Err(FileError::WrongKind(path.into(), "a directory")),
        }
    }

    fn list(&self, path: &str) -> Result<Vec<String>, FileError> {
        match self.resolve(path)?.1 {
            Found::Directory(directory) => Ok(directory.keys().map(ToString::to_string).collect()),
            Found::File(_) => Err(FileError::WrongKind(path.into(), "a file")),
        }
    }

    fn real_path(&self, path: &str) -> Result<String, FileError> {
        Ok(self.resolve(path)?.0)
    }
}

/// The parts of a normal path; the root has none.
fn parts(path: &str) -> Result<Vec<&str>, FileError> {
    if path.is_empty() {
        return Ok(Vec::new());
    }
    let parts: Vec<&str> = path.split('/').collect();
    if parts.iter().any(|it| matches!(*it, "" | "." | "..")) {
        return Err(FileError::Outside(path.into()));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> MemoryFiles {
        let mut files = MemoryFiles::new();
        files.insert("a-b", *b"1").unwrap();
        files.insert("a/x.yaml", *b"x").unwrap();
        files.insert("a/b/y.yaml", *b"y").unwrap();
        files.insert_directory("empty").unwrap();
        files.insert_link("link", "a/b").unwrap();
        files.insert_link("a/up", "../a/./x.yaml").unwrap();
        files.insert_link("out", "../etc").unwrap();
        files.insert_link("absolute", "/etc").unwrap();
        files.insert_link("loop", "loop").unwrap();
        files
    }

    #[test]
    fn reads_and_lists_in_byte_order() {
        let files = tree();
        assert_eq!(&*files.read("a/x.yaml").unwrap(), b"x");
        assert_eq!(files.list("a").unwrap(), ["b", "up", "x.yaml"]);
        assert_eq!(files.list("").unwrap(), ["a", "a-b", "absolute", "empty", "link", "loop", "out"]);
        assert_eq!(files.kind(""), Some(FileKind::Directory));
        assert_eq!(files.kind("empty"), Some(FileKind::Directory));
        assert_eq!(files.read("a"), Err(FileError::WrongKind("a".into(), "a directory")));
        assert_eq!(files.list("a-b"), Err(FileError::WrongKind("a-b".into(), "a file")));
    }

    #[test]
    fn follows_links_inside_and_never_out() {
        let files = tree();
        assert_eq!(&*files.read("link/y.yaml").unwrap(), b"y");
        assert_eq!(files.real_path("link/y.yaml").unwrap(), "a/b/y.yaml");
        assert_eq!(files.real_path("a/up").unwrap(), "a/x.yaml");
        assert_eq!(files.read("out"), Err(FileError::Outside("out".into())));
        assert_eq!(files.read("absolute"), Err(FileError::Outside("absolute".into())));
        assert_eq!(files.read("loop"), Err(FileError::Loop("loop".into())));
        assert_eq!(files.read("a/x.yaml/z"), Err(FileError::Missing("a/x.yaml/z".into())));
        assert_eq!(files.kind("out"), None);
        assert_eq!(files.kind("nothing"), None);
    }

    #[test]
    fn takes_any_pairs_of_paths_and_contents() {
        let pairs = std::collections::HashMap::from([("a/x".to_owned(), "1".to_owned())]);
        assert_eq!(&*MemoryFiles::from_entries(&pairs).unwrap().read("a/x").unwrap(), b"1");
        assert!(MemoryFiles::from_entries([("a", "1"), ("a/x", "1")]).is_err());
    }

    #[test]
    fn refuses_paths_that_are_not_normal_and_entries_below_links() {
        let mut files = tree();
        for path in ["../x", "/x", "a//x", "a/./x", ""] {
            assert!(files.insert(path, *b"").is_err(), "{path}");
        }
        assert!(files.insert("link/z", *b"").is_err());
        assert!(files.insert("a", *b"").is_err());
        assert_eq!(files.read("a/../a-b"), Err(FileError::Outside("a/../a-b".into())));
    }
}
