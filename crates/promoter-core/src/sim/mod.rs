//! A world without machines: branches, records, servers and people, for histories that no test bench would play.
//!
//! Decides what pushes do (compare-and-swap, as git's) and what readers see. Branch heads are numbered commits with
//! their parents; locks are all that a branch holds. In the layout `folders` the dry branch is one of them. [`Controller`] observes and applies plans here as the real
//! one does, and can be cut off between any two effects. [`story`] plays what people write down, and [`rules`] judges
//! every step of it.

mod controller;
mod people;
mod registry;
pub mod rules;
pub mod story;

pub use controller::{Controller, Fault, Outcome, manifest_digest};

use crate::pipeline::{Layout, Pipeline};
use crate::record::{Record, Records};
use crate::{CommitId, Content, Digest, FreightId, GitUrl, Name, PromotionLock, UnixSeconds};
use std::collections::{BTreeMap, BTreeSet};

/// Everything outside the controller.
#[derive(Debug, Clone)]
pub struct World {
    /// The clock that controllers and people read.
    pub now: UnixSeconds,
    /// The pipeline on the dry branch.
    pub pipeline: Pipeline,
    /// The repository's address.
    pub repository: GitUrl,
    /// The dry branch's commits by id.
    pub dry: BTreeMap<CommitId, DryCommit>,
    /// The dry branch's head.
    pub dry_head: CommitId,
    /// Who commits to the dry branch.
    pub author: String,
    /// Who committed what to the dry branch. Merges of promotions are nobody's.
    pub authors: BTreeMap<CommitId, String>,
    /// Environment branches by name; the dry branch too where environments run it.
    pub branches: BTreeMap<String, Head>,
    /// The state branch's head.
    pub state_head: Option<CommitId>,
    /// The state branch's files, read.
    pub records: Records,
    /// What registries hold, by subscription: digests by tag. A subscription that is not here is not asked.
    pub registry: BTreeMap<Name, BTreeMap<String, Digest>>,
    /// Freight whose checks fail, by environment.
    pub sick: BTreeSet<(Name, FreightId)>,
    /// Everything that changed an active branch, oldest first.
    pub log: Vec<Entered>,
    parents: BTreeMap<CommitId, Vec<CommitId>>,
    commits: usize,
}

/// What a dry commit renders to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DryCommit {
    /// A number for each environment's manifests: equal numbers are equal bytes.
    pub renders: BTreeMap<Name, u32>,
    /// Environments that do not render.
    pub broken: BTreeSet<Name>,
}

/// The head of a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The commit.
    pub commit: CommitId,
    /// The locks by their paths.
    pub locks: Locks,
}

/// Locks by their paths; `Err` where one cannot be read.
pub type Locks = BTreeMap<String, Result<PromotionLock, String>>;

impl Head {
    /// The lock at a path.
    pub fn lock(&self, path: &str) -> Result<Option<&PromotionLock>, &String> {
        self.locks.get(path).map(Result::as_ref).transpose()
    }
}

/// A change of an active branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entered {
    /// When.
    pub at: UnixSeconds,
    /// Where.
    pub environment: Name,
    /// The lock before.
    pub before: Option<PromotionLock>,
    /// The lock after.
    pub after: Option<PromotionLock>,
    /// True when a controller did it, false for a person.
    pub by_controller: bool,
}

impl World {
    /// A world in which nothing happened yet but one dry commit.
    pub fn new(pipeline: Pipeline, repository: GitUrl, now: UnixSeconds) -> Self {
        let mut world = Self {
            now,
            pipeline,
            repository,
            dry: BTreeMap::new(),
            dry_head: commit_id('d', 0),
            author: "dev".into(),
            authors: BTreeMap::new(),
            branches: BTreeMap::new(),
            state_head: None,
            records: Records::default(),
            registry: BTreeMap::new(),
            sick: BTreeSet::new(),
            log: Vec::new(),
            parents: BTreeMap::new(),
            commits: 0,
        };
        let renders = world.pipeline.environments.iter().map(|it| (it.name.clone(), 0)).collect();
        world.push_dry(DryCommit { renders, broken: BTreeSet::new() });
        world
    }

    /// Commits to the dry branch.
    pub fn push_dry(&mut self, content: DryCommit) -> CommitId {
        let id = commit_id('d', self.dry.len());
        self.dry.insert(id.clone(), content);
        self.authors.insert(id.clone(), self.author.clone());
        let before = std::mem::replace(&mut self.dry_head, id.clone());
        if let Some(branch) = self.dry_branch() {
            let locks = self.locks(&branch);
            self.parents.insert(id.clone(), if before == id { Vec::new() } else { vec![before] });
            self.branches.insert(branch, Head { commit: id.clone(), locks });
        }
        id
    }

