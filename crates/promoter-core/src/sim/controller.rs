//! A controller in the simulated world: observes, and carries plans out with git's compare-and-swap.

use super::{DryCommit, Head, Locks, World};
use crate::observation::{Apps, Dry, DryRender, EnvironmentSeen, Fact, Observation, State, Tip, Unread};
use crate::pipeline::{Environment, Layout};
use crate::plan::{Action, Measure, Merge, Plan, Propose, SetHold, Withdraw};
use crate::verification::{About, Answer, Measurement};
use crate::{CommitId, Content, Digest, FreightId, Name, PromotionLock};
use std::collections::{BTreeMap, BTreeSet};

/// What a controller process keeps in memory. A new value is a restart.
#[derive(Debug, Clone, Default)]
pub struct Controller {
    measurements: BTreeMap<Name, Vec<Measurement>>,
    refused: BTreeMap<Name, BTreeMap<FreightId, String>>,
}

/// A reader that fails.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The dry branch.
    Dry,
    /// The state branch.
    State,
    /// Every registry.
    Registry,
    /// An environment's active branch.
    Active(Name),
    /// An environment's proposed branch.
    Proposed(Name),
}

/// What became of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It took effect.
    Done,
    /// What it expected is no longer there; nothing happened.
    Stale,
    /// The freight does not render; nothing happened.
    Refused,
    /// The process was killed after some of its effects.
    Killed,
}

impl Controller {
    /// Reads the world. `faults` are the readers that fail.
    pub fn observe(&self, world: &World, faults: &BTreeSet<Fault>) -> Observation {
        let unread = |fault: &Fault, reader: &str| match faults.contains(fault) {
            true => Err(Unread::new(reader, "connection refused")),
            false => Ok(()),
        };
        let environment = |rules: &Environment| {
            let tip = |branch: &str, fault: Fault| -> Fact<Option<Tip>> {
                unread(&fault, branch)?;
                Ok(world.branches.get(branch).map(|head| tip(head, rules)))
            };
            let active = tip(&rules.active_branch, Fault::Active(rules.name.clone()));
            let proposed = tip(&rules.proposed_branch, Fault::Proposed(rules.name.clone()));
            let seen = EnvironmentSeen {
                merges_cleanly: match (&proposed, &active) {
                    // What else is committed is in nobody's way.
                    _ if world.pipeline.layout == Layout::Folders => true,
                    (Ok(Some(proposed)), Ok(Some(active))) => {
                        world.contains(&proposed.commit, &active.commit)
                    }
                    _ => false,
                },
                active,
                proposed,
                refused: self.refused.get(&rules.name).cloned().unwrap_or_default(),
                measurements: self.measurements.get(&rules.name).cloned().unwrap_or_default(),
            };
            (rules.name.clone(), seen)
        };
        Observation {
            repository: world.repository.clone(),
            dry: unread(&Fault::Dry, "main").map(|()| dry(world)),
            state: unread(&Fault::State, "promoter/state")
                .map(|()| State { head: world.state_head.clone(), records: world.records.clone() }),
            artifacts: world.artifacts(faults.contains(&Fault::Registry)),
            images: BTreeMap::new(),
            policy: Ok(()),
            measures: true,
            environments: world.pipeline.environments.iter().map(environment).collect(),
        }
    }

    /// Carries a plan out, each action once. With `effects`, the process is killed after so many effects.
    pub fn apply(&mut self, world: &mut World, plan: &Plan, effects: Option<usize>) -> Vec<Outcome> {
        let mut left = effects.unwrap_or(usize::MAX);
        let mut outcomes = Vec::new();
        for action in &plan.actions {
            let outcome = if left == 0 { Outcome::Killed } else { self.act(world, action, &mut left) };
            outcomes.push(outcome);
            if outcome == Outcome::Killed {
                break;
            }
        }
        outcomes
    }

    /// Carries one action out; `left` is the number of effects before the process is killed, and counts down.
    pub fn act(&mut self, world: &mut World, action: &Action, left: &mut usize) -> Outcome {
        let rules = |world: &World, name: &Name| world.pipeline.environment(name).cloned();
        let outcome = match action {
            Action::Record(it) => {
                let removed: Vec<String> = it.remove.iter().map(|it| it.path.clone()).collect();
                done(world.push_state(it.expect_state.as_ref(), &it.write, &removed))
            }
            Action::Measure(it) => self.measure(world, it),
            Action::Propose(it) => rules(world, &it.environment)
                .map_or(Outcome::Stale, |own| self.propose(world, &own, it, left)),
            Action::Withdraw(it) => {
                rules(world, &it.environment).map_or(Outcome::Stale, |own| withdraw(world, &own, it))
            }
            Action::Merge(it) => {
                rules(world, &it.environment).map_or(Outcome::Stale, |own| merge(world, &own, it))
            }
            Action::SetHold(it) => {
                rules(world, &it.environment).map_or(Outcome::Stale, |own| set_hold(world, &own, it))
            }
        };
        if outcome == Outcome::Done {
            *left = left.saturating_sub(1);
        }
        outcome
    }

    fn measure(&mut self, world: &World, measure: &Measure) -> Outcome {
        let active = match &measure.of.about {
            // The server answers for what is active, whatever the plan thought.
            About::Stay { .. } => world.active(&measure.environment).map(|it| it.freight.id()),
            About::Proposal(_) => Some(measure.freight.clone()),
        };
        let sick = active.is_none_or(|it| world.sick.contains(&(measure.environment.clone(), it)));
        let own = self.measurements.entry(measure.environment.clone()).or_default();
        let answer = if sick { Answer::Failed("status 503".into()) } else { Answer::Passed };
        own.push(Measurement { of: measure.of.clone(), at: world.now, answer });
        Outcome::Done
    }

