//! Finding and reading the files that a kustomization names, within what it may name.
//!
//! Decides what an entry means, a file or a directory here or in a repository; leaves following links to [`Files`], to
//! `repository` which entries name one, to `directory` and `file` what may be gone into and read, and to `lost` what is
//! said when there is nothing. A directory's tree and real path are its identity, so a link cannot hide a cycle.

mod directory;
mod file;
mod lost;

use std::rc::Rc;
use std::sync::Arc;

use crate::LoadRestrictor;
use crate::error::{BuildError, Result};
use crate::files::{FileError, FileKind, Files, normalise};
use crate::kustomization::reader::At;
use crate::repository::{Repository, is_web_address, web_file};
use crate::tree::{Tree, Trees};

pub(crate) use file::text;

/// A kustomization's directory, and the way to it from the top.
pub(crate) struct Loader<'a> {
    tree: Tree<'a>,
    restrictor: LoadRestrictor,
    /// This directory, then those that led here.
    roots: Vec<Root>,
    trees: Rc<Trees<'a>>,
}

/// A directory that was gone through.
#[derive(Clone)]
struct Root {
    /// The number of its tree.
    tree: usize,
    /// Its real path there.
    path: Rc<str>,
    /// The same as messages show it.
    shown: Rc<str>,
}

/// What an entry that names a file or a directory turned out to be.
pub(crate) enum Entry<'a> {
    /// A file: its path as messages show it, and its bytes.
    File(Rc<str>, Arc<[u8]>),
    /// A directory.
    Directory(Loader<'a>),
}

impl<'a> Loader<'a> {
    /// The real path of the directory.
    pub(crate) fn root(&self) -> &str {
        self.roots.first().map_or("", |it| &it.path)
    }

    /// The last part of the directory's path.
    pub(crate) fn base_name(&self) -> &str {
        self.root().rsplit('/').next().unwrap_or_default()
    }

    /// The tree, for those who hand it on.
    pub(crate) fn files(&self) -> &dyn Files {
        self.tree.files()
    }

    /// A path of the tree as messages show it.
    pub(crate) fn shown(&self, path: String) -> String {
        self.tree.shown(path)
    }

    /// The path in the tree of a path that a file of this directory names.
    pub(crate) fn path_of(&self, path: &str) -> Option<String> {
        normalise(self.root(), path)
    }

    /// Reads a file that `named_in` names.
    ///
    /// Errors: it is missing, or not to be read from here.
    pub(crate) fn read(&self, path: &At<String>, named_in: &str) -> Result<(Rc<str>, Arc<[u8]>)> {
        if is_web_address(&path.value) {
            return Err(web_file(&path.value).at(named_in, path.line));
        }
        match self.try_open_path(&path.value).map_err(|error| error.at(named_in, path.line))? {
            Entry::File(path, bytes) => Ok((path, bytes)),
            Entry::Directory(_) => {
                let message = format!("`{}` is a directory, a file is wanted", path.value);
                Err(BuildError::new("kustomize-not-a-file", message).at(named_in, path.line))
            }
        }
    }

    /// True when there is a file of that path, restrictions aside.
    pub(crate) fn has_file(&self, path: &str) -> bool {
        self.path_of(path).is_some_and(|path| self.files().kind(&path) == Some(FileKind::File))
    }

    /// Opens a directory that `named_in` names.
    ///
    /// Errors: it is missing, a file, or contains one of the directories that led here.
    pub(crate) fn directory(&self, path: &At<String>, named_in: &str) -> Result<Self> {
        match self.open(path, named_in)? {
            Entry::Directory(loader) => Ok(loader),
            Entry::File(..) => {
                let message = format!("`{}` is a file, a directory is wanted", path.value);
                Err(BuildError::new("kustomize-not-a-directory", message).at(named_in, path.line))
            }
        }
    }

    /// Opens what an entry names, file or directory.
    pub(crate) fn open(&self, path: &At<String>, named_in: &str) -> Result<Entry<'a>> {
        self.try_open(&path.value).map_err(|error| error.at(named_in, path.line))
    }

    fn try_open(&self, entry: &str) -> Result<Entry<'a>> {
        let is_file = || self.path_of(entry).is_some_and(|it| self.files().kind(&it) == Some(FileKind::File));
        match Repository::parse(entry).filter(|_| !is_file()) {
            Some(repository) => self.open_repository(&repository, entry).map(Entry::Directory),
            None if is_web_address(entry) => Err(web_file(entry)),
            None => self.try_open_path(entry),
        }
    }

    fn try_open_path(&self, path: &str) -> Result<Entry<'a>> {
        if path.is_empty() {
            return Err(BuildError::new("kustomize-value", "an empty path names nothing")
                .hint("take the entry out, or name a file or directory"));
        }
        let Some(full) = self.path_of(path) else {
            let message = format!("`{path}` leads out of the {}", self.tree_word());
            return Err(
                BuildError::new("kustomize-outside", message).hint("name a path relative to this file")
            );
        };
        match self.files().kind(&full) {
            Some(FileKind::File) => self.open_file(path, full),
            Some(FileKind::Directory) => {
                let real = self.files().real_path(&full);
                let real = real.map_err(|error| BuildError::file(&error, (&self.shown(full), 0)))?;
                self.go_into(self.tree.clone(), self.restrictor, real, path).map(Entry::Directory)
            }
            None => Err(match self.files().read(&full) {
                Err(error @ FileError::WrongKind(..)) => {
                    BuildError::new("kustomize-not-a-file", error.to_string())
                }
                _ => self.missing(path, &full),
            }),
        }
    }

    fn tree_word(&self) -> &'static str {
        if self.tree.is_own() { "tree" } else { "repository" }
    }

    fn shown_root(&self) -> &str {
        or_dot(self.roots.first().map_or("", |it| &it.shown))
    }
}

fn or_dot(path: &str) -> &str {
    if path.is_empty() { "." } else { path }
}

fn is_below(path: &str, directory: &str) -> bool {
    directory.is_empty()
        || path == directory
        || path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}
