//! Fills the object cache: decides what has to be asked of the server, and what an answer that does not fit means.

use std::collections::BTreeSet;
use std::io::{self, Read};

use gix::ObjectId;
use promoter_core::CommitId;

use super::cache::Place;
use super::fetch::{self, Answer, Filter, Moved, Want};
use super::generation::{Generation, Known, Shape};
use super::objects::object_id;
use super::store::{Store, WriteLock};
use super::wire::Remote;
use super::{GitCache, GitError};

impl GitCache {
    /// Fetches so many commits of the history of `head` (all for `None`), whether or not some are here.
    pub(super) fn deepen(&self, head: &CommitId, depth: Option<u32>) -> Result<(), GitError> {
        match &self.inner.place {
            Place::Cached(store) => {
                let lock = store.lock()?;
                self.fetch(store, &lock, vec![head.clone()], depth)
            }
            Place::Local(_) => Ok(()),
        }
    }

    /// Fetches those commits that are not here.
    pub(super) fn fetch_missing(&self, commits: &[CommitId], depth: Option<u32>) -> Result<(), GitError> {
        let missing = self.missing(commits)?;
        let Some(first) = missing.first() else {
            return Ok(());
        };
        match &self.inner.place {
            Place::Local(_) => Err(GitError::NoCommit {
                commit: first.clone(),
                url: self.inner.remote.url.to_string(),
                answer: "the repository does not have it".into(),
            }),
            Place::Cached(store) => {
                let lock = store.lock()?;
                store.make_room(&lock)?;
                // Another process may have brought them while we waited.
                match self.missing(commits)? {
                    missing if missing.is_empty() => Ok(()),
                    missing => self.fetch(store, &lock, missing, depth),
                }
            }
        }
    }

    pub(super) fn missing(&self, commits: &[CommitId]) -> Result<Vec<CommitId>, GitError> {
        let objects = self.objects();
        let mut missing = BTreeSet::new();
        for commit in commits {
            if !objects.contains(&object_id(commit)?) {
                missing.insert(commit.clone());
            }
        }
        Ok(missing.into_iter().collect())
    }

    fn fetch(
        &self,
        store: &Store,
        lock: &WriteLock,
        commits: Vec<CommitId>,
        depth: Option<u32>,
    ) -> Result<(), GitError> {
        if self.inner.is_bare && self.fetch_bare(store, lock, &commits, depth)? {
            return Ok(());
        }
        let known = store.current().known();
        let offered = !known.haves.is_empty();
        let whole = self.missing(&known.haves)?.is_empty();
        let mut want = Want { commits, depth, known, ..Want::default() };
        if whole {
            match self.fetch_in_steps(store, lock, &mut want) {
                // What we offered as present may be damaged: the answer builds on it and cannot be taken.
                Err(Failed::Unfit(_)) if offered => {}
                result => return result.map_err(Failed::into_error),
            }
        }
        tracing::warn!(url = %self.inner.remote.url, "object cache is damaged, starting a new one");
        store.start_anew(store.current().shape, lock)?;
        want.known = Known::default();
        self.fetch_in_steps(store, lock, &mut want).map_err(Failed::into_error)
    }

    /// Fetches commits with as many of their files as a budget allows: all, those that may be manifests, or none.
    ///
    /// Most repositories are smaller than the budget and take one conversation. It is as much as costs about what the
    /// further conversations cost that reading files one by one takes, so leaving an answer in the middle costs at most
    /// about twice what knowing the size beforehand would have cost.
    fn fetch_in_steps(&self, store: &Store, lock: &WriteLock, want: &mut Want) -> Result<(), Failed> {
        let limits = &self.inner.remote.limits;
        if store.current().shape == Shape::Whole {
            want.without = None;
            // What is here already would be lost by leaving files out, so only what cannot be borne makes us do so.
            let new = want.known.haves.is_empty();
            want.budget = Some(if new { limits.eager_bytes_max } else { limits.answer_bytes_max / 2 });
            if self.fetch_once(store, lock, want)? {
                return Ok(());
            }
            tracing::info!(url = %self.inner.remote.url, "large repository, its files come when they are read");
            store.start_anew(Shape::Partial, lock).map_err(Failed::Otherwise)?;
            want.known = Known::default();
        }
        (want.without, want.budget) = (Some(Filter::LargeFiles), Some(limits.eager_bytes_max));
        if self.fetch_once(store, lock, want)? {
            return Ok(());
        }
        (want.without, want.budget) = (Some(Filter::Files), None);
        self.fetch_once(store, lock, want).map(drop)
    }

