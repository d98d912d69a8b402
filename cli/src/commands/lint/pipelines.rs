//! What is odd about a pipeline that can be read: production that takes freight without a gate.

use super::Finding;
use super::ground::Ground;
use crate::commands::init::is_production;
use promoter_core::Diagnosis;
use promoter_core::pipeline::{Environment, Pipeline, PromotionMode};

pub(super) fn findings(ground: &Ground) -> Vec<Finding> {
    let open = |pipeline: &Pipeline| -> Vec<Finding> {
        let environments = pipeline.environments.iter();
        let open =
            environments.filter(|it| it.promotion != PromotionMode::PullRequest && it.gates.is_empty());
        open.filter_map(|it| Some(finding(pipeline, it, why(pipeline, it)?))).collect()
    };
    ground.pipelines.iter().flat_map(open).collect()
}

/// Why an environment is taken for production.
fn why(pipeline: &Pipeline, environment: &Environment) -> Option<&'static str> {
    let is_before = |it: &Environment| it.after.environments.contains(&environment.name);
    let is_last = !environment.after.environments.is_empty() && !pipeline.environments.iter().any(is_before);
    match is_production(environment.name.as_str()) {
        true => Some("is called like production"),
        false => is_last.then_some("is the last environment"),
    }
}

fn finding(pipeline: &Pipeline, environment: &Environment, why: &str) -> Finding {
    let cause =
        format!("`{}` of `{}` {why} and takes freight without a gate", environment.name, pipeline.name);
    let hint = "give it one, such as `gates: [{ approvals: { required: 1 } }]`, or `promotion: pullRequest`";
    Finding::warning(Diagnosis::input("lint-no-gate", cause).at(&environment.at).hint(hint))
}
