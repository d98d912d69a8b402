//! Observe: one look at the repository, as values that the planner judges.
//!
//! Decides what is read and what is remembered between looks. One ls-refs a look; what commits hold is read once and
//! kept by object id, so a look at a repository in which no head moved reads nothing else. Leaves to the planner what
//! any of it means. What the process alone remembers (measurements, refused renders) may be lost without harm.

mod dry;
mod find;
mod findings;
mod foreign;
mod locks;
mod merges;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use promoter_core::observation::{
    Dry, DryRender, EnvironmentSeen, Fact, Measurement, Observation, State, Tip, Unread,
};
use promoter_core::pipeline::{Environment, Layout, Pipeline, PromotionMode};
use promoter_core::record::{Records, STATE_BRANCH};
use promoter_core::{CommitId, Diagnosis, Freight, FreightId, Name};
use promoter_sources::git::GitError;

use crate::repository::{NOTES_REF, Refs, Repository};
pub use find::Found;

/// One look: the refs, the pipelines of the dry branch, and what was observed of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The refs at that moment.
    pub refs: Refs,
    /// The pipelines with their observations, in the order of their paths.
    pub pipelines: Vec<(Arc<Pipeline>, Observation)>,
    /// What somebody has to mend: files that should be pipelines, renders that fail, locks and records that cannot be
    /// read. What it is about stands still meanwhile.
    pub findings: Vec<Diagnosis>,
}

/// Key of what is remembered about one environment.
type Place = (Name, Name);

/// Looks at one repository again and again.
#[derive(Debug)]
pub struct Observer {
    repository: Repository,
    measures: bool,
    /// Branches that the pipelines name, asked for by name in the one ls-refs.
    branches: BTreeSet<String>,
    found: Option<DryFound>,
    /// By pipeline, environment, path of the lock, and commit.
    tips: BTreeMap<(Name, Name, String, CommitId), Tip>,
    records: BTreeMap<Name, (CommitId, Records)>,
    merges: merges::Merges,
    dry: dry::Renders,
    refused: BTreeMap<Place, BTreeMap<FreightId, Diagnosis>>,
    measurements: BTreeMap<Place, Vec<Measurement>>,
}

/// What was found on the dry branch.
#[derive(Debug)]
struct DryFound {
    branch: String,
    head: CommitId,
    /// The commit that brought it: every one since changed lockfiles alone.
    since: CommitId,
    found: Arc<Found>,
}

/// Measurements that are kept of one environment: enough for every count and limit of its checks.
const MEASUREMENTS_MAX: usize = 1_000;

impl Observer {
    /// Starts with nothing remembered. `measures` says whether this process takes measurements.
    pub fn new(repository: Repository, measures: bool) -> Self {
        Self {
            repository,
            measures,
            branches: BTreeSet::new(),
            found: None,
            tips: BTreeMap::new(),
            records: BTreeMap::new(),
            merges: merges::Merges::default(),
            dry: dry::Renders::default(),
            refused: BTreeMap::new(),
            measurements: BTreeMap::new(),
        }
    }

    /// The repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Remembers that freight does not render in an environment, until the dry branch moves: with it, the rules may.
    pub fn refuse(&mut self, pipeline: &Name, environment: &Name, freight: FreightId, why: Diagnosis) {
        self.refused.entry((pipeline.clone(), environment.clone())).or_default().insert(freight, why);
    }

    /// Remembers a measurement.
    pub fn measured(&mut self, pipeline: &Name, environment: &Name, measurement: Measurement) {
        let kept = self.measurements.entry((pipeline.clone(), environment.clone())).or_default();
        kept.retain(|it| it.freight == measurement.freight);
        kept.push(measurement);
        let surplus = kept.len().saturating_sub(MEASUREMENTS_MAX);
        kept.drain(..surplus);
    }

    /// Looks once.
    ///
    /// Errors: the server did not answer, or the repository has no dry branch; then nothing is known at all.
    pub fn observe(&mut self) -> Result<Seen, Diagnosis> {
        self.look(true)
    }

