//! Signatures first.

use std::path::Path;
use std::sync::Arc;

use promoter_core::CommitId;
use promoter_kustomize::{FileError, FileKind, Files};

use super::{GitError, Limits};

/// The files of one commit, at and below one directory. Reads trees and blobs when they are asked for.
#[derive(Debug)]
pub struct GitTree {
    _inner: Arc<()>,
}

impl GitTree {
    /// Opens a commit in a `.git` directory that came from elsewhere (an archive). Reads objects only: no
    /// configuration, no hooks, no alternates, no links out of the directory.
    pub fn from_dot_git(
        dot_git: &Path,
        commit: &CommitId,
        sub: &str,
        limits: Limits,
    ) -> Result<Self, GitError> {
        let _ = (dot_git, commit, sub, limits);
        todo!("git tree")
    }
}

impl Files for GitTree {
    fn kind(&self, path: &str) -> Option<FileKind> {
        let _ = path;
        todo!("git tree")
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, FileError> {
        let _ = path;
        todo!("git tree")
    }

    fn list(&self, path: &str) -> Result<Vec<String>, FileError> {
        let _ = path;
        todo!("git tree")
    }

    fn real_path(&self, path: &str) -> Result<String, FileError> {
        let _ = path;
        todo!("git tree")
    }
}
