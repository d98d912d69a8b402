//! Plays steps in the simulated world.

use crate::random::Step;
use promoter_core::observation::Observation;
use promoter_core::pipeline::{Layout, Pipeline};
use promoter_core::plan::{Action, Plan, plan};
use promoter_core::record::{Record, RequestAction, path};
use promoter_core::sim::{Controller, Fault, Outcome, World};
use promoter_core::{Artifact, Content, Freight, FreightId, Name, UnixSeconds};
use std::collections::BTreeSet;

/// A world with two controllers.
pub(crate) struct History {
    pub(crate) world: World,
    pub(crate) controllers: [Controller; 2],
    /// Plans that were made and not carried out yet.
    late: [Option<Plan>; 2],
    /// Every plan that was carried out.
    pub(crate) made: Vec<Plan>,
    /// Called on every plan with what it was made from.
    pub(crate) check: fn(&World, &Observation, &Plan),
}

impl History {
    pub(crate) fn new(pipeline: Pipeline, check: fn(&World, &Observation, &Plan)) -> Self {
        let repository = "https://git.example.com/acme/deploy.git".parse().unwrap();
        let mut world = World::new(pipeline, repository, UnixSeconds(1_800_000_000));
        world.create_freight(&[image(0)], "ada");
        Self { world, controllers: Default::default(), late: [None, None], made: Vec::new(), check }
    }

    pub(crate) fn environments(&self) -> Vec<Name> {
        self.world.pipeline.environments.iter().map(|it| it.name.clone()).collect()
    }

    fn environment(&self, pick: u8) -> Name {
        let all = self.environments();
        all[usize::from(pick) % all.len()].clone()
    }

    /// Freight by age, the newest for even numbers of a few.
    fn freight(&self, pick: u8) -> Option<Freight> {
        let records = self.world.records.freight.iter();
        let mut all: Vec<_> = records.filter_map(|(id, it)| Some((it.as_ref().ok()?, id))).collect();
        all.sort_by_key(|(it, id)| it.age(id));
        let index = all.len().checked_sub(1 + usize::from(pick) % 4 % all.len().max(1))?;
        Some(all[index].0.freight.clone())
    }

    fn freight_id(&self, pick: u8) -> Option<FreightId> {
        self.freight(pick).map(|it| it.id())
    }

    fn proposed(&self, name: &Name) -> Option<FreightId> {
        Some(self.world.proposed(name)?.freight.id())
    }

    pub(crate) fn step(&mut self, step: &Step) {
        let (now, world) = (self.world.now.0, &mut self.world);
        match step {
            Step::Tick(seconds) => world.now = UnixSeconds(now + i64::from(*seconds)),
            Step::Back(seconds) => world.now = UnixSeconds(now - i64::from(*seconds)),
            Step::Dry { changed, broken } => self.push(*changed, *broken),
            Step::Image(pick) => drop(world.create_freight(&[image(*pick % 5)], "ada")),
            Step::Pass { controller, faults, killed } => {
                let (index, faults) = (usize::from(*controller) % 2, self.faults(*faults));
                let plan = self.plan(index, &faults);
                let killed = killed.map(usize::from);
                self.controllers[index].apply(&mut self.world, &plan, killed);
                self.made.push(plan);
                if killed.is_some() {
                    self.controllers[index] = Controller::default();
                }
            }
            Step::Plan(controller) => {
                let index = usize::from(*controller) % 2;
                self.late[index] = Some(self.plan(index, &BTreeSet::new()));
            }
            Step::Late(controller) => {
                let index = usize::from(*controller) % 2;
                if let Some(plan) = self.late[index].take() {
                    self.controllers[index].apply(&mut self.world, &plan, None);
                }
            }
            Step::Restart(controller) => {
                self.controllers[usize::from(*controller) % 2] = Controller::default();
            }
            _ => self.people(step),
        }
    }

    fn people(&mut self, step: &Step) {
        let name = |pick: &u8| self.environment(*pick);
        match step {
            Step::Approve(e, f, p) => {
                let name = name(e);
                // Mostly what is proposed: people approve what they are shown.
                let proposed = self.proposed(&name).filter(|_| f % 4 != 0);
                if let Some(id) = proposed.or_else(|| self.freight_id(*f)) {
                    self.world.approve(&name, &id, ["ada", "bob", "cyd"][usize::from(*p) % 3]);
                }
            }
            Step::Reject(e, f) => {
                if let (name, Some(id)) = (name(e), self.freight_id(*f)) {
                    self.world.reject(&name, &id, "ada");
                }
            }
            Step::Request(e, f, action) => {
                if let (name, Some(id)) = (name(e), self.freight_id(*f)) {
                    self.world.request(&name, *action, &id, "ada");
                }
            }
            Step::Previous(e) => {
                let name = name(e);
                let previous =
                    self.world.active(&name).and_then(|it| it.promotion.as_ref()?.previous.clone());
                if let Some(previous) = previous {
                    self.world.request(&name, RequestAction::Rollback, &previous, "bob");
                }
            }
            Step::TakeBack(e) => self.world.withdraw_request(&name(e)),
            Step::Hold(e) => self.world.set_hold(&name(e), Some("ada")),
            Step::Reverify(e) => self.world.reverify(&name(e), "ada"),
            Step::Release(e) => self.world.set_hold(&name(e), None),
            Step::Edit(e, f) => {
                if let (name, Some(freight)) = (name(e), self.freight(*f)) {
                    self.world.edit_freight(&name, &freight);
                }
            }
            Step::EditNew(e, f) => {
                if let (name, Some(freight)) = (name(e), self.freight(*f)) {
                    self.world.edit_freight(&name, &freight.with(image(100 + *f % 3)));
                }
            }
            Step::MergeByHand(e) => self.world.merge_by_hand(&name(e)),
            Step::BreakLock(e) => self.world.break_lock(&name(e)),
            Step::BreakRecord(kind, e, f) => self.break_record(*kind, &name(e), *f),
            Step::Sick(e, f) => {
                if let (name, Some(id)) = (name(e), self.freight_id(*f)) {
                    let key = (name, id);
                    if !self.world.sick.remove(&key) {
                        self.world.sick.insert(key);
                    }
                }
            }
            Step::DropProposed(e) => {
                let branch = self.world.pipeline.environment(&name(e)).unwrap().proposed_branch.clone();
                self.world.branches.remove(&branch);
            }
            _ => {}
        }
    }