    /// The dry branch, where environments run it.
    fn dry_branch(&self) -> Option<String> {
        let first = self.pipeline.environments.first()?;
        (self.pipeline.layout == Layout::Folders).then(|| first.active_branch.clone())
    }

    /// The locks on a branch.
    fn locks(&self, branch: &str) -> Locks {
        self.branches.get(branch).map(|it| it.locks.clone()).unwrap_or_default()
    }

    /// Writes and removes files of the state branch if its head is the expected one.
    pub fn push_state(&mut self, expect: Option<&CommitId>, write: &[Record], remove: &[String]) -> bool {
        if self.state_head.as_ref() != expect {
            return false;
        }
        for record in write {
            self.records.put(&record.path(), &record.text());
        }
        for path in remove {
            self.records.remove(path);
        }
        let parents = expect.into_iter().cloned().collect();
        self.state_head = Some(self.commit(parents));
        true
    }

    /// Moves a branch to a new commit with locks if its head is the expected one.
    pub fn push_branch(
        &mut self,
        branch: &str,
        expect: Option<&CommitId>,
        parents: Vec<CommitId>,
        locks: Locks,
    ) -> bool {
        if self.branches.get(branch).map(|it| &it.commit) != expect {
            return false;
        }
        let commit = self.commit(parents);
        if self.dry_branch().as_deref() == Some(branch) {
            // A commit that changes only locks renders as the one before.
            let content = self.dry.get(&self.dry_head).cloned().unwrap_or_default();
            self.dry.insert(commit.clone(), content);
            self.dry_head = commit.clone();
        }
        self.branches.insert(branch.to_owned(), Head { commit, locks });
        true
    }

    /// True when a commit is an ancestor of another or the same.
    pub fn contains(&self, descendant: &CommitId, ancestor: &CommitId) -> bool {
        let mut seen = BTreeSet::new();
        let mut left = vec![descendant];
        while let Some(commit) = left.pop() {
            if commit == ancestor {
                return true;
            }
            if seen.insert(commit) {
                left.extend(self.parents.get(commit).into_iter().flatten());
            }
        }
        false
    }

    /// The parents of a commit; none for one that nobody made.
    pub fn parents(&self, commit: &CommitId) -> &[CommitId] {
        self.parents.get(commit).map_or(&[], Vec::as_slice)
    }

    /// The lock on an environment's active branch, if it can be read.
    pub fn active(&self, environment: &Name) -> Option<&PromotionLock> {
        let rules = self.pipeline.environment(environment)?;
        self.branches.get(&rules.active_branch)?.lock(rules.lock_path()).ok()?
    }

    /// The lock on an environment's proposed branch, if it can be read.
    pub fn proposed(&self, environment: &Name) -> Option<&PromotionLock> {
        let rules = self.pipeline.environment(environment)?;
        self.branches.get(&rules.proposed_branch)?.lock(rules.lock_path()).ok()?
    }

    /// What the pinned commit of freight renders to in an environment; `None` when it does not render.
    pub fn render(&self, freight: &crate::Freight, environment: &Name) -> Option<u32> {
        let name = self.pipeline.git_subscription()?;
        let Some(Content::Git { commit, .. }) = freight.get(name) else {
            return None;
        };
        let content = self.dry.get(commit)?;
        if content.broken.contains(environment) {
            return None;
        }
        content.renders.get(environment).copied()
    }

    fn entered(&mut self, environment: &Name, before: Option<PromotionLock>, by_controller: bool) {
        let after = self.active(environment).cloned();
        self.log.push(Entered {
            at: self.now,
            environment: environment.clone(),
            before,
            after,
            by_controller,
        });
    }

    fn commit(&mut self, parents: Vec<CommitId>) -> CommitId {
        let id = commit_id('c', self.commits);
        self.commits += 1;
        self.parents.insert(id.clone(), parents);
        id
    }
}

/// A commit id that shows its number, the first digit saying of which kind it is.
#[expect(clippy::expect_used, reason = "forty lower-case hexadecimal digits are a commit id")]
fn commit_id(kind: char, number: usize) -> CommitId {
    // The number comes first, so that a shortened id shows it.
    format!("{kind}{number:07x}{:032x}", 0).parse().expect("forty digits")
}
