//! What refers to a manifest: signatures and attestations that name it as their subject.
//!
//! Source: OCI distribution spec 1.1, "Listing Referrers" and "Referrers Tag Schema".

use std::collections::{BTreeMap, HashSet};

use promoter_core::{ImageDigest, Repository};
use reqwest::header::LINK;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::counters::RequestKind;
use super::manifest::{self, annotations};
use super::query::{Endpoint, Query, refusal};
use super::{Inner, RegistryError, page};

const BODY_BYTES_MAX: usize = 4 << 20;
const PAGES_MAX: usize = 100;

/// A manifest that refers to another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrer {
    /// Its digest.
    pub digest: ImageDigest,
    /// Its media type.
    pub media_type: String,
    /// What it is, such as `application/vnd.dev.sigstore.bundle.v0.3+json`; empty when the list does not say.
    pub artifact_type: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its annotations, as far as the list has them.
    pub annotations: BTreeMap<String, String>,
}

impl Inner {
    pub(super) async fn referrers(
        &self,
        repository: &Repository,
        digest: &ImageDigest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Referrer>, RegistryError> {
        // Mirrors need not know what refers to what they hold, and say "nothing" as well.
        let endpoint =
            Endpoint { host: repository.host().to_owned(), repository: repository.clone(), is_mirror: false };
        let mut found = match self.listed(&endpoint, digest).await? {
            Some(listed) => listed,
            None => self.tagged(&endpoint, digest).await?,
        };
        found.retain(|it| artifact_type.is_none_or(|wanted| it.artifact_type == wanted));
        Ok(found)
    }

    /// What the registry lists; `None` when it does not know the question.
    async fn listed(
        &self,
        endpoint: &Endpoint,
        digest: &ImageDigest,
    ) -> Result<Option<Vec<Referrer>>, RegistryError> {
        let host = self.wire.host(&endpoint.host)?;
        let query = Query {
            kind: RequestKind::Referrers,
            method: Method::GET,
            tail: format!("referrers/{digest}"),
            what: format!("referrers of `{digest}`"),
            digest: None,
            body_bytes_max: BODY_BYTES_MAX,
        };
        let path = format!("v2/{}/{}", endpoint.repository.path(), query.tail);
        let mut next = Some(host.base.join(&path).map_err(|_| host.protocol("its name makes no URL"))?);
        let (mut found, mut visited) = (Vec::new(), HashSet::new());
        while let Some(url) = next {
            if !visited.insert(url.as_str().to_owned()) || visited.len() > PAGES_MAX {
                return Err(host.protocol("its pages of referrers have no end"));
            }
            let answer = self.wire.ask_as(&host, &endpoint.repository, &query.question(url)).await?;
            match answer.status {
                StatusCode::OK if !answer.cut => {}
                StatusCode::BAD_REQUEST
                | StatusCode::NOT_FOUND
                | StatusCode::METHOD_NOT_ALLOWED
                | StatusCode::NOT_IMPLEMENTED
                    if found.is_empty() && visited.len() == 1 =>
                {
                    return Ok(None);
                }
                StatusCode::OK => return Err(host.protocol("its page of referrers is too large")),
                _ => return Err(refusal(&answer, &endpoint.repository, query.kind, &query.what)),
            }
            found.extend(read(&answer.body).map_err(|why| host.protocol(format!("its referrers: {why}")))?);
            let link = page::next(&answer.url, answer.all(LINK)).map_err(|why| host.protocol(why))?;
            // Credentials stay with the server that was asked, and a part of the list is none.
            if link.as_ref().is_some_and(|it| it.origin() != host.base.origin()) {
                return Err(host.protocol("its pages of referrers lead to another server"));
            }
            next = link;
        }
        Ok(Some(found))
    }

    /// What is listed under the tag that stands for the question where a registry does not know it.
    async fn tagged(
        &self,
        endpoint: &Endpoint,
        digest: &ImageDigest,
    ) -> Result<Vec<Referrer>, RegistryError> {
        // Cut as the specification cuts it, so that it is a tag.
        let tag: String = digest.as_str().replacen(':', "-", 1).chars().take("sha256-".len() + 64).collect();
        let host = self.wire.host(&endpoint.host)?;
        let Ok(tag) = tag.parse() else { return Err(host.protocol("no tag stands for this digest")) };
        let mut query = Query::tag(&tag);
        (query.method, query.kind) = (Method::GET, RequestKind::Manifest);
        match self.query(endpoint, &query).await {
            Err(RegistryError::Missing { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
            Ok(answer) => {
                // The bytes are those of the digest that the registry says.
                let index = manifest::Manifest::of(&answer, &query.what, &endpoint.repository)?;
                let malformed = |why| RegistryError::Malformed {
                    repository: endpoint.repository.to_string(),
                    what: query.what.clone(),
                    why,
                };
                read(&index.bytes).map_err(malformed)
            }
        }
    }
}

fn read(body: &[u8]) -> Result<Vec<Referrer>, String> {
    let body: Value = serde_json::from_slice(body).map_err(|_| "is no JSON".to_owned())?;
    let entries = body["manifests"].as_array().ok_or("is no index")?;
    let entry = |it: &Value| {
        let text = |name: &str| it[name].as_str().unwrap_or_default().to_owned();
        Some(Referrer {
            digest: it["digest"].as_str()?.parse().ok()?,
            media_type: text("mediaType"),
            artifact_type: text("artifactType"),
            size: it["size"].as_u64().unwrap_or_default(),
            annotations: annotations(&it["annotations"]),
        })
    };
    entries.iter().map(entry).collect::<Option<_>>().ok_or_else(|| "has an entry without a digest".into())
}
