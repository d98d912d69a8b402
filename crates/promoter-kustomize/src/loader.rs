//! Finding and reading the files that a kustomization names, within what it may name.
//!
//! Decides load restrictions, cycles and which file is the kustomization; leaves following links to [`Files`]. A
//! directory's real path is its identity, so a link cannot hide a cycle.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use promoter_yaml::{Dialect, Limits, Node, parse_first};

use crate::LoadRestrictor;
use crate::error::{BuildError, Result};
use crate::files::{FileKind, Files, normalise};
use crate::kustomization::reader::At;
use crate::suggest::nearest;

/// The names of a kustomization file. Only one of them may be there.
const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Kustomizations that one build may go through, counted with repetition.
const DIRECTORIES_MAX: u32 = 10_000;

/// How deep kustomizations may name each other.
const DEPTH_MAX: usize = 100;

/// A kustomization's directory, and the way to it from the top.
pub(crate) struct Loader<'a> {
    files: &'a dyn Files,
    restrictor: LoadRestrictor,
    /// Real path of this directory, then of those that led here.
    roots: Vec<Rc<str>>,
    visited: Rc<Cell<u32>>,
}

/// What an entry that names a file or a directory turned out to be.
pub(crate) enum Entry<'a> {
    /// A file: its path in the tree, and its bytes.
    File(Rc<str>, Arc<[u8]>),
    /// A directory.
    Directory(Loader<'a>),
}

