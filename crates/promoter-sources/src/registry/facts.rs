//! What a digest stands for, from its manifest and, where that is wanted, its configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::try_join_all;
use promoter_core::discovery::{ImageFacts, Platform, PlatformFacts};
use promoter_core::{ImageDigest, ImageTag, Repository, UnixSeconds};
use reqwest::Method;
use serde_json::Value;

use super::counters::RequestKind;
use super::manifest::{self, Content, Manifest};
use super::query::Query;
use super::{Depth, Inner, RegistryError};

const CONFIG_BYTES_MAX: usize = 4 << 20;
/// Configurations of images, by their media types; those of other artifacts say nothing of platforms.
const IMAGE_CONFIGS: [&str; 2] =
    ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];

/// What is kept of one digest. It never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// Several images, each with a digest of its own.
    Index { annotations: BTreeMap<String, String>, images: Vec<(ImageDigest, Platform)> },
    /// One image, or an artifact, which has no platform.
    Image {
        annotations: BTreeMap<String, String>,
        platform: Option<Platform>,
        created: Option<UnixSeconds>,
        /// Of its configuration.
        labels: BTreeMap<String, String>,
    },
}

impl Inner {
    pub(super) async fn image(
        &self,
        repository: &Repository,
        digest: &ImageDigest,
        depth: &Depth,
    ) -> Result<ImageFacts, RegistryError> {
        let node = self.node(repository, digest).await?;
        let (annotations, images) = match &*node {
            Node::Image { annotations, .. } => {
                let images = facts(&node, None).into_iter().collect();
                return Ok(ImageFacts { annotations: annotations.clone(), images });
            }
            Node::Index { annotations, images } => (annotations.clone(), images),
        };
        let one = async |(digest, platform): &(ImageDigest, Platform)| {
            let wanted = match depth {
                Depth::Platforms => false,
                Depth::Config => true,
                Depth::ConfigOf(one) => is_meant(one, platform),
            };
            let node = match wanted {
                true => Some(self.node(repository, digest).await?),
                false => self.facts.known(digest),
            };
            let unread =
                || PlatformFacts { platform: platform.clone(), created: None, labels: BTreeMap::new() };
            Ok(node.and_then(|it| facts(&it, Some(platform))).unwrap_or_else(unread))
        };
        let images = try_join_all(images.iter().map(one)).await?;
        Ok(ImageFacts { annotations, images })
    }

    /// What a tag names, and what that stands for.
    pub(super) async fn resolve(
        &self,
        repository: &Repository,
        tag: &ImageTag,
        depth: &Depth,
    ) -> Result<(ImageDigest, ImageFacts), RegistryError> {
        let digest = match self.seen.was_asked(repository, tag, || self.facts.was_read(repository)) {
            true => self.digest(repository, tag).await?,
            false => {
                let mut query = Query::tag(tag);
                (query.method, query.kind) = (Method::GET, RequestKind::Manifest);
                let answer = self.first(repository, &query).await?;
                let manifest = Manifest::of(&answer, &query.what, repository)?;
                if self.facts.get(&manifest.digest).await.is_none() {
                    let node = Arc::new(self.read(repository, &manifest).await?);
                    self.facts.put(&manifest.digest, &node).await;
                }
                if self.seen.note(repository, tag) {
                    self.facts.mark_read(repository).await;
                }
                manifest.digest
            }
        };
        let facts = self.image(repository, &digest, depth).await?;
        Ok((digest, facts))
    }

    /// What is known of a digest, or what its registry says.
    async fn node(&self, repository: &Repository, digest: &ImageDigest) -> Result<Arc<Node>, RegistryError> {
        if let Some(node) = self.facts.get(digest).await {
            return Ok(node);
        }
        let read = async {
            let manifest = self.manifest(repository, digest).await?;
            let node = Arc::new(self.read(repository, &manifest).await?);
            self.facts.put(digest, &node).await;
            Ok(node)
        };
        self.nodes.join(&(repository.clone(), digest.clone()), read).await
    }

    /// What a manifest and its configuration say.
    async fn read(&self, repository: &Repository, manifest: &Manifest) -> Result<Node, RegistryError> {
        let malformed = |what: &str, why: String| {
            let (repository, what) = (repository.to_string(), what.to_owned());
            RegistryError::Malformed { repository, what, why }
        };
        let what = || format!("manifest `{}`", manifest.digest);
        let content = manifest.content().map_err(|why| malformed(&what(), why))?;
        let (annotations, (media_type, config)) = match content {
            Content::Index { annotations, images } => return Ok(Node::Index { annotations, images }),
            Content::Image { annotations, config } => (annotations, config),
        };
        if !IMAGE_CONFIGS.contains(&media_type.as_str()) {
            return Ok(Node::Image { annotations, platform: None, created: None, labels: BTreeMap::new() });
        }
        let mut query = Query::blob(&config, CONFIG_BYTES_MAX);
        query.what = format!("configuration `{config}`");
        let answer = self.first(repository, &query).await?;
        let body: Value =
            serde_json::from_slice(&answer.body).map_err(|_| malformed(&query.what, "is no JSON".into()))?;
        Ok(Node::Image {
            annotations,
            platform: manifest::platform(&body),
            created: body["created"].as_str().and_then(|it| it.parse().ok()),
            labels: manifest::annotations(&body["config"]["Labels"]),
        })
    }
}

/// True when a platform is the one that is wanted; without a variant, any of them is.
fn is_meant(wanted: &Platform, found: &Platform) -> bool {
    (&wanted.os, &wanted.architecture) == (&found.os, &found.architecture)
        && (wanted.variant.is_none() || wanted.variant == found.variant)
}

/// One image as it is told on; `None` for what runs on nothing. The platform that an index says is the one that counts.
fn facts(node: &Node, said: Option<&Platform>) -> Option<PlatformFacts> {
    let Node::Image { annotations, platform, created, labels } = node else { return None };
    let platform = said.or(platform.as_ref())?.clone();
    let mut labels = labels.clone();
    labels.extend(annotations.clone());
    Some(PlatformFacts { platform, created: *created, labels })
}
