//! Which commit counts as the head of the dry branch for a pipeline: the head itself, or the one that the rule of its git
//! subscription chooses.
//!
//! Whatever is said of the dry branch (what renders, who wrote it, what freight pins) is about that commit. Pipelines
//! themselves are read from the head.

use std::collections::BTreeMap;

use promoter_core::discovery::{Found, Provenance, Step};
use promoter_core::observation::{Fact, Unread};
use promoter_core::pipeline::{GitRule, GitStrategy, Pipeline, SubscriptionOrigin};
use promoter_core::record::FreightRecord;
use promoter_core::{CommitId, Content, Name};

use crate::discover::{Among, choose, unread};
use crate::repository::{Refs, Repository};

/// The commit that counts, for one pipeline.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    /// The commit.
    pub(super) head: CommitId,
    /// The one that is rendered for it, which holds the same but for lockfiles.
    pub(super) at: CommitId,
    /// What was found by the rule; `None` where there is none.
    pub(super) found: Option<Found>,
}

/// The heads of a branch: where it is, and the commit since which only lockfiles changed.
pub(super) struct Branch<'a> {
    pub(super) head: &'a CommitId,
    pub(super) since: &'a CommitId,
}

/// What was found for each pipeline with a rule, and what it depends on.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    known: BTreeMap<Name, Known>,
}

#[derive(Debug)]
struct Known {
    rule: GitRule,
    among: Among,
    held: Option<CommitId>,
    found: Found,
}

impl Candidates {
    /// Chooses for a pipeline. `Err`: nothing may be decided, or nothing fits the rule and nothing did before.
    pub(super) fn choose(
        &mut self,
        repository: &Repository,
        pipeline: &Pipeline,
        refs: &Refs,
        branch: &Branch<'_>,
        newest: Option<&FreightRecord>,
    ) -> Fact<Chosen> {
        let plain = || Chosen { head: branch.head.clone(), at: branch.since.clone(), found: None };
        let Some((name, origin, rule)) = rule(pipeline).filter(|(.., rule)| !rule.is_plain()) else {
            return Ok(plain());
        };
        let content = newest.and_then(|it| it.freight.get(name));
        let held = content.and_then(|it| match it {
            Content::Git { url, commit } if url.normal() == repository.url.normal() => Some((it, commit)),
            _ => None,
        });
        let among = match is_by_tags(rule) {
            true => Among::Tags(refs.tags.clone()),
            false => Among::Branch(branch.since.clone()),
        };
        let found = self.found(repository, &pipeline.name, rule, among, held.map(|it| it.1))?;
        let about: Option<&Provenance> = newest.and_then(|it| it.about.get(name));
        let head = match (found.step(origin, held.map(|it| (it.0, about))), held) {
            (Step::Take(candidate), _) => match &candidate.content {
                Content::Git { commit, .. } => commit.clone(),
                _ => branch.since.clone(),
            },
            (_, Some((_, held))) => held.clone(),
            (_, None) => {
                let notes: Vec<&str> = found.notes.iter().map(String::as_str).collect();
                return Err(Unread::new(
                    format!("subscription {name}"),
                    format!("nothing fits its rule; {}", notes.join(", ")).trim_end_matches("; ").to_owned(),
                ));
            }
        };
        Ok(Chosen { at: head.clone(), head, found: Some(found) })
    }

    fn found(
        &mut self,
        repository: &Repository,
        pipeline: &Name,
        rule: &GitRule,
        among: Among,
        held: Option<&CommitId>,
    ) -> Fact<Found> {
        let is_same = |it: &&Known| it.rule == *rule && it.among == among && it.held.as_ref() == held;
        if let Some(known) = self.known.get(pipeline).filter(is_same) {
            return Ok(known.found.clone());
        }
        let found = choose(&repository.cache, &repository.url, rule, &among, held)
            .map_err(|error| unread(&repository.url, &error.diagnosis()))?;
        let known = Known { rule: rule.clone(), among, held: held.cloned(), found: found.clone() };
        self.known.insert(pipeline.clone(), known);
        Ok(found)
    }

    /// Drops what is known of pipelines that are gone.
    pub(super) fn keep(&mut self, is_there: impl Fn(&Name) -> bool) {
        self.known.retain(|name, _| is_there(name));
    }
}

/// True when a pipeline's commits are chosen among tags of the repository.
pub(super) fn wants_tags(pipeline: &Pipeline) -> bool {
    rule(pipeline).is_some_and(|(.., rule)| is_by_tags(rule))
}

fn is_by_tags(rule: &GitRule) -> bool {
    rule.strategy != GitStrategy::NewestFromBranch
}

/// The subscription of the dry branch.
fn rule(pipeline: &Pipeline) -> Option<(&Name, &SubscriptionOrigin, &GitRule)> {
    pipeline.subscriptions.iter().find_map(|it| match &it.origin {
        SubscriptionOrigin::Dry(rule) => Some((&it.name, &it.origin, rule)),
        _ => None,
    })
}
