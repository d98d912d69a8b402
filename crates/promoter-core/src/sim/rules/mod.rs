//! The rules that always hold, judged on what really happened in the simulated world, in words of their own.
//!
//! Shares no code with the gates and the planner, so that one slip does not hide another. Judges three things: each plan
//! against what was seen ([`Judge::plan`]), each effect of an action by what it changed ([`Judge::effect`]), and the
//! world after every step ([`Judge::world`]); where everything rests, also [`Judge::rest`].
//!
//! What is judged elsewhere:
//! - 1: gates other than `after`, `soak`, `approvals` and `commitStatus`, by `testdata/plan/` and the tests of each gate;
//! - 5: what a closed pull request means, where there is a forge;
//! - 7: that a disturbed history ends where the calm one does, by `tests/plan/convergence.rs`; the real pushes killed
//!   between two effects, by the controller's tests;
//! - 9: that the real plugin has no clock, heads or tags to look at, by the signature of `promoter_render::answer` and
//!   `make tidy`; here, that one lock has one answer whatever happens later;
//! - 10: the bytes of real renders, by `crates/promoter-render/tests/`; here, that what is written beside a lock is what
//!   that lock answers with. A tampered branch: `crates/promoter-render/tests/` and `testdata/cli/people/`.

mod effect;
mod enter;
mod plan;
mod rest;

pub use effect::Before;

use super::World;
use crate::{CommitId, Freight, FreightId, Name, PromotionLock};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A rule that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Its number in the list of rules that always hold.
    pub rule: u8,
    /// What happened, one line.
    pub what: String,
}

impl Broken {
    fn new(rule: u8, what: impl Into<String>) -> Self {
        Self { rule, what: what.into() }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule {}: {}", self.rule, self.what)
    }
}

/// Whether the rules hold.
pub type Judgement = Result<(), Broken>;

/// Says that a rule is broken unless something holds.
fn holds(rule: u8, is: bool, what: impl FnOnce() -> String) -> Judgement {
    if is { Ok(()) } else { Err(Broken::new(rule, what())) }
}

/// What the plugin answers with for freight in an environment: a number, equal for equal bytes.
pub type Answer = fn(&World, &Freight, &Name) -> Option<u32>;

/// The memory of a judge: what ran where, and what each lock was answered with.
#[derive(Debug, Clone)]
pub struct Judge {
    answer: Answer,
    ran: BTreeMap<(Name, FreightId), Option<u32>>,
    answers: BTreeMap<(Name, CommitId), Option<u32>>,
    heads: BTreeMap<Name, CommitId>,
}

impl Judge {
    /// A judge of a world in which nothing happened yet.
    pub fn new(answer: Answer) -> Self {
        Self { answer, ran: BTreeMap::new(), answers: BTreeMap::new(), heads: BTreeMap::new() }
    }

    /// Judges the world after a step, whoever took it.
    pub fn world(&mut self, world: &World) -> Judgement {
        let mut known: BTreeSet<&str> = BTreeSet::new();
        for rules in &world.pipeline.environments {
            known.extend([rules.active_branch.as_str(), rules.proposed_branch.as_str()]);
            for branch in [&rules.active_branch, &rules.proposed_branch] {
                let Some(head) = world.branches.get(branch) else {
                    continue;
                };
                if let Ok(Some(lock)) = head.lock(rules.lock_path()) {
                    self.pure(world, &rules.name, &head.commit, lock)?;
                    self.remember(world, &rules.name, (branch == &rules.active_branch).then_some(head), lock);
                }
            }
        }
        let second = world.branches.keys().find(|it| !known.contains(it.as_str()));
        holds(5, second.is_none(), || format!("a second proposal: {}", second.map_or("", String::as_str)))
    }

    /// Rule 9: one lock has one answer, whatever the clock says and other branches hold.
    fn pure(&mut self, world: &World, name: &Name, commit: &CommitId, lock: &PromotionLock) -> Judgement {
        let now = (self.answer)(world, &lock.freight, name);
        match self.answers.get(&(name.clone(), commit.clone())) {
            Some(before) => holds(9, *before == now, || {
                format!("the lock of {name} at {commit} is answered with {now:?}, before with {before:?}")
            }),
            None => {
                self.answers.insert((name.clone(), commit.clone()), now);
                Ok(())
            }
        }
    }

    fn remember(&mut self, world: &World, name: &Name, active: Option<&super::Head>, lock: &PromotionLock) {
        let Some(head) = active.filter(|it| self.heads.get(name) != Some(&it.commit)) else {
            return;
        };
        self.heads.insert(name.clone(), head.commit.clone());
        let answer = (self.answer)(world, &lock.freight, name);
        self.ran.entry((name.clone(), lock.freight.id())).or_insert(answer);
    }
}
