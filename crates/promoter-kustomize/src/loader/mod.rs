//! Finding and reading the files that a kustomization names, within what it may name.
//!
//! Decides load restrictions, cycles and which file is the kustomization; leaves following links to [`Files`], and to
//! `repository` which entries name one. A directory's tree and real path are its identity, so a link cannot hide a cycle.

mod lost;

use std::rc::Rc;
use std::sync::Arc;

use promoter_yaml::{Dialect, Limits, Node, parse_first};

use crate::error::{BuildError, Result};
use crate::files::{FileError, FileKind, Files, normalise};
use crate::kustomization::reader::At;
use crate::repository::{Repository, is_web_address, web_file};
use crate::tree::{Tree, Trees};
use crate::{Externals, LoadRestrictor};

/// The names of a kustomization file. Only one of them may be there.
const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Kustomizations that one build may go through, counted with repetition.
const DIRECTORIES_MAX: u32 = 10_000;

/// Bytes that one build may read: more than any real one, and a bound to what the trees of all its documents take.
const READ_BYTES_MAX: usize = 128 << 20;

/// How many times a file counts that was read before. Real builds read little twice, hostile ones the same file always.
const READ_AGAIN: usize = 4;

/// How deep kustomizations may name each other.
const DEPTH_MAX: usize = 100;

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
    /// The top directory.
    pub(crate) fn top(
        files: &'a dyn Files,
        restrictor: LoadRestrictor,
        directory: &str,
        externals: &'a dyn Externals,
    ) -> Result<Self> {
        let trees = Rc::new(Trees::new(externals));
        Self { tree: Tree::own(files), restrictor, roots: Vec::new(), trees }.enter(directory)
    }

    fn enter(self, directory: &str) -> Result<Self> {
        match self.files().kind(directory) {
            Some(FileKind::Directory) => {}
            Some(FileKind::File) => {
                let message = format!("`{directory}` is a file, a directory is wanted");
                return Err(BuildError::new("kustomize-not-a-directory", message));
            }
            None => {
                let message = format!("the directory `{directory}` does not exist");
                return Err(BuildError::new("kustomize-missing", message));
            }
        }
        let real = self.files().real_path(directory);
        let real = real.map_err(|error| BuildError::file(&error, (directory, 0)))?;
        self.go_into(self.tree.clone(), self.restrictor, real, directory)
    }

    /// The top directory, in a repository that an address pins by commit.
    pub(crate) fn top_of_repository(address: &str, externals: &'a dyn Externals) -> Result<Self> {
        let Some(repository) = Repository::parse(address) else {
            let message = format!("`{address}` is no address of a directory in a git repository");
            return Err(BuildError::new("kustomize-remote", message));
        };
        let trees = Rc::new(Trees::new(externals));
        let tree = trees.open(&repository, address)?;
        let at_its_root = Self { tree, restrictor: LoadRestrictor::RootOnly, roots: Vec::new(), trees };
        at_its_root.open_repository(&repository, address)
    }

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

    /// Reads the kustomization file of the directory: its path and its first document.
    ///
    /// Errors: none, several, or one that cannot be read.
    pub(crate) fn kustomization(&self) -> Result<(Rc<str>, Option<Node>)> {
        let mut found = NAMES.iter().filter_map(|name| self.readable(name));
        let Some(path) = found.next() else {
            if let Err(error @ FileError::WrongKind(..)) = self.files().list(self.root()) {
                return Err(BuildError::new("kustomize-not-a-directory", error.to_string()));
            }
            let message = format!("there is no kustomization.yaml in `{}`", self.shown_root());
            return Err(BuildError::new("kustomize-missing", message).hint(self.instead_of_kustomization()));
        };
        if let Some(second) = found.next() {
            let message = format!("`{}` and `{}` are both there", self.shown(path), self.shown(second));
            return Err(BuildError::new("kustomize-ambiguous", message).hint("keep one of them"));
        }
        let (path, bytes) = self.read_counted(path)?;
        let text = text(&path, &bytes)?;
        let node = parse_first(text, Dialect::Config, &Limits::default());
        node.map(|node| (Rc::clone(&path), node)).map_err(|error| BuildError::syntax(&path, text, &error))
    }

    fn readable(&self, name: &str) -> Option<String> {
        let path = self.path_of(name)?;
        let is_file = self.files().kind(&path) == Some(FileKind::File);
        (is_file && self.may_read(&path)).then_some(path)
    }

    fn may_read(&self, path: &str) -> bool {
        self.restrictor == LoadRestrictor::None
            || self.files().real_path(path).is_ok_and(|real| is_below(&real, self.root()))
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

    /// Opens the directory of a repository. From there on nothing outside of a kustomization's own directory may be
    /// read, whatever was allowed before.
    fn open_repository(&self, repository: &Repository, entry: &str) -> Result<Self> {
        let tree = self.trees.open(repository, entry)?;
        let directory = &repository.directory;
        let wrong = |code, what: &str| {
            let shown = if directory.is_empty() { "." } else { directory };
            Err(BuildError::new(code, format!("`{shown}` of the repository in `{entry}` {what}")))
        };
        let failed = |error: FileError| BuildError::file(&error, (&tree.shown(directory.clone()), 0));
        match (tree.files().kind(directory), tree.files().real_path(directory)) {
            (_, Err(error @ FileError::Store(..))) => Err(failed(error)),
            (Some(FileKind::Directory), real) => {
                let real = real.map_err(failed)?;
                self.go_into(tree, LoadRestrictor::RootOnly, real, entry)
            }
            (Some(FileKind::File), _) => {
                wrong("kustomize-not-a-directory", "is a file, a directory is wanted")
            }
            (None, _) => wrong("kustomize-missing", "does not exist"),
        }
    }

    fn open_file(&self, path: &str, full: String) -> Result<Entry<'a>> {
        if !self.may_read(&full) {
            let message = format!("`{path}` is not in or below `{}`", self.shown_root());
            let hint = "move the file there, name its directory instead, or build with --load-restrictor LoadRestrictionsNone";
            let hint =
                if self.tree.is_own() { hint } else { "move the file there, or name its directory instead" };
            return Err(BuildError::new("kustomize-outside", message).hint(hint));
        }
        let (shown, bytes) = self.read_counted(full)?;
        Ok(Entry::File(shown, bytes))
    }

    /// Reads a file of the tree; its path as it is shown.
    fn read_counted(&self, full: String) -> Result<(Rc<str>, Arc<[u8]>)> {
        let bytes = self.files().read(&full);
        let shown: Rc<str> = Rc::from(self.shown(full));
        let bytes = bytes.map_err(|error| BuildError::file(&error, (&shown, 0)))?;
        let mut read = self.trees.read.borrow_mut();
        let times = if read.files.insert(Rc::clone(&shown)) { 1 } else { READ_AGAIN };
        read.bytes = read.bytes.saturating_add(bytes.len().saturating_mul(times));
        if read.bytes > READ_BYTES_MAX {
            let limit = READ_BYTES_MAX >> 20;
            let message = format!(
                "the build reads more than {limit} MiB, a file read again counted {READ_AGAIN} times"
            );
            return Err(BuildError::new("kustomize-limit", message).at(&shown, 0));
        }
        Ok((shown, bytes))
    }

    /// A loader for a directory of a tree, by its real path.
    fn go_into(&self, tree: Tree<'a>, restrictor: LoadRestrictor, real: String, entry: &str) -> Result<Self> {
        let leads_back = |it: &Root| it.tree == tree.number() && is_below(&it.path, &real);
        if let Some(far) = self.roots.iter().rposition(leads_back) {
            return Err(self.cycle(entry, &tree.shown(real), far));
        }
        let visited = self.trees.visited.get() + 1;
        self.trees.visited.set(visited);
        if visited > DIRECTORIES_MAX || self.roots.len() > DEPTH_MAX {
            let message = format!(
                "more than {DIRECTORIES_MAX} kustomizations, or more than {DEPTH_MAX} below each other"
            );
            return Err(BuildError::new("kustomize-limit", message));
        }
        let mut roots = Vec::with_capacity(self.roots.len() + 1);
        let path: Rc<str> = Rc::from(real);
        let shown = if tree.is_own() { Rc::clone(&path) } else { Rc::from(tree.shown(path.to_string())) };
        roots.push(Root { tree: tree.number(), path, shown });
        roots.extend(self.roots.iter().cloned());
        Ok(Self { tree, restrictor, roots, trees: Rc::clone(&self.trees) })
    }

    fn shown_root(&self) -> &str {
        or_dot(self.roots.first().map_or("", |it| &it.shown))
    }
}

fn or_dot(path: &str) -> &str {
    if path.is_empty() { "." } else { path }
}

/// The text of a file.
pub(crate) fn text<'b>(path: &str, bytes: &'b [u8]) -> Result<&'b str> {
    std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].iter().filter(|it| **it == b'\n').count() + 1;
        BuildError::new("kustomize-syntax", "the file is not UTF-8")
            .at(path, u32::try_from(line).unwrap_or(u32::MAX))
    })
}

fn is_below(path: &str, directory: &str) -> bool {
    directory.is_empty()
        || path == directory
        || path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}