impl<'a> Loader<'a> {
    /// The top directory.
    pub(crate) fn top(files: &'a dyn Files, restrictor: LoadRestrictor, directory: &str) -> Result<Self> {
        let place = (directory, 0);
        match files.kind(directory) {
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
        let root = files.real_path(directory).map_err(|error| BuildError::file(&error, place))?;
        Ok(Self { files, restrictor, roots: vec![Rc::from(root)], visited: Rc::default() })
    }

    /// The real path of the directory.
    pub(crate) fn root(&self) -> &str {
        self.roots.first().map_or("", |it| it)
    }

    /// The last part of the directory's path.
    pub(crate) fn base_name(&self) -> &str {
        self.root().rsplit('/').next().unwrap_or_default()
    }

    /// The tree, for those who hand it on.
    pub(crate) fn files(&self) -> &'a dyn Files {
        self.files
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
            let message = format!("there is no kustomization.yaml in `{}`", self.shown_root());
            return Err(BuildError::new("kustomize-missing", message).hint(self.instead_of_kustomization()));
        };
        if let Some(second) = found.next() {
            let message = format!("`{path}` and `{second}` are both there");
            return Err(BuildError::new("kustomize-ambiguous", message).hint("keep one of them"));
        }
        let path: Rc<str> = Rc::from(path);
        let bytes = self.files.read(&path).map_err(|error| BuildError::file(&error, (&path, 0)))?;
        let text = text(&path, &bytes)?;
        let node = parse_first(text, Dialect::Config, &Limits::default());
        node.map(|node| (Rc::clone(&path), node)).map_err(|error| BuildError::syntax(&path, text, &error))
    }

    /// A hint for a directory without a kustomization.
    fn instead_of_kustomization(&self) -> String {
        let there = self.files.list(self.root()).unwrap_or_default();
        if let Some(near) = there.iter().find(|it| it.to_ascii_lowercase().starts_with("kustomiz")) {
            return format!("rename `{near}` to `kustomization.yaml`");
        }
        let has_one = |it: &&String| NAMES.iter().any(|name| self.has_file(&format!("{it}/{name}")));
        match there.iter().find(has_one).and_then(|it| self.path_of(it)) {
            Some(below) => format!("`{below}` has one"),
            None => "name its files one by one, or write a kustomization.yaml that does".to_owned(),
        }
    }

    fn readable(&self, name: &str) -> Option<String> {
        let path = self.path_of(name)?;
        let is_file = self.files.kind(&path) == Some(FileKind::File);
        (is_file && self.may_read(&path)).then_some(path)
    }

    fn may_read(&self, path: &str) -> bool {
        self.restrictor == LoadRestrictor::None
            || self.files.real_path(path).is_ok_and(|real| is_below(&real, self.root()))
    }

    /// Reads a file that `named_in` names.
    ///
    /// Errors: it is missing, or not to be read from here.
    pub(crate) fn read(&self, path: &At<String>, named_in: &str) -> Result<(Rc<str>, Arc<[u8]>)> {
        match self.open(path, named_in)? {
            Entry::File(path, bytes) => Ok((path, bytes)),
            Entry::Directory(_) => {
                let message = format!("`{}` is a directory, a file is wanted", path.value);
                Err(BuildError::new("kustomize-not-a-file", message).at(named_in, path.line))
            }
        }
    }

    /// True when there is a file of that path, restrictions aside.
    pub(crate) fn has_file(&self, path: &str) -> bool {
        self.path_of(path).is_some_and(|path| self.files.kind(&path) == Some(FileKind::File))
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

    fn try_open(&self, path: &str) -> Result<Entry<'a>> {
        if path.is_empty() {
            return Err(BuildError::new("kustomize-value", "an empty path names nothing")
                .hint("take the entry out, or name a file or directory"));
        }
        let full = self.path_of(path);
        let kind = full.as_deref().and_then(|full| self.files.kind(full));
        match (full, kind) {
            (Some(full), Some(FileKind::File)) => self.open_file(path, &full),
            (Some(full), Some(FileKind::Directory)) => self.open_directory(path, &full),
            (_, _) if looks_remote(path) => Err(BuildError::new(
                "kustomize-remote",
                format!("`{path}` is fetched over the network, which a build never does"),
            )
            .hint("copy it into the repository, or render it in CI")),
            (None, _) => {
                let message = format!("`{path}` leads out of the tree");
                Err(BuildError::new("kustomize-outside", message).hint("name a path relative to this file"))
            }
            (Some(full), None) => Err(self.missing(path, &full)),
        }
    }

    fn missing(&self, path: &str, full: &str) -> BuildError {
        let (directory, name) = full.rsplit_once('/').unwrap_or(("", full));
        let error = BuildError::new("kustomize-missing", format!("`{full}` does not exist"));
        let Ok(there) = self.files.list(directory) else {
            return error.hint(format!("there is no directory `{directory}` either"));
        };
        match nearest(name, there.iter().map(String::as_str)) {
            Some(near) => {
                error.hint(format!("did you mean `{}{near}`?", path.strip_suffix(name).unwrap_or("")))
            }
            None => error.hint("paths count from the directory of the file that names them"),
        }
    }

    fn open_file(&self, path: &str, full: &str) -> Result<Entry<'a>> {
        if !self.may_read(full) {
            let message = format!("`{path}` is not in or below `{}`", self.shown_root());
            return Err(BuildError::new("kustomize-outside", message)
                .hint("move the file there, name its directory instead, or build with --load-restrictor LoadRestrictionsNone"));
        }
        let bytes = self.files.read(full).map_err(|error| BuildError::file(&error, (full, 0)))?;
        Ok(Entry::File(Rc::from(full), bytes))
    }

    fn open_directory(&self, path: &str, full: &str) -> Result<Entry<'a>> {
        let root = self.files.real_path(full).map_err(|error| BuildError::file(&error, (full, 0)))?;
        if let Some(far) = self.roots.iter().rposition(|visited| is_below(visited, &root)) {
            return Err(self.cycle(path, &root, far));
        }
        self.visited.set(self.visited.get() + 1);
        if self.visited.get() > DIRECTORIES_MAX || self.roots.len() > DEPTH_MAX {
            let message = format!(
                "more than {DIRECTORIES_MAX} kustomizations, or more than {DEPTH_MAX} below each other"
            );
            return Err(BuildError::new("kustomize-limit", message));
        }
        let mut roots = Vec::with_capacity(self.roots.len() + 1);
        roots.push(Rc::from(root));
        roots.extend(self.roots.iter().cloned());
        let visited = Rc::clone(&self.visited);
        Ok(Entry::Directory(Self { files: self.files, restrictor: self.restrictor, roots, visited }))
    }

    /// `far` directories up is the one that is, or lies in, `root`.
    fn cycle(&self, path: &str, root: &str, far: usize) -> BuildError {
        let way = self.roots[..=far].iter().rev().map(|it| &**it).chain([root]);
        let shown: Vec<String> = way.map(|it| format!("`{}`", or_dot(it))).collect();
        let message = format!("`{path}` goes round in a circle: {}", shown.join(" → "));
        BuildError::new("kustomize-cycle", message)
            .hint("no kustomization may name itself, or one that leads to it")
    }

    fn shown_root(&self) -> &str {
        or_dot(self.root())
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

/// True for what kustomize would take for a URL or a repository.
fn looks_remote(path: &str) -> bool {
    let host_first = ["github.com/", "github.com:", "gh:", "git@", "git::", "org-"];
    path.contains("://") || path.contains("?ref=") || host_first.iter().any(|it| path.starts_with(it))
}
