//! One pass of the controller: observe, plan, apply, until nothing moves any more.
//!
//! Decides in which order effects happen and when a pass is over. Every decision about promotion is the planner's;
//! every write is `apply`'s. Blocking: git is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use promoter_core::observation::Observation;
use promoter_core::pipeline::Pipeline;
use promoter_core::plan::{Action, Measure, Plan, plan};
use promoter_core::{Diagnosis, Name, UnixSeconds};

use crate::apply::{Applied, Due, apply_all};
use crate::check::{self, Checker};
use crate::discover::{Discoverer, Subscriber};
use crate::observe::{Observer, Seen};
use crate::options::CheckOptions;
use crate::repository::Repository;
use crate::shard::Shard;
use crate::signal::Sooner;
use crate::watch::{Standing, standing};

/// Rounds of one pass: a promotion through one environment takes about six. What is left then waits for the next pass.
const ROUNDS_MAX: usize = 1_000;

/// What one pass did and what stands now.
#[derive(Debug, Clone, Default)]
pub struct Pass {
    /// What happened, in order.
    pub events: Vec<Event>,
    /// The plans of the last round, which hold no action that could still be done now.
    pub plans: Vec<Arc<Plan>>,
    /// What is wrong with pipelines, and what could not be done.
    pub findings: Vec<Diagnosis>,
    /// How many merges into environments were done.
    pub promotions: u64,
    /// How many checks were asked, each time counted.
    pub checks: u64,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The pipeline.
    pub pipeline: Name,
    /// One line for people.
    pub text: String,
}

impl Pass {
    /// The next time at which something changes by the passing of time alone.
    pub fn wake_at(&self) -> Option<UnixSeconds> {
        self.plans.iter().filter_map(|it| it.wake_at()).min()
    }
}

/// What could not be done in this pass. It is tried again on the next one: within a pass the others may take many
/// rounds, and a server that refused or hung once would be asked in each.
#[derive(Debug)]
struct Failed {
    pipeline: Name,
    /// `None` for records.
    environment: Option<Name>,
    why: Diagnosis,
}

impl Failed {
    fn is_of(&self, pipeline: &Pipeline, action: &Action) -> bool {
        self.pipeline == pipeline.name && self.environment.as_ref() == action.environment()
    }
}

/// The controller of one repository.
#[derive(Debug)]
pub struct Controller {
    observer: Observer,
    checker: Checker,
    /// Who asks what subscriptions name; shared by the controllers of a process, so that nothing is asked twice.
    discoverer: Option<Arc<Mutex<Discoverer>>>,
    discovers_at: Option<UnixSeconds>,
    /// The last look that left nothing to do, with its pass: the same look at an earlier time than `wake_at` needs no
    /// new plan.
    quiet: Option<(Seen, Pass)>,
    /// The plans of the last round, with what each was made of.
    plans: BTreeMap<Name, (Arc<Observation>, Arc<Plan>)>,
    measuring: bool,
}

impl Controller {
    /// Starts with nothing remembered. Checks reach no cluster.
    pub fn new(repository: Repository) -> Result<Self, Diagnosis> {
        Ok(Self::measuring(repository, Checker::without_clusters()?))
    }

    /// The same with what checks may use.
    pub fn asking(repository: Repository, options: &CheckOptions) -> Result<Self, Diagnosis> {
        Ok(Self::measuring(repository, Checker::new(options)?))
    }

    /// The same with who asks checks.
    pub fn measuring(repository: Repository, checker: Checker) -> Self {
        Self {
            observer: Observer::new(repository, true),
            checker,
            discoverer: None,
            discovers_at: None,
            quiet: None,
            plans: BTreeMap::new(),
            measuring: false,
        }
    }

    /// The same for the pipelines of one shard only.
    #[must_use]
    pub fn only(mut self, shard: Option<Shard>) -> Self {
        self.observer.only(shard);
        self
    }

    /// The same that discovers artifacts, too. Without it the freight keeps those that it has.
    #[must_use]
    pub fn discovering(mut self, discoverer: Arc<Mutex<Discoverer>>) -> Self {
        locked(&discoverer).reach_as(self.observer.repository());
        self.discoverer = Some(discoverer);
        self
    }

    /// True while the last pass left checks half measured: what was measured is forgotten with this value.
    pub fn is_measuring(&self) -> bool {
        self.measuring
    }

