//! A tree as renders see it: without lockfiles.
//!
//! In the layout `folders` a lockfile lies in the directory that it makes an environment render. What renders must not
//! depend on it: else each promotion would make new freight of its own commit, for ever.

use std::sync::Arc;

use promoter_core::LOCK_FILE;
use promoter_kustomize::{FileError, FileKind, Files};

pub(crate) struct WithoutLocks(pub(crate) Arc<dyn Files>);

impl Files for WithoutLocks {
    fn kind(&self, path: &str) -> Option<FileKind> {
        if is_lock(path) { None } else { self.0.kind(path) }
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, FileError> {
        if is_lock(path) { Err(FileError::Missing(path.into())) } else { self.0.read(path) }
    }

    fn list(&self, path: &str) -> Result<Vec<String>, FileError> {
        let mut names = self.0.list(path)?;
        names.retain(|it| it != LOCK_FILE);
        Ok(names)
    }

    fn real_path(&self, path: &str) -> Result<String, FileError> {
        if is_lock(path) { Err(FileError::Missing(path.into())) } else { self.0.real_path(path) }
    }
}

fn is_lock(path: &str) -> bool {
    path.rsplit('/').next() == Some(LOCK_FILE)
}
