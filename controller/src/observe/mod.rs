//! Observe: one look at the repository, as values that the planner judges.
//!
//! Decides what is read and what is remembered between looks. One ls-refs a look; what commits hold is read once and
//! kept by object id, so a look at a repository in which no head moved reads nothing else. A pipeline whose heads did not
//! move is not looked at again; where a head that it shares with others moved, the object of its own folder tells whether
//! anything is new. Leaves to the planner what any of it means. What the process alone remembers (measurements, refused
//! renders) may be lost without harm.

mod candidate;
mod dry;
mod environment;
mod find;
mod findings;
mod folders;
mod foreign;
mod locks;
mod looked;
mod merges;
mod policy;
mod reads;
mod records;
mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use promoter_core::observation::{Dry, DryRender, Fact, Observation, State, Unread};
use promoter_core::pipeline::{Environment, Pipeline};
use promoter_core::record::STATE_BRANCH;
use promoter_core::verification::Measurement;
use promoter_core::{CommitId, Diagnosis, Freight, FreightId, Name};
use promoter_sources::git::GitError;

use crate::discover::{Artifacts, Images};
use crate::repository::{NOTES_REF, Refs, Repository, cover};
use crate::shard::Shard;
use candidate::{Candidates, Chosen};
pub use find::Found;
use folders::Folders;
use looked::{Heads, Looked, heads};
pub use policy::UnderPolicy;

/// One look: the refs, the pipelines of the dry branch, and what was observed of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The refs at that moment.
    pub refs: Refs,
    /// The pipelines with their observations, in the order of their paths.
    pub pipelines: Vec<(Arc<Pipeline>, Arc<Observation>)>,
    /// What somebody has to mend: files that should be pipelines, renders that fail, locks and records that cannot be
    /// read. What it is about stands still meanwhile.
    pub findings: Vec<Diagnosis>,
}

/// Key of what is remembered about one environment.
type Place = (Name, Name);

/// A head that a lock is read from: of an environment, the active or the proposed one.
type LockPlace = (Name, Name, bool);

/// Looks at one repository again and again.
#[derive(Debug)]
pub struct Observer {
    repository: Repository,
    measures: bool,
    shard: Option<Shard>,
    /// Branches that the pipelines name: those that the one ls-refs has to cover.
    branches: BTreeSet<String>,
    /// Whether it has to cover tags.
    tagged: bool,
    finder: find::Finder,
    found: Option<DryFound>,
    policies: policy::Policies,
    folders: Folders,
    locks: BTreeMap<LockPlace, environment::Known>,
    records: BTreeMap<Name, records::Known>,
    merges: merges::Merges,
    candidates: Candidates,
    dry: dry::Renders,
    refused: BTreeMap<Place, BTreeMap<FreightId, Diagnosis>>,
    measurements: BTreeMap<Place, Vec<Measurement>>,
    discovered: BTreeMap<Name, Artifacts>,
    images: BTreeMap<Name, Images>,
    looked: BTreeMap<Name, Looked>,
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

impl Observer {
    /// Starts with nothing remembered. `measures` says whether this process takes measurements.
    pub fn new(repository: Repository, measures: bool) -> Self {
        Self {
            repository,
            measures,
            shard: None,
            branches: BTreeSet::new(),
            tagged: false,
            finder: find::Finder::default(),
            found: None,
            policies: policy::Policies::default(),
            folders: Folders::default(),
            locks: BTreeMap::new(),
            records: BTreeMap::new(),
            merges: merges::Merges::default(),
            candidates: Candidates::default(),
            dry: dry::Renders::default(),
            refused: BTreeMap::new(),
            measurements: BTreeMap::new(),
            discovered: BTreeMap::new(),
            images: BTreeMap::new(),
            looked: BTreeMap::new(),
        }
    }

    /// Looks at the pipelines of one shard only.
    pub fn only(&mut self, shard: Option<Shard>) {
        self.shard = shard;
    }

