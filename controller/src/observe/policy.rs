//! The organisation's policy, read from its branch, and the pipelines under it.
//!
//! Decides when a policy that was read stands. What a policy makes of a pipeline is `promoter_core::policy`'s.

use std::collections::BTreeMap;
use std::sync::Arc;

use promoter_core::observation::{Fact, Unread};
use promoter_core::pipeline::Pipeline;
use promoter_core::policy::{self, Policy, Violation};
use promoter_core::{CommitId, Diagnosis, Name};
use promoter_kustomize::Files;
use promoter_sources::git::GitCache;

use crate::repository::{Refs, Repository};

/// The policy at one moment.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    /// Its branch's head; `None` when there is none.
    pub(super) head: Fact<Option<CommitId>>,
    policy: Option<Arc<Policy>>,
}

/// Follows the policy.
#[derive(Debug, Default)]
pub(super) struct Policies {
    elsewhere: Option<GitCache>,
    known: Option<(CommitId, Arc<Policy>)>,
    under: BTreeMap<Name, Under>,
}

/// A pipeline under a policy.
#[derive(Debug)]
struct Under {
    written: Arc<Pipeline>,
    policy: Arc<Policy>,
    effective: Arc<Pipeline>,
    violations: Vec<Violation>,
}

/// What a policy makes of one pipeline, for people.
#[derive(Debug, Clone, Copy)]
pub struct UnderPolicy<'a> {
    /// The pipeline as it is written.
    pub written: &'a Pipeline,
    /// Where it asks for less than it must.
    pub violations: &'a [Violation],
}

impl Policies {
    /// Every pipeline under the policy that was read last; none without a policy.
    pub(super) fn all(&self) -> impl Iterator<Item = UnderPolicy<'_>> {
        self.under.values().map(|it| UnderPolicy { written: &it.written, violations: &it.violations })
    }

    /// Reads the policy, if its branch moved. What cannot be read is a finding, and nothing moves.
    pub(super) fn read(
        &mut self,
        repository: &Repository,
        refs: &Refs,
        findings: &mut Vec<Diagnosis>,
    ) -> Standing {
        match self.try_read(repository, refs) {
            Ok(known) => {
                let (head, policy) = known.unzip();
                Standing { head: Ok(head), policy }
            }
            Err(why) => {
                let place = &repository.settings().policy;
                let unread = Unread::new(format!("{} on {}", place.file, place.branch), why.to_string());
                findings.push(why);
                Standing { head: Err(unread), policy: None }
            }
        }
    }

    fn try_read(
        &mut self,
        repository: &Repository,
        refs: &Refs,
    ) -> Result<Option<(CommitId, Arc<Policy>)>, Diagnosis> {
        let place = &repository.settings().policy;
        let head = match &place.repo {
            None => refs.branch(&place.branch).cloned(),
            Some(url) => {
                let cache = match &self.elsewhere {
                    Some(cache) => cache,
                    None => {
                        let cache = repository.elsewhere(url).map_err(|error| error.diagnosis())?;
                        self.elsewhere.insert(cache)
                    }
                };
                let full = format!("refs/heads/{}", place.branch);
                let refs = cache.ls_refs(&[&full]).map_err(|error| error.diagnosis())?;
                refs.tips.get(&full).cloned()
            }
        };
        let Some(head) = head else {
            let cause = format!("the policy's branch `{}` does not exist", place.branch);
            return match place.is_required {
                true => Err(Diagnosis::input("policy-missing", cause)
                    .hint("push it, or name another place with `--policy-repo` and `--policy-branch`")),
                false => Ok(None),
            };
        };
        if let Some(known) = self.known.as_ref().filter(|(commit, _)| *commit == head) {
            return Ok(Some(known.clone()));
        }
        let cache = self.elsewhere.as_ref().unwrap_or(&repository.cache);
        let policy = Arc::new(parse(cache, &head, &place.file)?);
        Ok(Some(self.known.insert((head, policy)).clone()))
    }

    /// Puts the policy over pipelines; those that stand as they stood stay the same values.
    pub(super) fn apply(
        &mut self,
        standing: &Standing,
        written: &[Arc<Pipeline>],
        findings: &mut Vec<Diagnosis>,
    ) -> Vec<Arc<Pipeline>> {
        let Some(policy) = &standing.policy else {
            self.under.clear();
            return written.to_vec();
        };
        let mut known = std::mem::take(&mut self.under);
        let mut effective = Vec::with_capacity(written.len());
        for pipeline in written {
            let stands = known
                .remove(&pipeline.name)
                .filter(|it| Arc::ptr_eq(&it.written, pipeline) && Arc::ptr_eq(&it.policy, policy));
            let under = stands.unwrap_or_else(|| Under::of(pipeline, policy));
            findings.extend(under.violations.iter().map(Violation::diagnosis));
            effective.push(under.effective.clone());
            self.under.insert(pipeline.name.clone(), under);
        }
        effective
    }
}

impl Under {
    fn of(written: &Arc<Pipeline>, policy: &Arc<Policy>) -> Self {
        let effective = policy.apply(written);
        Self {
            written: written.clone(),
            policy: policy.clone(),
            effective: Arc::new(effective.pipeline),
            violations: effective.violations,
        }
    }
}

fn parse(cache: &GitCache, head: &CommitId, path: &str) -> Result<Policy, Diagnosis> {
    let tree = cache.tree(head, "").map_err(|error| error.diagnosis())?;
    let bytes = tree.read(path).map_err(|error| {
        Diagnosis::input("policy-missing", format!("the policy cannot be read: {error}"))
            .hint("commit the file, or name another with `--policy-file`")
    })?;
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        Diagnosis::input("policy-wrong", format!("`{path}` is not UTF-8")).hint("write it anew")
    })?;
    policy::read(path, text).map_err(|error| error.diagnosis())
}
