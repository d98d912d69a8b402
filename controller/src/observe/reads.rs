//! What a render asked of its tree, so that another tree can be asked whether it would have answered the same.
//!
//! A render is a function of the answers to its questions. Where all of them are the same in another commit, the render
//! is the same, whatever else has changed there. Questions are kept by directory: one whose object is the same answers
//! every question about its own entries the same, and is not gone through.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use gix::ObjectId;
use promoter_kustomize::{FileError, FileKind, Files};
use promoter_sources::git::GitTree;

/// A question about a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Question {
    Kind,
    Read,
    List,
    RealPath,
}

/// An answer. Files are told by their objects.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Kind(Option<FileKind>),
    Read(Result<ObjectId, FileError>),
    List(Result<Vec<String>, FileError>),
    RealPath(Result<String, FileError>),
}

/// What is asked of one tree.
#[derive(Debug, Default)]
pub(super) struct Asked {
    watched: Mutex<Option<Arc<Watched>>>,
}

/// A tree that remembers what it was asked.
#[derive(Debug)]
struct Watched {
    tree: GitTree,
    questions: Mutex<BTreeSet<(String, Question)>>,
}

impl Asked {
    /// Watches a tree, which is the same one if there is one already.
    pub(super) fn watch(&self, tree: GitTree) -> Arc<dyn Files> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.get_or_insert_with(|| Arc::new(Watched { tree, questions: Mutex::default() })).clone()
    }

    /// The questions so far with their answers; `None` when no tree was asked for.
    pub(super) fn reads(&self) -> Option<Reads> {
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let questions = watched.questions.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut reads = Reads::default();
        for (path, question) in questions {
            let answer = answer(&watched.tree, &path, question);
            match own_directory(&watched.tree, &path) {
                Some(directory) => {
                    let id = object(&watched.tree, &directory);
                    let group = reads.directories.entry(directory).or_insert((id, Vec::new()));
                    group.1.push((path, question, answer));
                }
                None => reads.odd.push((path, question, answer)),
            }
        }
        Some(reads)
    }
}

impl Watched {
    fn note(&self, path: &str, question: Question) {
        let mut questions = self.questions.lock().unwrap_or_else(PoisonError::into_inner);
        questions.insert((path.to_owned(), question));
    }
}

impl Files for Watched {
    fn kind(&self, path: &str) -> Option<FileKind> {
        self.note(path, Question::Kind);
        self.tree.kind(path)
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, FileError> {
        self.note(path, Question::Read);
        self.tree.read(path)
    }

    fn list(&self, path: &str) -> Result<Vec<String>, FileError> {
        self.note(path, Question::List);
        self.tree.list(path)
    }

    fn real_path(&self, path: &str) -> Result<String, FileError> {
        self.note(path, Question::RealPath);
        self.tree.real_path(path)
    }
}

type Entry = (String, Question, Answer);

/// Questions and their answers.
#[derive(Debug, Default)]
pub(super) struct Reads {
    /// By the directory whose own entries they are about, with its object.
    directories: BTreeMap<String, (Option<ObjectId>, Vec<Entry>)>,
    /// Those that depend on more than one directory: links, and paths that are written another way.
    odd: Vec<Entry>,
}

impl Reads {
    /// True when the tree gives the same answers.
    pub(super) fn hold_in(&self, tree: &GitTree) -> bool {
        let same = |(path, question, told): &Entry| answer(tree, path, *question) == *told;
        let unchanged =
            |id: &Option<ObjectId>, directory: &str| id.is_some() && *id == object(tree, directory);
        self.odd.iter().all(same)
            && self
                .directories
                .iter()
                .all(|(directory, (id, group))| unchanged(id, directory) || group.iter().all(same))
    }
}

fn answer(tree: &GitTree, path: &str, question: Question) -> Answer {
    match question {
        Question::Kind => Answer::Kind(tree.kind(path)),
        Question::Read => Answer::Read(tree.object_at(path)),
        Question::List => Answer::List(tree.list(path)),
        Question::RealPath => Answer::RealPath(tree.real_path(path)),
    }
}

/// The object of a directory that is reached without links.
fn object(tree: &GitTree, directory: &str) -> Option<ObjectId> {
    tree.real_path(directory).ok().filter(|it| it == directory)?;
    tree.object_at(directory).ok()
}

/// The directory whose object alone decides every answer about a path; `None` when there is more to it.
fn own_directory(tree: &GitTree, path: &str) -> Option<String> {
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    let plain = !path.split('/').any(|it| matches!(it, "" | "." | ".."));
    object(tree, directory).filter(|_| plain)?;
    match tree.real_path(path) {
        Ok(real) if real == path => Some(directory.to_owned()),
        Ok(_) => None,
        // A name that is there and leads nowhere is a link.
        Err(_) if tree.list(directory).is_ok_and(|it| it.iter().any(|it| it == name)) => None,
        Err(_) => Some(directory.to_owned()),
    }
}