    /// Looks once without rendering: for words that people give on what is recorded and proposed. The dry head counts
    /// as rendering the same, so no plan is made of it.
    pub fn observe_unrendered(&mut self) -> Result<Seen, Diagnosis> {
        self.look(false)
    }

    fn look(&mut self, renders: bool) -> Result<Seen, Diagnosis> {
        let mut refs = self.ls_refs().map_err(|error| error.diagnosis())?;
        let found = self.find(&refs)?;
        let branches: BTreeSet<String> = found.pipelines.iter().flat_map(|it| branches(it)).collect();
        if branches != self.branches {
            // The first look, or a pipeline that names other branches: their heads were not asked for yet.
            self.branches = branches;
            refs = self.ls_refs().map_err(|error| error.diagnosis())?;
        }
        let mut findings = found.findings.clone();
        let pipelines: Vec<_> = found
            .pipelines
            .iter()
            .map(|pipeline| (pipeline.clone(), self.observation(pipeline, &refs, renders, &mut findings)))
            .collect();
        self.forget(&pipelines);
        Ok(Seen { refs, pipelines, findings })
    }

    fn ls_refs(&self) -> Result<Refs, GitError> {
        let dry_branch = self.repository.settings().dry_branch.as_deref();
        let mut wanted: Vec<String> = self.branches.iter().map(|it| format!("refs/heads/{it}")).collect();
        wanted.extend(dry_branch.map(|it| format!("refs/heads/{it}")));
        wanted.push(format!("refs/heads/{STATE_BRANCH}"));
        wanted.push(NOTES_REF.to_owned());
        let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        Ok(Refs::of(self.repository.cache.ls_refs(&wanted)?, dry_branch))
    }

    fn find(&mut self, refs: &Refs) -> Result<Arc<Found>, Diagnosis> {
        let Some((branch, head)) = &refs.dry else {
            let branch = self.repository.settings().dry_branch.as_deref().unwrap_or("the default branch");
            return Err(Diagnosis::input("dry-branch-missing", format!("`{branch}` does not exist"))
                .hint("push a first commit, or name another branch with `--branch`"));
        };
        let cache = &self.repository.cache;
        if let Some(known) = self.found.as_mut().filter(|it| it.branch == *branch)
            && (known.head == *head || locks::differ_in_locks_only(cache, &known.head, head))
        {
            known.head = head.clone();
            return Ok(known.found.clone());
        }
        let tree = self.repository.cache.tree(head, "").map_err(|error| error.diagnosis())?;
        let found = Arc::new(find::find(branch, &tree));
        let (head, since) = (head.clone(), head.clone());
        self.found = Some(DryFound { branch: branch.clone(), head, since, found: found.clone() });
        self.refused.clear();
        Ok(found)
    }

    fn observation(
        &mut self,
        pipeline: &Pipeline,
        refs: &Refs,
        renders: bool,
        findings: &mut Vec<Diagnosis>,
    ) -> Observation {
        let state = self.state(pipeline, refs);
        match &state {
            Ok(state) => findings.extend(findings::unreadable(&state.records)),
            Err(unread) => findings.push(Diagnosis::upstream("branch-unreadable", unread)),
        }
        let dry = match (&refs.dry, &state) {
            (Some((_, head)), Ok(state)) => {
                let (answer, pin) = match renders {
                    true => {
                        let locked = self.locked(pipeline, refs);
                        let known = self.found.as_ref().filter(|it| it.head == *head);
                        let since = known.map_or(head, |it| &it.since);
                        self.dry.compare(&self.repository, pipeline, since, &state.records, &locked)
                    }
                    false => (Ok(false), head.clone()),
                };
                findings.extend(answer.as_ref().err().map(|it| it.why.clone()));
                Ok(Dry { head: head.clone(), pin, render: dry_render(answer) })
            }
            (_, Err(unread)) => Err(unread.clone()),
            (None, _) => Err(Unread::new("the dry branch", "it does not exist")),
        };
        let mut environments = BTreeMap::new();
        for environment in &pipeline.environments {
            let seen = self.environment(pipeline, environment, refs, findings);
            let place = (pipeline.name.clone(), environment.name.clone());
            if let (Ok(state), Some(refused)) = (&state, self.refused.get(&place)) {
                findings.extend(findings::wanted_and_refused(refused, &environment.name, &state.records));
            }
            environments.insert(environment.name.clone(), seen);
        }
        Observation {
            repository: self.repository.url.clone(),
            dry,
            state,
            measures: self.measures,
            environments,
        }
    }

