//! Planners, controllers and plugins that do it wrong: each rule is shown to bite.
//!
//! A mutant stands between the real parts of the simulation: it changes what the planner sees, what it planned, or what is
//! done. The judge sees what is true.

mod acts;
mod plans;

use crate::history::History;
use promoter_core::sim::story::Hands;
use promoter_core::sim::{Controller, World};
use promoter_core::{Freight, Name, UnixSeconds};

/// A way to do it wrong.
pub(crate) struct Mutant {
    pub(crate) name: &'static str,
    /// The rule that it breaks; what it does may break others too.
    rule: u8,
    pub(crate) hands: Hands,
}

/// Histories within which every mutant has to be found.
const HISTORIES: u64 = 4_000;

impl Mutant {
    /// The first history that breaks its rule.
    pub(crate) fn found(&self) -> Option<History> {
        (0..HISTORIES)
            .map(|seed| History::random(seed, self.hands))
            .find(|it| it.broken.as_ref().is_some_and(|broken| broken.rule == self.rule))
    }
}

const REAL: Hands = Hands {
    plan: promoter_core::plan::plan,
    act: Controller::act,
    answer: |world, freight, name| world.render(freight, name),
};

macro_rules! mutants {
    ($($rule:literal $part:ident $does:path: $name:literal)*) => {
        &[$(Mutant { name: $name, rule: $rule, hands: Hands { $part: $does, ..REAL } }),*]
    };
}

/// Every mutant: the rule, the part that is wrong, and how.
pub(crate) const MUTANTS: &[Mutant] = mutants! {
    1 plan plans::verified_everywhere: "promotes without verification"
    1 plan plans::without_gates: "merges while gates are shut"
    1 plan plans::every_request_a_hotfix: "takes every request for a hotfix"
    2 act acts::merges_what_is_there: "merges another commit than the judged one"
    2 act acts::merges_onto_what_is_there: "merges onto another head than the judged one"
    2 plan plans::reports_of_any_commit: "counts what was reported of another commit"
    3 plan plans::once_verified: "takes freight for verified for ever"
    3 plan plans::without_failures: "does not record failures"
    4 plan plans::without_holds: "ignores holds"
    4 plan plans::without_pauses: "goes on while the pipeline is paused"
    4 plan plans::without_rejections: "proposes rejected freight again"
    4 plan plans::what_is_there_is_new: "takes what is there, though it ranks lower"
    4 plan plans::what_runs_is_old: "goes back to older freight"
    4 plan plans::unread_is_old: "takes freight for old because its record could not be read"
    5 act acts::second_proposal: "opens a second proposal"
    5 plan plans::empty_diff: "proposes what already runs"
    5 plan plans::never_withdraws: "lets rejected freight stay proposed"
    5 plan plans::moves_twice: "moves a proposal twice in one plan"
    6 plan plans::unread_is_absent: "takes an unread branch for an absent one"
    6 plan plans::unread_is_approved: "takes unread approvals for given"
    6 plan plans::unread_is_something: "takes something where the registry was not read"
    6 plan plans::unread_is_nameless: "does not name the reader that failed"
    7 act acts::writes_records_again: "writes records again after a lost answer"
    7 act acts::proposes_again: "proposes again after a lost answer"
    7 act acts::half_a_record: "writes half of what belongs together"
    7 plan plans::forgets_freight: "forgets freight that runs"
    7 plan plans::forgets_requests: "forgets what people asked for"
    8 plan plans::rolls_back_without_hold: "rolls back without a hold"
    9 answer by_head: "answers by the head of the dry branch"
    9 answer by_clock: "answers by the clock"
    10 act acts::hydrates_the_head: "hydrates the head instead of the pinned commit"
};

#[test]
fn every_mutant_breaks_its_rule() {
    let mut missed = Vec::new();
    for mutant in MUTANTS {
        match mutant.found().and_then(|it| Some((it.seed, it.broken?))) {
            None => missed.push(mutant.name),
            Some((seed, broken)) => println!("{}: history {seed}, {broken}", mutant.name),
        }
    }
    assert!(missed.is_empty(), "not found in {HISTORIES} histories: {missed:?}");
    let rules: std::collections::BTreeSet<u8> = MUTANTS.iter().map(|it| it.rule).collect();
    assert_eq!(rules, (1..=10).collect(), "each rule has a mutant");
}

/// An hour after every story begins.
const AN_HOUR_LATER: UnixSeconds = UnixSeconds(1_772_359_200);

fn by_head(world: &World, _: &Freight, name: &Name) -> Option<u32> {
    world.dry.get(&world.dry_head)?.renders.get(name).copied()
}

fn by_clock(world: &World, freight: &Freight, name: &Name) -> Option<u32> {
    let number = world.render(freight, name)?;
    // As it should at first.
    Some(if world.now < AN_HOUR_LATER { number } else { number + 1_000 })
}
