//! Reads registries of images and charts: tags, digests, manifests, what an image is and what refers to it.
//!
//! Moves what registries say to values, and says of each failure what a caller may decide ([`ErrorKind`]). Decides nothing
//! about versions: that is [`promoter_core::discovery`]'s business. Everything here is asynchronous and needs tokio.
//!
//! What holds:
//!
//! - **A part is never the whole.** Tags are all there, or there is an error. Bytes that are asked for by digest are those.
//! - **A host is asked as it wants.** So many requests at a time and in a second, tokens included; after a 429 or 503
//!   nobody in this process asks it before its time.
//! - **Nothing is asked twice** that does not change: what a digest stands for is kept on disk and in memory, which costs
//!   requests when it is deleted, and nothing else. The same question, asked by many at one time, is sent once.
//! - **Credentials go to the host that they are for**, and to the server of tokens that it names, never in clear text
//!   unless the settings say so of that host.
//!
//! Source: OCI distribution spec 1.1, OCI image spec 1.1, Docker's manifest schema 2.

mod attached;
mod cache;
mod challenge;
mod counters;
pub(crate) mod download;
mod error;
mod facts;
pub(crate) mod flights;
mod host;
mod login;
mod manifest;
mod options;
mod pace;
mod page;
mod query;
mod referrers;
mod seen;
mod tags;
mod token;
mod wire;

use std::path::PathBuf;
use std::sync::Arc;

use promoter_core::discovery::{ImageFacts, Platform};
use promoter_core::{Diagnosis, ImageDigest, ImageTag, Repository};
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;

pub use attached::{Attached, AttachedForm, Attachments};
pub use counters::{Counters, RequestKind};
pub use error::{ErrorKind, RegistryError};
pub use manifest::Manifest;
pub use options::{RegistryConfig, RegistryOptions};
pub use referrers::Referrer;

use cache::FactsCache;
use facts::Node;
use flights::Flights;
use query::Query;
use seen::Seen;
use tags::Pages;
use wire::Wire;

/// A client of all registries. Cheap to clone; all clones share tokens, turns and what is known.
#[derive(Debug, Clone)]
pub struct Registries {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    wire: Wire,
    listings: Flights<Repository, Result<Arc<Vec<String>>, RegistryError>>,
    pages: Pages,
    facts: FactsCache,
    seen: Seen,
    nodes: Flights<(Repository, ImageDigest), Result<Arc<Node>, RegistryError>>,
}

/// How much is read of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Depth {
    /// The platforms of an index. Of a single image its configuration, too, since nothing else names its platform.
    Platforms,
    /// The configurations of all platforms, with time and labels.
    Config,
    /// The configuration of one platform of an index (without a variant: of all its variants); of the others they are `None` and empty unless they are known
    /// already.
    ConfigOf(Platform),
}

