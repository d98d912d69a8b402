//! Going into directories, of the build's own tree and of repositories.
//!
//! Decides where a build starts, what a repository forbids, that no way goes round in a circle, and how far and how deep
//! one may lead.

use std::rc::Rc;

use crate::error::{BuildError, Result};
use crate::files::{FileError, FileKind, Files};
use crate::repository::Repository;
use crate::tree::{Tree, Trees};
use crate::{Externals, LoadRestrictor};

use super::{Loader, Root, is_below};

/// Kustomizations that one build may go through, counted with repetition.
const DIRECTORIES_MAX: u32 = 10_000;

/// How deep kustomizations may name each other.
const DEPTH_MAX: usize = 100;

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

    /// Opens the directory of a repository. From there on nothing outside of a kustomization's own directory may be
    /// read, whatever was allowed before.
    pub(super) fn open_repository(&self, repository: &Repository, entry: &str) -> Result<Self> {
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

    /// A loader for a directory of a tree, by its real path.
    pub(super) fn go_into(
        &self,
        tree: Tree<'a>,
        restrictor: LoadRestrictor,
        real: String,
        entry: &str,
    ) -> Result<Self> {
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
}