    /// The freight that active locks hold.
    fn locked(&mut self, pipeline: &Pipeline, refs: &Refs) -> Vec<Freight> {
        // What cannot be read is found when the environment is looked at.
        let mut passed_over = Vec::new();
        let mut tip = |it: &Environment| self.tip(pipeline, it, &it.active_branch, refs, &mut passed_over);
        let locks = pipeline.environments.iter().filter_map(|it| tip(it)?.lock.ok()?);
        locks.map(|it| it.freight).collect()
    }

    fn state(&mut self, pipeline: &Pipeline, refs: &Refs) -> Fact<State> {
        let Some(head) = refs.state() else {
            return Ok(State::default());
        };
        let known = self.records.get(&pipeline.name).filter(|(commit, _)| commit == head);
        let records = match known {
            Some((_, records)) => records.clone(),
            None => {
                let records = self.repository.records(head, &pipeline.name)?;
                self.records.insert(pipeline.name.clone(), (head.clone(), records.clone()));
                records
            }
        };
        Ok(State { head: Some(head.clone()), records })
    }

    fn environment(
        &mut self,
        pipeline: &Pipeline,
        environment: &Environment,
        refs: &Refs,
        findings: &mut Vec<Diagnosis>,
    ) -> EnvironmentSeen {
        let active = self.tip(pipeline, environment, &environment.active_branch, refs, findings);
        let proposed = self.tip(pipeline, environment, &environment.proposed_branch, refs, findings);
        let merges_cleanly = match (&active, &proposed) {
            (Some(active), Some(proposed)) if environment.promotion == PromotionMode::PullRequest => self
                .merges
                .are_clean(&self.repository, pipeline.layout, environment, &active.commit, proposed),
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
        branch: &str,
        refs: &Refs,
        findings: &mut Vec<Diagnosis>,
    ) -> Option<Tip> {
        let commit = refs.branch(branch)?;
        let path = environment.lock_path.clone();
        let key = (pipeline.name.clone(), environment.name.clone(), path, commit.clone());
        if let Some(tip) = self.tips.get(&key) {
            return Some(tip.clone());
        }
        let lock = self.repository.lock(commit, branch, pipeline, environment).map_err(|why| match pipeline
            .layout
        {
            Layout::Branches => foreign::named(&self.repository, commit, &pipeline.name, why),
            Layout::Folders => why,
        });
        let tip = Tip {
            commit: commit.clone(),
            lock: lock.clone().map_err(|why| Unread::new(branch, why.to_string())),
        };
        match lock {
            Ok(_) => drop(self.tips.insert(key, tip.clone())),
            // It may be read on the next look.
            Err(why) => findings.push(why),
        }
        Some(tip)
    }

    /// Drops what no look can ask for any more.
    fn forget(&mut self, pipelines: &[(Arc<Pipeline>, Observation)]) {
        let heads: BTreeSet<&CommitId> = pipelines
            .iter()
            .flat_map(|(_, seen)| seen.environments.values())
            .flat_map(|it| [&it.active, &it.proposed])
            .filter_map(|tip| tip.as_ref().ok()?.as_ref().map(|tip| &tip.commit))
            .collect();
        self.tips.retain(|(_, _, _, commit), _| heads.contains(commit));
        self.merges.forget(&heads);
    }
}

fn dry_render(answer: dry::Answer) -> DryRender {
    match answer {
        Ok(true) => DryRender::Differs,
        Ok(false) => DryRender::Same,
        Err(broken) => {
            DryRender::Broken { environment: broken.environment.clone(), why: broken.why.to_string() }
        }
    }
}

fn branches(pipeline: &Pipeline) -> Vec<String> {
    let of = |it: &Environment| [it.active_branch.clone(), it.proposed_branch.clone()];
    pipeline.environments.iter().flat_map(of).collect()
}