    /// The repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// What the policy makes of each pipeline, as of the last look; nothing without a policy.
    pub fn under_policy(&self) -> impl Iterator<Item = UnderPolicy<'_>> {
        self.policies.all()
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
        let known = self.found.as_ref().map(|it| it.found.clone());
        let found = self.find(&refs)?;
        if known.is_none_or(|it| !Arc::ptr_eq(&it, &found)) {
            let branches: BTreeSet<String> = found.pipelines.iter().flat_map(|it| branches(it)).collect();
            let tagged = found.pipelines.iter().any(|it| candidate::wants_tags(it));
            if branches != self.branches || tagged != self.tagged {
                // The first look, or a pipeline that names other branches: their heads were not asked for yet.
                (self.branches, self.tagged) = (branches, tagged);
                refs = self.ls_refs().map_err(|error| error.diagnosis())?;
            }
        }
        let mut findings = found.findings.clone();
        let policy = self.policies.read(&self.repository, &refs, &mut findings);
        let mut effective = self.policies.apply(&policy, &found.pipelines, &mut findings);
        effective.retain(|it| self.shard.is_none_or(|shard| shard.takes(&it.name)));
        let heads: Vec<Heads> = effective.iter().map(|it| heads(it, &refs, &policy.head, renders)).collect();
        let due: Vec<&Arc<Pipeline>> = effective
            .iter()
            .zip(&heads)
            .filter(|(it, heads)| !self.looked.get(&it.name).is_some_and(|known| known.stands(it, heads)))
            .map(|(it, _)| it)
            .collect();
        if !due.is_empty() {
            self.fetch(&due, &refs);
            self.see(&due, &refs, &policy.head, renders);
            self.forget(&found);
        }
        let mut pipelines = Vec::with_capacity(effective.len());
        for pipeline in effective {
            if let Some(looked) = self.looked.get(&pipeline.name) {
                findings.extend(looked.findings.iter().cloned());
                pipelines.push((pipeline, looked.observation.clone()));
            }
        }
        Ok(Seen { refs, pipelines, findings })
    }

    fn ls_refs(&self) -> Result<Refs, GitError> {
        let dry_branch = self.repository.settings().dry_branch.as_deref();
        let mut wanted: Vec<String> = self.branches.iter().map(|it| format!("refs/heads/{it}")).collect();
        wanted.extend(dry_branch.map(|it| format!("refs/heads/{it}")));
        wanted.push(format!("refs/heads/{STATE_BRANCH}"));
        let policy = &self.repository.settings().policy;
        wanted.extend(policy.repo.is_none().then(|| format!("refs/heads/{}", policy.branch)));
        wanted.push(NOTES_REF.to_owned());
        wanted.extend(self.tagged.then(|| "refs/tags/".to_owned()));
        let remote = self.repository.cache.ls_refs(&cover(wanted.iter().map(String::as_str)))?;
        Ok(Refs::of(remote, dry_branch).only(|it| it == policy.branch || self.branches.contains(it)))
    }

    /// Brings what is about to be read in one conversation. Where that does not work, each reading says what it lacks.
    fn fetch(&self, due: &[&Arc<Pipeline>], refs: &Refs) {
        let known: BTreeSet<&CommitId> =
            self.looked.values().flat_map(|it| it.heads.branches.iter().flatten()).collect();
        let branches = due.iter().flat_map(|it| &it.environments);
        let heads = branches.flat_map(|it| [&it.active_branch, &it.proposed_branch]);
        let heads = heads.filter_map(|it| refs.branch(it)).chain(refs.state());
        let new: BTreeSet<&CommitId> = heads.filter(|it| !known.contains(it)).collect();
        let new: Vec<CommitId> = new.into_iter().cloned().collect();
        if let Err(error) = self.repository.cache.ensure(&new) {
            tracing::debug!(%error, "heads were not fetched together");
        }
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
        let found = self.finder.find(cache, branch, head).map_err(|error| error.diagnosis())?;
        let found = Arc::new(found);
        let (head, since) = (head.clone(), head.clone());
        self.found = Some(DryFound { branch: branch.clone(), head, since, found: found.clone() });
        self.refused.clear();
        Ok(found)
    }

    /// Looks at pipelines, and remembers what was seen.
    fn see(&mut self, due: &[&Arc<Pipeline>], refs: &Refs, policy: &Fact<Option<CommitId>>, renders: bool) {
        let states: Vec<Fact<State>> = due.iter().map(|it| self.state(it, refs)).collect();
        let chosen: Vec<Fact<Chosen>> =
            due.iter().zip(&states).map(|(pipeline, state)| self.chosen(pipeline, state, refs)).collect();
        let mut compares = match renders {
            true => self.compare(due, &states, refs, &chosen),
            false => BTreeMap::new(),
        };
        for ((pipeline, state), chosen) in due.iter().zip(states).zip(chosen) {
            let mut findings = Vec::new();
            let dry = chosen.map(|it| (it, compares.remove(&pipeline.name)));
            let policy_read = policy.clone().map(drop);
            let observation = self.observation(pipeline, refs, state, policy_read, dry, &mut findings);
            let observation = Arc::new(observation);
            let heads = heads(pipeline, refs, policy, renders);
            let looked = Looked { pipeline: (*pipeline).clone(), heads, observation, findings, fresh: true };
            self.looked.insert(pipeline.name.clone(), looked);
        }
    }

