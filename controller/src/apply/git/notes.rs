//! Where a note goes in a notes tree: flat while there are few, in two-digit directories when there are many.
//!
//! Source: git-notes(1). Git reads every mixture of both, so only what is written now has to be decided.

use promoter_core::CommitId;

use super::folder::{Folder, NewFile, Slot};
use super::{Draft, DraftError};

/// So many notes side by side are spread over directories, as git does.
const FLAT_MAX: usize = 256;

/// Puts a note on a commit, in place of the one that may be there.
pub(super) fn put(
    draft: &mut Draft,
    root: &mut Folder,
    commit: &CommitId,
    text: &str,
) -> Result<(), DraftError> {
    let file = NewFile { bytes: text.as_bytes().to_vec(), executable_if_new: false };
    let (mut folder, mut rest) = (root, commit.as_str());
    loop {
        if folder.entries.keys().filter(|it| it.len() == rest.len()).count() >= FLAT_MAX && rest.len() > 2 {
            spread(draft, folder)?;
        }
        let spread_out = folder.entries.iter().any(|(name, _)| name.len() == 2);
        if !spread_out || rest.len() <= 2 {
            return folder.put(draft, rest, rest, &file);
        }
        // The same note may stand flat beside the directories; git would then join the two.
        folder.entries.remove(rest.as_bytes());
        let (digits, below) = rest.split_at(2);
        let of = folder.of();
        let slot = folder.entries.entry(digits.into()).or_insert_with(|| Slot::Open(Folder::empty()));
        match slot.open_directory(draft, of.as_ref())? {
            Some(next) => (folder, rest) = (next, below),
            None => return Err(DraftError::Path(digits.into())),
        }
    }
}

/// Moves the notes of one directory into directories by their first two digits.
fn spread(draft: &Draft, folder: &mut Folder) -> Result<(), DraftError> {
    let of = folder.of();
    let flat = std::mem::take(&mut folder.entries);
    for (name, slot) in flat {
        let is_note = name.len() > 2 && name.iter().all(u8::is_ascii_hexdigit);
        if !is_note {
            folder.entries.insert(name, slot);
            continue;
        }
        let (digits, below) = name.split_at(2);
        let target = folder.entries.entry(digits.into()).or_insert_with(|| Slot::Open(Folder::empty()));
        if let Some(next) = target.open_directory(draft, of.as_ref())? {
            next.entries.insert(below.into(), slot);
        }
    }
    Ok(())
}
