//! Image references: what a text like `nginx`, `ghcr.io/acme/web:1.4@sha256:…` names.
//!
//! Decides when two texts name one repository, by the rules that container runtimes follow. Leaves to the
//! registry client which host answers for `docker.io`, and to the render which images are replaced.
//!
//! Source: the grammar in the package documentation of `reference` in the distribution project (the same that
//! containerd and the kubelet use), and OCI distribution spec 1.1, "Pulling manifests".

use crate::{ImageDigest, ImageTag, NotA};
use std::fmt;
use std::str::FromStr;

/// The longest path of a repository, in bytes.
const PATH_BYTES_MAX: usize = 255;

/// An image repository in its normal form, for comparing: host in lower case, `docker.io` and `library/` written out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository {
    host: String,
    path: String,
}

impl Repository {
    /// The registry with its port if one is written: `ghcr.io`, `localhost:5000`, `docker.io`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The path below the registry: `acme/web`, `library/nginx`.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.path)
    }
}

impl FromStr for Repository {
    type Err = ImageError;

    fn from_str(text: &str) -> Result<Self, ImageError> {
        let image: ImageRef = text.parse()?;
        match (image.tag, image.digest) {
            (None, None) => Ok(image.repository),
            _ => Err(ImageError::NotARepository(text.into())),
        }
    }
}

/// A parsed image reference. `Display` is the canonical form, which parses to the same value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageRef {
    /// Where it is kept.
    pub repository: Repository,
    /// The tag, as written; nothing stands for `latest` here.
    pub tag: Option<ImageTag>,
    /// The digest.
    pub digest: Option<ImageDigest>,
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// An image pinned by content. `Display` is the canonical form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PinnedImage {
    /// Where it is kept.
    pub repository: Repository,
    /// The tag under which it was found, for people.
    pub tag: Option<ImageTag>,
    /// The content.
    pub digest: ImageDigest,
}

impl fmt::Display for PinnedImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        write!(f, "@{}", self.digest)
    }
}

impl FromStr for PinnedImage {
    type Err = ImageError;

    fn from_str(text: &str) -> Result<Self, ImageError> {
        let ImageRef { repository, tag, digest } = text.parse()?;
        let digest = digest.ok_or_else(|| ImageError::NoDigest(text.into()))?;
        Ok(Self { repository, tag, digest })
    }
}

/// Why a text is no image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// Nothing before the tag or digest.
    #[error("image `{0}` names no repository")]
    NoName(String),
    /// The registry part is no host, or its port no number.
    #[error("image `{text}` has the registry `{host}`, which is no host name")]
    Host {
        /// The reference.
        text: String,
        /// The registry part.
        host: String,
    },
    /// Upper-case letters where only lower case is allowed.
    #[error("image `{text}` has upper-case letters in `{part}`; repositories are lower case")]
    UpperCase {
        /// The reference.
        text: String,
        /// The part of the path.
        part: String,
    },
    /// A part of the path breaks the grammar.
    #[error(
        "image `{text}` has the part `{part}`; parts are `a`-`z` and `0`-`9`, joined by `.`, `_`, `__` or dashes"
    )]
    Part {
        /// The reference.
        text: String,
        /// The part of the path.
        part: String,
    },
    /// The path is too long.
    #[error("image `{0}` has a path of more than {PATH_BYTES_MAX} characters")]
    TooLong(String),
    /// 64 hexadecimal digits and nothing else: an image id of a container engine.
    #[error("image `{0}` is a bare image id; runtimes refuse it as a reference")]
    BareId(String),
    /// The tag breaks the grammar.
    #[error("image `{text}`: {reason}")]
    Tag {
        /// The reference.
        text: String,
        /// The tag.
        reason: NotA,
    },
    /// The digest has an unknown algorithm or a wrong length.
    #[error("image `{text}`: {reason}")]
    Digest {
        /// The reference.
        text: String,
        /// The digest.
        reason: NotA,
    },
    /// A pin without a digest.
    #[error("image `{0}` has no digest")]
    NoDigest(String),
    /// A tag or digest where only a repository is allowed.
    #[error("image `{0}` has a tag or digest where only a repository is meant")]
    NotARepository(String),
}

impl FromStr for ImageRef {
    type Err = ImageError;

    fn from_str(text: &str) -> Result<Self, ImageError> {
        if text.len() == 64 && text.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(ImageError::BareId(text.into()));
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        // A colon before the last slash belongs to the registry's port.
        let path_at = rest.rfind('/').map_or(0, |it| it + 1);
        let (name, tag) = match rest[path_at..].split_once(':') {
            Some((last, tag)) => (&rest[..path_at + last.len()], Some(tag)),
            None => (rest, None),
        };
        Ok(Self {
            repository: repository(text, name)?,
            tag: tag
                .map(str::parse)
                .transpose()
                .map_err(|reason| ImageError::Tag { text: text.into(), reason })?,
            digest: digest
                .map(str::parse)
                .transpose()
                .map_err(|reason| ImageError::Digest { text: text.into(), reason })?,
        })
    }
}

fn repository(text: &str, name: &str) -> Result<Repository, ImageError> {
    let (host, path) = match name.split_once('/') {
        Some((first, path)) if is_registry(first) => (first.to_ascii_lowercase(), path.to_owned()),
        _ => (String::from("docker.io"), name.to_owned()),
    };
    if !is_host(&host) {
        return Err(ImageError::Host { text: text.into(), host });
    }
    if path.is_empty() {
        return Err(ImageError::NoName(text.into()));
    }
    for part in path.split('/') {
        if part.bytes().any(|it| it.is_ascii_uppercase()) {
            return Err(ImageError::UpperCase { text: text.into(), part: part.into() });
        }
        if !is_path_part(part) {
            return Err(ImageError::Part { text: text.into(), part: part.into() });
        }
    }
    let (host, path) = match host.as_str() {
        "docker.io" | "index.docker.io" if !path.contains('/') => {
            ("docker.io".into(), format!("library/{path}"))
        }
        "index.docker.io" => ("docker.io".into(), path),
        _ => (host, path),
    };
    if path.len() > PATH_BYTES_MAX {
        return Err(ImageError::TooLong(text.into()));
    }
    Ok(Repository { host, path })
}

/// True when the part before the first slash is a registry and not the first part of a path on Docker Hub.
///
/// Runtimes also take a lone word with upper-case letters for a registry; its lower-case form would then mean
/// something else, so that spelling falls to the refusal of upper case.
fn is_registry(first: &str) -> bool {
    first.contains(['.', ':']) || first.eq_ignore_ascii_case("localhost")
}

fn is_host(host: &str) -> bool {
    let (name_fits, port) = match host.strip_prefix('[').and_then(|it| it.split_once(']')) {
        Some((address, port)) => (address.parse::<std::net::Ipv6Addr>().is_ok(), port),
        None => {
            let at = host.find(':').unwrap_or(host.len());
            (host[..at].split('.').all(is_host_label), &host[at..])
        }
    };
    let is_port = |it: &str| it.bytes().all(|it| it.is_ascii_digit()) && it.parse::<u16>().is_ok();
    name_fits && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

fn is_host_label(label: &str) -> bool {
    !label.is_empty()
        && label.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn is_path_part(part: &str) -> bool {
    let is_word = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit();
    let bytes = part.as_bytes();
    let ends_fit = bytes.first().copied().is_some_and(is_word) && bytes.last().copied().is_some_and(is_word);
    ends_fit
        && part.split(|it: char| it.is_ascii_lowercase() || it.is_ascii_digit()).all(|separator| {
            matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|it| it == b'-')
        })
}
