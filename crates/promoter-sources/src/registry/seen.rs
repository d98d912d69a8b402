//! Which tags were asked for before, so that each is asked for in the way that costs less.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use promoter_core::{ImageTag, Repository};

/// The most tags that are remembered.
const TAGS_MAX: usize = 1_000_000;

/// Tags that were asked for.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    tags: usize,
    repositories: HashMap<Repository, Tags>,
}

/// Those of one repository.
#[derive(Debug)]
struct Tags {
    /// True when it was read before this process.
    before: bool,
    names: HashSet<ImageTag>,
}

impl Seen {
    /// True when the facts of what a tag names are most likely known. `before` says whether the repository was read before
    /// this process; it is asked once a repository.
    pub(super) fn was_asked(
        &self,
        repository: &Repository,
        tag: &ImageTag,
        before: impl Fn() -> bool,
    ) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tags) = known.repositories.get(repository) {
            return tags.before || tags.names.contains(tag);
        }
        let before = before();
        known.repositories.insert(repository.clone(), Tags { before, names: HashSet::new() });
        before
    }

    /// Keeps a tag in mind. True for the first of its repository.
    pub(super) fn note(&self, repository: &Repository, tag: &ImageTag) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.tags >= TAGS_MAX {
            // Rare, and what is forgotten costs one request of another kind.
            *known = Known::default();
        }
        known.tags += 1;
        let Some(tags) = known.repositories.get_mut(repository) else { return false };
        tags.names.insert(tag.clone());
        tags.names.len() == 1
    }
}
