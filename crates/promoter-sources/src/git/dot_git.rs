//! Objects out of a `.git` directory that came from elsewhere, such as the archive that Argo CD sends.
//!
//! Decides what of such a directory may be believed: its loose objects and packs, each proven by its id, and nothing else.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use promoter_core::CommitId;
use promoter_kustomize::{FileKind, Files};

use super::objects::{Kind, Objects, ReadError, object_id, parse_commit};
use super::{GitError, GitTree, Limits};

/// Opens the objects of a `.git` directory on disk.
pub(super) fn open(directory: &Path, limits: &Limits) -> Result<Arc<Objects>, GitError> {
    let objects = directory.join("objects");
    for path in [directory, &objects, &objects.join("pack")] {
        match path.symlink_metadata() {
            Ok(found) if found.is_dir() => {}
            // A repository without packs is one.
            Err(error) if error.kind() == io::ErrorKind::NotFound && path.ends_with("pack") => {}
            _ => return Err(refused("has no directory of objects of its own")),
        }
    }
    if objects.join("info/alternates").symlink_metadata().is_ok() {
        return Err(refused("borrows objects from another repository, which is not read"));
    }
    let opened = Objects::open(&objects, limits.file_bytes_max, ());
    opened.map(Arc::new).map_err(|it| refused(format!("cannot be read: {it}")))
}

/// Writes the packs and loose objects of a `.git` directory to a directory of our own and opens that.
pub(super) fn unpack(
    files: &dyn Files,
    dot_git: &str,
    scratch: &Path,
    limits: &Limits,
) -> Result<Arc<Objects>, GitError> {
    let cannot = |it: io::Error| GitError::Cache { path: scratch.display().to_string(), why: it.to_string() };
    let target = tempfile::Builder::new().prefix("dot-git-").tempdir_in(scratch).map_err(cannot)?;
    let source = format!("{dot_git}/objects");
    if files.kind(&source) != Some(FileKind::Directory) {
        return Err(refused("has no directory of objects of its own"));
    }
    fs::create_dir_all(target.path().join("pack")).map_err(cannot)?;
    let mut bytes_left = limits.answer_bytes_max;
    for directory in list(files, &source)? {
        if directory != "pack" && !is_hex(&directory, 2) {
            continue;
        }
        fs::create_dir_all(target.path().join(&directory)).map_err(cannot)?;
        for name in list(files, &format!("{source}/{directory}"))? {
            let wanted = if directory == "pack" { is_pack(&name) } else { is_hex(&name, 38) };
            if !wanted {
                continue;
            }
            let path = format!("{source}/{directory}/{name}");
            let bytes = files.read(&path).map_err(|it| refused(format!("cannot be read: {it}")))?;
            bytes_left = bytes_left.checked_sub(bytes.len() as u64).ok_or(GitError::TooLarge {
                what: "the `.git` directory",
                url: dot_git.into(),
                limit: limits.answer_bytes_max,
            })?;
            fs::write(target.path().join(&directory).join(&name), &bytes).map_err(cannot)?;
        }
    }
    let directory = target.path().to_owned();
    let opened = Objects::open(&directory, limits.file_bytes_max, target);
    opened.map(Arc::new).map_err(cannot)
}

/// The files of a commit in such objects.
pub(super) fn tree(
    objects: Arc<Objects>,
    commit: &CommitId,
    sub: &str,
    limits: &Limits,
) -> Result<GitTree, GitError> {
    let place = || "the `.git` directory".to_owned();
    let bytes = objects.read_kind(&object_id(commit)?, Kind::Commit).map_err(|error| match error {
        ReadError::Missing => {
            let answer = "it does not hold it; a shallow clone holds only the newest".into();
            GitError::NoCommit { commit: commit.clone(), url: place(), answer }
        }
        error => GitError::Damaged { id: commit.to_string(), url: place(), why: error.to_string() },
    })?;
    let root = match parse_commit(commit, &bytes) {
        Some(info) => info.tree,
        None => {
            let why = "it is not made as git makes commits".into();
            return Err(GitError::Damaged { id: commit.to_string(), url: place(), why });
        }
    };
    GitTree::new(objects, None, commit, &root, sub, limits)
}

fn list(files: &dyn Files, path: &str) -> Result<Vec<String>, GitError> {
    files.list(path).map_err(|it| refused(format!("cannot be read: {it}")))
}

fn is_hex(name: &str, digits: usize) -> bool {
    name.len() == digits && name.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_pack(name: &str) -> bool {
    let stem = name.strip_suffix(".pack").or_else(|| name.strip_suffix(".idx"));
    stem.and_then(|it| it.strip_prefix("pack-")).is_some_and(|it| is_hex(it, 40))
}

fn refused(why: impl Into<String>) -> GitError {
    GitError::DotGit { why: why.into() }
}