    /// The repository.
    pub fn repository(&self) -> &Repository {
        self.observer.repository()
    }

    /// Takes in what may have moved; true when a pass is wanted now. Where news of something reaches whatever remembers it
    /// (a listing of tags, say), this is where it is told to ask anew.
    pub fn look_sooner(&mut self, sooner: &Sooner) -> bool {
        let discovers = self.discoverer.as_ref().is_some_and(|it| locked(it).look_sooner(sooner));
        self.observer.is_concerned(sooner) || discovers
    }

    /// When something that the pipelines subscribe to is asked next, as of the last pass.
    pub fn discovers_at(&self) -> Option<UnixSeconds> {
        self.discovers_at
    }

    /// How the environments stood at the end of the last pass.
    pub fn standing(&self) -> Vec<Standing> {
        self.plans.values().flat_map(|(seen, plan)| standing(seen, plan)).collect()
    }

    /// Makes one pass. `now` is asked for at every decision.
    ///
    /// Errors: nothing could be observed. What goes wrong with one action is a finding, and the others go on.
    pub fn pass(&mut self, now: impl Fn() -> UnixSeconds) -> Result<Pass, Diagnosis> {
        let mut pass = Pass::default();
        let mut failed = Vec::new();
        for _ in 0..ROUNDS_MAX {
            let seen = match self.observer.observe() {
                Ok(seen) => seen,
                // What happened in the rounds before is told all the same.
                Err(diagnosis) if !pass.events.is_empty() => {
                    pass.findings.push(diagnosis);
                    return Ok(pass);
                }
                Err(diagnosis) => return Err(diagnosis),
            };
            if self.discover(&seen, now()) {
                continue;
            }
            if let Some((quiet, known)) = &self.quiet
                && *quiet == seen
                && known.wake_at().is_none_or(|it| now() < it)
            {
                let known = known.clone();
                pass.plans = known.plans;
                pass.findings = known.findings;
                return Ok(pass);
            }
            pass.findings.clone_from(&seen.findings);
            pass.plans = self.plan(&seen, now());
            self.measuring = pass.plans.iter().any(|it| it.is_measuring);
            let moved = self.round(&seen, &mut pass, &mut failed, &now)?;
            pass.findings.extend(failed.iter().map(|it| it.why.clone()));
            if !moved {
                let known = Pass { events: Vec::new(), ..pass.clone() };
                self.quiet = failed.is_empty().then_some((seen, known));
                break;
            }
        }
        Ok(pass)
    }

    /// Asks what is due of what the pipelines subscribe to; true when something new is known.
    fn discover(&mut self, seen: &Seen, now: UnixSeconds) -> bool {
        let Some(discoverer) = &self.discoverer else {
            return false;
        };
        let mut discoverer = locked(discoverer);
        let main = &self.observer.repository().url;
        let subscribers = seen.pipelines.iter().map(|(pipeline, seen)| subscriber(pipeline, seen));
        let given = discoverer.discover(main, subscribers, now);
        self.discovers_at = given.wake_at;
        let mut is_new = false;
        for (pipeline, observation) in &seen.pipelines {
            let images = discoverer.images(pipeline, observation, now);
            is_new |= self.observer.judged(&pipeline.name, images);
        }
        self.observer.discovered(given.artifacts) || is_new
    }

    /// Plans every pipeline. One that was seen as before, and waits for a time that has not come, keeps its plan.
    fn plan(&mut self, seen: &Seen, now: UnixSeconds) -> Vec<Arc<Plan>> {
        let mut known = std::mem::take(&mut self.plans);
        for (pipeline, seen) in &seen.pipelines {
            let stands = known.remove(&pipeline.name).filter(|(before, plan)| {
                Arc::ptr_eq(before, seen)
                    && plan.actions.is_empty()
                    && plan.now <= now
                    && plan.wake_at().is_none_or(|it| now < it)
            });
            let made = stands.unwrap_or_else(|| (seen.clone(), Arc::new(plan(pipeline, seen, now))));
            self.plans.insert(pipeline.name.clone(), made);
        }
        let plan = |name: &Name| self.plans.get(name).map(|(_, plan)| plan.clone());
        seen.pipelines.iter().filter_map(|(pipeline, _)| plan(&pipeline.name)).collect()
    }

