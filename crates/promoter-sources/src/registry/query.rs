//! Questions about one repository: whom they go to, and what each status means.
//!
//! Mirrors are asked before the registry, in their order, and whatever goes wrong with one leads to the next; what the
//! registry itself says is the answer. Source: OCI distribution spec 1.1, "Endpoints" and "Error codes".

use promoter_core::{ImageDigest, ImageTag, Repository};
use reqwest::header::{ACCEPT, HeaderName};
use reqwest::{Method, StatusCode, Url};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::counters::RequestKind;
use super::manifest::ACCEPTED;
use super::wire::{Answer, Question};
use super::{Inner, RegistryError};

/// The largest manifest that is read; registries take no larger ones, by the specification's advice.
const MANIFEST_BYTES_MAX: usize = 4 << 20;

/// What the registry says that a manifest's digest is.
pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// A question about one repository.
#[derive(Debug, Clone)]
pub(super) struct Query {
    pub(super) kind: RequestKind,
    pub(super) method: Method,
    /// Behind the name of the repository: `manifests/1.4`.
    pub(super) tail: String,
    /// In words, for messages.
    pub(super) what: String,
    /// What the answer's bytes have to be.
    pub(super) digest: Option<ImageDigest>,
    pub(super) body_bytes_max: usize,
}

/// Where a repository is to be had.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    /// The host as images name it.
    pub(super) host: String,
    /// The repository as it is called there, for its path and its credentials.
    pub(super) repository: Repository,
    pub(super) is_mirror: bool,
}

impl Query {
    /// What a tag names.
    pub(super) fn tag(tag: &ImageTag) -> Self {
        Self {
            kind: RequestKind::Digest,
            method: Method::HEAD,
            tail: format!("manifests/{tag}"),
            what: format!("tag `{tag}`"),
            digest: None,
            body_bytes_max: MANIFEST_BYTES_MAX,
        }
    }

    /// A manifest.
    pub(super) fn manifest(digest: &ImageDigest) -> Self {
        Self {
            kind: RequestKind::Manifest,
            method: Method::GET,
            tail: format!("manifests/{digest}"),
            what: format!("manifest `{digest}`"),
            digest: Some(digest.clone()),
            body_bytes_max: MANIFEST_BYTES_MAX,
        }
    }

    /// Content.
    pub(super) fn blob(digest: &ImageDigest, body_bytes_max: usize) -> Self {
        Self {
            kind: RequestKind::Blob,
            method: Method::GET,
            tail: format!("blobs/{digest}"),
            what: format!("blob `{digest}`"),
            digest: Some(digest.clone()),
            body_bytes_max,
        }
    }

    /// The question itself, to one endpoint.
    pub(super) fn question(&self, url: Url) -> Question {
        let mut question = Question::get(self.kind, url, self.body_bytes_max);
        question.method = self.method.clone();
        match self.kind {
            RequestKind::Digest | RequestKind::Manifest => question.with(ACCEPT, ACCEPTED),
            RequestKind::Referrers => question.with(ACCEPT, "application/vnd.oci.image.index.v1+json"),
            _ => question,
        }
    }
}

impl Inner {
    /// Whom a question about a repository goes to, in order; the registry itself comes last.
    pub(super) fn endpoints(&self, repository: &Repository, by_digest: bool) -> Vec<Endpoint> {
        let settings = &self.wire.config.settings;
        let mirrors = settings.hosts.get(repository.host()).map_or(&[][..], |it| &it.mirrors);
        let mirrors = mirrors.iter().filter(|it| by_digest || it.tags).filter_map(|mirror| {
            let path = match mirror.path.as_str() {
                "" => repository.path().to_owned(),
                path => format!("{path}/{}", repository.path()),
            };
            // A path that became too long is none of the mirror's.
            let repository = format!("{}/{path}", mirror.host).parse().ok()?;
            Some(Endpoint { host: mirror.host.clone(), repository, is_mirror: true })
        });
        let own =
            Endpoint { host: repository.host().to_owned(), repository: repository.clone(), is_mirror: false };
        mirrors.chain([own]).collect()
    }

