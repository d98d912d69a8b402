//! A plan costs in proportion to what there is.

use crate::history::History;
use promoter_core::pipeline;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// A pipeline of chains of ten environments, at rest, each environment with a lock on both branches.
fn at_rest(environments: usize) -> History {
    let mut text = String::from(
        "apiVersion: promoter.dev/v1alpha1\nkind: Pipeline\nmetadata: { name: shop }\nspec:\n  subscriptions: [{ name: config, git: {} }]\n  environments:\n",
    );
    for index in 0..environments {
        let after = if index % 10 == 0 { String::new() } else { format!(", after: [e{}]", index - 1) };
        let _ = writeln!(text, "    - {{ name: e{index}, source: e{index}, promotion: auto{after} }}");
    }
    let pipeline = pipeline::read("promoter.yaml", &text).unwrap().remove(0);
    let mut history = History::new(pipeline, |_, _, _| {});
    if let Err(plan) = history.settle() {
        panic!("it never ends\n{plan}");
    }
    history
}

/// The best of a few, so that a busy machine does not matter.
fn cost(history: &History) -> Duration {
    let once = || {
        let seen = history.observe();
        let start = Instant::now();
        let plan = history.plan_of(&seen);
        let cost = start.elapsed();
        assert!(plan.actions.is_empty());
        cost
    };
    (0..5).map(|_| once()).min().unwrap()
}

#[test]
fn a_thousand_environments_are_no_burden() {
    let cost = cost(&at_rest(1_000));
    // About 40 ms without optimisation on an idle core; a square of a thousand would not fit.
    assert!(cost < Duration::from_secs(1), "{cost:?}");
}