    /// Carries out the actions of one round; true when something moved, so that another look is worth it.
    fn round(
        &mut self,
        seen: &Seen,
        pass: &mut Pass,
        failed: &mut Vec<Failed>,
        now: &impl Fn() -> UnixSeconds,
    ) -> Result<bool, Diagnosis> {
        let mut checks = Vec::new();
        let mut due = Vec::new();
        for (plan, (pipeline, _)) in pass.plans.iter().zip(&seen.pipelines) {
            for action in &plan.actions {
                match action {
                    Action::Measure(measure) => checks.push((pipeline.clone(), measure.clone())),
                    action if failed.iter().any(|it| it.is_of(pipeline, action)) => {}
                    action => due.push((pipeline.clone(), action.clone())),
                }
            }
        }
        let mut moved = false;
        if !due.is_empty() {
            let all: Vec<Due<'_>> = due.iter().map(|(pipeline, action)| Due { pipeline, action }).collect();
            let outcomes = apply_all(self.observer.repository(), &mut seen.refs.clone(), &all, now());
            let mut merged = Vec::new();
            for ((pipeline, action), applied) in due.iter().zip(outcomes) {
                if let (Action::Merge(merge), Ok(Applied::Moved(_))) = (action, &applied) {
                    pass.promotions += 1;
                    merged.extend(pipeline.environment(&merge.environment));
                }
                moved |= self.note(pipeline, action, applied, &mut pass.events, failed);
            }
            for why in self.checker.refresh(merged.into_iter()) {
                tracing::warn!("{why}; Argo CD looks at its next poll");
            }
        }
        let asked = self.measure(&checks, now)?;
        pass.checks += asked;
        moved |= asked > 0;
        Ok(moved)
    }

    /// Keeps what came of an action; true when a head moved.
    fn note(
        &mut self,
        pipeline: &Arc<Pipeline>,
        action: &Action,
        applied: Result<Applied, Diagnosis>,
        events: &mut Vec<Event>,
        failed: &mut Vec<Failed>,
    ) -> bool {
        let why = match applied {
            Ok(Applied::Moved(text)) => {
                events.push(Event { pipeline: pipeline.name.clone(), text });
                return true;
            }
            // Somebody else moved the head first: the next look sees it.
            Ok(Applied::Stale) => return true,
            Ok(Applied::Nothing) => return false,
            Ok(Applied::Refused(why)) => match action {
                // The plan that knows of it chooses something else, or says why nothing moves.
                Action::Propose(propose) => {
                    let (environment, freight) = (&propose.environment, propose.freight.clone());
                    self.observer.refuse(&pipeline.name, environment, freight, why);
                    return true;
                }
                _ => why,
            },
            Err(why) => why,
        };
        failed.push(Failed {
            pipeline: pipeline.name.clone(),
            environment: action.environment().cloned(),
            why,
        });
        false
    }

    /// Asks the checks that are due, and says how many were.
    fn measure(
        &mut self,
        due: &[(Arc<Pipeline>, Measure)],
        now: &impl Fn() -> UnixSeconds,
    ) -> Result<u64, Diagnosis> {
        let due: Vec<_> = due
            .iter()
            .filter_map(|(pipeline, measure)| {
                let check = pipeline.environment(&measure.environment)?.check(&measure.of.check)?;
                Some(check::Due { pipeline, measure, check })
            })
            .collect();
        if due.is_empty() {
            return Ok(0);
        }
        let measurements = self.checker.measure(self.observer.repository(), &due, now)?;
        for (due, measurement) in due.iter().zip(measurements) {
            self.observer.measured(&due.pipeline.name, &due.measure.environment, measurement);
        }
        Ok(due.len() as u64)
    }
}

/// A pipeline as discovery sees it.
pub fn subscriber<'a>(pipeline: &'a Pipeline, seen: &'a Observation) -> Subscriber<'a> {
    let records = seen.state.as_ref().ok().map(|it| &it.records);
    let newest = records.and_then(|it| it.newest().ok().flatten());
    Subscriber { pipeline, newest: newest.map(|it| &it.freight) }
}

/// Who discovers; after a panic in another thread, too, since what is remembered there is only a short way to answers.
fn locked(discoverer: &Mutex<Discoverer>) -> MutexGuard<'_, Discoverer> {
    discoverer.lock().unwrap_or_else(PoisonError::into_inner)
}
