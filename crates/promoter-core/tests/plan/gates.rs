//! Random histories with every gate in the way: what is merged was let through by each, and nothing piles up.

use crate::check::judge;
use crate::condition::EVEN;
use crate::history::History;
use crate::random::{Step, happenings, runner};
use promoter_core::pipeline;
use promoter_core::plan::Action;
use promoter_core::record::StatusPhase;
use proptest::prelude::*;
use std::cell::Cell;

const HISTORIES: u32 = 300;

/// One environment that CI opens, then one behind the clock, a condition and a team.
fn text(required: bool) -> String {
    format!(
        r#"apiVersion: promoter.dev/v1alpha1
kind: Pipeline
metadata: {{ name: shop }}
spec:
  subscriptions: [{{ name: config, git: {{}} }}]
  teams: {{ all: [ada, bob, cyd] }}
  environments:
    - name: e0
      source: envs/e0
      promotion: auto
      gates: [{{ commitStatus: {{ name: [trivy, e2e] }} }}]
    - name: e1
      source: envs/e1
      after: [e0]
      promotion: auto
      gates:
        - window: {{ allow: "daily 08:00-20:00", exclude: Sat-Sun 00:00-24:00, timezone: Europe/Berlin }}
          required: {required}
        - {{ expression: "{EVEN}", required: {required} }}
        - approvals: {{ from: [team/all] }}
"#
    )
}

#[test]
fn nothing_goes_through_a_gate_that_is_shut() {
    let merged = Cell::new([0, 0]);
    let hurried = Cell::new(0);
    let report = (any::<bool>(), prop::sample::select(vec!["trivy", "e2e"]), 0..8_u8);
    let round = (happenings(4), prop::collection::vec(report, 0..7), 0..30_000_u32);
    let all = (any::<bool>(), prop::collection::vec(round, 1..14));
    let result = runner(HISTORIES).run(&all, |(required, rounds)| {
        let pipeline = pipeline::read("apps/shop/promoter.yaml", &text(required));
        let pipeline = pipeline.unwrap_or_else(|it| panic!("{}", it.diagnosis())).remove(0);
        let mut history = History::new(pipeline, judge);
        let [first, second] = history.environments().try_into().unwrap();
        for (steps, reports, seconds) in rounds {
            // What changes nothing would leave most rounds without freight.
            let new = Step::Dry { changed: 3, broken: None };
            let steps = steps.iter().chain([&new]);
            steps.for_each(|step| history.step(step));
            history.world.now.0 += i64::from(seconds);
            settle(&mut history);
            for (here, name, phase) in reports {
                let phase = match phase {
                    0 => StatusPhase::Failure,
                    1 => StatusPhase::Pending,
                    _ => StatusPhase::Success,
                };
                let environment = if here { &first } else { &second };
                history.world.report(environment, &name.parse().unwrap(), phase, "ci");
            }
            settle(&mut history);
            if let Some(lock) = history.world.proposed(&second) {
                let id = lock.freight.id();
                history.world.approve(&second, &id, ["ada", "bob", "cyd"][seconds as usize % 3]);
            }
            settle(&mut history);
            for environment in [&first, &second] {
                let own = history.world.records.environments.get(environment);
                let kept = own.map_or(0, |it| it.statuses.len());
                assert!(kept <= 1, "{kept} statuses are kept in {environment}");
            }
        }
        let mut sums = merged.get();
        for action in history.made.iter().flat_map(|it| &it.actions) {
            if let Action::Merge(it) = action {
                sums[usize::from(it.environment == second)] += 1;
                let hotfix = it.by.is_some() && !it.gates.iter().any(|it| it.gate == "after");
                hurried.set(hurried.get() + usize::from(hotfix && it.environment == second));
            }
        }
        merged.set(sums);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    assert!(merged.get().iter().all(|it| *it > 15), "both ways are gone: {:?}", merged.get());
    assert!(hurried.get() > 5, "hotfixes are among them: {}", hurried.get());
}

fn settle(history: &mut History) {
    if let Err(plan) = history.settle() {
        panic!("it never ends\n{plan}\n{:?}", plan.actions);
    }
}
