//! Discovery: asks registries and repositories for what the subscriptions of all pipelines name.
//!
//! Decides that something is asked once however many pipelines want it, and when (`schedule`). What is wanted of the answer
//! follows from the rules ([`promoter_core::discovery`]); what becomes of it is the planner's. Everything here is remembered
//! by the process alone, and may be lost without harm. Blocking, for a bounded time: all that is due is asked at once, and
//! what does not answer in time could not be read.

mod image;
mod schedule;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use promoter_core::discovery::{Candidate, Found};
use promoter_core::observation::{Fact, Unread};
use promoter_core::pipeline::{ImageSubscription, Pipeline, SubscriptionOrigin};
use promoter_core::{Diagnosis, ImageTag, Name, Repository, UnixSeconds};
use promoter_sources::registry::{Registries, RegistryOptions};
use schedule::Schedule;

use crate::signal::Sooner;

/// How long one source may take, all its answers together.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Asks for all pipelines of one process.
#[derive(Debug)]
pub struct Discoverer {
    runtime: tokio::runtime::Runtime,
    registries: Registries,
    sources: BTreeMap<Place, Source>,
}

/// What the subscriptions of one pipeline gave when they were last asked, by their names.
pub type Artifacts = BTreeMap<Name, Arc<Discovered>>;

/// What one subscription gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovered {
    /// For the planner.
    pub found: Fact<Found>,
    /// What somebody has to mend, or to wait for, where it gave nothing.
    pub finding: Option<Diagnosis>,
}

/// Where something is asked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Image(Repository),
}

/// A place, with what is known of it.
#[derive(Debug, Default)]
struct Source {
    schedule: Schedule,
    memory: Memory,
    /// What each rule found. Rules that are alike stand here once.
    found: Vec<(SubscriptionOrigin, Arc<Discovered>)>,
}

/// What makes the next answer cheaper, by the kind of place.
#[derive(Debug, Default)]
struct Memory {
    images: image::Memory,
}

/// What all pipelines want of a place.
#[derive(Debug)]
struct Wanted<'a> {
    interval: i64,
    rules: Vec<&'a SubscriptionOrigin>,
}

impl Discoverer {
    /// Makes one. What digests stand for is kept below `cache_root`.
    pub fn new(options: &RegistryOptions, cache_root: &Path) -> Result<Self, Diagnosis> {
        Self::asking(Registries::new(options.config()?, Some(cache_root.join("registries")))?)
    }

    /// The same with a client that is at hand.
    pub fn asking(registries: Registries) -> Result<Self, Diagnosis> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime
            .map_err(|error| Diagnosis::upstream("runtime", format!("no runtime can be started: {error}")))?;
        Ok(Self { runtime, registries, sources: BTreeMap::new() })
    }

    /// The client of registries.
    pub fn registries(&self) -> &Registries {
        &self.registries
    }

    /// The next time at which something that these pipelines subscribe to is to be asked.
    pub fn wake_at<'a>(&self, pipelines: impl Iterator<Item = &'a Pipeline>) -> Option<UnixSeconds> {
        let places = wanted(pipelines).into_keys();
        places.filter_map(|it| self.sources.get(&it)).map(|it| it.schedule.due).min()
    }

    /// Has what may have moved asked for with the next look; true when something of it is known here.
    pub fn look_sooner(&mut self, sooner: &Sooner) -> bool {
        let mut is_known = false;
        for (place, source) in &mut self.sources {
            if place.is_named(sooner) {
                source.schedule.due = UnixSeconds(0);
                is_known = true;
            }
        }
        is_known
    }

    /// Asks what is due of what these pipelines subscribe to. Gives what each subscription gave last, by pipeline.
    pub fn discover<'a>(
        &mut self,
        pipelines: impl Iterator<Item = &'a Pipeline> + Clone,
        now: UnixSeconds,
    ) -> BTreeMap<Name, Artifacts> {
        let wanted = wanted(pipelines.clone());
        let mut due = Vec::new();
        for (place, wanted) in &wanted {
            let source = self.sources.entry(place.clone()).or_default();
            source.schedule.wanted = now;
            if !source.is_up_to_date(wanted, now) {
                due.extend(self.sources.remove_entry(place).map(|(place, source)| (place, source, wanted)));
            }
        }
        let registries = &self.registries;
        let asked = due.into_iter().map(|(place, mut source, wanted)| async move {
            source.ask(registries, &place, wanted, now).await;
            (place, source)
        });
        self.sources.extend(self.runtime.block_on(futures::future::join_all(asked)));
        self.sources.retain(|_, it| it.schedule.is_kept(now));
        pipelines.map(|it| (it.name.clone(), self.artifacts(it))).collect()
    }

    /// What one tag of an image subscription names, whatever its rule would choose.
    ///
    /// Errors: there is no such tag, or the registry does not answer.
    pub fn candidate(&self, rule: &ImageSubscription, tag: &ImageTag) -> Result<Candidate, Diagnosis> {
        let candidate = image::candidate(&self.registries, rule, tag);
        self.runtime.block_on(candidate).map_err(|error| error.diagnosis())
    }

    fn artifacts(&self, pipeline: &Pipeline) -> Artifacts {
        let given = pipeline.subscriptions.iter().filter_map(|it| {
            let source = self.sources.get(&place(&it.origin)?)?;
            Some((it.name.clone(), source.found(&it.origin)?))
        });
        given.collect()
    }
}

