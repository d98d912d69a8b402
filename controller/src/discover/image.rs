//! Images: what a rule finds in a repository.
//!
//! Decides which tags are looked up. What the rule wants follows from their names where it can; then the best is looked up, and
//! the next only where that does not do. Only the newest build needs every tag: what each names is remembered, and only the
//! chosen one is asked for again each time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use futures::{StreamExt as _, TryStreamExt as _};
use promoter_core::discovery::{Candidate, Found, ImageFacts, LookedUp, Ordered};
use promoter_core::pipeline::{ImageStrategy, ImageSubscription};
use promoter_core::{Content, Diagnosis, ImageDigest, ImageTag, PinnedImage, Repository, UnixSeconds};
use promoter_sources::registry::{Depth, ErrorKind, Registries, RegistryError};

use crate::image_signatures::ImageSignatures;

/// Tags that are looked up at the same time; the client bounds what one host is asked at once.
const LOOKED_UP_MAX: usize = 256;
/// How long what a tag names is believed while it is not the chosen one.
const BELIEVED_SECONDS: i64 = 24 * 60 * 60;

/// What is remembered of a repository. Lost with the process, at the cost of asking again.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The last listing; `None` before the first, and where no rule needs one.
    tags: Option<Arc<Vec<String>>>,
    known: Known,
}

/// What tags named when they were last asked for.
#[derive(Debug, Default)]
struct Known(Mutex<BTreeMap<String, (ImageDigest, UnixSeconds)>>);

/// What a tag names, with what is known of that.
type Looked = LookedUp<(ImageDigest, Arc<ImageFacts>)>;

/// One rule, and what it takes to follow it.
struct Asking<'a> {
    registries: &'a Registries,
    signatures: &'a ImageSignatures,
    rule: &'a ImageSubscription,
    known: &'a Known,
    now: UnixSeconds,
}

impl Memory {
    /// Answers for each of the rules of one repository, in their order; they share one listing, which is a new one when the
    /// time for it has come.
    ///
    /// Errors: what keeps from deciding anything. A tag that alone is of no use is a note of what was found.
    pub(super) async fn ask(
        &mut self,
        (registries, signatures): (&Registries, &ImageSignatures),
        repository: &Repository,
        rules: &[&ImageSubscription],
        is_due: bool,
        now: UnixSeconds,
    ) -> Vec<Result<Found, Diagnosis>> {
        let needs_tags = rules.iter().any(|it| !matches!(it.strategy, ImageStrategy::Digest(_)));
        if needs_tags && (is_due || self.tags.is_none()) {
            match registries.tags(repository).await {
                Ok(tags) => {
                    let names: BTreeSet<&str> = tags.iter().map(String::as_str).collect();
                    self.known.keep(|it| names.contains(it));
                    self.tags = Some(tags);
                }
                Err(error) => return rules.iter().map(|_| Err(error.diagnosis())).collect(),
            }
        }
        let tags = self.tags.as_ref().map_or(&[][..], |it| it.as_slice());
        let mut found = Vec::with_capacity(rules.len());
        for rule in rules {
            // One after the other: what one rule looked up is known to the next.
            let asking = Asking { registries, signatures, rule, known: &self.known, now };
            found.push(asking.found(tags).await);
        }
        found
    }
}

impl Known {
    fn get(&self, name: &str, since: UnixSeconds) -> Option<ImageDigest> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(name).filter(|(_, at)| since <= *at).map(|(digest, _)| digest.clone())
    }

    fn put(&self, name: &str, digest: &ImageDigest, at: UnixSeconds) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(name.to_owned(), (digest.clone(), at));
    }

    /// Drops tags that are gone.
    fn keep(&self, is_there: impl Fn(&str) -> bool) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|name, _| is_there(name));
    }
}

