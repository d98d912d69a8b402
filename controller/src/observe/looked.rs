//! What is remembered of a pipeline that was looked at, and whether it has to be looked at again.

use std::collections::BTreeSet;
use std::sync::Arc;

use promoter_core::observation::{Dry, DryRender, Fact, Observation, Tip};
use promoter_core::pipeline::{Environment, Pipeline};
use promoter_core::{CommitId, Diagnosis};
use promoter_sources::git::TagRef;

use super::candidate::wants_tags;
use crate::repository::Refs;

/// What was seen of one pipeline, with the heads that it depends on.
#[derive(Debug)]
pub(super) struct Looked {
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) heads: Heads,
    pub(super) observation: Arc<Observation>,
    pub(super) findings: Vec<Diagnosis>,
    /// False once something else than heads is new: a refusal, a measurement.
    pub(super) fresh: bool,
}

/// The heads that the observation of a pipeline depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heads {
    pub(super) dry: Option<CommitId>,
    pub(super) rendered: bool,
    /// Where the rule of the pipeline chooses among them.
    pub(super) tags: Option<Arc<BTreeSet<TagRef>>>,
    pub(super) state: Option<CommitId>,
    pub(super) policy: Fact<Option<CommitId>>,
    /// Of each environment, active and proposed.
    pub(super) branches: Vec<Option<CommitId>>,
}

impl Looked {
    /// True when nothing can be new for the pipeline.
    pub(super) fn stands(&self, pipeline: &Arc<Pipeline>, heads: &Heads) -> bool {
        self.fresh
            && self.heads == *heads
            && (Arc::ptr_eq(&self.pipeline, pipeline) || self.pipeline == *pipeline)
            && settled(&self.observation)
    }
}

/// The heads that a pipeline depends on.
pub(super) fn heads(
    pipeline: &Pipeline,
    refs: &Refs,
    policy: &Fact<Option<CommitId>>,
    rendered: bool,
) -> Heads {
    let of = |it: &Environment| [&it.active_branch, &it.proposed_branch].map(|it| refs.branch(it).cloned());
    Heads {
        dry: refs.dry.as_ref().map(|(_, head)| head.clone()),
        rendered,
        tags: wants_tags(pipeline).then(|| refs.tags.clone()),
        state: refs.state().cloned(),
        policy: policy.clone(),
        branches: pipeline.environments.iter().flat_map(of).collect(),
    }
}

/// True when everything could be read. What could not may be read on the next look.
fn settled(seen: &Observation) -> bool {
    let read =
        |tip: &Fact<Option<Tip>>| tip.as_ref().is_ok_and(|it| it.as_ref().is_none_or(|it| it.lock.is_ok()));
    let renders = |it: &Dry| !matches!(it.render, DryRender::Broken { .. });
    seen.state.is_ok()
        && seen.policy.is_ok()
        && seen.dry.as_ref().is_ok_and(renders)
        && seen.environments.values().all(|it| read(&it.active) && read(&it.proposed))
}
