//! Freight: a set of artifacts promoted as a unit, named by the hash of its content.
//!
//! Decides the canonical text and with it the id. Leaves to the lock how freight is written in YAML, and to
//! `setting` how people name artifacts on a command line.

use crate::{ChartUrl, ChartVersion, CommitId, Digest, GitUrl, Name, NotA, PinnedImage, Repository, alias};
use std::fmt;
use std::str::FromStr;

/// What an artifact is pinned to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Content {
    /// A commit of a git repository.
    Git {
        /// The repository.
        url: GitUrl,
        /// The commit.
        commit: CommitId,
    },
    /// An image by digest.
    Image(PinnedImage),
    /// A chart by digest.
    Chart {
        /// The chart.
        url: ChartUrl,
        /// Its version, for people and for helm.
        version: ChartVersion,
        /// SHA-256 of the chart's archive.
        digest: Digest,
    },
}

impl Content {
    /// Where such content comes from.
    pub fn origin(&self) -> Origin {
        match self {
            Self::Git { url, .. } => Origin::Git(url.clone()),
            Self::Image(image) => Origin::Image(image.repository.clone()),
            Self::Chart { url, .. } => Origin::Chart(url.clone()),
        }
    }
}

impl fmt::Display for Content {
    /// The words of the canonical text: kind, normal address, pin.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Git { url, commit } => write!(f, "git {} {commit}", url.normal()),
            Self::Image(image) => write!(f, "image {image}"),
            Self::Chart { url, version, digest } => write!(f, "chart {} {version} {digest}", url.normal()),
        }
    }
}

/// Where artifacts of one name come from: an artifact without its pin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A git repository.
    Git(GitUrl),
    /// An image repository.
    Image(Repository),
    /// A chart.
    Chart(ChartUrl),
}

/// One thing pinned by content, under the name of its subscription.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Artifact {
    /// Its name, unique in a freight.
    pub name: Name,
    /// Its pin.
    pub content: Content,
}

impl fmt::Display for Artifact {
    /// A line of the canonical text, without its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.content)
    }
}

/// A set of artifacts promoted as a unit: at least one, sorted by name, names unique.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Freight {
    artifacts: Vec<Artifact>,
}

impl Freight {
    /// Takes artifacts in any order.
    ///
    /// Errors: none at all, or two of one name.
    pub fn new(mut artifacts: Vec<Artifact>) -> Result<Self, FreightError> {
        artifacts.sort();
        if artifacts.is_empty() {
            return Err(FreightError::Empty);
        }
        match artifacts.windows(2).find(|it| it[0].name == it[1].name) {
            Some(twice) => Err(FreightError::Twice(twice[0].name.clone())),
            None => Ok(Self { artifacts }),
        }
    }

    /// The artifacts, sorted by name.
    pub fn artifacts(&self) -> &[Artifact] {
        &self.artifacts
    }

    /// The content under a name.
    pub fn get(&self, name: &Name) -> Option<&Content> {
        self.artifacts.iter().find(|it| it.name == *name).map(|it| &it.content)
    }

    /// The same freight with one artifact put in or replaced.
    #[must_use]
    pub fn with(mut self, artifact: Artifact) -> Self {
        match self.artifacts.binary_search_by(|it| it.name.cmp(&artifact.name)) {
            Ok(index) => self.artifacts[index] = artifact,
            Err(index) => self.artifacts.insert(index, artifact),
        }
        self
    }

    /// The text that is hashed: a header, then one artifact per line in byte order.
    ///
    /// Shape: `name git ADDRESS COMMIT`, `name image REFERENCE`, `name chart ADDRESS VERSION DIGEST`, addresses and
    /// references in their normal form. Every field is a single word (their types check it), so two different
    /// freights never share a text. `sha256sum` of it reproduces the id.
    pub fn canonical(&self) -> String {
        let mut lines: Vec<String> = self.artifacts.iter().map(|it| format!("{it}\n")).collect();
        lines.sort();
        format!("promoter-freight v1\n{}", lines.concat())
    }

    /// The name of this content.
    pub fn id(&self) -> FreightId {
        FreightId(Digest::of(self.canonical().as_bytes()))
    }

    /// What differs from this freight to the next, by name.
    pub fn changes(&self, next: &Self) -> Vec<Change> {
        let gone = self.artifacts.iter().filter(|it| next.get(&it.name).is_none());
        let gone =
            gone.map(|it| Change { name: it.name.clone(), before: Some(it.content.clone()), after: None });
        let differs = next.artifacts.iter().filter(|it| {
            // By the canonical words: another spelling of the same address is no change.
            self.get(&it.name).is_none_or(|before| before.to_string() != it.content.to_string())
        });
        let differs = differs.map(|it| Change {
            name: it.name.clone(),
            before: self.get(&it.name).cloned(),
            after: Some(it.content.clone()),
        });
        let mut changes: Vec<Change> = gone.chain(differs).collect();
        changes.sort_by(|a, b| a.name.cmp(&b.name));
        changes
    }
}

/// One artifact that differs between two freights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its name.
    pub name: Name,
    /// What it was pinned to.
    pub before: Option<Content>,
    /// What it is pinned to.
    pub after: Option<Content>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |it: &Option<Content>| it.as_ref().map_or_else(|| "nothing".into(), ToString::to_string);
        write!(f, "{}: {} -> {}", self.name, side(&self.before), side(&self.after))
    }
}

/// The name of a freight: the SHA-256 of its canonical text. Prints as `sha256:` and 64 digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FreightId(Digest);

impl FreightId {
    /// The 64 hexadecimal digits.
    pub fn hex(&self) -> &str {
        self.0.hex()
    }

    /// The first 12 digits, for tables.
    pub fn short(&self) -> &str {
        &self.hex()[..12]
    }

    /// The name for people, always the same for one id: `brave-otter`. Not unique.
    pub fn alias(&self) -> String {
        alias::of(self.hex())
    }
}

impl From<Digest> for FreightId {
    fn from(digest: Digest) -> Self {
        Self(digest)
    }
}

impl FromStr for FreightId {
    type Err = NotA;

    fn from_str(text: &str) -> Result<Self, NotA> {
        text.parse().map(Self)
    }
}

impl fmt::Display for FreightId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why artifacts make no freight.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FreightError {
    /// No artifact.
    #[error("freight needs at least one artifact")]
    Empty,
    /// Two artifacts of one name.
    #[error("freight has two artifacts named `{0}`")]
    Twice(Name),
}
