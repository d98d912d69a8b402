//! Promotions: merge commits on active branches.
//!
//! One proposal becomes a commit with two parents, several for one branch become one commit with more. Its tree is the
//! active tree with the folder of each pipeline taken from its proposal; folders of other pipelines stay. The two files
//! at the root are those of one proposal: `.gitattributes` is the same in all, and of `hydrator.metadata` that one counts
//! whose `drySha` is not the active one's (the last of them), since whoever reads the root file looks for a change. Its
//! `date` is never earlier than any that it replaces. In the layout `folders` the lockfile of each part is taken and nothing
//! else changes. The message has a block of trailers for each proposal, each as it
//! would stand alone.

use promoter_core::pipeline::{Environment, Layout, Pipeline};
use promoter_core::plan::Merge;
use promoter_core::{CommitId, Diagnosis, UnixSeconds};
use promoter_render::hydrate::{GIT_ATTRIBUTES_FILE, METADATA_FILE, Metadata, Trailer};

use super::base::{Bases, root_metadata};
use super::commit::{Commit, Moves, file};
use super::git::Change;
use super::proposal::{note, paths};
use super::ready::{Prepared, Ready};
use super::{Applied, environment, trailers};
use crate::repository::{Refs, Repository};

/// So many proposals become one commit; more for one branch become several commits in one push. Git bears any number of
/// parents, but the tools around it were never shown more than the 66 of one merge in Linux's history.
pub const MERGES_MAX: usize = 64;

/// A proposal that is merged.
#[derive(Debug)]
pub(super) struct MergeStep<'a> {
    pub(super) environment: &'a Environment,
    pub(super) action: &'a Merge,
    pipeline: &'a Pipeline,
    /// What the root file of the active branch says, and that of the proposal.
    active: Option<Metadata>,
    proposed: Option<Metadata>,
    /// What is taken from the proposal.
    paths: Vec<String>,
    trailers: Vec<Trailer>,
    pub(super) said: String,
}

/// Reads what the merge is made of.
pub(super) fn prepare<'a>(
    repository: &Repository,
    observed: &Refs,
    pipeline: &'a Pipeline,
    action: &'a Merge,
    bases: &Bases,
) -> Prepared<'a> {
    let environment = environment(pipeline, &action.environment)?;
    let (active, proposed) = (&action.expect_active, &action.expect_proposed);
    if observed.branch(&environment.active_branch) != Some(active)
        || observed.branch(&environment.proposed_branch) != Some(proposed)
    {
        return Err(Applied::Stale.into());
    }
    let base = bases.get(repository, active)?;
    let tree = repository.cache.tree(proposed, "").map_err(|error| error.diagnosis())?;
    let said =
        format!("{}: promoted {} {}", action.environment, action.freight.alias(), action.freight.short());
    Ok(Ready::Merge(Box::new(MergeStep {
        environment,
        action,
        pipeline,
        active: base.metadata.clone(),
        proposed: root_metadata(&tree),
        paths: paths(repository, pipeline, environment, active)?,
        trailers: own_trailers(repository, pipeline, action),
        said,
    })))
}

/// Makes the commits of all proposals for one branch, on top of `head`.
pub(super) fn commit<'a>(
    steps: &[&MergeStep<'a>],
    head: &CommitId,
    moves: &mut Moves,
) -> Result<CommitId, Diagnosis> {
    let mut head = head.clone();
    let mut metadata = steps.first().and_then(|it| it.active.clone());
    for steps in steps.chunks(MERGES_MAX) {
        let hydrated: Vec<_> =
            steps.iter().copied().filter(|it| it.pipeline.layout == Layout::Branches).collect();
        let root = Root::of(&hydrated, metadata.as_ref());
        let own = |it: &&MergeStep<'a>| -> Vec<Change> {
            it.paths.iter().map(|path| take(path, &it.action.expect_proposed)).collect()
        };
        let mut changes: Vec<Change> = steps.iter().flat_map(own).collect();
        changes.extend(root.iter().flat_map(Root::changes));
        let proposed = steps.iter().map(|it| it.action.expect_proposed.clone());
        let parents: Vec<CommitId> = std::iter::once(head).chain(proposed).collect();
        let message = message(steps);
        let commit =
            Commit { base: parents.first(), changes: &changes, parents: &parents, message: &message };
        head = moves.commit(&commit)?;
        if let Some(root) = root {
            let note = note(root.step.pipeline, &root.step.action.freight);
            note.into_iter().for_each(|it| moves.note(&head, it));
            metadata = root.metadata;
        }
    }
    Ok(head)
}

