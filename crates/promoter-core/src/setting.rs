//! How people name artifacts on a command line: `NAME=VALUE`.
//!
//! Decides what a short value means beside what is known about the name. Leaves looking up a tag's digest to
//! whoever can ask a registry.

use crate::{
    Artifact, ChartUrl, Content, Diagnosis, GitUrl, ImageError, ImageRef, Name, NotA, Origin, PinnedImage,
    Repository, UrlError,
};
use std::str::FromStr;

/// One `NAME=VALUE`, not yet held against what is known about the name.
///
/// `config=COMMIT` or `config=URL@COMMIT`; `web=TAG@DIGEST`, `web=DIGEST` or `web=REPOSITORY:TAG@DIGEST`;
/// `redis=VERSION@DIGEST` or `redis=URL:VERSION@DIGEST`. The short forms keep the address that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The artifact.
    pub name: Name,
    /// What follows the first `=`.
    pub value: String,
}

impl FromStr for Setting {
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Self, SettingError> {
        let (name, value) = text.split_once('=').ok_or_else(|| SettingError::NoName(text.into()))?;
        if value.is_empty() {
            return Err(SettingError::NoName(text.into()));
        }
        let name = name.parse().map_err(|reason| SettingError::Name { text: text.into(), reason })?;
        Ok(Self { name, value: value.into() })
    }
}

impl Setting {
    /// The artifact that it names; `origin` is where artifacts of that name come from, if that is known.
    pub fn resolve(&self, origin: Option<&Origin>) -> Result<Artifact, SettingError> {
        let content = match origin {
            Some(Origin::Git(url)) => self.git(Some(url)),
            Some(Origin::Image(repository)) => self.image(&self.image_text(repository)),
            Some(Origin::Chart(url)) => self.chart(Some(url)),
            None => match self.value.rsplit_once('@') {
                Some((_, pin)) if !pin.contains([':', '/']) => self.git(None),
                _ if self.value.contains("://") => self.chart(None),
                _ if self.value.contains(['/', ':']) => self.image(&self.value),
                _ => Err(SettingError::Unknown(self.name.clone())),
            },
        }?;
        Ok(Artifact { name: self.name.clone(), content })
    }

    /// The whole reference, where the value may be only what stands behind the repository.
    fn image_text(&self, repository: &Repository) -> String {
        let value = &self.value;
        let head = value.split('@').next().unwrap_or_default();
        match () {
            () if ["sha256:", "sha384:", "sha512:"].iter().any(|it| value.starts_with(it)) => {
                format!("{repository}@{value}")
            }
            () if head.contains(['/', ':']) => value.clone(),
            () => format!("{repository}:{value}"),
        }
    }

    fn image(&self, text: &str) -> Result<Content, SettingError> {
        let wrong = |reason| SettingError::Image { name: self.name.clone(), reason };
        let ImageRef { repository, tag, digest } = text.parse().map_err(wrong)?;
        match digest {
            Some(digest) => Ok(Content::Image(PinnedImage { repository, tag, digest })),
            None => Err(SettingError::NoDigest { name: self.name.clone(), image: text.into() }),
        }
    }

    fn git(&self, known: Option<&GitUrl>) -> Result<Content, SettingError> {
        let wrong = |reason: NotA| SettingError::Value { name: self.name.clone(), reason };
        match (self.value.rsplit_once('@'), known) {
            (Some((url, commit)), _) => {
                let url = url.parse().map_err(|reason| self.url(reason))?;
                Ok(Content::Git { url, commit: commit.parse().map_err(wrong)? })
            }
            (None, Some(url)) => {
                Ok(Content::Git { url: url.clone(), commit: self.value.parse().map_err(wrong)? })
            }
            (None, None) => Err(SettingError::Unknown(self.name.clone())),
        }
    }

    fn chart(&self, known: Option<&ChartUrl>) -> Result<Content, SettingError> {
        let wrong = |reason: NotA| SettingError::Value { name: self.name.clone(), reason };
        let no_digest = || SettingError::NoDigest { name: self.name.clone(), image: self.value.clone() };
        let (head, digest) = self.value.rsplit_once('@').ok_or_else(no_digest)?;
        let digest = digest.parse().map_err(wrong)?;
        let (url, version) = match (head.rsplit_once(':'), known) {
            (Some((url, version)), _) if !version.contains('/') => {
                (url.parse().map_err(|reason| self.url(reason))?, version)
            }
            (None, Some(url)) => (url.clone(), head),
            _ => return Err(SettingError::NoVersion { name: self.name.clone(), chart: self.value.clone() }),
        };
        Ok(Content::Chart { url, version: version.parse().map_err(wrong)?, digest })
    }

    fn url(&self, reason: UrlError) -> SettingError {
        SettingError::Url { name: self.name.clone(), reason }
    }
}

/// Why a `NAME=VALUE` names no artifact.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// Not of the form.
    #[error("`{0}` is not of the form NAME=VALUE")]
    NoName(String),
    /// The name is none.
    #[error("`{text}`: {reason}")]
    Name {
        /// As written.
        text: String,
        /// Why.
        reason: NotA,
    },
    /// The value is no image reference.
    #[error("artifact `{name}`: {reason}")]
    Image {
        /// The artifact.
        name: Name,
        /// Why.
        reason: ImageError,
    },
    /// The value has an address that is none.
    #[error("artifact `{name}`: {reason}")]
    Url {
        /// The artifact.
        name: Name,
        /// Why.
        reason: UrlError,
    },
    /// The value has a pin that is none.
    #[error("artifact `{name}`: {reason}")]
    Value {
        /// The artifact.
        name: Name,
        /// Why.
        reason: NotA,
    },
    /// An image or chart by a tag or version alone.
    #[error("artifact `{name}`: `{image}` has no digest")]
    NoDigest {
        /// The artifact.
        name: Name,
        /// As far as it is known.
        image: String,
    },
    /// A chart without its version.
    #[error("artifact `{name}`: `{chart}` has no version")]
    NoVersion {
        /// The artifact.
        name: Name,
        /// As written.
        chart: String,
    },
    /// A short value for a name that nothing is known about.
    #[error("artifact `{0}` is new here, so its value needs an address")]
    Unknown(Name),
}

impl SettingError {
    /// The error as a person reads it.
    pub fn diagnosis(&self) -> Diagnosis {
        let hint_forms = "`web=REPOSITORY:TAG@DIGEST`, `config=URL@COMMIT` or `redis=URL:VERSION@DIGEST`";
        match self {
            Self::NoDigest { name, image } => Diagnosis::input("artifact-no-digest", self)
                .hint(format!("tags move, so give the digest too: `{name}={image}@sha256:…`")),
            Self::Unknown(_) => {
                Diagnosis::input("artifact-unknown", self).hint(format!("write {hint_forms}"))
            }
            Self::NoName(_)
            | Self::Name { .. }
            | Self::Image { .. }
            | Self::Url { .. }
            | Self::Value { .. }
            | Self::NoVersion { .. } => {
                Diagnosis::input("artifact-wrong", self).hint(format!("write {hint_forms}"))
            }
        }
    }
}
