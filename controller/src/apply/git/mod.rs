//! Writes git repositories: new objects in memory, one push for all of them.
//!
//! The only code of promoter that can change a repository. A [`Draft`] takes blobs, trees, commits and notes; its push
//! moves refs from the values that were seen to the new ones, or does nothing. Every ref is compare-and-swap, several
//! are moved together where the server can, and nothing is ever forced or deleted. Nothing touches a work tree, and
//! what was not pushed leaves no trace. Reading is [`promoter_sources::git`]'s.

mod draft;
mod error;
mod folder;
mod notes;
mod pack;
mod push;

pub use draft::{Draft, NewCommit};
pub use error::{DraftError, PushError};
pub use folder::{Change, NewFile};
pub use push::{Pushed, RefUpdate};