fn take(path: &str, from: &CommitId) -> Change {
    Change::Take { path: path.to_owned(), from: from.clone() }
}

/// What the files at the root become.
struct Root<'s, 'a> {
    /// The proposal whose files they are.
    step: &'s MergeStep<'a>,
    metadata: Option<Metadata>,
    /// True when the date had to be moved.
    rewritten: bool,
}

impl<'s, 'a> Root<'s, 'a> {
    /// `None` where nothing is hydrated.
    fn of(steps: &[&'s MergeStep<'a>], active: Option<&Metadata>) -> Option<Self> {
        let changes =
            |it: &&&MergeStep<'_>| it.proposed.as_ref().map(|it| &it.dry_sha) != active.map(|it| &it.dry_sha);
        let step = steps.iter().rev().find(changes).or(steps.last())?;
        let all = steps.iter().filter_map(|it| it.proposed.as_ref()).chain(active);
        let latest = all.filter_map(Metadata::date).max();
        let mut metadata = step.proposed.clone();
        let mut rewritten = false;
        if let (Some(metadata), Some(latest)) = (&mut metadata, latest)
            && metadata.date().is_some_and(|own: UnixSeconds| own < latest)
        {
            metadata.date = latest.to_string();
            rewritten = true;
        }
        Some(Self { step, metadata, rewritten })
    }

    fn changes(&self) -> [Change; 2] {
        let proposed = &self.step.action.expect_proposed;
        let metadata = match &self.metadata {
            Some(metadata) if self.rewritten => file(METADATA_FILE.to_owned(), metadata.to_json()),
            _ => take(METADATA_FILE, proposed),
        };
        [metadata, take(GIT_ATTRIBUTES_FILE, proposed)]
    }
}

/// The message: what was promoted, and the trailers that GitOps Promoter and people read.
fn message(steps: &[&MergeStep<'_>]) -> String {
    if let [step] = steps {
        let (freight, environment) = (&step.action.freight, &step.action.environment);
        let branch = &step.environment.proposed_branch;
        let text = format!("Promote {} to {environment}\n\nMerges `{branch}`.", freight.alias());
        return trailers::signed(&text, &step.trailers);
    }
    let same = |of: fn(&MergeStep<'_>) -> String| {
        let first = of(steps[0]);
        steps.iter().all(|it| of(it) == first).then_some(first)
    };
    let to = same(|it| it.environment.name.to_string());
    let to = to.unwrap_or_else(|| steps[0].environment.active_branch.clone());
    let mut text = match same(|it| it.action.freight.alias()) {
        Some(alias) => format!("Promote {alias} of {} apps to {to}\n\nMerges\n", steps.len()),
        None => format!("Promote {} apps to {to}\n\nMerges\n", steps.len()),
    };
    for step in steps {
        let (name, alias) = (&step.pipeline.name, step.action.freight.alias());
        text.push_str(&format!("- {name}: {alias} from `{}`\n", step.environment.proposed_branch));
    }
    let trailers: Vec<Trailer> = steps.iter().flat_map(|it| it.trailers.iter().cloned()).collect();
    trailers::signed(text.trim_end(), &trailers)
}

fn own_trailers(repository: &Repository, pipeline: &Pipeline, action: &Merge) -> Vec<Trailer> {
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
    trailers
}
