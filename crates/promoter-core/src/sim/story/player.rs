//! A world with two controllers and a judge, and the one way in which plans are carried out in it.

use super::words::Words;
use super::{Command, Slip};
use crate::observation::Observation;
use crate::pipeline::Pipeline;
use crate::plan::{Action, Kind, Plan, plan};
use crate::sim::rules::{Answer, Before, Broken, Judge};
use crate::sim::{Controller, Fault, Outcome, World};
use crate::{Freight, FreightId, GitUrl, Name, UnixSeconds};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// When every story begins.
const START: UnixSeconds = UnixSeconds(1_772_355_600); // 2026-03-01T09:00:00Z, a Sunday
const REPOSITORY: &str = "https://git.example.com/acme/deploy.git";
/// A controller that needs more passes than this never rests.
const PASSES_MAX: usize = 60;

/// Who plans, acts and renders. Tests put others in that do it wrong.
#[derive(Clone, Copy)]
pub struct Hands {
    /// Makes plans.
    pub plan: fn(&Pipeline, &Observation, UnixSeconds) -> Plan,
    /// Carries one action out; the number counts down the effects until the process dies.
    pub act: fn(&mut Controller, &mut World, &Action, &mut usize) -> Outcome,
    /// The plugin.
    pub answer: Answer,
}

impl Default for Hands {
    fn default() -> Self {
        Self { plan, act: Controller::act, answer: |world, freight, name| world.render(freight, name) }
    }
}

/// What goes wrong in the next pass: after, at and with which effect.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mishap {
    pub(super) crash: Option<usize>,
    pub(super) miss: Option<usize>,
    pub(super) twice: Option<usize>,
}

/// Plays commands, one after the other.
pub struct Player {
    world: World,
    hands: Hands,
    judge: Judge,
    controllers: [Controller; 2],
    /// Plans that were made and not carried out yet.
    late: [Option<(Observation, Plan)>; 2],
    pub(super) lost: BTreeSet<Fault>,
    pub(super) mishap: Mishap,
    /// Freight in the order in which it was recorded.
    names: Vec<FreightId>,
    pub(super) out: String,
}

impl Player {
    /// A world in which nothing happened yet.
    pub fn new(pipeline: Pipeline, hands: Hands) -> Self {
        #[expect(clippy::expect_used, reason = "it is an address")]
        let repository: GitUrl = REPOSITORY.parse().expect("an address");
        Self {
            world: World::new(pipeline, repository, START),
            hands,
            judge: Judge::new(hands.answer),
            controllers: Default::default(),
            late: [None, None],
            lost: BTreeSet::new(),
            mishap: Mishap::default(),
            names: Vec::new(),
            out: String::new(),
        }
    }

    /// The world as it is.
    pub fn world(&self) -> &World {
        &self.world
    }

    pub(super) fn world_mut(&mut self) -> &mut World {
        &mut self.world
    }

    /// Plays one command and gives what came of it. A slip in a word leaves the world as it was.
    pub fn play(&mut self, line: &str) -> Result<String, Slip> {
        let mut words = line.split_whitespace();
        let Some(first) = words.next() else {
            return Ok(String::new());
        };
        let command = Command::called(first).ok_or_else(|| Slip::Command(first.to_owned()))?;
        let played = (command.play)(self, &mut Words::new(command, words.collect()));
        let out = std::mem::take(&mut self.out);
        played?;
        self.judge.world(&self.world)?;
        self.name();
        let letters = self.names.iter().enumerate();
        Ok(letters.fold(out, |out, (index, id)| match out.is_empty() {
            true => out,
            false => out.replace(&id.alias(), &letter(index)),
        }))
    }

    /// Gives new freight its letter.
    fn name(&mut self) {
        let records = self.world.records.freight.iter();
        let new = records.filter(|(id, _)| !self.names.contains(id));
        let mut new: Vec<_> =
            new.filter_map(|(id, it)| Some((it.as_ref().ok()?.age(id), id.clone()))).collect();
        new.sort();
        let new: Vec<FreightId> = new.into_iter().map(|(_, id)| id).collect();
        self.names.extend(new);
    }

    /// Freight by its letter.
    pub(super) fn called(&self, name: &str) -> Option<&FreightId> {
        let found = self.names.iter().enumerate().find(|(index, _)| letter(*index) == name).map(|(_, id)| id);
        // What is forgotten has no name any more.
        found.filter(|it| self.world.records.freight.contains_key(it))
    }

    /// Freight by its letter, if it can be read.
    pub(super) fn freight(&self, id: &FreightId) -> Option<&Freight> {
        self.world.records.freight.get(id)?.as_ref().ok().map(|it| &it.freight)
    }

