//! Commits and tags without their directories and files, for those who read what they say: messages, people, times.
//!
//! Decides how they are asked for: with nothing that is offered as present, so that each answer stands for itself and
//! promises nothing of what a commit holds. That is a few hundred bytes a commit, whatever the repository's size.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use gix::ObjectId;
use promoter_core::CommitId;

use super::cache::Place;
use super::fetch::{self, Answer, Filter, Want};
use super::generation::Shape;
use super::store::{Store, WriteLock};
use super::{GitCache, GitError};

/// So many objects are asked for in one conversation.
const WANTS_MAX: usize = 8_192;

impl GitCache {
    /// Fetches commits (or tags) and so much of their history. False when the server always sends directories too, so that
    /// they have to be fetched with those.
    pub(super) fn fetch_bare(
        &self,
        store: &Store,
        lock: &WriteLock,
        commits: &[CommitId],
        depth: Option<u32>,
    ) -> Result<bool, GitError> {
        let cannot = &self.inner.sends_directories;
        if cannot.load(Ordering::Relaxed) || store.current().shape != Shape::Partial {
            return Ok(false);
        }
        for commits in commits.chunks(WANTS_MAX) {
            let want = Want {
                commits: commits.to_vec(),
                depth,
                without: Some(Filter::Directories),
                must_filter: true,
                ..Want::default()
            };
            let answer = self.take(store, lock, |take| fetch::fetch(&self.inner.remote, &want, take));
            match answer.map_err(|it| it.into_error())? {
                Answer::Taken(_) => {}
                Answer::OverBudget | Answer::CannotFilter => {
                    cannot.store(true, Ordering::Relaxed);
                    if store.current().known().haves.is_empty() {
                        // Where files cannot come later, they have to come now.
                        store.start_anew(Shape::Whole, lock)?;
                    }
                    return Ok(false);
                }
            }
        }
        match self.missing(commits)?.first() {
            Some(commit) => {
                let answer = format!("its answer does not hold commit `{commit}`");
                Err(self.inner.remote.unreachable(answer))
            }
            None => Ok(true),
        }
    }

    /// Makes sure that directories are here that a commit reaches, those below them not. What cannot be brought like this
    /// comes when it is read.
    pub(super) fn bring(&self, commit: &CommitId, directories: &BTreeSet<ObjectId>) -> Result<(), GitError> {
        let Place::Cached(store) = &self.inner.place else {
            return Ok(());
        };
        if !self.inner.is_bare || store.current().shape != Shape::Partial {
            return Ok(());
        }
        let absent = store.current().objects.absent(&directories.iter().copied().collect::<Vec<_>>());
        absent.chunks(WANTS_MAX).try_for_each(|it| self.fetch_files(commit, it))
    }
}
