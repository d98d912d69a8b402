//! Rules 1 to 6 and 8 over random histories: two controllers, stale plans, kills, people, faults, a clock that jumps.

use crate::check::judge;
use crate::history::{Counts, History};
use crate::random::{Bounds, pipelines, runner, steps};
use promoter_core::pipeline::Layout;
use promoter_core::plan::{Action, Plan};
use promoter_core::sim::World;
use std::cell::Cell;

const HISTORIES: u32 = 2_000;
const BOUNDS: Bounds = Bounds {
    count: 2,
    failure_limit: 1,
    on_failure: &["none", "hold", "rollback"],
    asks: true,
    layouts: &["branches", "folders"],
};

#[test]
fn rules_hold_over_random_histories() {
    let counts = Cell::new(Counts::default());
    let merged_in_folders = Cell::new(0);
    let all = (pipelines(BOUNDS), steps(40));
    let result = runner(HISTORIES).run(&all, |(pipeline, steps)| {
        let mut history = History::new(pipeline.pipeline(), judge);
        for step in &steps {
            history.step(step);
            judge_world(&history.world);
        }
        let quiet = history.settle();
        judge_world(&history.world);
        let quiet = quiet.unwrap_or_else(|plan| panic!("it never ends\n{plan}\n{:?}", plan.actions));
        at_rest(&history, &quiet);
        let mut sum = counts.get();
        history.made.iter().for_each(|plan| sum.add(plan));
        let folders = history.world.pipeline.layout == Layout::Folders;
        merged_in_folders.set(merged_in_folders.get() + usize::from(folders) * merges(&history));
        counts.set(sum);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let sum = counts.get();
    // A generator that no longer reaches something makes its rules empty.
    let least = [sum.merges, sum.proposals, sum.rollbacks, sum.withdrawals, sum.holds, sum.failures];
    assert!(least.iter().all(|it| *it > 15), "{sum:?}");
    assert!(merged_in_folders.get() > 15, "both layouts are met");
}

fn merges(history: &History) -> usize {
    history.made.iter().flat_map(|it| &it.actions).filter(|it| matches!(it, Action::Merge(_))).count()
}

/// What holds for every change of an active branch, whatever plan made it.
fn judge_world(world: &World) {
    let Some(last) = world.log.last().filter(|it| it.by_controller) else {
        return;
    };
    let (before, after) = (last.before.as_ref(), last.after.as_ref());
    if before.is_some_and(|it| it.hold.is_some()) {
        assert!(after.is_some_and(|it| it.hold.is_some()), "rule 4: a hold is gone");
    }
    let moved = before.map(|it| it.freight.id()) != after.map(|it| it.freight.id());
    if moved {
        let previous = after.and_then(|it| it.promotion.as_ref()?.previous.clone());
        assert_eq!(previous, before.map(|it| it.freight.id()), "rule 2: merged onto other freight");
    }
}

/// What holds when nothing is left to do.
fn at_rest(history: &History, quiet: &Plan) {
    assert!(quiet.actions.is_empty());
    for rules in &history.world.pipeline.environments {
        let own = history.world.records.environments.get(&rules.name);
        let (active, proposed) = (history.world.active(&rules.name), history.world.proposed(&rules.name));
        let (Some(active), Some(proposed), Some(own)) = (active, proposed, own) else {
            continue;
        };
        let id = proposed.freight.id();
        let left_alone = active.hold.is_some() || own.request.is_some() || active.freight.id() == id;
        let rejected = own.rejected.get(&id).is_some_and(Result::is_ok);
        assert!(left_alone || !rejected, "rule 5: rejected freight stays proposed\n{quiet}");
    }
    // Planning again says the same.
    assert_eq!(history.plan(0, &Default::default()), *quiet);
}