    /// Fetches files that were left out of a commit that was here.
    pub(super) fn fetch_files(&self, commit: &CommitId, files: &[ObjectId]) -> Result<(), GitError> {
        let Place::Cached(store) = &self.inner.place else {
            return Ok(());
        };
        let lock = store.lock()?;
        store.make_room(&lock)?;
        if !self.missing(std::slice::from_ref(commit))?.is_empty() {
            self.fetch(store, &lock, vec![commit.clone()], Some(1))?;
        }
        // Another thread or process may have brought them while we waited.
        let absent = store.current().objects.absent(files);
        if absent.is_empty() {
            return Ok(());
        }
        if store.current().shape == Shape::Partial {
            let alone = self.inner.is_bare;
            let taken = self.take(store, &lock, |take| {
                fetch::fetch_files(&self.inner.remote, commit, &absent, alone, take)
            });
            match taken {
                Err(Failed::Otherwise(GitError::NoCommit { answer, .. })) => {
                    tracing::warn!(url = %self.inner.remote.url, %answer, "server gives no single files, fetching all of them");
                }
                result => return result.map(drop).map_err(Failed::into_error),
            }
        }
        store.start_anew(Shape::Whole, &lock)?;
        let want = Want { commits: vec![commit.clone()], depth: Some(1), ..Want::default() };
        self.fetch_once(store, &lock, &want).map(drop).map_err(Failed::into_error)
    }

    /// Lets `fetch` hand a pack to the current generation, and tells a pack that does not fit from all else that may fail.
    pub(super) fn take<T>(
        &self,
        store: &Store,
        lock: &WriteLock,
        fetch: impl FnOnce(&mut dyn FnMut(&mut dyn Read) -> Result<(), GitError>) -> Result<T, GitError>,
    ) -> Result<T, Failed> {
        let remote = &self.inner.remote;
        let generation = store.current();
        let mut broken = None;
        let mut bytes = 0;
        let mut take = |pack: &mut dyn Read| match generation.take_pack(pack, &remote.limits, lock) {
            Ok(taken) => {
                bytes = taken;
                Ok(())
            }
            Err(error) => {
                let error = pack_error(remote, store, &error);
                broken = Some(error.clone());
                Err(error)
            }
        };
        let fetched = fetch(&mut take);
        store.grew(bytes);
        fetched.map_err(|error| match error {
            // A pack that came whole but does not fit; a connection that broke on the way is another error.
            GitError::Unreachable { .. } if broken.as_ref() == Some(&error) => Failed::Unfit(error),
            _ => Failed::Otherwise(error),
        })
    }

    /// One conversation. False when the answer is over the budget and nothing was taken.
    fn fetch_once(&self, store: &Store, lock: &WriteLock, want: &Want) -> Result<bool, Failed> {
        let remote = &self.inner.remote;
        let moved = match self.take(store, lock, |take| fetch::fetch(remote, want, take))? {
            Answer::Taken(moved) => moved,
            Answer::OverBudget | Answer::CannotFilter => return Ok(false),
        };
        if let Some(commit) = self.missing(&want.commits).map_err(Failed::Otherwise)?.first() {
            return Err(Failed::Unfit(
                remote.unreachable(format!("its answer does not hold commit `{commit}`")),
            ));
        }
        Self::note_fetched(&store.current(), want, moved, lock)
            .map_err(|it| Failed::Otherwise(store.failed(&it)))?;
        Ok(true)
    }

    /// Notes what a fetch brought.
    fn note_fetched(generation: &Generation, want: &Want, moved: Moved, lock: &WriteLock) -> io::Result<()> {
        let mut known = want.known.clone();
        known.haves.retain(|it| !want.commits.contains(it));
        known.haves.extend_from_slice(&want.commits);
        known.boundaries.retain(|it| !moved.uncut.contains(it));
        known.boundaries.extend(moved.cut);
        generation.set_known(&known, lock)
    }
}

/// Why a fetch failed, as far as it matters for trying once more with an empty cache.
pub(super) enum Failed {
    /// The answer does not fit to what is here.
    Unfit(GitError),
    Otherwise(GitError),
}

impl Failed {
    pub(super) fn into_error(self) -> GitError {
        match self {
            Self::Unfit(error) | Self::Otherwise(error) => error,
        }
    }
}

/// A pack that could not be taken: the disk's fault, or the server's.
fn pack_error(remote: &Remote, store: &Store, error: &gix::Error) -> GitError {
    let cause = error.probable_cause().to_string();
    if error.is_resource_exhausted() {
        return GitError::TooLarge {
            what: "an object",
            url: remote.url.to_string(),
            limit: remote.limits.answer_bytes_max,
        };
    }
    match error.downcast_any_ref::<io::Error>() {
        Some(it)
            if !matches!(
                it.kind(),
                io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::Other
            ) =>
        {
            store.failed(&io::Error::other(cause))
        }
        _ => remote.unreachable(format!("it sends a broken pack: {cause}")),
    }
}
