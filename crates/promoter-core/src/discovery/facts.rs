//! What is known of one image by its digest. It never changes, so that it may be kept for ever.

use crate::{NotA, UnixSeconds};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// What a digest of an image repository stands for: one image, or an index of several.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageFacts {
    /// Annotations of the manifest or index itself.
    pub annotations: BTreeMap<String, String>,
    /// The images: one, or those of the index that name a platform.
    pub images: Vec<PlatformFacts>,
}

/// One image of a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformFacts {
    /// What it runs on.
    pub platform: Platform,
    /// When it was built, by its configuration; `None` where that does not say, or was not read.
    pub created: Option<UnixSeconds>,
    /// Labels of its configuration, and annotations of its own manifest, which win.
    pub labels: BTreeMap<String, String>,
}

/// What an image runs on. Prints as `linux/arm64/v8`, which it reads too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    /// The operating system, such as `linux`.
    pub os: String,
    /// The architecture, such as `amd64`.
    pub architecture: String,
    /// Its variant, such as `v8`.
    pub variant: Option<String>,
}

/// Where an artifact comes from. Of an image, by the labels that the Open Container Initiative defined for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Provenance {
    /// The commit of its source: `org.opencontainers.image.revision`.
    pub revision: Option<String>,
    /// The address of its source: `org.opencontainers.image.source`.
    pub source: Option<String>,
    /// When it was built, or committed.
    pub created: Option<UnixSeconds>,
    /// The tag that a commit was found by; an image has its tag in itself.
    pub tag: Option<String>,
}

impl Provenance {
    /// True when nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.iter().try_for_each(|it| write!(f, "/{it}"))
    }
}

impl FromStr for Platform {
    type Err = NotA;

    fn from_str(text: &str) -> Result<Self, NotA> {
        let is_word = |it: &str| {
            !it.is_empty()
                && it.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'.' | b'_' | b'-'))
        };
        let parts: Vec<&str> = text.split('/').collect();
        match parts[..] {
            [os, architecture] if is_word(os) && is_word(architecture) => {
                Ok(Self { os: os.into(), architecture: architecture.into(), variant: None })
            }
            [os, architecture, variant] if [os, architecture, variant].into_iter().all(is_word) => {
                Ok(Self { os: os.into(), architecture: architecture.into(), variant: Some(variant.into()) })
            }
            _ => Err(NotA {
                text: text.into(),
                wanted: "a platform (`os/architecture` or `os/architecture/variant`)",
            }),
        }
    }
}
