//! How notes lie in a notes tree: a file per commit, named by its id, whose digits may be spread over directories.
//!
//! Source: git-notes(1); git reads every mixture of flat names and two-digit directories.

use gix::ObjectId;

use super::tree_entries::{Entries, Mode};

/// One step on the way to a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// The note itself.
    Note(ObjectId),
    /// The directory of those whose next two digits are ours.
    Below(ObjectId),
}

/// Looks for the note whose remaining digits are `rest` in one directory.
pub(super) fn find(tree: &[u8], rest: &str) -> Option<Found> {
    let mut below = None;
    for entry in Entries::new(tree).flatten() {
        if entry.name == rest.as_bytes() && entry.mode != Mode::Directory {
            return Some(Found::Note(entry.id));
        }
        if entry.mode == Mode::Directory && rest.len() > 2 && entry.name == &rest.as_bytes()[..2] {
            below = Some(Found::Below(entry.id));
        }
    }
    below
}