impl Place {
    fn is_named(&self, sooner: &Sooner) -> bool {
        match self {
            Self::Image(repository) => sooner.names_image(repository),
        }
    }
}

impl Source {
    fn found(&self, rule: &SubscriptionOrigin) -> Option<Arc<Discovered>> {
        self.found.iter().find(|(known, _)| known == rule).map(|(_, found)| found.clone())
    }

    fn is_up_to_date(&self, wanted: &Wanted<'_>, now: UnixSeconds) -> bool {
        now < self.schedule.due && wanted.rules.iter().all(|it| self.found(it).is_some())
    }

    /// Asks for everything when its time has come, else only for the rules that are new, of what is remembered.
    async fn ask(&mut self, registries: &Registries, place: &Place, wanted: &Wanted<'_>, now: UnixSeconds) {
        let is_due = self.schedule.due <= now;
        let is_known = |it: &&&SubscriptionOrigin| !is_due && self.found(it).is_some();
        let (known, asked): (Vec<_>, Vec<_>) = wanted.rules.iter().partition(is_known);
        let asking = self.memory.ask(registries, place, &asked, is_due, now);
        let answers = tokio::time::timeout(TIMEOUT, asking).await.unwrap_or_else(|_| {
            let why = format!("`{place}` gave no answer within {} s", TIMEOUT.as_secs());
            let late = Diagnosis::upstream("discovery-late", why);
            asked.iter().map(|_| Err(late.clone())).collect()
        });
        let failure = answers.iter().find_map(|it| it.as_ref().err());
        if is_due || failure.is_some() {
            self.schedule.asked(failure, wanted.interval, now);
        }
        let due = self.schedule.due;
        let answered = asked.into_iter().cloned().zip(answers).map(|(rule, answer)| {
            let discovered = match answer {
                Ok(found) => Discovered { found: Ok(found), finding: None },
                Err(why) => {
                    let unread = Unread::new(place.to_string(), why.cause.clone()).again(due);
                    Discovered { found: Err(unread), finding: Some(why) }
                }
            };
            (rule, discovered)
        });
        // What did not change keeps its place, so that whoever holds it sees at once that nothing is new.
        let kept = |rule: &SubscriptionOrigin, new: Discovered| match self.found(rule) {
            Some(before) if *before == new => before,
            _ => Arc::new(new),
        };
        let answered: Vec<_> = answered.map(|(rule, new)| (rule.clone(), kept(&rule, new))).collect();
        let known: Vec<_> =
            known.into_iter().filter_map(|it| Some(((*it).clone(), self.found(it)?))).collect();
        self.found = answered.into_iter().chain(known).collect();
    }
}

impl Memory {
    /// Answers for each of the rules, in their order.
    async fn ask(
        &mut self,
        registries: &Registries,
        place: &Place,
        rules: &[&SubscriptionOrigin],
        is_due: bool,
        now: UnixSeconds,
    ) -> Vec<Result<Found, Diagnosis>> {
        match place {
            Place::Image(repository) => {
                let rules: Vec<_> = rules.iter().filter_map(|it| image_rule(it)).collect();
                self.images.ask(registries, repository, &rules, is_due, now).await
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(repository) => repository.fmt(f),
        }
    }
}

fn place(origin: &SubscriptionOrigin) -> Option<Place> {
    match origin {
        SubscriptionOrigin::Image(rule) => Some(Place::Image(rule.repository.clone())),
        SubscriptionOrigin::Dry(_) | SubscriptionOrigin::Git(_) | SubscriptionOrigin::Chart(_) => None,
    }
}

fn image_rule(origin: &SubscriptionOrigin) -> Option<&ImageSubscription> {
    match origin {
        SubscriptionOrigin::Image(rule) => Some(rule),
        SubscriptionOrigin::Dry(_) | SubscriptionOrigin::Git(_) | SubscriptionOrigin::Chart(_) => None,
    }
}

/// What the pipelines want of each place, and how often.
fn wanted<'a>(pipelines: impl Iterator<Item = &'a Pipeline>) -> BTreeMap<Place, Wanted<'a>> {
    let mut all: BTreeMap<Place, Wanted<'_>> = BTreeMap::new();
    for subscription in pipelines.flat_map(|it| &it.subscriptions) {
        let Some(place) = place(&subscription.origin) else {
            continue;
        };
        let interval = i64::from(subscription.interval.0);
        let wanted = all.entry(place).or_insert(Wanted { interval, rules: Vec::new() });
        wanted.interval = wanted.interval.min(interval);
        if !wanted.rules.contains(&&subscription.origin) {
            wanted.rules.push(&subscription.origin);
        }
    }
    all
}
