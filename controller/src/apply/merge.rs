//! Promotions: merge commits on active branches.

use promoter_core::pipeline::{Layout, Pipeline};
use promoter_core::plan::Merge;
use promoter_core::{Diagnosis, UnixSeconds};
use promoter_render::hydrate::Trailer;

use super::commit::{Commit, Moves};
use super::git::Change;
use super::proposal::{note, paths};
use super::{Applied, both_as_expected, environment, trailers};
use crate::repository::{Refs, Repository};

/// Merges the proposed into the active branch: the active tree, with what belongs to a proposal taken from it. All else
/// stays as the active branch has it, such as folders of other pipelines.
pub(super) fn merge(
    repository: &Repository,
    refs: &mut Refs,
    pipeline: &Pipeline,
    action: &Merge,
    now: UnixSeconds,
) -> Result<Applied, Diagnosis> {
    let environment = environment(pipeline, &action.environment)?;
    let (active, proposed) = (&action.expect_active, &action.expect_proposed);
    if !both_as_expected(refs, environment, Some(active), Some(proposed)) {
        return Ok(Applied::Stale);
    }
    let take = |path: &str| Change::Take { path: path.to_owned(), from: proposed.clone() };
    let changes = paths(pipeline, environment).into_iter().map(take).collect();
    let message = message(repository, pipeline, action, &environment.proposed_branch);
    let parents = vec![active.clone(), proposed.clone()];
    let mut moves = Moves::new(repository, now);
    let commit = moves.commit(&Commit { base: Some(active), changes, parents, message })?;
    moves.branch(&environment.active_branch, Some(active), &commit);
    if let Some(note) = note(pipeline, &action.freight) {
        moves.note(refs, &commit, note)?;
    }
    let text =
        format!("{}: promoted {} {}", action.environment, action.freight.alias(), action.freight.short());
    moves.push(refs, text)
}

/// The message: what was promoted, and the trailers that GitOps Promoter and people read.
fn message(repository: &Repository, pipeline: &Pipeline, action: &Merge, branch: &str) -> String {
    let freight = &action.freight;
    let by = action.by.as_deref().unwrap_or(&repository.settings().identity.email);
    let mut trailers = trailers::named(pipeline, &action.environment, freight);
    trailers.extend(trailers::asked(Some(by), action.reason.as_deref()));
    if pipeline.layout == Layout::Branches {
        trailers.push(Trailer::new("Sha-hydrated-active", action.expect_active.as_str()));
        trailers.push(Trailer::new("Sha-hydrated-proposed", action.expect_proposed.as_str()));
    }
    trailers.extend(action.expect_lock.iter().map(|it| Trailer::new("Sha-dry-active", it.hex())));
    trailers.push(Trailer::new("Sha-dry-proposed", freight.hex()));
    for gate in &action.gates {
        let status = format!("Commit-status-proposed-{}", gate.gate);
        let description = serde_json::Value::from(gate.description.as_str()).to_string();
        trailers.push(Trailer::new(format!("{status}-phase"), "success"));
        trailers.push(Trailer::new(format!("{status}-description"), description));
    }
    let text = format!("Promote {} to {}\n\nMerges `{branch}`.", freight.alias(), action.environment);
    trailers::signed(&text, &trailers)
}
