//! Where subscriptions look, and what pipelines wish to know there.

use std::collections::BTreeMap;
use std::fmt;

use promoter_core::pipeline::{Pipeline, SubscriptionOrigin};
use promoter_core::{ChartUrl, Content, Freight, GitUrl, Repository};
use promoter_sources::charts::is_oci;

use crate::signal::Sooner;

/// A pipeline, with the newest freight that is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Subscriber<'a> {
    /// The pipeline.
    pub pipeline: &'a Pipeline,
    /// Its newest freight, if there is any.
    pub newest: Option<&'a Freight>,
}

/// Where something is asked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// A repository of images.
    Image(Repository),
    /// An index of charts, or one chart of a registry, by its address.
    Chart(String),
    /// A git repository, as that of some pipelines reaches it.
    Git { main: String, url: GitUrl },
}

/// What is wished to be known: what a rule finds. Where that depends on what freight holds, with that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) origin: SubscriptionOrigin,
    pub(super) held: Option<Content>,
}

/// What all pipelines wish to know of a place, and how often.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) interval: i64,
    /// Each once.
    pub(super) wishes: Vec<Wish>,
}

impl Place {
    /// Where a subscription looks; `None` for the dry branch, which is looked at with its repository.
    pub(super) fn of(origin: &SubscriptionOrigin, main: &GitUrl) -> Option<Self> {
        match origin {
            SubscriptionOrigin::Dry(_) => None,
            SubscriptionOrigin::Image(it) => Some(Self::Image(it.repository.clone())),
            SubscriptionOrigin::Chart(it) if is_oci(&it.url) => Some(Self::Chart(it.url.normal())),
            SubscriptionOrigin::Chart(it) => Some(Self::Chart(it.url.repository_and_name().0.to_owned())),
            SubscriptionOrigin::Git(it) => Some(Self::Git { main: main.normal(), url: it.url.clone() }),
        }
    }

    /// True when news is about it.
    pub(super) fn is_named(&self, sooner: &Sooner) -> bool {
        match self {
            Self::Image(repository) => sooner.names_image(repository),
            Self::Git { url, .. } => sooner.names_git(url),
            Self::Chart(url) => {
                let url: Option<ChartUrl> = url.parse().ok();
                let oci = url.filter(is_oci).and_then(|it| it.as_str().split_once("://")?.1.parse().ok());
                sooner.is_everything() || oci.is_some_and(|it| sooner.names_image(&it))
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(repository) => repository.fmt(f),
            Self::Chart(url) => f.write_str(url),
            Self::Git { url, .. } => url.fmt(f),
        }
    }
}

impl Wish {
    fn of(origin: &SubscriptionOrigin, held: Option<&Content>) -> Self {
        let matters = matches!(origin, SubscriptionOrigin::Git(it) if !it.rule.paths.is_empty());
        Self { origin: origin.clone(), held: held.filter(|_| matters).cloned() }
    }
}

impl<'a> Subscriber<'a> {
    /// The names of its subscriptions, with where they look and what they wish to know there.
    pub(super) fn wishes(
        self,
        main: &GitUrl,
    ) -> impl Iterator<Item = (&'a promoter_core::pipeline::Subscription, Place, Wish)> {
        let newest = self.newest;
        self.pipeline.subscriptions.iter().filter_map(move |it| {
            let held = newest.and_then(|freight| freight.get(&it.name));
            Some((it, Place::of(&it.origin, main)?, Wish::of(&it.origin, held)))
        })
    }
}

/// What the subscribers wish to know of each place.
pub(super) fn wanted<'a>(
    subscribers: impl Iterator<Item = Subscriber<'a>>,
    main: &GitUrl,
) -> BTreeMap<Place, Wanted> {
    let mut all: BTreeMap<Place, Wanted> = BTreeMap::new();
    for (subscription, place, wish) in subscribers.flat_map(|it| it.wishes(main)) {
        let interval = i64::from(subscription.interval.0);
        let wanted = all.entry(place).or_insert(Wanted { interval, wishes: Vec::new() });
        wanted.interval = wanted.interval.min(interval);
        if !wanted.wishes.contains(&wish) {
            wanted.wishes.push(wish);
        }
    }
    all
}
