//! Whether git merges a proposal without a conflict: the question where a person merges.

use std::collections::{BTreeMap, BTreeSet};

use promoter_core::observation::Tip;
use promoter_core::pipeline::{Environment, Layout, Part};
use promoter_core::{CommitId, PromotionLock};

use crate::repository::Repository;

/// Answers by the lock's path, the active and the proposed head.
#[derive(Debug, Default)]
pub(super) struct Merges {
    known: BTreeMap<(String, CommitId, CommitId), bool>,
}

impl Merges {
    /// What cannot be read counts as "no": the planner then only asks for a proposal on the newer head.
    pub(super) fn are_clean(
        &mut self,
        repository: &Repository,
        layout: Layout,
        environment: &Environment,
        active: &CommitId,
        proposed: &Tip,
    ) -> bool {
        let key = (environment.lock_path().to_owned(), active.clone(), proposed.commit.clone());
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let clean = match layout {
            // Pipelines share the files at the root of a branch.
            Layout::Branches => repository.cache.is_ancestor(active, &proposed.commit).ok(),
            // Files which no other pipeline writes: whatever else people commit is in nobody's way.
            Layout::Folders => match &proposed.lock {
                Ok(Some(_)) => {
                    let is_edit = |it: &Part| is_edit_of(repository, &it.lock_path, active, &proposed.commit);
                    let edits: Option<Vec<bool>> = environment.parts.iter().map(is_edit).collect();
                    edits.map(|it| it.into_iter().all(|it| it))
                }
                _ => None,
            },
        };
        if let Some(clean) = clean {
            self.known.insert(key, clean);
        }
        clean.unwrap_or_default()
    }

    /// Drops answers about heads that are no more.
    pub(super) fn forget(&mut self, heads: &BTreeSet<&CommitId>) {
        self.known.retain(|(_, active, proposed), _| heads.contains(active) && heads.contains(proposed));
    }
}

/// True when a proposed lock is what writing it onto the active one gives today, to the byte. A proposal may also be without
/// the lock of an app.
fn is_edit_of(repository: &Repository, path: &str, active: &CommitId, proposed: &CommitId) -> Option<bool> {
    let Some(proposed) = repository.lock_text(proposed, path).ok()? else {
        return Some(true);
    };
    let lock = PromotionLock::parse(&proposed, path).ok()?;
    Some(match repository.lock_text(active, path).ok()? {
        Some(active) => lock.edit(&active, path).ok()? == proposed,
        None => lock.emit() == proposed,
    })
}