    fn push(&mut self, changed: u8, broken: Option<u8>) {
        let mut content = self.world.dry[&self.world.dry_head].clone();
        content.broken.clear();
        for (index, name) in self.environments().into_iter().enumerate() {
            if changed & (1 << index) != 0 {
                *content.renders.entry(name).or_default() += 1;
            }
        }
        if let Some(pick) = broken {
            content.broken.insert(self.environment(pick));
        }
        self.world.push_dry(content);
    }

    /// Breaks a record that is there; only freight that no lock needs is hidden for good by this.
    fn break_record(&mut self, kind: u8, environment: &Name, pick: u8) {
        let pipeline = self.world.pipeline.name.clone();
        let Some(id) = self.freight_id(pick) else {
            return;
        };
        let file = match kind % 5 {
            0 => path::freight(&pipeline, &id),
            1 => path::verified(&pipeline, environment, &id),
            2 => path::approved(&pipeline, environment, &id),
            3 => path::rejected(&pipeline, environment, &id),
            _ => path::requested(&pipeline, environment),
        };
        self.world.records.put(&file, "broken: [");
        let head = self.world.state_head.clone();
        self.world.push_state(head.as_ref(), &[], &[]);
    }

    fn faults(&self, bits: u16) -> BTreeSet<Fault> {
        let names = self.environments();
        let environments =
            names.iter().flat_map(|it| [Fault::Active(it.clone()), Fault::Proposed(it.clone())]);
        let all = [Fault::Dry, Fault::State].into_iter().chain(environments).enumerate();
        all.filter(|(index, _)| bits & (1 << index) != 0).map(|(_, it)| it).collect()
    }

    pub(crate) fn plan(&self, controller: usize, faults: &BTreeSet<Fault>) -> Plan {
        let seen = self.controllers[controller].observe(&self.world, faults);
        let made = plan(&self.world.pipeline, &seen, self.world.now);
        (self.check)(&self.world, &seen, &made);
        made
    }

    pub(crate) fn observe(&self) -> Observation {
        self.controllers[0].observe(&self.world, &BTreeSet::new())
    }

    pub(crate) fn plan_of(&self, seen: &Observation) -> Plan {
        plan(&self.world.pipeline, seen, self.world.now)
    }

    /// True when no action of a plan went stale but by another action of the plan: where environments share a branch,
    /// the first that moves it lets the others look again.
    fn is_fresh(&self, plan: &Plan, outcomes: &[Outcome]) -> bool {
        let share = self.world.pipeline.layout == Layout::Folders;
        let mut moved = false;
        plan.actions.iter().zip(outcomes).all(|(action, outcome)| {
            let fresh = matches!(outcome, Outcome::Done | Outcome::Refused) || moved;
            moved |= share && matches!(action, Action::Merge(_) | Action::SetHold(_));
            fresh
        })
    }

    /// Lets one controller work until nothing is left to do; `Err` is the last plan if it never ends.
    pub(crate) fn settle(&mut self) -> Result<Plan, Plan> {
        let mut made = self.plan(0, &BTreeSet::new());
        for _ in 0..60 {
            if made.actions.is_empty() {
                return Ok(made);
            }
            let outcomes = self.controllers[0].apply(&mut self.world, &made, None);
            assert!(
                self.is_fresh(&made, &outcomes),
                "a fresh plan went stale: {outcomes:?}\n{made}\n{:?}",
                made.actions
            );
            self.made.push(std::mem::replace(&mut made, self.plan(0, &BTreeSet::new())));
        }
        Err(made)
    }
}

/// Image artifact `web` number n.
pub(crate) fn image(number: u8) -> Artifact {
    let digest = format!("{number:064x}");
    let image = format!("ghcr.io/acme/web:1.{number}@sha256:{digest}").parse().unwrap();
    Artifact { name: "web".parse().unwrap(), content: Content::Image(image) }
}

/// Counts what a history did, to show that the laws are about something.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) merges: usize,
    pub(crate) proposals: usize,
    pub(crate) rollbacks: usize,
    pub(crate) withdrawals: usize,
    pub(crate) holds: usize,
    pub(crate) failures: usize,
}

impl Counts {
    pub(crate) fn add(&mut self, plan: &Plan) {
        for action in &plan.actions {
            match action {
                Action::Merge(_) => self.merges += 1,
                Action::Propose(it) if it.lock.hold.is_some() => self.rollbacks += 1,
                Action::Propose(_) => self.proposals += 1,
                Action::Withdraw(_) => self.withdrawals += 1,
                Action::SetHold(_) => self.holds += 1,
                Action::Record(it) => {
                    let failed = |it: &&Record| matches!(it, Record::Verification(it) if it.phase == promoter_core::record::Phase::Failed);
                    self.failures += it.write.iter().filter(failed).count();
                }
                Action::Measure(_) => {}
            }
        }
    }
}
