//! Commits on our branches and how they are pushed: changes over a base tree, parents, message, note, compare-and-swap.

use std::collections::BTreeMap;

use promoter_core::{CommitId, Diagnosis, UnixSeconds};
use promoter_sources::git::Signature;

use super::git::{Change, Draft, NewCommit, NewFile, PushError, RefUpdate};
use crate::repository::{NOTES_REF, Refs, Repository};

/// A commit to be made on one of our branches.
pub(super) struct Commit<'a> {
    /// The commit whose tree is changed; `None` is the empty tree.
    pub(super) base: Option<&'a CommitId>,
    /// What changes in it.
    pub(super) changes: &'a [Change],
    /// Its parents, in order.
    pub(super) parents: &'a [CommitId],
    /// Its message.
    pub(super) message: &'a str,
}

/// The moves of refs that belong together, and the objects behind them. They are pushed at once, all or none.
pub(super) struct Moves {
    draft: Draft,
    signature: Signature,
    updates: Vec<RefUpdate>,
    notes: BTreeMap<CommitId, String>,
}

impl Moves {
    /// Starts without any. Commits are made by the repository's identity, now.
    pub(super) fn new(repository: &Repository, now: UnixSeconds) -> Self {
        let identity = &repository.settings().identity;
        let signature = Signature {
            name: identity.name.clone(),
            email: identity.email.clone(),
            at: now,
            offset_minutes: 0,
        };
        let draft = Draft::new(&repository.cache).signed_by(repository.signer().cloned());
        Self { draft, signature, updates: Vec::new(), notes: BTreeMap::new() }
    }

    /// Makes a commit.
    pub(super) fn commit(&mut self, commit: &Commit<'_>) -> Result<CommitId, Diagnosis> {
        let tree = self.draft.edit(commit.base, commit.changes).map_err(|error| error.diagnosis())?;
        let new = NewCommit {
            tree: &tree,
            parents: commit.parents,
            author: &self.signature,
            committer: &self.signature,
            message: commit.message,
        };
        self.draft.commit(&new).map_err(|error| error.diagnosis())
    }

    /// Moves a branch.
    pub(super) fn branch(&mut self, name: &str, expect: Option<&CommitId>, to: &CommitId) {
        let update =
            RefUpdate { name: format!("refs/heads/{name}"), expect: expect.cloned(), to: to.clone() };
        self.updates.push(update);
    }

    /// Puts a note on a commit. All notes become one commit of the notes ref.
    pub(super) fn note(&mut self, on: &CommitId, text: String) {
        self.notes.insert(on.clone(), text);
    }

    /// Makes the commit of the notes, on top of those that `refs` has. After this the moves are complete.
    pub(super) fn finish(&mut self, refs: &Refs) -> Result<(), Diagnosis> {
        if self.notes.is_empty() {
            return Ok(());
        }
        let head = self
            .draft
            .notes(refs.notes.as_ref(), &self.notes, &self.signature)
            .map_err(|error| error.diagnosis())?;
        self.updates.extend(head.map(|to| RefUpdate {
            name: NOTES_REF.to_owned(),
            expect: refs.notes.clone(),
            to,
        }));
        Ok(())
    }

    /// Pushes them all at once and moves `refs` with them. `only_together` refuses a server that could do a part.
    pub(super) fn push(self, refs: &mut Refs, only_together: bool) -> Result<(), PushError> {
        match only_together {
            true => self.draft.push_together(&self.updates)?,
            false => self.draft.push(&self.updates)?,
        };
        for update in self.updates {
            refs.moved(&update.name, update.to);
        }
        Ok(())
    }
}

/// A file that is written with ordinary mode.
pub(super) fn file(path: String, bytes: impl Into<Vec<u8>>) -> Change {
    Change::File { path, file: NewFile { bytes: bytes.into(), executable_if_new: false } }
}
