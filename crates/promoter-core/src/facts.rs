//! An observation in the order in which the rules ask for it.
//!
//! Decides which branch content counts as this environment's own, and which freight is newer than which. Computes
//! each freight id once; everything else is borrowed.

use crate::observation::{Apps, EnvironmentSeen, Fact, Observation, Tip, Unread};
use crate::pipeline::{Environment, Pipeline};
use crate::record::{Age, EnvironmentRecords, FreightRecord, Records};
use crate::signature::{Answer, Question, QuestionKey};
use crate::verification::About;
use crate::{CommitId, Freight, FreightId, Name, PromotionLock, UnixSeconds};
use std::collections::{BTreeMap, HashMap};

/// What the rules look at.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The pipeline.
    pub pipeline: &'a Pipeline,
    /// What is recorded.
    pub records: &'a Records,
    /// The head of the state branch.
    pub state_head: Option<&'a CommitId>,
    /// True when this process takes measurements, so that a missing one is worth waiting for.
    pub measures: bool,
    images: &'a BTreeMap<QuestionKey, Fact<Answer>>,
    /// Readable freight, oldest first.
    pub freight: Vec<Known<'a>>,
    environments: BTreeMap<&'a Name, Standing<'a>>,
    followers: BTreeMap<&'a Name, Vec<&'a Environment>>,
}

/// Freight with its record.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Its age among all freight.
    pub age: Age<'a>,
    /// Its id.
    pub id: &'a FreightId,
    /// Its record.
    pub record: &'a FreightRecord,
}

/// An environment: its rules and what was seen of it.
#[derive(Debug)]
pub struct Standing<'a> {
    /// Its rules.
    pub rules: &'a Environment,
    /// What is recorded about it; absent when nothing is.
    pub own: Option<&'a EnvironmentRecords>,
    /// What was seen of it; absent when nobody looked.
    pub seen: Option<&'a EnvironmentSeen>,
    /// The active branch.
    pub active: Fact<Branch<'a>>,
    /// The proposed branch.
    pub proposed: Fact<Branch<'a>>,
}

/// A branch with a readable lock, without one, or not there at all.
#[derive(Debug, Clone)]
pub struct Branch<'a> {
    /// Its head; `None` when it does not exist.
    pub head: Option<&'a CommitId>,
    /// The environment's lock.
    pub locked: Option<Locked<'a>>,
    /// The apps of its group; `None` where there is no branch.
    pub apps: Option<&'a Apps>,
}

/// A lock and the id of its freight.
#[derive(Debug, Clone)]
pub struct Locked<'a> {
    /// The lock.
    pub lock: &'a PromotionLock,
    /// The id of its freight.
    pub id: FreightId,
}

impl Locked<'_> {
    /// When the freight's stay here was decided; the distant past when the lock does not say.
    pub fn promoted_at(&self) -> UnixSeconds {
        self.lock.promotion.as_ref().map_or(UnixSeconds(0), |it| it.at)
    }

    /// The freight's stay here, as checks are asked about it.
    pub fn about(&self) -> About {
        About::Stay { freight: self.id.clone(), promoted_at: self.promoted_at() }
    }
}

impl<'a> Facts<'a> {
    /// Puts an observation in order. `Err` when the state branch or the policy could not be read: without records or
    /// rules nothing can be decided.
    pub fn new(pipeline: &'a Pipeline, seen: &'a Observation) -> Fact<Self> {
        seen.policy.clone()?;
        let state = seen.state.as_ref().map_err(Clone::clone)?;
        let mut ids = Ids::default();
        let standing = |rules: &'a Environment| {
            let seen = seen.environments.get(&rules.name);
            let mut branch = |name: &str, tip: fn(&'a EnvironmentSeen) -> &'a Fact<Option<Tip>>| match seen {
                Some(seen) => branch(pipeline, rules, name, tip(seen), &mut ids),
                None => Err(Unread::new(name, "nobody looked")),
            };
            let active = branch(&rules.active_branch, |it| &it.active);
            let proposed = branch(&rules.proposed_branch, |it| &it.proposed);
            let own = state.records.environments.get(&rules.name);
            (&rules.name, Standing { rules, own, seen, active, proposed })
        };
        let known = |(id, record): (&'a FreightId, &'a Fact<FreightRecord>)| {
            let record = record.as_ref().ok()?;
            Some(Known { age: record.age(id), id, record })
        };
        let mut freight: Vec<Known<'a>> = state.records.freight.iter().filter_map(known).collect();
        freight.sort_by_key(|it| it.age);
        let mut followers: BTreeMap<&'a Name, Vec<&'a Environment>> = BTreeMap::new();
        for rules in &pipeline.environments {
            for name in &rules.after.environments {
                followers.entry(name).or_default().push(rules);
            }
        }
        Ok(Self {
            followers,
            pipeline,
            records: &state.records,
            state_head: state.head.as_ref(),
            measures: seen.measures,
            images: &seen.images,
            freight,
            environments: pipeline.environments.iter().map(standing).collect(),
        })
    }

    /// Readable freight by its id.
    pub fn known(&self, id: &FreightId) -> Option<Known<'a>> {
        let (id, record) = self.records.freight.get_key_value(id)?;
        let record = record.as_ref().ok()?;
        Some(Known { age: record.age(id), id, record })
    }

    /// The environment of a name; `None` for a name that the pipeline does not have.
    pub fn environment(&self, name: &Name) -> Option<&Standing<'a>> {
        self.environments.get(name)
    }

    /// The environments that name one in their `after`, in the order of the pipeline.
    pub fn followers(&self, name: &Name) -> &[&'a Environment] {
        self.followers.get(name).map_or(&[], Vec::as_slice)
    }

    /// What is known of the signatures of an image; `None` when nobody looked.
    pub fn image(&self, question: &Question) -> Option<&'a Fact<Answer>> {
        self.images.get(&question.key())
    }

    /// The records of an environment; `None` when there are none.
    pub fn records_of(&self, name: &Name) -> Option<&'a EnvironmentRecords> {
        self.records.environments.get(name)
    }
}

/// The ids of freight, each computed once: thousands of locks hold a few.
#[derive(Default)]
struct Ids<'a>(HashMap<&'a Freight, FreightId>);

impl<'a> Ids<'a> {
    fn of(&mut self, freight: &'a Freight) -> FreightId {
        self.0.entry(freight).or_insert_with(|| freight.id()).clone()
    }
}

fn branch<'a>(
    pipeline: &Pipeline,
    rules: &Environment,
    name: &str,
    tip: &'a Fact<Option<Tip>>,
    ids: &mut Ids<'a>,
) -> Fact<Branch<'a>> {
    let Some(tip) = tip.as_ref().map_err(Clone::clone)? else {
        return Ok(Branch { head: None, locked: None, apps: None });
    };
    let lock = tip.lock.as_ref().map_err(Clone::clone)?.as_ref();
    if let Some(lock) = lock
        && (lock.pipeline != pipeline.name || lock.environment != rules.name)
    {
        let why = format!("its lock is that of {} in pipeline {}", lock.environment, lock.pipeline);
        return Err(Unread::new(name, why));
    }
    let locked = lock.map(|lock| Locked { lock, id: ids.of(&lock.freight) });
    Ok(Branch { head: Some(&tip.commit), locked, apps: Some(&tip.apps) })
}
