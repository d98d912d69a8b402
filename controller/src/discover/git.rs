//! Git repositories besides that of the pipelines: what they have for subscriptions.
//!
//! Decides what is asked and what is remembered. Each repository is asked once for its refs, however many subscriptions want
//! to know about it; where those refs are what they were, nothing else is asked and the answer is the one from before.
//! Objects lie in a cache of their own, which takes commits and tags and neither directories nor files unless they are
//! compared.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use promoter_core::discovery::Found;
use promoter_core::pipeline::{GitStrategy, GitSubscription};
use promoter_core::{CommitId, Content, Diagnosis, GitUrl};
use promoter_sources::git::{GitCache, GitError, RemoteRefs, RepoUrl, Scheme};

use super::commits::{Among, choose};
use crate::parallel;
use crate::repository::{Repository, cover};

/// So many answers are remembered.
const KNOWN_MAX: usize = 20_000;

/// Asks git repositories again and again. Blocks; to be called where that does no harm.
#[derive(Debug)]
pub struct GitDiscovery {
    repository: Repository,
    caches: BTreeMap<String, GitCache>,
    known: BTreeMap<String, Known>,
}

/// A question: what has a repository for a subscription whose newest freight holds this?
#[derive(Debug, Clone, Copy)]
pub struct GitAsk<'a> {
    /// The subscription.
    pub subscription: &'a GitSubscription,
    /// What the newest freight holds for it.
    pub held: Option<&'a Content>,
}

/// An answer, and what it depends on besides the question.
#[derive(Debug)]
struct Known {
    among: Among,
    found: Found,
}

impl GitDiscovery {
    /// Starts with nothing remembered. `repository` is that of the pipelines: how others are reached, and with which
    /// credentials, is said in its settings.
    pub fn new(repository: Repository) -> Self {
        Self { repository, caches: BTreeMap::new(), known: BTreeMap::new() }
    }

    /// Answers questions, in their order. Repositories are asked at the same time, each once.
    ///
    /// `Err`: something could not be read, with when it may be asked again if the server says so; nothing may be decided of
    /// this subscription then.
    pub fn found(&mut self, asks: &[GitAsk<'_>]) -> Vec<Result<Found, Diagnosis>> {
        let mut repositories: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (place, ask) in asks.iter().enumerate() {
            repositories.entry(ask.subscription.url.normal()).or_default().push(place);
        }
        let mut open = Vec::new();
        let mut answers: BTreeMap<usize, Result<Found, Diagnosis>> = BTreeMap::new();
        for (normal, places) in repositories {
            let Some(url) = places.first().map(|it| &asks[*it].subscription.url) else {
                continue;
            };
            match self.cache(&normal, url) {
                Ok(cache) => open.push((cache, places)),
                Err(why) => answers.extend(places.into_iter().map(|it| (it, Err(why.clone())))),
            }
        }
        let known = Mutex::new(std::mem::take(&mut self.known));
        let found = parallel::each(open, |(cache, places)| {
            let asks: Vec<GitAsk<'_>> = places.iter().map(|it| asks[*it]).collect();
            places.into_iter().zip(of_repository(&cache, &asks, &known)).collect::<Vec<_>>()
        });
        answers.extend(found.into_iter().flatten());
        self.known = known.into_inner().unwrap_or_default();
        if self.known.len() > KNOWN_MAX {
            self.known.clear();
        }
        answers.into_values().collect()
    }

    fn cache(&mut self, normal: &str, url: &GitUrl) -> Result<GitCache, Diagnosis> {
        if normal == self.repository.url.normal() {
            return Ok(self.repository.cache.clone());
        }
        if let Some(cache) = self.caches.get(normal) {
            return Ok(cache.clone());
        }
        let parsed: RepoUrl = url.as_str().parse().map_err(|error: GitError| error.diagnosis())?;
        if parsed.scheme() == Scheme::File {
            // A subscription is no way to other directories of this machine.
            let cause =
                format!("`{url}` is a directory of this machine, and not the repository of the pipeline");
            return Err(Diagnosis::input("git-local-elsewhere", cause));
        }
        let cache = self.repository.discovered(&parsed).map_err(|error| error.diagnosis())?;
        self.caches.insert(normal.to_owned(), cache.clone());
        Ok(cache)
    }
}

/// Answers the questions about one repository.
fn of_repository(
    cache: &GitCache,
    asks: &[GitAsk<'_>],
    known: &Mutex<BTreeMap<String, Known>>,
) -> Vec<Result<Found, Diagnosis>> {
    let wanted = asks.iter().map(|it| prefix(it.subscription));
    let wanted: Vec<String> = wanted.flatten().collect();
    let refs = match cache.ls_refs(&cover(wanted.iter().map(String::as_str))) {
        Ok(refs) => refs,
        Err(error) => {
            let why = error.diagnosis();
            return asks.iter().map(|_| Err(why.clone())).collect();
        }
    };
    asks.iter().map(|ask| answer(cache, &refs, ask, known)).collect()
}

fn answer(
    cache: &GitCache,
    refs: &RemoteRefs,
    ask: &GitAsk<'_>,
    known: &Mutex<BTreeMap<String, Known>>,
) -> Result<Found, Diagnosis> {
    let GitSubscription { url, rule, .. } = ask.subscription;
    let held = ask.held.and_then(|it| held(it, url));
    let among = among(ask.subscription, refs)?;
    let key = format!("{:?} {held:?}", ask.subscription);
    let before = |known: &BTreeMap<String, Known>| {
        known.get(&key).filter(|it| it.among == among).map(|it| it.found.clone())
    };
    if let Some(found) = known.lock().ok().and_then(|it| before(&it)) {
        return Ok(found);
    }
    let found = choose(cache, url, rule, &among, held).map_err(|error| error.diagnosis())?;
    if let Ok(mut known) = known.lock() {
        known.insert(key, Known { among, found: found.clone() });
    }
    Ok(found)
}

/// The commit of what freight holds, if it is of this repository.
fn held<'a>(content: &'a Content, url: &GitUrl) -> Option<&'a CommitId> {
    match content {
        Content::Git { url: own, commit } if own.normal() == url.normal() => Some(commit),
        _ => None,
    }
}

/// The refs that a subscription needs to know; the default branch comes unasked.
fn prefix(subscription: &GitSubscription) -> Option<String> {
    match (&subscription.rule.strategy, &subscription.branch) {
        (GitStrategy::NewestFromBranch, branch) => branch.as_ref().map(|it| format!("refs/heads/{it}")),
        _ => Some("refs/tags/".into()),
    }
}

fn among(subscription: &GitSubscription, refs: &RemoteRefs) -> Result<Among, Diagnosis> {
    if subscription.rule.strategy != GitStrategy::NewestFromBranch {
        return Ok(Among::Tags(Arc::new(refs.tags().collect())));
    }
    let (head, name) = match &subscription.branch {
        Some(branch) => (refs.tips.get(&format!("refs/heads/{branch}")), format!("branch `{branch}`")),
        None => (refs.tips.get("HEAD"), "default branch".into()),
    };
    head.cloned().map(Among::Branch).ok_or_else(|| {
        let cause = format!("`{}` has no {name}", subscription.url);
        Diagnosis::input("subscription-branch-missing", cause)
            .hint("check `branch` of the subscription in promoter.yaml")
    })
}