impl Registries {
    /// Makes the client. `cache_dir` is where the facts of digests are kept across restarts; without it they are kept in
    /// memory only.
    ///
    /// Errors: `registry-cache`, the directory cannot be made.
    pub fn new(config: RegistryConfig, cache_dir: Option<PathBuf>) -> Result<Self, Diagnosis> {
        let facts = FactsCache::open(cache_dir).map_err(|(path, why)| {
            Diagnosis::upstream(
                "registry-cache",
                format!("the cache of registries `{}` cannot be made: {why}", path.display()),
            )
            .hint("check space and rights of the directory")
        })?;
        let inner = Inner {
            wire: Wire::new(config),
            listings: Flights::default(),
            pages: Pages::default(),
            facts,
            seen: Seen::default(),
            nodes: Flights::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Every tag of a repository, in the registry's order, each once; never a part of them.
    ///
    /// Shape: `["1.4.2", "1.5.0"]`; the names are the registry's, some may be no [`ImageTag`]. Errors: `NoRepository`,
    /// `TooLarge`, and those of every request.
    pub async fn tags(&self, repository: &Repository) -> Result<Arc<Vec<String>>, RegistryError> {
        let inner = &self.inner;
        inner.listings.join(repository, inner.list(repository)).await
    }

    /// What a tag names now, by one HEAD request (and one GET where a registry does not answer that fully).
    ///
    /// Errors: `Missing`, `SchemaOne`, and those of every request.
    pub async fn digest(
        &self,
        repository: &Repository,
        tag: &ImageTag,
    ) -> Result<ImageDigest, RegistryError> {
        self.inner.digest(repository, tag).await
    }

    /// What a digest stands for. Asked once for each digest, then answered from memory and disk.
    ///
    /// Errors: `Missing`, `Malformed`, `SchemaOne`, `WrongDigest`, and those of every request.
    pub async fn image(
        &self,
        repository: &Repository,
        digest: &ImageDigest,
        depth: Depth,
    ) -> Result<Arc<ImageFacts>, RegistryError> {
        self.inner.image(repository, digest, &depth).await.map(Arc::new)
    }

    /// What a tag names now, and what that stands for.
    ///
    /// Costs the least requests for many tags: the manifest is asked for by the tag when a repository is new to us (one
    /// request for both answers), and later by HEAD, since most tags still name what they named. Errors: those of
    /// [`Self::digest`] and [`Self::image`].
    pub async fn resolve(
        &self,
        repository: &Repository,
        tag: &ImageTag,
        depth: Depth,
    ) -> Result<(ImageDigest, Arc<ImageFacts>), RegistryError> {
        let (digest, facts) = self.inner.resolve(repository, tag, &depth).await?;
        Ok((digest, Arc::new(facts)))
    }

    /// The bytes of a manifest or index, which are those that its digest names.
    ///
    /// Errors: `Missing`, `Malformed` (larger than 4 MiB), `SchemaOne`, `WrongDigest`, and those of every request.
    pub async fn manifest(
        &self,
        repository: &Repository,
        digest: &ImageDigest,
    ) -> Result<Manifest, RegistryError> {
        self.inner.manifest(repository, digest).await
    }

    /// The bytes of a configuration, layer or other content, which are those that its digest names, `bytes_max` at most.
    ///
    /// Errors: `Missing`, `Malformed` (larger), `WrongDigest`, and those of every request.
    pub async fn blob(
        &self,
        repository: &Repository,
        digest: &ImageDigest,
        bytes_max: usize,
    ) -> Result<Vec<u8>, RegistryError> {
        let query = Query::blob(digest, bytes_max);
        self.inner.first(repository, &query).await.map(|it| it.body)
    }

    /// What refers to a manifest (signatures, attestations), of one type or of all. Where a registry does not know the
    /// question, the tag of that name is read, which is how clients keep the list there.
    ///
    /// Errors: those of every request. Nothing that refers is no error.
    pub async fn referrers(
        &self,
        repository: &Repository,
        digest: &ImageDigest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Referrer>, RegistryError> {
        self.inner.referrers(repository, digest, artifact_type).await
    }

    /// The requests made so far.
    pub fn counters(&self) -> Counters {
        self.inner.wire.counting.so_far()
    }
}

impl Inner {
    async fn digest(&self, repository: &Repository, tag: &ImageTag) -> Result<ImageDigest, RegistryError> {
        let mut query = Query::tag(tag);
        let answer = self.first(repository, &query).await;
        match answer {
            Ok(answer) => {
                if manifest::is_schema_one(answer.header(CONTENT_TYPE).unwrap_or_default(), &[]) {
                    let (repository, what) = (repository.to_string(), query.what);
                    return Err(RegistryError::SchemaOne { repository, what });
                }
                let said = answer.header(query::CONTENT_DIGEST).and_then(|it| it.parse().ok());
                if let Some(digest) = said {
                    return Ok(digest);
                }
            }
            // Some know GET only.
            Err(RegistryError::Protocol { .. }) => {}
            Err(error) => return Err(error),
        }
        query.method = Method::GET;
        let answer = self.first(repository, &query).await?;
        let manifest = manifest::Manifest::of(&answer, &query.what, repository)?;
        Ok(manifest.digest)
    }

    async fn manifest(
        &self,
        repository: &Repository,
        digest: &ImageDigest,
    ) -> Result<Manifest, RegistryError> {
        let query = Query::manifest(digest);
        let answer = self.first(repository, &query).await?;
        Manifest::of(&answer, &query.what, repository)
    }
}