    /// Two effects where the active branch is missing: its first commit, then the proposal.
    fn propose(
        &mut self,
        world: &mut World,
        rules: &Environment,
        propose: &Propose,
        left: &mut usize,
    ) -> Outcome {
        let Some(number) = world.render(&propose.lock.freight, &rules.name) else {
            let own = self.refused.entry(rules.name.clone()).or_default();
            own.insert(propose.freight.clone(), "broken".into());
            return Outcome::Refused;
        };
        let head = |world: &World, branch: &str| world.branches.get(branch).map(|it| it.commit.clone());
        if head(world, &rules.active_branch) != propose.expect_active {
            return Outcome::Stale;
        }
        if propose.expect_active.is_none() {
            world.push_branch(&rules.active_branch, None, Vec::new(), Locks::new());
            *left -= 1;
            if *left == 0 {
                return Outcome::Killed;
            }
        }
        let (Some(active), proposed) = (head(world, &rules.active_branch), &propose.expect_proposed) else {
            return Outcome::Stale;
        };
        let parents = match proposed {
            Some(tip) if world.contains(tip, &active) => vec![tip.clone()],
            Some(tip) if !world.contains(&active, tip) => vec![tip.clone(), active],
            _ => vec![active],
        };
        let mut locks = world.locks(&rules.active_branch);
        let mut lock = propose.lock.clone();
        // Where lockfiles lie beside the overlays, nothing is hydrated.
        lock.render.digest = (world.pipeline.layout == Layout::Branches).then(|| manifest_digest(number));
        locks.insert(rules.lock_path().to_owned(), Ok(lock));
        done(world.push_branch(&rules.proposed_branch, proposed.as_ref(), parents, locks))
    }
}

fn withdraw(world: &mut World, rules: &Environment, withdraw: &Withdraw) -> Outcome {
    let Some(Head { commit, locks }) = world.branches.get(&rules.active_branch).cloned() else {
        return Outcome::Stale;
    };
    if commit != withdraw.expect_active || locks.get(rules.lock_path()).is_some_and(Result::is_err) {
        return Outcome::Stale;
    }
    let tip = &withdraw.expect_proposed;
    done(world.push_branch(&rules.proposed_branch, Some(tip), vec![tip.clone(), commit], locks))
}

fn merge(world: &mut World, rules: &Environment, merge: &Merge) -> Outcome {
    let Some(head) = world.branches.get(&rules.proposed_branch) else {
        return Outcome::Stale;
    };
    let (Ok(Some(lock)), true) = (head.lock(rules.lock_path()), head.commit == merge.expect_proposed) else {
        return Outcome::Stale;
    };
    let (commit, lock) = (head.commit.clone(), lock.clone());
    let parents = vec![merge.expect_active.clone(), commit];
    replace_active(world, rules, &merge.expect_active, parents, lock)
}

fn set_hold(world: &mut World, rules: &Environment, set: &SetHold) -> Outcome {
    let Some(lock) = world.active(&rules.name) else {
        return Outcome::Stale;
    };
    let lock = PromotionLock { hold: Some(set.hold.clone()), ..lock.clone() };
    replace_active(world, rules, &set.expect_active, vec![set.expect_active.clone()], lock)
}

fn replace_active(
    world: &mut World,
    rules: &Environment,
    expect: &CommitId,
    parents: Vec<CommitId>,
    lock: PromotionLock,
) -> Outcome {
    let before = world.active(&rules.name).cloned();
    let mut locks = world.locks(&rules.active_branch);
    locks.insert(rules.lock_path().to_owned(), Ok(lock));
    let pushed = world.push_branch(&rules.active_branch, Some(expect), parents, locks);
    if pushed {
        world.entered(&rules.name, before, true);
    }
    done(pushed)
}

fn done(pushed: bool) -> Outcome {
    if pushed { Outcome::Done } else { Outcome::Stale }
}

fn tip(head: &Head, rules: &Environment) -> Tip {
    let lock = head.lock(rules.lock_path()).map(Option::<&PromotionLock>::cloned);
    Tip {
        commit: head.commit.clone(),
        lock: lock.map_err(|why| Unread::new("promotion.lock.yaml", why.clone())),
        apps: Apps::default(),
    }
}

/// The digest of the manifests of a number.
pub fn manifest_digest(number: u32) -> Digest {
    Digest::of(number.to_string().as_bytes())
}

/// Compares the renders at the dry head with those of the newest freight.
pub(super) fn dry(world: &World) -> Dry {
    let head = world.dry_head.clone();
    let missing = DryCommit::default();
    let now = world.dry.get(&head).unwrap_or(&missing);
    let newest = world.records.newest().ok().flatten();
    let pinned = newest.and_then(|it| it.freight.get(world.pipeline.git_subscription()?));
    let before = match pinned {
        Some(Content::Git { commit, .. }) => world.dry.get(commit),
        _ => None,
    };
    let render = match now.broken.first() {
        Some(environment) => DryRender::Broken { environment: environment.clone(), why: "broken".into() },
        None if before.is_some_and(|it| it.renders == now.renders && it.broken.is_empty()) => DryRender::Same,
        None => DryRender::Differs,
    };
    let pin = match pinned {
        Some(Content::Git { commit, .. })
            if render == DryRender::Same && world.pipeline.layout == Layout::Folders =>
        {
            commit.clone()
        }
        _ => head.clone(),
    };
    Dry { author: world.authors.get(&pin).cloned(), pin, head, render }
}
