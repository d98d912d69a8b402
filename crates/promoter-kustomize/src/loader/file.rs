//! Reading files: the kustomization of a directory, and what it names.
//!
//! Decides which file is the kustomization, which files may be read from a directory, and how much one build may read.

use std::rc::Rc;
use std::sync::Arc;

use promoter_yaml::{Dialect, Limits, Node, parse_first};

use crate::LoadRestrictor;
use crate::error::{BuildError, Result};
use crate::files::{FileError, FileKind};

use super::{Entry, Loader, is_below};

/// The names of a kustomization file. Only one of them may be there.
pub(super) const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Bytes that one build may read: more than any real one, and a bound to what the trees of all its documents take.
const READ_BYTES_MAX: usize = 128 << 20;

/// How many times a file counts that was read before. Real builds read little twice, hostile ones the same file always.
const READ_AGAIN: usize = 4;

impl<'a> Loader<'a> {
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

    pub(super) fn open_file(&self, path: &str, full: String) -> Result<Entry<'a>> {
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
}

/// The text of a file.
pub(crate) fn text<'b>(path: &str, bytes: &'b [u8]) -> Result<&'b str> {
    std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].iter().filter(|it| **it == b'\n').count() + 1;
        BuildError::new("kustomize-syntax", "the file is not UTF-8")
            .at(path, u32::try_from(line).unwrap_or(u32::MAX))
    })
}