    /// The commit that counts as the dry head for a pipeline.
    fn chosen(&mut self, pipeline: &Pipeline, state: &Fact<State>, refs: &Refs) -> Fact<Chosen> {
        let records = &state.as_ref().map_err(Clone::clone)?.records;
        let Some((_, head)) = &refs.dry else {
            return Err(Unread::new("the dry branch", "it does not exist"));
        };
        let known = self.found.as_ref().filter(|it| it.head == *head);
        let branch = candidate::Branch { head, since: known.map_or(head, |it| &it.since) };
        // Without a readable newest freight the planner makes none, whatever is chosen here.
        let newest = records.newest().ok().flatten();
        self.candidates.choose(&self.repository, pipeline, refs, &branch, newest)
    }

    /// Compares what the dry head renders to with the newest freight.
    fn compare(
        &mut self,
        due: &[&Arc<Pipeline>],
        states: &[Fact<State>],
        refs: &Refs,
        chosen: &[Fact<Chosen>],
    ) -> BTreeMap<Name, dry::Compare> {
        let locked: Vec<Vec<Freight>> = due.iter().map(|it| self.locked(it, refs)).collect();
        let read = due.iter().zip(states).zip(locked).zip(chosen);
        let read = read.filter_map(|(((pipeline, state), locked), chosen)| {
            let records = &state.as_ref().ok()?.records;
            let (head, charts) = (&chosen.as_ref().ok()?.at, self.charts(pipeline));
            Some(dry::Due { pipeline, records, locked, head, charts })
        });
        self.dry.compare(&self.repository, read.collect())
    }

    fn observation(
        &mut self,
        pipeline: &Pipeline,
        refs: &Refs,
        state: Fact<State>,
        policy: Fact<()>,
        dry: Fact<(Chosen, Option<dry::Compare>)>,
        findings: &mut Vec<Diagnosis>,
    ) -> Observation {
        match &state {
            Ok(state) => findings.extend(findings::unreadable(&state.records)),
            Err(unread) => findings.push(Diagnosis::upstream("branch-unreadable", unread)),
        }
        let mut artifacts = BTreeMap::new();
        let dry = dry.map(|(chosen, compare)| {
            let (answer, pin) = match compare {
                Some(dry::Compare { answer, pin }) => (answer, pin),
                None => (Ok(false), chosen.head.clone()),
            };
            findings.extend(answer.as_ref().err().map(|it| it.why.clone()));
            // What is known of the commit goes into the record of freight.
            if let (Some(found), Some(name)) = (chosen.found, pipeline.git_subscription()) {
                artifacts.insert(name.clone(), Ok(found));
            }
            let author = self.repository.author(&pin);
            Dry { head: chosen.head, pin, author, render: dry_render(answer) }
        });
        let discovered = self.discovered.get(&pipeline.name);
        findings.extend(discovered.iter().flat_map(|it| it.values()).filter_map(|it| it.finding.clone()));
        let discovered = discovered.iter().flat_map(|it| it.iter());
        artifacts.extend(discovered.map(|(name, it)| (name.clone(), it.found.clone())));
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
            artifacts,
            images: self.images.get(&pipeline.name).cloned().unwrap_or_default(),
            state,
            policy,
            measures: self.measures,
            environments,
        }
    }

    fn state(&mut self, pipeline: &Pipeline, refs: &Refs) -> Fact<State> {
        let Some(head) = refs.state() else {
            return Ok(State::default());
        };
        let name = &pipeline.name;
        let Ok(folder) = self.folders.shared(&self.repository, head, name) else {
            // The slower reader has the words for what is wrong.
            let records = self.repository.records(head, name)?;
            return Ok(State { head: Some(head.clone()), records });
        };
        let known = self.records.remove(name);
        let same = |it: &&records::Known| folder.is_some_and(|(_, id)| it.folder == Some(id));
        let records = match known.as_ref().filter(same) {
            Some(known) => known.records.clone(),
            None => {
                let (records, known) = records::read(&self.repository, head, name, folder, known)?;
                self.records.extend(known.map(|it| (name.clone(), it)));
                return Ok(State { head: Some(head.clone()), records });
            }
        };
        self.records.extend(known.map(|it| (name.clone(), it)));
        Ok(State { head: Some(head.clone()), records })
    }

    /// Drops what no look can ask for any more.
    fn forget(&mut self, found: &Found) {
        let names: BTreeSet<&Name> = found.pipelines.iter().map(|it| &it.name).collect();
        self.looked.retain(|name, _| names.contains(name));
        self.images.retain(|name, _| names.contains(name));
        self.locks.retain(|(name, ..), _| names.contains(name));
        self.records.retain(|name, _| names.contains(name));
        self.dry.keep(|name| names.contains(name));
        self.candidates.keep(|name| names.contains(name));
        let heads: BTreeSet<&CommitId> = self
            .looked
            .values()
            .flat_map(|it| it.heads.branches.iter().flatten().chain(&it.heads.state))
            .collect();
        self.folders.keep(&heads);
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
