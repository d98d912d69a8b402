//! Repositories of charts: what they have for subscriptions.
//!
//! Decides which versions are looked up, and what is remembered. An index is asked for once, however many subscriptions want a
//! chart of it; of a registry the tags are listed, and the best of them is asked for what it names now, since tags can be
//! pushed again. The others, from which people choose, are looked up when the listing changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::join_all;
use promoter_core::discovery::{Found, LookedUp};
use promoter_core::pipeline::ChartSubscription;
use promoter_core::{Diagnosis, Digest, UnixSeconds};
use promoter_sources::charts::{ChartEntry, ChartError, Charts, is_oci};
use promoter_sources::registry::ErrorKind;

/// So many answers are remembered.
const KNOWN_MAX: usize = 20_000;

/// Asks repositories of charts again and again.
#[derive(Debug)]
pub struct ChartDiscovery {
    charts: Charts,
    known: Mutex<BTreeMap<String, Known>>,
}

/// An answer, and the listing that it was made of.
#[derive(Debug, Clone)]
struct Known {
    entries: Arc<Vec<ChartEntry>>,
    /// The version that was chosen, and its digest.
    best: Option<(String, Digest)>,
    found: Found,
}

/// What was looked up of one version.
type Looked = LookedUp<(Digest, Option<UnixSeconds>)>;

impl ChartDiscovery {
    /// Starts with nothing remembered but what the client keeps on its disk.
    pub fn new(charts: Charts) -> Self {
        Self { charts, known: Mutex::default() }
    }

    /// What repositories have for subscriptions, in their order. They are asked at the same time, each index once.
    ///
    /// `Err`: something could not be read, with when it may be asked again if the server says so; nothing may be decided of
    /// this subscription then.
    pub async fn found(&self, subscriptions: &[&ChartSubscription]) -> Vec<Result<Found, Diagnosis>> {
        let mut indexes: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for subscription in subscriptions.iter().filter(|it| !is_oci(&it.url)) {
            let (repository, name) = subscription.url.repository_and_name();
            indexes.entry(repository).or_default().insert(name);
        }
        let asked = indexes.iter().map(|(repository, names)| self.charts.versions(repository, names));
        let indexes: BTreeMap<&str, _> = indexes.keys().copied().zip(join_all(asked).await).collect();
        let answers = subscriptions.iter().map(async |it| {
            let (repository, name) = it.url.repository_and_name();
            let found = match indexes.get(repository).filter(|_| !is_oci(&it.url)) {
                Some(Err(error)) => Err(error.clone()),
                Some(Ok(charts)) => match charts.get(name) {
                    Some(Ok(entries)) => self.of_index(it, entries).await,
                    Some(Err(error)) => Err(error.clone()),
                    None => {
                        let (repository, chart) = (repository.to_owned(), name.to_owned());
                        Err(ChartError::NoChart { repository, chart })
                    }
                },
                None => self.of_registry(it).await,
            };
            found.map_err(|error| error.diagnosis())
        });
        join_all(answers).await
    }

    async fn of_index(
        &self,
        subscription: &ChartSubscription,
        entries: &Arc<Vec<ChartEntry>>,
    ) -> Result<Found, ChartError> {
        if let Some(known) = self.known(subscription).filter(|it| Arc::ptr_eq(&it.entries, entries)) {
            return Ok(known.found);
        }
        let by_version = by_version(entries);
        let ordered = subscription.order(by_version.keys().copied());
        let mut looked: Vec<(&str, Looked)> = Vec::new();
        let mut best = None;
        for name in ordered.names.iter().take(subscription.discovery_limit as usize + 1) {
            let Some(entry) = by_version.get(name) else {
                continue;
            };
            let digest = match self.charts.known_digest(&subscription.url, entry) {
                Some(digest) => Ok(digest),
                // Archives are fetched for what freight is made of, and not for what people may choose from.
                None if best.is_some() => continue,
                None => self.charts.digest(&subscription.url, entry).await,
            };
            let digest = definite(digest)?;
            if let (None, Ok(digest)) = (&best, &digest) {
                best = Some(((*name).to_owned(), digest.clone()));
            }
            looked.push((name, digest.map(|it| (it, entry.created))));
        }
        let mut found = subscription.choose(&ordered, looked);
        if let Some((version, _)) = &best
            && by_version.get(version.as_str()).is_some_and(|it| it.deprecated)
        {
            found.notes.push(format!("`{version}` is marked as deprecated"));
        }
        self.remember(subscription, Known { entries: entries.clone(), best, found: found.clone() });
        Ok(found)
    }

    async fn of_registry(&self, subscription: &ChartSubscription) -> Result<Found, ChartError> {
        let entries = self.charts.oci_versions(&subscription.url).await?;
        let by_version = by_version(&entries);
        if let Some(known) = self.known(subscription).filter(|it| it.entries == entries)
            && let Some((version, before)) = &known.best
            && let Some(entry) = by_version.get(version.as_str())
        {
            let now = definite(self.charts.digest(&subscription.url, entry).await)?;
            if now.as_ref() == Ok(before) {
                return Ok(known.found);
            }
        }
        let ordered = subscription.order(by_version.keys().copied());
        let wanted = ordered.names.iter().take(subscription.discovery_limit as usize + 1);
        let wanted: Vec<&ChartEntry> = wanted.filter_map(|it| by_version.get(it).copied()).collect();
        let asked = wanted.iter().map(|it| self.charts.digest(&subscription.url, it));
        let mut looked: Vec<(&str, Looked)> = Vec::new();
        let mut best = None;
        for (entry, digest) in wanted.iter().zip(join_all(asked).await) {
            let digest = match definite(digest) {
                Ok(digest) => digest,
                // What freight is made of is known; of the others some are missing this time.
                Err(_) if best.is_some() => continue,
                Err(error) => return Err(error),
            };
            if let (None, Ok(digest)) = (&best, &digest) {
                best = Some((entry.version.clone(), digest.clone()));
            }
            looked.push((&entry.version, digest.map(|it| (it, None))));
        }
        let found = subscription.choose(&ordered, looked);
        self.remember(subscription, Known { entries: entries.clone(), best, found: found.clone() });
        Ok(found)
    }

    fn known(&self, subscription: &ChartSubscription) -> Option<Known> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&key(subscription)).cloned()
    }

    fn remember(&self, subscription: &ChartSubscription, answer: Known) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(key(subscription), answer);
    }
}

fn key(subscription: &ChartSubscription) -> String {
    format!("{subscription:?}")
}

/// Of several entries of one version the first counts, as with helm.
fn by_version(entries: &[ChartEntry]) -> BTreeMap<&str, &ChartEntry> {
    let mut by_version = BTreeMap::new();
    for entry in entries {
        by_version.entry(entry.version.as_str()).or_insert(entry);
    }
    by_version
}

/// Tells a version that is of no use from what says nothing about it, so that nothing may be decided.
fn definite(digest: Result<Digest, ChartError>) -> Result<Result<Digest, String>, ChartError> {
    match digest {
        Ok(digest) => Ok(Ok(digest)),
        Err(error) if error.kind() == ErrorKind::Definite => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}
