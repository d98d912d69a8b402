//! Discovery: asks registries and repositories for what the subscriptions of all pipelines name.
//!
//! Decides that something is asked once however many pipelines wish to know it (`place`), and when (`schedule`); one kind of place
//! a file. What is wanted of the answer follows from the rules ([`promoter_core::discovery`]); what becomes of it is the
//! planner's. Everything here is remembered by the process alone, and may be lost without harm. Blocking, for a bounded time: all
//! that is due is asked at once, and what does not answer in time could not be read.

mod chart;
mod commits;
mod git;
mod image;
mod place;
mod schedule;
mod source;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use promoter_core::discovery::{Candidate, Found};
use promoter_core::facts::Facts;
use promoter_core::observation::{Fact, Observation, Unread};
use promoter_core::pipeline::{Gate, GateRule, ImageSubscription, Pipeline, SubscriptionOrigin};
use promoter_core::signature::{Answer, QuestionKey, asked_by_gates};
use promoter_core::{Diagnosis, GitUrl, ImageTag, Name, UnixSeconds};
use promoter_sources::charts::Charts;
use promoter_sources::clients::{Clients, RegistryAccess};
use promoter_sources::registry::Registries;

use crate::image_signatures::{ImageSignatures, SigstoreOptions};
use crate::repository::Repository;
use crate::signal::Sooner;

pub use chart::ChartDiscovery;
pub(crate) use commits::{Among, choose};
pub use git::{GitAsk, GitDiscovery};
pub use place::Subscriber;
use place::{Place, wanted};
use source::{Asked, Source};

/// How long one place may take, all its answers together.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Asks for all pipelines of one process.
#[derive(Debug)]
pub struct Discoverer {
    clients: Clients,
    signatures: ImageSignatures,
    charts: ChartDiscovery,
    /// By the repository of pipelines whose settings say how others are reached.
    git: BTreeMap<String, GitDiscovery>,
    sources: BTreeMap<Place, Source>,
}

/// What the subscriptions of one pipeline gave when they were last asked, by their names.
pub type Artifacts = BTreeMap<Name, Arc<Discovered>>;

/// What is known of the signatures of images, by what was asked.
pub type Images = BTreeMap<QuestionKey, Fact<Answer>>;

/// What the subscriptions of several pipelines gave.
#[derive(Debug)]
pub struct Given {
    /// By pipeline.
    pub artifacts: BTreeMap<Name, Artifacts>,
    /// The next time at which something of it is to be asked; `None` where nothing is subscribed to.
    pub wake_at: Option<UnixSeconds>,
}

/// What one subscription gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovered {
    /// For the planner.
    pub found: Fact<Found>,
    /// What somebody has to mend, or to wait for, where it gave nothing.
    pub finding: Option<Diagnosis>,
}

impl Discoverer {
    /// Makes one. What was judged is kept below `cache_root`. `secrets_dir` holds the keys of those who sign images.
    pub fn new(
        registries: &RegistryAccess,
        sigstore: &SigstoreOptions,
        secrets_dir: Option<&Path>,
        cache_root: &Path,
    ) -> Result<Self, Diagnosis> {
        let (clients, kept) = (registries.clients()?, cache_root.join("signatures"));
        let signatures =
            ImageSignatures::new(clients.registries.clone(), sigstore, secrets_dir, Some(&kept))?;
        Ok(Self::with(clients, signatures))
    }

    /// One with a client that is at hand, which keeps nothing on disk.
    pub fn asking(registries: Registries) -> Result<Self, Diagnosis> {
        Self::judging(registries, &SigstoreOptions::default(), None)
    }

    /// The same that judges signatures.
    pub fn judging(
        registries: Registries,
        sigstore: &SigstoreOptions,
        secrets_dir: Option<&Path>,
    ) -> Result<Self, Diagnosis> {
        let charts = Charts::new(registries.clone(), None)?;
        let signatures = ImageSignatures::new(registries.clone(), sigstore, secrets_dir, None)?;
        Ok(Self::with(Clients::new(registries, charts)?, signatures))
    }

    fn with(clients: Clients, signatures: ImageSignatures) -> Self {
        let charts = ChartDiscovery::new(clients.charts.clone());
        Self { clients, signatures, charts, git: BTreeMap::new(), sources: BTreeMap::new() }
    }

    /// Learns how git repositories are reached for the pipelines of one repository.
    pub fn reach_as(&mut self, main: &Repository) {
        self.git.entry(main.url.normal()).or_insert_with(|| GitDiscovery::new(main.clone()));
    }

    /// Has what may have moved asked for with the next look; true when something of it is known here.
    pub fn look_sooner(&mut self, sooner: &Sooner) -> bool {
        let mut is_known = false;
        for (_, source) in self.sources.iter_mut().filter(|(place, _)| place.is_named(sooner)) {
            source.schedule.due = UnixSeconds(0);
            is_known = true;
        }
        is_known
    }

