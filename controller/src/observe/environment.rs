//! One environment at its two heads: what is active and what is proposed there.
//!
//! Decides when a lock that was read stands for another head too.

use promoter_core::observation::{Apps, EnvironmentSeen, Tip, Unread};
use promoter_core::pipeline::{Environment, Layout, Parts, Pipeline, PromotionMode, RenderOptions};
use promoter_core::{CommitId, Diagnosis, Freight};
use promoter_sources::git::{EntryMode, ObjectKind, TreeEntries, TreeEntry};

use super::folders::{Entry, Folders};
use super::{Observer, foreign};
use crate::parts::Stand;
use crate::repository::Refs;

impl Observer {
    pub(super) fn environment(
        &mut self,
        pipeline: &Pipeline,
        environment: &Environment,
        refs: &Refs,
        findings: &mut Vec<Diagnosis>,
    ) -> EnvironmentSeen {
        let active = self.tip(pipeline, environment, false, refs, findings);
        let proposed = self.tip(pipeline, environment, true, refs, findings);
        // Nobody else asks, and histories are long.
        let by_person = environment.promotion == PromotionMode::PullRequest;
        let merges_cleanly = match (&active, &proposed) {
            (Some(active), Some(proposed)) if by_person => self.merges.are_clean(
                &self.repository,
                pipeline.layout,
                environment,
                &active.commit,
                proposed,
            ),
            _ => false,
        };
        let place = (pipeline.name.clone(), environment.name.clone());
        let refused = self.refused.get(&place).into_iter().flatten();
        EnvironmentSeen {
            active: Ok(active),
            proposed: Ok(proposed),
            merges_cleanly,
            refused: refused.map(|(freight, why)| (freight.clone(), why.to_string())).collect(),
            measurements: self.measurements.get(&place).cloned().unwrap_or_default(),
        }
    }

    fn tip(
        &mut self,
        pipeline: &Pipeline,
        environment: &Environment,
        proposed: bool,
        refs: &Refs,
        findings: &mut Vec<Diagnosis>,
    ) -> Option<Tip> {
        let branch = if proposed { &environment.proposed_branch } else { &environment.active_branch };
        let commit = refs.branch(branch)?;
        let name = &pipeline.name;
        let before = self.looked.get(name).and_then(|it| {
            // Other paths may hold other locks in the same commit.
            let rules = it.pipeline.environment(&environment.name)?;
            let seen = it.observation.environments.get(&environment.name)?;
            let is_same = rules.parts == environment.parts && rules.render == environment.render;
            is_same.then_some(seen)
        });
        let before = before.map(|it| if proposed { &it.proposed } else { &it.active });
        if let Some(Ok(Some(tip))) = before
            && tip.commit == *commit
            && tip.lock.is_ok()
        {
            return Some(tip.clone());
        }
        if pipeline.layout == Layout::Folders {
            let stand = self.repository.stand(commit, branch, pipeline, environment);
            return Some(tip(commit, branch, stand, findings));
        }
        let folder = match proposed {
            true => Folders::own(&self.repository, commit, name),
            false => self.folders.shared(&self.repository, commit, name),
        };
        let place = (name.clone(), environment.name.clone(), proposed);
        if let (Ok(folder), Some(known)) = (&folder, self.locks.get(&place))
            && known.is_of(*folder, environment)
        {
            return Some(tip(commit, branch, Ok(known.stand.clone()), findings));
        }
        let stand = self.repository.stand(commit, branch, pipeline, environment);
        let stand = stand.map_err(|why| foreign::named(&self.repository, commit, name, why));
        if let (Ok(stand), Ok(folder)) = (&stand, folder)
            && self.stands_alone(commit, folder, 1)
        {
            self.locks.insert(place, Known::new(folder, environment, stand.clone()));
        }
        // What cannot be read may be on the next look.
        Some(tip(commit, branch, stand, findings))
    }

    /// True when a folder's object alone says what is read in it, and in the folders of apps below: no link leads
    /// elsewhere.
    fn stands_alone(&self, commit: &CommitId, folder: Option<Entry>, below: usize) -> bool {
        let Some((mode, id)) = folder else {
            return true;
        };
        let read = || self.repository.cache.bytes(&id, ObjectKind::Tree, commit).ok();
        let is_plain = |it: Result<TreeEntry<'_>, _>| {
            it.is_ok_and(|it| match it.mode {
                EntryMode::Link => false,
                EntryMode::Directory if below > 0 => {
                    self.stands_alone(commit, Some((it.mode, it.id)), below - 1)
                }
                _ => true,
            })
        };
        mode == EntryMode::Directory && read().is_some_and(|it| TreeEntries::new(&it).all(is_plain))
    }

    /// The freight that active locks hold, where it may stand in for the newest.
    pub(super) fn locked(&mut self, pipeline: &Pipeline, refs: &Refs) -> Vec<Freight> {
        if pipeline.layout == Layout::Branches {
            return Vec::new();
        }
        // What cannot be read is found when the environment is looked at.
        let mut passed_over = Vec::new();
        let mut tip = |it: &Environment| self.tip(pipeline, it, false, refs, &mut passed_over);
        let locks = pipeline.environments.iter().filter_map(|it| tip(it)?.lock.ok()?);
        locks.map(|it| it.freight).collect()
    }
}

/// What was read in a pipeline's folder.
#[derive(Debug)]
pub(super) struct Known {
    folder: Option<Entry>,
    /// What is read there depends on them.
    parts: Parts,
    render: RenderOptions,
    stand: Stand,
}

impl Known {
    fn new(folder: Option<Entry>, environment: &Environment, stand: Stand) -> Self {
        Self { folder, parts: environment.parts.clone(), render: environment.render.clone(), stand }
    }

    fn is_of(&self, folder: Option<Entry>, environment: &Environment) -> bool {
        self.folder == folder && self.parts == environment.parts && self.render == environment.render
    }
}

fn tip(
    commit: &CommitId,
    branch: &str,
    stand: Result<Stand, Diagnosis>,
    findings: &mut Vec<Diagnosis>,
) -> Tip {
    let commit = commit.clone();
    match stand {
        Ok(Stand { lock, apps }) => Tip { commit, lock: Ok(lock), apps },
        Err(why) => {
            let lock = Err(Unread::new(branch, why.to_string()));
            findings.push(why);
            Tip { commit, lock, apps: Apps::default() }
        }
    }
}
