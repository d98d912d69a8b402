//! Promotions: merge commits on active branches.

use promoter_core::pipeline::Pipeline;
use promoter_core::plan::Merge;
use promoter_core::{Diagnosis, UnixSeconds};
use promoter_render::hydrate::{GIT_ATTRIBUTES_FILE, METADATA_FILE, Trailer, note};

use super::commit::{Commit, Moves};
use super::git::Change;
use super::{Applied, as_expected, environment};
use crate::repository::{Refs, Repository};

/// Merges the proposed into the active branch: the active tree, with the pipeline's folder and the files at the root
/// taken from the proposal. Folders of other pipelines stay as the active branch has them.
pub(super) fn merge(
    repository: &Repository,
    refs: &mut Refs,
    pipeline: &Pipeline,
    action: &Merge,
    now: UnixSeconds,
) -> Result<Applied, Diagnosis> {
    let environment = environment(pipeline, &action.environment)?;
    let (active, proposed) = (&action.expect_active, &action.expect_proposed);
    let expected =
        [(&*environment.active_branch, Some(active)), (&*environment.proposed_branch, Some(proposed))];
    if !as_expected(refs, &expected) {
        return Ok(Applied::Stale);
    }
    let ours = [pipeline.name.as_str(), METADATA_FILE, GIT_ATTRIBUTES_FILE];
    let changes = ours.map(|path| Change::Take { path: path.to_owned(), from: proposed.clone() }).into();
    let message = message(repository, pipeline, action, &environment.proposed_branch);
    let parents = vec![active.clone(), proposed.clone()];
    let mut moves = Moves::new(repository, now);
    let commit = moves.commit(&Commit { base: Some(active), changes, parents, message })?;
    moves.branch(&environment.active_branch, Some(active), &commit);
    moves.note(refs, &commit, note(&action.freight))?;
    let text =
        format!("{}: promoted {} {}", action.environment, action.freight.alias(), action.freight.short());
    moves.push(refs, text)
}

/// The message: what was promoted, and the trailers that GitOps Promoter and people read.
fn message(repository: &Repository, pipeline: &Pipeline, action: &Merge, branch: &str) -> String {
    let freight = &action.freight;
    let mut text = format!("Promote {} to {}\n\nMerges `{branch}`.\n\n", freight.alias(), action.environment);
    let mut trailer = |key: &str, value: &str| {
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        text.push_str(&format!("{key}: {value}\n"));
    };
    trailer(Trailer::FREIGHT, &freight.to_string());
    trailer(Trailer::ENVIRONMENT, action.environment.as_str());
    trailer(Trailer::PIPELINE, pipeline.name.as_str());
    trailer(Trailer::BY, action.by.as_deref().unwrap_or(&repository.settings().identity.email));
    if let Some(reason) = action.reason.as_ref().filter(|it| !it.is_empty()) {
        trailer(Trailer::REASON, reason);
    }
    trailer("Sha-hydrated-active", action.expect_active.as_str());
    trailer("Sha-hydrated-proposed", action.expect_proposed.as_str());
    if let Some(before) = &action.expect_lock {
        trailer("Sha-dry-active", before.hex());
    }
    trailer("Sha-dry-proposed", freight.hex());
    for gate in &action.gates {
        trailer(&format!("Commit-status-proposed-{}-phase", gate.gate), "success");
        let description = serde_json::Value::from(gate.description.as_str()).to_string();
        trailer(&format!("Commit-status-proposed-{}-description", gate.gate), &description);
    }
    text
}
