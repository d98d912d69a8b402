//! Directories of the disk as trees of files, and how their paths are shown.

use promoter_core::{Diagnosis, Place};
use promoter_sources::disk::{DiskFiles, DiskLimits};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The whole disk as the tree, as kustomize sees it, and the directory in it: bases may lie anywhere.
pub(crate) fn whole_disk(directory: &Path) -> Result<(DiskFiles, String), Diagnosis> {
    below(Path::new("/"), directory, &real(directory)?)
}

/// A directory in the repository that holds it.
pub(crate) struct InRepository {
    /// The files of the working tree; the whole disk when the directory is in no repository.
    pub(crate) files: Arc<DiskFiles>,
    /// The directory in them.
    pub(crate) directory: String,
    /// The repository's own directory, `.git` or what stands for it in a linked working tree.
    pub(crate) dot_git: Option<PathBuf>,
}

impl InRepository {
    /// Finds the repository by looking for `.git` in the directory and those above.
    pub(crate) fn of(directory: &Path) -> Result<Self, Diagnosis> {
        let real = real(directory)?;
        let found = real.ancestors().find_map(|top| Some((top, dot_git(top)?)));
        let (top, dot_git) = match found {
            Some((top, dot_git)) => (top, Some(dot_git)),
            None => (Path::new("/"), None),
        };
        let (files, directory) = below(top, directory, &real)?;
        Ok(Self { files: Arc::new(files), directory, dot_git })
    }

    /// A diagnosis about the working tree: paths relative to the repository stay as they are.
    pub(crate) fn shown(&self, diagnosis: Diagnosis) -> Diagnosis {
        match self.dot_git {
            Some(_) => diagnosis,
            None => Shown::of(&self.directory).diagnosis(diagnosis),
        }
    }
}

/// The directory that holds a working tree's objects, if `top` is the top of one.
fn dot_git(top: &Path) -> Option<PathBuf> {
    let found = top.join(".git");
    if found.is_dir() {
        return Some(found);
    }
    // A linked working tree: `.git` names its own directory, and that the one which all share.
    let text = std::fs::read_to_string(found).ok()?;
    let own = top.join(text.strip_prefix("gitdir:")?.trim());
    let shared = std::fs::read_to_string(own.join("commondir")).ok()?;
    Some(own.join(shared.trim()))
}

fn real(directory: &Path) -> Result<PathBuf, Diagnosis> {
    directory.canonicalize().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Diagnosis::input("file-failed", format!("directory `{}` does not exist", directory.display()))
        }
        _ => failed(directory, &error),
    })
}

fn below(top: &Path, named: &Path, real: &Path) -> Result<(DiskFiles, String), Diagnosis> {
    let files = DiskFiles::open(top, DiskLimits::default()).map_err(|it| failed(named, &it))?;
    let path = real.strip_prefix(top).unwrap_or(real);
    let path = path.to_str().ok_or_else(|| failed(named, &"its path is not UTF-8"))?;
    Ok((files, path.to_owned()))
}

fn failed(directory: &Path, reason: &dyn std::fmt::Display) -> Diagnosis {
    Diagnosis::input("file-failed", format!("`{}` cannot be read: {reason}", directory.display()))
}

/// How paths of the tree, whose root is that of the disk, are shown: relative to where the person stands.
pub(crate) struct Shown {
    /// The current directory as the tree has it.
    here: String,
    /// The first part of the path of what is built.
    top: String,
}

impl Shown {
    /// For messages about a directory of the tree.
    pub(crate) fn of(directory: &str) -> Self {
        let here = std::env::current_dir().unwrap_or_default();
        let top = directory.split('/').next().unwrap_or_default();
        Self { here: here.display().to_string().trim_matches('/').to_owned(), top: top.to_owned() }
    }

    /// The same diagnosis with the paths as the person sees them.
    pub(crate) fn diagnosis(&self, diagnosis: Diagnosis) -> Diagnosis {
        let Diagnosis { code, fault, cause, at, hint, not_before } = diagnosis;
        Diagnosis {
            code,
            fault,
            cause: self.text(&cause),
            at: at.map(|it| Place::new(self.path(&it.path), it.line)),
            hint: hint.map(|it| self.text(&it)),
            not_before,
        }
    }

    fn path(&self, path: &str) -> String {
        // A path in another repository, behind its address: none of the disk's holds two slashes.
        if path.contains("//") {
            return path.into();
        }
        match path.strip_prefix(&self.here) {
            Some("") => ".".into(),
            Some(below) if below.starts_with('/') && !self.here.is_empty() => below[1..].into(),
            _ => format!("/{path}"),
        }
    }

    /// Paths in a message stand in backticks.
    fn text(&self, message: &str) -> String {
        let mut text = message.to_owned();
        if !self.here.is_empty() {
            let here = format!("`{}", self.here);
            text = text.replace(&format!("{here}/"), "`").replace(&format!("{here}`"), "`.`");
        }
        match self.top.is_empty() {
            true => text,
            false => text.replace(&format!("`{}/", self.top), &format!("`/{}/", self.top)),
        }
    }
}
