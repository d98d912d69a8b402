//! All tags of a repository, page by page. A page that fails fails the listing.
//!
//! Pages that the registry gives an `ETag` are asked for with it the next time, and not sent again while they stand.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use promoter_core::Repository;
use reqwest::header::{ETAG, IF_NONE_MATCH, LINK};
use reqwest::{StatusCode, Url};

use super::counters::RequestKind;
use super::query::{Endpoint, passed_on, refusal, unasked};
use super::wire::{Answer, Question};
use super::{Inner, RegistryError, page};

/// How many tags are asked for at once. Registries give fewer when they like.
const PAGE_TAGS: usize = 1_000;
const PAGE_BYTES_MAX: usize = 16 << 20;
const PAGES_MAX: usize = 2_000;
const TAGS_MAX: usize = 1_000_000;
const LISTING_BYTES_MAX: usize = 64 << 20;
/// A registry that has no more tags but further pages goes in circles.
const EMPTY_PAGES_MAX: usize = 10;
const LISTING_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// So many bytes of tags are kept for the next time.
const KEPT_BYTES_MAX: usize = 64 << 20;

/// Pages that were read, for the next time: by their URL.
#[derive(Debug, Default)]
pub(super) struct Pages(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    bytes: usize,
    pages: BTreeMap<String, Arc<Page>>,
}

/// One page.
#[derive(Debug)]
struct Page {
    etag: Option<String>,
    tags: Vec<String>,
    bytes: usize,
    next: Option<Url>,
}

impl Pages {
    fn get(&self, url: &Url) -> Option<Arc<Page>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pages.get(url.as_str()).cloned()
    }

    fn keep(&self, url: &Url, page: &Arc<Page>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.bytes + page.bytes > KEPT_BYTES_MAX {
            // Rare, and what is forgotten is only sent again.
            *kept = Kept::default();
        }
        kept.bytes += page.bytes;
        if let Some(old) = kept.pages.insert(url.as_str().to_owned(), page.clone()) {
            kept.bytes -= old.bytes;
        }
    }
}

impl Inner {
    pub(super) async fn list(&self, repository: &Repository) -> Result<Arc<Vec<String>>, RegistryError> {
        let mut last = None;
        for endpoint in self.endpoints(repository, false) {
            let listing = tokio::time::timeout(LISTING_TIMEOUT, self.list_at(&endpoint)).await;
            let late = |_| {
                let why = format!("its tags took more than {} s", LISTING_TIMEOUT.as_secs());
                Err(RegistryError::Unreachable { host: endpoint.host.clone(), why })
            };
            match listing.unwrap_or_else(late) {
                Ok(tags) => return Ok(Arc::new(tags)),
                Err(error) => last = Some(passed_on(&endpoint, error)),
            }
        }
        Err(last.unwrap_or_else(|| unasked(repository)))
    }

    async fn list_at(&self, endpoint: &Endpoint) -> Result<Vec<String>, RegistryError> {
        let host = self.wire.host(&endpoint.host)?;
        let path = format!("v2/{}/tags/list?n={PAGE_TAGS}", endpoint.repository.path());
        let mut next = Some(host.base.join(&path).map_err(|_| host.protocol("its name makes no URL"))?);
        let (mut visited, mut known) = (HashSet::new(), HashSet::new());
        let (mut tags, mut bytes, mut empty) = (Vec::new(), 0, 0);
        while let Some(url) = next.take() {
            if !visited.insert(url.as_str().to_owned()) {
                return Err(host.protocol("its pages of tags lead in a circle"));
            }
            if visited.len() > PAGES_MAX {
                return Err(too_large(endpoint, "the number of pages of tags", PAGES_MAX));
            }
            let page = self.page(endpoint, &url).await?;
            bytes += page.bytes;
            if bytes > LISTING_BYTES_MAX {
                return Err(too_large(endpoint, "the listing of tags, in bytes,", LISTING_BYTES_MAX));
            }
            let before = tags.len();
            tags.extend(page.tags.iter().filter(|it| known.insert((*it).clone())).cloned());
            if tags.len() > TAGS_MAX {
                return Err(too_large(endpoint, "the number of tags", TAGS_MAX));
            }
            empty = if tags.len() == before { empty + 1 } else { 0 };
            if empty > EMPTY_PAGES_MAX {
                return Err(host.protocol("its pages of tags have no end and nothing new"));
            }
            next.clone_from(&page.next);
        }
        Ok(tags)
    }

    async fn page(&self, endpoint: &Endpoint, url: &Url) -> Result<Arc<Page>, RegistryError> {
        let host = self.wire.host(&endpoint.host)?;
        let known = self.pages.get(url);
        let etag = known.as_ref().and_then(|it| it.etag.as_deref());
        let question = Question::get(RequestKind::Tags, url.clone(), PAGE_BYTES_MAX);
        let question = etag.iter().fold(question, |it, etag| it.with(IF_NONE_MATCH, etag));
        // Credentials are for the server that was asked, not for the one that it sent us on to.
        let answer = match url.origin() == host.base.origin() {
            true => self.wire.ask_as(&host, &endpoint.repository, &question).await?,
            false => {
                let clear = || host.protocol("its pages of tags lead on in clear text");
                let other = self.wire.host_of(url)?.ok_or_else(clear)?;
                self.wire.ask(&other, &question, None).await?
            }
        };
        match (answer.status, known) {
            (StatusCode::NOT_MODIFIED, Some(known)) if known.etag.is_some() => return Ok(known),
            (StatusCode::OK, _) => {}
            _ => return Err(refusal(&answer, &endpoint.repository, RequestKind::Tags, "its tags")),
        }
        if answer.cut {
            return Err(too_large(endpoint, "a page of tags, in bytes,", PAGE_BYTES_MAX));
        }
        let page = Arc::new(read(&answer)?);
        if page.etag.is_some() {
            self.pages.keep(url, &page);
        }
        Ok(page)
    }
}

fn read(answer: &Answer) -> Result<Page, RegistryError> {
    let host = &answer.host;
    let strange = |why: &str| host.protocol(format!("asked for tags, it answers {why}"));
    let body: serde_json::Value =
        serde_json::from_slice(&answer.body).map_err(|_| strange("something that is no JSON"))?;
    let tags = match body.get("tags") {
        // How a repository without tags is written by some.
        Some(serde_json::Value::Null) => Vec::new(),
        Some(serde_json::Value::Array(tags)) => {
            let text = |it: &serde_json::Value| it.as_str().map(str::to_owned);
            tags.iter().map(text).collect::<Option<_>>().ok_or_else(|| strange("tags that are no texts"))?
        }
        _ => return Err(strange("without tags")),
    };
    // Where a redirect led, the links lead on.
    let next = page::next(&answer.url, answer.all(LINK)).map_err(|why| host.protocol(why))?;
    let etag = answer.header(ETAG).map(str::to_owned);
    Ok(Page { etag, tags, bytes: answer.body.len(), next })
}

fn too_large(endpoint: &Endpoint, what: &'static str, limit: usize) -> RegistryError {
    RegistryError::TooLarge { repository: endpoint.repository.to_string(), what, limit }
}
