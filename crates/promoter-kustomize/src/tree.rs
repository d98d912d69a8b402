//! The trees that one build reads: its own, and those of repositories that entries pin by commit.
//!
//! Decides that a repository is opened once at each commit, and how its files are called in messages.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

use crate::Externals;
use crate::error::{BuildError, Result};
use crate::files::Files;
use crate::repository::Repository;

/// Repositories, counted by commit, that one build may open.
const REPOSITORIES_MAX: usize = 100;

/// Digits of a commit's id that tell one from another for people.
const SHORT_ID: usize = 12;

/// One tree.
#[derive(Clone)]
pub(crate) struct Tree<'a> {
    files: Held<'a>,
    /// What stands before the paths of its files in messages, `//` behind it; nothing for the build's own tree. Such a
    /// path holds `//`, which none in a tree does.
    label: Rc<str>,
    /// Tells the trees of a build apart.
    number: usize,
}

#[derive(Clone)]
enum Held<'a> {
    Own(&'a dyn Files),
    Opened(Arc<dyn Files>),
}

impl<'a> Tree<'a> {
    /// The tree that the build began with.
    pub(crate) fn own(files: &'a dyn Files) -> Self {
        Self { files: Held::Own(files), label: Rc::from(""), number: 0 }
    }

    /// Its files.
    pub(crate) fn files(&self) -> &dyn Files {
        match &self.files {
            Held::Own(files) => *files,
            Held::Opened(files) => &**files,
        }
    }

    /// True for the tree that the build began with, false for a repository's.
    pub(crate) fn is_own(&self) -> bool {
        self.number == 0
    }

    /// Tells the trees of a build apart.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// A path of this tree as messages show it.
    pub(crate) fn shown(&self, path: String) -> String {
        if self.is_own() { path } else { format!("{}//{path}", self.label) }
    }
}

/// What all loaders of a build share.
pub(crate) struct Trees<'a> {
    externals: &'a dyn Externals,
    opened: RefCell<Vec<(Repository, Tree<'a>)>>,
    /// Kustomizations that were gone through.
    pub(crate) visited: Cell<u32>,
    /// Files that were read.
    pub(crate) read: RefCell<Read>,
}

/// What a build has read so far.
#[derive(Default)]
pub(crate) struct Read {
    /// The files, as messages show them.
    pub(crate) files: HashSet<Rc<str>>,
    /// Their bytes.
    pub(crate) bytes: usize,
}

impl<'a> Trees<'a> {
    /// None opened yet.
    pub(crate) fn new(externals: &'a dyn Externals) -> Self {
        Self { externals, opened: RefCell::default(), visited: Cell::new(0), read: RefCell::default() }
    }

    /// The tree of a repository at the commit that an entry names.
    ///
    /// Errors: it names none, there are too many, or the outside does not give it.
    pub(crate) fn open(&self, repository: &Repository, entry: &str) -> Result<Tree<'a>> {
        let key = Repository {
            url: repository.url.clone(),
            reference: repository.commit(entry)?,
            directory: String::new(),
        };
        let mut opened = self.opened.borrow_mut();
        if let Some((_, tree)) = opened.iter().find(|(known, _)| *known == key) {
            return Ok(tree.clone());
        }
        if opened.len() >= REPOSITORIES_MAX {
            let message = format!("more than {REPOSITORIES_MAX} repositories");
            return Err(BuildError::new("kustomize-limit", message));
        }
        let files = self.externals.repository(&key.url, &key.reference)?;
        let label = format!("{}@{}", key.url, &key.reference[..SHORT_ID]);
        let tree = Tree { files: Held::Opened(files), label: Rc::from(label), number: opened.len() + 1 };
        opened.push((key, tree.clone()));
        Ok(tree)
    }
}
