//! The door through which the engine sees a tree: disk, a git tree, an archive in memory.

use std::sync::Arc;

/// What stands at a path after links are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
}

/// Why a file could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// Nothing is there.
    #[error("`{0}` does not exist")]
    Missing(String),
    /// It is there but is no regular file (or no directory, where one was wanted).
    #[error("`{0}` is {1}")]
    WrongKind(String, &'static str),
    /// The path or a link on it leaves the tree.
    #[error("`{0}` leaves the tree")]
    Outside(String),
    /// A link goes round in a circle, or through too many others.
    #[error("`{0}` is a link that leads nowhere")]
    Loop(String),
    /// Larger than the caller allows.
    #[error("`{0}` is larger than {1} bytes")]
    TooLarge(String, u64),
    /// The store below failed; time or a person at the machine helps.
    #[error("`{0}` cannot be read: {1}")]
    Store(String, String),
}

/// A read-only tree of files.
///
/// Paths are relative to the root of the tree, separated by `/`, without `.`, `..` or empty parts ([`normalise`] makes
/// them so); the root itself is `""`. Links are followed inside the tree and never out of it. Implementations are cheap
/// to ask: the engine asks often. The answer to one path never changes during the life of the value.
pub trait Files: Send + Sync {
    /// What is at the path, after links; `None` when nothing is there or a link on the way leads nowhere or outside.
    fn kind(&self, path: &str) -> Option<FileKind>;

    /// The bytes of a regular file.
    fn read(&self, path: &str) -> Result<Arc<[u8]>, FileError>;

    /// The names directly in a directory, in byte order.
    fn list(&self, path: &str) -> Result<Vec<String>, FileError>;

    /// The path with every link on it resolved, for load restrictions and cycle checks.
    fn real_path(&self, path: &str) -> Result<String, FileError>;
}

/// Joins `path` (as written in a file of the directory `base`) to a normal path below the root.
///
/// `None` when it leaves the root or is absolute.
pub fn normalise(base: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = base.split('/').filter(|it| !it.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}