    /// Asks what is due of what these pipelines of a repository subscribe to. Gives what each subscription gave last.
    pub fn discover<'a>(
        &mut self,
        main: &GitUrl,
        subscribers: impl Iterator<Item = Subscriber<'a>> + Clone,
        now: UnixSeconds,
    ) -> Given {
        let mut asked = Vec::new();
        let wanted = wanted(subscribers.clone(), main);
        let places: Vec<Place> = wanted.keys().cloned().collect();
        for (place, wanted) in wanted {
            let source = self.sources.remove(&place).unwrap_or_default();
            let it = source.asked(place, &wanted, now);
            match it.wishes.is_empty() {
                true => _ = self.sources.insert(it.place, it.source),
                false => asked.push(it),
            }
        }
        if !asked.is_empty() {
            let (git, others): (Vec<_>, Vec<_>) =
                asked.into_iter().partition(|it| matches!(it.place, Place::Git { .. }));
            self.ask_git(git, now);
            let (registries, charts) = ((&self.clients.registries, &self.signatures), &self.charts);
            let answered = others.into_iter().map(|it| ask(registries, charts, it, now));
            self.sources.extend(self.clients.wait(futures::future::join_all(answered)));
            self.sources.retain(|_, it| it.schedule.is_kept(now));
        }
        let due = places.iter().filter_map(|it| self.sources.get(it)).map(|it| it.schedule.due);
        Given {
            wake_at: due.min(),
            artifacts: subscribers.map(|it| (it.pipeline.name.clone(), self.artifacts(main, it))).collect(),
        }
    }

    /// What one tag of an image subscription names, whatever its rule would choose.
    ///
    /// Errors: there is no such tag, or the registry does not answer.
    pub fn candidate(&self, rule: &ImageSubscription, tag: &ImageTag) -> Result<Candidate, Diagnosis> {
        let candidate = image::candidate(&self.clients.registries, rule, tag);
        self.clients.wait(candidate).map_err(|error| error.diagnosis())
    }

    /// Git repositories are asked together for each way of reaching them. The cache has its own bounds in time.
    fn ask_git(&mut self, asked: Vec<Asked>, now: UnixSeconds) {
        let mut of_main: BTreeMap<String, Vec<Asked>> = BTreeMap::new();
        for it in asked {
            if let Place::Git { main, .. } = &it.place {
                of_main.entry(main.clone()).or_default().push(it);
            }
        }
        for (main, asked) in of_main {
            let asks = asked.iter().flat_map(|it| &it.wishes).filter_map(|wish| match &wish.origin {
                SubscriptionOrigin::Git(subscription) => {
                    Some(GitAsk { subscription, held: wish.held.as_ref() })
                }
                SubscriptionOrigin::Dry(_) | SubscriptionOrigin::Image(_) | SubscriptionOrigin::Chart(_) => {
                    None
                }
            });
            let asks: Vec<GitAsk<'_>> = asks.collect();
            let answers = match self.git.get_mut(&main) {
                Some(git) => git.found(&asks),
                None => asks.iter().map(|_| Err(unreached(&main))).collect(),
            };
            let mut answers = answers.into_iter();
            for it in asked {
                let own: Vec<_> = answers.by_ref().take(it.wishes.len()).collect();
                let (place, source) = it.answered(own, now);
                self.sources.insert(place, source);
            }
        }
    }

    /// What gates ask about the signatures of what is proposed, answered; nothing where no gate asks.
    pub fn images(&self, pipeline: &Pipeline, seen: &Observation, now: UnixSeconds) -> Images {
        let asks = |it: &Gate| matches!(it.rule, GateRule::Image(_));
        if !pipeline.environments.iter().any(|it| it.gates.iter().any(asks)) {
            return Images::new();
        }
        let questions = Facts::new(pipeline, seen).map(|facts| asked_by_gates(&facts)).unwrap_or_default();
        self.clients.wait(self.signatures.answers(questions, now))
    }

    fn artifacts(&self, main: &GitUrl, subscriber: Subscriber<'_>) -> Artifacts {
        let given = subscriber.wishes(main).filter_map(|(subscription, place, wish)| {
            let answer = self.sources.get(&place)?.answer(&wish)?;
            Some((subscription.name.clone(), answer.clone()))
        });
        given.collect()
    }
}

/// Asks an image repository or a repository of charts.
async fn ask(
    registries: (&Registries, &ImageSignatures),
    charts: &ChartDiscovery,
    mut asked: Asked,
    now: UnixSeconds,
) -> (Place, Source) {
    let Asked { place, source, is_due, wishes, .. } = &mut asked;
    let origins = wishes.iter().map(|it| &it.origin);
    let answers = match place {
        Place::Image(repository) => {
            let rules = origins.filter_map(|it| match it {
                SubscriptionOrigin::Image(rule) => Some(rule),
                SubscriptionOrigin::Dry(_) | SubscriptionOrigin::Git(_) | SubscriptionOrigin::Chart(_) => {
                    None
                }
            });
            let rules: Vec<_> = rules.collect();
            let answers = source.images.ask(registries, repository, &rules, *is_due, now);
            tokio::time::timeout(TIMEOUT, answers).await
        }
        Place::Chart(_) | Place::Git { .. } => {
            let subscriptions = origins.filter_map(|it| match it {
                SubscriptionOrigin::Chart(subscription) => Some(subscription),
                SubscriptionOrigin::Dry(_) | SubscriptionOrigin::Git(_) | SubscriptionOrigin::Image(_) => {
                    None
                }
            });
            let subscriptions: Vec<_> = subscriptions.collect();
            tokio::time::timeout(TIMEOUT, charts.found(&subscriptions)).await
        }
    };
    let answers = answers.unwrap_or_else(|_| {
        let why = format!("`{place}` gave no answer within {} s", TIMEOUT.as_secs());
        let late = Diagnosis::upstream("discovery-late", why);
        wishes.iter().map(|_| Err(late.clone())).collect()
    });
    asked.answered(answers, now)
}

fn unreached(main: &str) -> Diagnosis {
    Diagnosis::bug(
        "discovery-unreached",
        format!("nobody said how git repositories are reached for `{main}`"),
    )
}

/// What could not be read, with the words of the cause, and when it may be asked again.
pub(crate) fn unread(what: &impl std::fmt::Display, why: &Diagnosis) -> Unread {
    let unread = Unread::new(format!("`{what}`"), why.to_string());
    match why.not_before {
        Some(at) => unread.again(at),
        None => unread,
    }
}