    /// The answer of the first endpoint that has a good one.
    pub(super) async fn first(
        &self,
        repository: &Repository,
        query: &Query,
    ) -> Result<Answer, RegistryError> {
        let mut last = None;
        for endpoint in self.endpoints(repository, query.digest.is_some()) {
            match self.query(&endpoint, query).await {
                Ok(answer) => return Ok(answer),
                Err(error) => last = Some(passed_on(&endpoint, error)),
            }
        }
        Err(last.unwrap_or_else(|| unasked(repository)))
    }

    /// One endpoint's answer, if it is a good one.
    pub(super) async fn query(&self, endpoint: &Endpoint, query: &Query) -> Result<Answer, RegistryError> {
        let host = self.wire.host(&endpoint.host)?;
        let path = format!("v2/{}/{}", endpoint.repository.path(), query.tail);
        let url = host.base.join(&path).map_err(|_| host.protocol("its name makes no URL"))?;
        let answer = self.wire.ask_as(&host, &endpoint.repository, &query.question(url)).await?;
        check(answer, &endpoint.repository, query)
    }
}

/// Notes that a mirror failed; the error of the registry itself is the caller's.
pub(super) fn passed_on(endpoint: &Endpoint, error: RegistryError) -> RegistryError {
    if endpoint.is_mirror {
        tracing::debug!(mirror = endpoint.host, %error, "a mirror has no answer, asking the next one");
    }
    error
}

/// Cannot happen: the registry itself is always among the endpoints.
pub(super) fn unasked(repository: &Repository) -> RegistryError {
    RegistryError::Unreachable { host: repository.host().to_owned(), why: "nobody was asked".into() }
}

/// The answer, unless its status, size or bytes are wrong.
fn check(answer: Answer, repository: &Repository, query: &Query) -> Result<Answer, RegistryError> {
    if !answer.status.is_success() {
        return Err(refusal(&answer, repository, query.kind, &query.what));
    }
    if answer.cut {
        let why = format!("is larger than {} bytes", query.body_bytes_max);
        return Err(RegistryError::Malformed {
            repository: repository.to_string(),
            what: query.what.clone(),
            why,
        });
    }
    match &query.digest {
        Some(digest) if !is_of(digest, &answer.body) => {
            let (host, digest) = (answer.host.name.clone(), digest.to_string());
            Err(RegistryError::WrongDigest { host, digest })
        }
        _ => Ok(answer),
    }
}

/// What a status means that is no success.
pub(super) fn refusal(
    answer: &Answer,
    repository: &Repository,
    kind: RequestKind,
    what: &str,
) -> RegistryError {
    let (host, said) = (&*answer.host, answer.said());
    let no_repository = kind == RequestKind::Tags || answer.code().as_deref() == Some("NAME_UNKNOWN");
    match answer.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => RegistryError::Denied {
            host: host.name.clone(),
            repository: repository.to_string(),
            answer: said,
        },
        StatusCode::NOT_FOUND | StatusCode::GONE if no_repository => {
            RegistryError::NoRepository { repository: repository.to_string(), answer: said }
        }
        StatusCode::NOT_FOUND | StatusCode::GONE => {
            RegistryError::Missing { repository: repository.to_string(), what: what.to_owned(), answer: said }
        }
        StatusCode::REQUEST_TIMEOUT => host.unreachable(said),
        status if status.is_server_error() => host.unreachable(said),
        _ => host.protocol(format!("asked for {what}, it answers {said}")),
    }
}

/// True when these bytes have the digest.
pub(super) fn is_of(digest: &ImageDigest, bytes: &[u8]) -> bool {
    match digest.as_str().split_once(':') {
        Some(("sha256", hex)) => hex == hex_of(&Sha256::digest(bytes)),
        Some(("sha384", hex)) => hex == hex_of(&Sha384::digest(bytes)),
        Some(("sha512", hex)) => hex == hex_of(&Sha512::digest(bytes)),
        _ => false,
    }
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_of_all_algorithms() {
        // FIPS 180-2 gives these for "abc".
        let of_abc = [
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "sha384:cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
            "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ];
        for digest in of_abc {
            let digest = digest.parse().unwrap();
            assert!(is_of(&digest, b"abc") && !is_of(&digest, b"abd"), "{digest}");
        }
    }
}
