//! Rule 7: killed anywhere, doubled, cut off from facts, it ends where it would have ended.

use crate::check::judge;
use crate::history::History;
use crate::random::{Bounds, Step, happenings, pipelines, runner};
use promoter_core::{FreightId, Hold};
use proptest::prelude::*;

const HISTORIES: u32 = 400;

/// One measurement makes a result, so that losing one costs no time. Nothing follows a failure, and no gate asks: whether it is seen before
/// the environment moves on is a race that either may win. Which commit freight pins is one too where promotions move
/// the dry branch.
const BOUNDS: Bounds =
    Bounds { count: 1, failure_limit: 0, on_failure: &["none"], asks: false, layouts: &["branches"] };

#[test]
fn disturbed_histories_end_as_calm_ones() {
    let disturbance = (any::<u16>(), any::<u16>(), 0..4_u8, any::<bool>());
    let disturbances = prop::collection::vec(disturbance, 0..4);
    let all = (pipelines(BOUNDS), prop::collection::vec((happenings(3), disturbances), 1..10));
    let result = runner(HISTORIES).run(&all, |(pipeline, rounds)| {
        let mut calm = History::new(pipeline.pipeline(), judge);
        let mut disturbed = History::new(pipeline.pipeline(), judge);
        for (happenings, disturbances) in &rounds {
            // After ten seconds a measurement is due in both.
            for step in happenings.iter().chain([&Step::Tick(10)]) {
                calm.step(step);
                disturbed.step(step);
            }
            for (a, b, killed, stale) in disturbances {
                if *stale {
                    disturbed.step(&Step::Plan(1));
                }
                disturbed.step(&Step::Pass { controller: 0, faults: a & b, killed: Some(*killed) });
                if *stale {
                    disturbed.step(&Step::Late(1));
                }
            }
            for history in [&mut calm, &mut disturbed] {
                if let Err(plan) = history.settle() {
                    panic!("it never ends\n{plan}\n{:?}", plan.actions);
                }
            }
            assert_eq!(end(&calm), end(&disturbed), "after {happenings:?}");
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

/// What each environment runs, and whether a request is open.
fn end(history: &History) -> Vec<(Option<FreightId>, Option<Hold>, bool)> {
    let one = |name| {
        let lock = history.world.active(&name);
        let own = history.world.records.environments.get(&name);
        let open = own.is_some_and(|it| it.request.is_some());
        (lock.map(|it| it.freight.id()), lock.and_then(|it| it.hold.clone()), open)
    };
    history.environments().into_iter().map(one).collect()
}