impl Asking<'_> {
    /// What the rule finds among the tags of its repository.
    async fn found(&self, tags: &[String]) -> Result<Found, Diagnosis> {
        let ordered = self.rule.order(tags.iter().map(String::as_str));
        match self.rule.strategy {
            ImageStrategy::NewestBuild => self.newest(&ordered).await,
            ImageStrategy::SemVer(_) | ImageStrategy::Lexical | ImageStrategy::Digest(_) => {
                self.first_fit(&ordered).await
            }
        }
    }

    /// Looks up the best, then the next, until one fits.
    async fn first_fit(&self, ordered: &Ordered<'_>) -> Result<Found, Diagnosis> {
        let mut looked_up = Vec::new();
        for name in ordered.names.iter().take(self.rule.discovery_limit as usize) {
            let looked = self.signed(self.look_up(name, self.now).await?).await?;
            let fits = looked.as_ref().is_ok_and(|(_, facts)| self.rule.fits(facts));
            looked_up.push((*name, looked));
            if fits {
                break;
            }
        }
        Ok(self.choose(ordered, &looked_up))
    }

    /// Looks up every tag, those that are known from memory, and the best once more if it was.
    async fn newest(&self, ordered: &Ordered<'_>) -> Result<Found, Diagnosis> {
        let since = UnixSeconds(self.now.0.saturating_sub(BELIEVED_SECONDS));
        let looked_up = futures::stream::iter(&ordered.names)
            .map(|name| async move { Ok((*name, self.look_up(name, since).await?)) });
        let mut looked_up: Vec<(&str, Looked)> = looked_up.buffered(LOOKED_UP_MAX).try_collect().await?;
        loop {
            let found = self.choose(ordered, &looked_up);
            let Some(at) = tag(&found).and_then(|tag| looked_up.iter().position(|it| it.0 == tag)) else {
                return Ok(found);
            };
            // The best may have been pushed again, and be another one, or none that fits; or it is not signed.
            let name = looked_up[at].0;
            let is_new = self.known.get(name, self.now).is_some();
            let looked = self.signed(self.look_up(name, self.now).await?).await?;
            let stands = looked.is_ok();
            looked_up[at].1 = looked;
            if is_new && stands {
                return Ok(found);
            }
        }
    }

    /// The same, or why it is not signed as the rule asks.
    async fn signed(&self, looked: Looked) -> Result<Looked, Diagnosis> {
        let Ok((digest, facts)) = looked else { return Ok(looked) };
        // What does not fit anyway need not be signed.
        if self.rule.signatures.is_empty() || !self.rule.fits(&facts) {
            return Ok(Ok((digest, facts)));
        }
        let (rules, repository) = (&self.rule.signatures, &self.rule.repository);
        match self.signatures.refuses(rules, repository, &digest, self.now).await {
            Ok(None) => Ok(Ok((digest, facts))),
            Ok(Some(why)) => Ok(Err(why)),
            Err(unread) => {
                let why = Diagnosis::upstream("image-signatures-unread", &unread);
                Err(unread.again.map_or(why.clone(), |at| why.not_before(at)))
            }
        }
    }

    /// What a tag names now, or named at a time that is not before `since`.
    async fn look_up(&self, name: &str, since: UnixSeconds) -> Result<Looked, Diagnosis> {
        let Ok(tag) = name.parse::<ImageTag>() else {
            return Ok(Err("it is no tag".into()));
        };
        let repository = &self.rule.repository;
        let depth = self.rule.platform.clone().map_or(Depth::Config, Depth::ConfigOf);
        let looked = match self.known.get(name, since) {
            Some(digest) => {
                self.registries.image(repository, &digest, depth).await.map(|facts| (digest, facts))
            }
            None => {
                let looked = self.registries.resolve(repository, &tag, depth).await;
                looked.inspect(|(digest, _)| self.known.put(name, digest, self.now))
            }
        };
        match looked {
            Ok(looked) => Ok(Ok(looked)),
            Err(error) if error.kind() == ErrorKind::Definite => Ok(Err(error.to_string())),
            Err(error) => Err(error.diagnosis()),
        }
    }

    fn choose(&self, ordered: &Ordered<'_>, looked_up: &[(&str, Looked)]) -> Found {
        let looked_up = looked_up.iter().map(|(name, looked)| {
            let looked = looked.as_ref().map(|(digest, facts)| (digest.clone(), &**facts));
            (*name, looked.map_err(Clone::clone))
        });
        self.rule.choose(ordered, looked_up)
    }
}

/// What one tag names.
pub(super) async fn candidate(
    registries: &Registries,
    rule: &ImageSubscription,
    tag: &ImageTag,
) -> Result<Candidate, RegistryError> {
    let repository = rule.repository.clone();
    let depth = rule.platform.clone().map_or(Depth::Config, Depth::ConfigOf);
    let (digest, facts) = registries.resolve(&repository, tag, depth).await?;
    let content = Content::Image(PinnedImage { repository, tag: Some(tag.clone()), digest });
    Ok(Candidate { content, about: facts.provenance(rule.platform.as_ref()) })
}

/// The tag of what was chosen.
fn tag(found: &Found) -> Option<String> {
    match &found.chosen.as_ref()?.content {
        Content::Image(image) => image.tag.as_ref().map(ToString::to_string),
        Content::Git { .. } | Content::Chart { .. } => None,
    }
}
