//! Policies over pipelines: what holds in the end, and what is said about pipelines that ask for less.

use promoter_core::pipeline::{self, Environment, Gate};
use promoter_core::policy;
use promoter_testkit::golden;
use serde::Deserialize;
use std::fmt::Write as _;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    policy: String,
    pipeline: String,
}

#[test]
fn policies_tighten_pipelines() {
    golden("policy/*.yaml", |case: Case| {
        let policy = match policy::read("policy.yaml", &case.policy) {
            Ok(policy) => policy,
            Err(error) => return error.diagnosis().to_string(),
        };
        let pipeline = pipeline::read("apps/shop/promoter.yaml", &case.pipeline).unwrap().remove(0);
        let effective = policy.apply(&pipeline);
        let mut out = String::new();
        for it in &effective.pipeline.environments {
            environment(it, &mut out);
        }
        for it in &effective.violations {
            let _ = writeln!(out, "! {}", it.diagnosis());
        }
        assert_eq!(policy.apply(&effective.pipeline).violations, [], "what was put right is right");
        out
    });
}

fn environment(it: &Environment, out: &mut String) {
    let (promotion, failure) = (it.promotion.as_str(), it.on_failure.as_str());
    let _ = writeln!(out, "{}: promotion {promotion}, onFailure {failure}, {:?}", it.name, it.render);
    for Gate { at, rule, required, policy } in &it.gates {
        let policy = policy.as_ref().map_or("the pipeline", |it| it.as_str());
        let _ = writeln!(out, "  {rule:?}, required {required}, of {policy} ({at})");
    }
}
