//! Walks over history, fetching more of it only where the walk comes to the end of what is here.

use std::collections::{BTreeSet, BinaryHeap};

use promoter_core::{CommitId, UnixSeconds};

use super::{CommitInfo, GitCache, GitError};

/// How much history is fetched at a walk's first, second, … end. Most walks are short; `None` is all of it.
const DEPTHS: &[Option<u32>] = &[Some(64), Some(1_024), None];

impl GitCache {
    /// The commit and its first parents, newest first, at most `max`; fetches history as it needs it.
    pub fn first_parent_log(&self, head: &CommitId, max: usize) -> Result<Vec<CommitInfo>, GitError> {
        self.first_parents_until(head, max, |_| false)
    }

    /// The same up to the first commit that is `last`, which comes with it.
    pub fn first_parents_until(
        &self,
        head: &CommitId,
        max: usize,
        mut last: impl FnMut(&CommitInfo) -> bool,
    ) -> Result<Vec<CommitInfo>, GitError> {
        let most = u32::try_from(max).ok();
        // So many first parents lie no deeper.
        let bounded =
            |depth: Option<u32>| depth.map_or(most, |it| Some(most.map_or(it, |most| it.min(most))));
        let mut depths = DEPTHS.iter().map(|it| bounded(*it));
        // Where a commit costs next to nothing, its history comes with it.
        let first = if self.inner.is_bare { depths.next().flatten() } else { Some(1) };
        self.fetch_missing(std::slice::from_ref(head), first)?;
        let mut log: Vec<CommitInfo> = Vec::new();
        let mut next = Some(head.clone());
        while let Some(id) = next.filter(|_| log.len() < max) {
            let Some(commit) = self.commit_here(&id)? else {
                let depth = depths.next().ok_or_else(|| self.cut_off(&id))?;
                self.deepen(head, depth)?;
                next = Some(id);
                continue;
            };
            next = commit.parents.first().cloned().filter(|_| !last(&commit));
            log.push(commit);
        }
        Ok(log)
    }

    /// True when `ancestor` is `descendant` or in its history; fetches history as it needs it.
    pub fn is_ancestor(&self, ancestor: &CommitId, descendant: &CommitId) -> Result<bool, GitError> {
        if ancestor == descendant {
            return Ok(true);
        }
        self.ensure(std::slice::from_ref(descendant))?;
        let mut depths = DEPTHS.iter();
        loop {
            match self.search(ancestor, descendant)? {
                Search::Found => return Ok(true),
                Search::NotThere => return Ok(false),
                Search::CutOffAt(id) => {
                    let depth = depths.next().ok_or_else(|| self.cut_off(&id))?;
                    self.deepen(descendant, *depth)?;
                }
            }
        }
    }

    /// Searches what is here, newest first.
    fn search(&self, ancestor: &CommitId, descendant: &CommitId) -> Result<Search, GitError> {
        let mut seen = BTreeSet::from([descendant.clone()]);
        let mut open = BinaryHeap::from([(UnixSeconds(i64::MAX), descendant.clone())]);
        let mut cut_off = None;
        while let Some((_, id)) = open.pop() {
            let Some(commit) = self.commit_here(&id)? else {
                cut_off = Some(id);
                continue;
            };
            for parent in commit.parents {
                if parent == *ancestor {
                    return Ok(Search::Found);
                }
                if seen.insert(parent.clone()) {
                    // A parent is about as old as its child, which is enough to look at the newest first.
                    open.push((commit.committer.at, parent));
                }
            }
        }
        Ok(cut_off.map_or(Search::NotThere, Search::CutOffAt))
    }
}

enum Search {
    Found,
    NotThere,
    CutOffAt(CommitId),
}