    /// The letters of the freight that there is, oldest first.
    pub fn letters(&self) -> impl DoubleEndedIterator<Item = String> + use<> {
        (0..self.names.len()).map(letter)
    }

    /// The letter of freight.
    pub fn letter(&self, id: &FreightId) -> Option<String> {
        self.names.iter().position(|it| it == id).map(letter)
    }

    pub(super) fn restart(&mut self, index: usize) {
        self.controllers[index] = Controller::default();
    }

    /// What a controller sees and plans now.
    pub(super) fn look(&self, index: usize) -> Result<(Observation, Plan), Broken> {
        let seen = self.controllers[index].observe(&self.world, &self.lost);
        let plan = (self.hands.plan)(&self.world.pipeline, &seen, self.world.now);
        self.judge.plan(&self.world.pipeline, &seen, &plan)?;
        Ok((seen, plan))
    }

    pub(super) fn keep(&mut self, index: usize, looked: (Observation, Plan)) {
        self.late[index] = Some(looked);
    }

    pub(super) fn kept(&mut self, index: usize) -> Option<(Observation, Plan)> {
        self.late[index].take()
    }

    /// Lets the first controller work until it rests, and gives its last plan.
    ///
    /// Errors: a rule that did not hold; a controller that never rests breaks rule 7.
    pub fn settle(&mut self) -> Result<Plan, Broken> {
        for _ in 0..PASSES_MAX {
            let (seen, plan) = self.look(0)?;
            if plan.actions.is_empty() {
                if self.lost.is_empty() {
                    self.judge.rest(&self.world, &seen, &plan)?;
                }
                return Ok(plan);
            }
            self.carry_out(0, &seen, &plan)?;
            self.judge.world(&self.world)?;
        }
        Err(Broken {
            rule: 7,
            what: format!("it never rests: {}", self.out.lines().last().unwrap_or_default()),
        })
    }

    /// Carries a plan out, action by action, with the mishap that was asked for.
    pub(super) fn carry_out(&mut self, index: usize, seen: &Observation, plan: &Plan) -> Result<(), Broken> {
        for line in plan.report.iter().filter(|it| it.kind == Kind::Moves) {
            let _ = writeln!(self.out, "  {line}");
        }
        let mishap = std::mem::take(&mut self.mishap);
        let mut left = mishap.crash.unwrap_or(usize::MAX);
        let mut effects = 0;
        let (mut unlimited, mut stale) = (usize::MAX, false);
        for action in &plan.actions {
            // A measurement is remembered, nothing is written.
            let is_effect = !matches!(action, Action::Measure(_));
            let outcome = match is_effect {
                true => self.act(index, seen, plan, action, &mut left)?,
                false => self.act(index, seen, plan, action, &mut unlimited)?,
            };
            stale |= outcome == Outcome::Stale;
            effects += usize::from(is_effect && outcome == Outcome::Done);
            if is_effect && outcome == Outcome::Done && mishap.twice == Some(effects) {
                let before = Before::of(&self.world, action);
                (self.hands.act)(&mut self.controllers[index], &mut self.world, action, &mut left.clone());
                self.judge.again(&before, &self.world, action)?;
                let _ = writeln!(self.out, "  a push arrives twice, and the second does nothing");
            }
            let is_missed = is_effect && outcome == Outcome::Done && mishap.miss == Some(effects);
            if left == 0 || outcome == Outcome::Killed || is_missed {
                break;
            }
        }
        if stale {
            let _ = writeln!(self.out, "  something moved meanwhile: what was planned upon it does nothing");
        }
        if mishap.crash.is_some() {
            let _ = writeln!(self.out, "  the controller dies, and another takes its place");
            self.restart(index);
        }
        if mishap.miss.is_some_and(|it| it <= effects) {
            let _ = writeln!(self.out, "  an answer is lost");
        }
        Ok(())
    }

    fn act(
        &mut self,
        index: usize,
        seen: &Observation,
        plan: &Plan,
        action: &Action,
        left: &mut usize,
    ) -> Result<Outcome, Broken> {
        let before = Before::of(&self.world, action);
        let outcome = (self.hands.act)(&mut self.controllers[index], &mut self.world, action, left);
        self.judge.effect(&before, &self.world, seen, plan.now, action)?;
        Ok(outcome)
    }
}

/// The names of the columns of a sheet, small: `a` to `z`, `aa`.
fn letter(index: usize) -> String {
    let (high, low) = (index / 26, index % 26);
    let low = char::from(b'a' + u8::try_from(low).unwrap_or_default());
    if high == 0 { low.to_string() } else { format!("{}{low}", letter(high - 1)) }
}

/// The name of an environment, its own.
pub(super) fn name(rules: &crate::pipeline::Environment) -> Name {
    rules.name.clone()
}
