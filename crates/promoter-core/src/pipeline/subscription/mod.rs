//! Subscriptions: where the artifacts of one name come from, and which of those that are there is wanted.
//!
//! Here is what a rule is, and `read` takes it out of promoter.yaml. What it chooses is decided in `discovery`.

mod pattern;
mod read;

pub use pattern::{PathPattern, Pattern};
pub(super) use read::subscription;

use crate::discovery::{Platform, Range, version};
use crate::expression::Expression;
use crate::signature::SignatureRule;
use crate::{ChartUrl, GitUrl, ImageTag, Name, Origin, Place, Repository, Seconds};
use semver::Version;

/// Where the artifacts of one name are discovered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The artifact's name in freight.
    pub name: Name,
    /// Where it stands.
    pub at: Place,
    /// Where artifacts come from.
    pub origin: SubscriptionOrigin,
    /// How often that is asked; the dry branch is looked at with every poll of its repository.
    pub interval: Seconds,
}

/// The kinds of subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubscriptionOrigin {
    /// This repository: its dry branch, or tags of it.
    Dry(GitRule),
    /// Another git repository.
    Git(GitSubscription),
    /// An image repository.
    Image(ImageSubscription),
    /// A chart.
    Chart(ChartSubscription),
}

/// Commits of a repository that is not that of the pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitSubscription {
    /// The repository.
    pub url: GitUrl,
    /// The branch for [`GitStrategy::NewestFromBranch`]; `None` is the repository's default one.
    pub branch: Option<String>,
    /// Which commit.
    pub rule: GitRule,
}

/// Which commit of a repository is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitRule {
    /// How the best is chosen.
    pub strategy: GitStrategy,
    /// Which tags count; all, for [`GitStrategy::NewestFromBranch`].
    pub tags: TagFilter,
    /// Which changes count.
    pub paths: PathFilter,
    /// What must hold of the commit: a condition over [`COMMIT_FIELDS`].
    pub expression: Option<Expression>,
    /// How many candidates are tried, and kept for people to choose from.
    pub discovery_limit: u32,
}

/// The variables of a git subscription's `expression`; `tag` is empty on a branch.
pub const COMMIT_FIELDS: [&str; 7] = ["id", "author", "committer", "subject", "message", "date", "tag"];

/// How the best commit is chosen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum GitStrategy {
    /// The newest of a branch.
    #[default]
    NewestFromBranch,
    /// That of the highest version among the tags.
    SemVer(VersionRule),
    /// That of the tag that is last in the order of its letters.
    Lexical,
    /// That of the tag that was made last.
    NewestTag,
}

/// Which image of a repository is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSubscription {
    /// The repository.
    pub repository: Repository,
    /// How the best is chosen.
    pub strategy: ImageStrategy,
    /// Which tags count.
    pub tags: TagFilter,
    /// What the image has to run on; `None` takes it as it is.
    pub platform: Option<Platform>,
    /// Who must have signed it: all of them.
    pub signatures: Vec<SignatureRule>,
    /// How many candidates are tried, and kept for people to choose from.
    pub discovery_limit: u32,
}

/// How the best image is chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageStrategy {
    /// The highest version among the tags.
    SemVer(VersionRule),
    /// The tag that is last in the order of its letters.
    Lexical,
    /// What was built last.
    NewestBuild,
    /// What one tag stands for now.
    Digest(ImageTag),
}

/// Which version of a chart is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartSubscription {
    /// The chart.
    pub url: ChartUrl,
    /// Which versions.
    pub versions: VersionRule,
    /// How many candidates are kept for people to choose from.
    pub discovery_limit: u32,
}

/// Which versions are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VersionRule {
    /// The range that they lie in; `None` takes every one.
    pub range: Option<Range>,
    /// True where pre-releases are wanted even if the range names none.
    pub prereleases: bool,
    /// True where a version has three numbers.
    pub strict: bool,
}

impl VersionRule {
    /// The version that a text is.
    pub fn version(&self, text: &str) -> Option<Version> {
        version(text, self.strict)
    }

    /// The same with pre-releases.
    pub(crate) fn with_prereleases(&self) -> Self {
        Self { prereleases: true, ..self.clone() }
    }

    /// True when a version is wanted.
    pub fn accepts(&self, version: &Version) -> bool {
        match &self.range {
            Some(range) => range.accepts(version, self.prereleases),
            None => self.prereleases || version.pre.is_empty(),
        }
    }
}

/// Which tags count: those that a pattern of `allow` is found in (all, where there is none), without those that one of
/// `ignore` is found in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TagFilter {
    /// `allowTags`.
    pub allow: Vec<Pattern>,
    /// `ignoreTags`.
    pub ignore: Vec<Pattern>,
}

impl TagFilter {
    /// True when a tag counts.
    pub fn takes(&self, tag: &str) -> bool {
        (self.allow.is_empty() || self.allow.iter().any(|it| it.matches(tag)))
            && !self.ignore.iter().any(|it| it.matches(tag))
    }
}

/// Which paths count: those of `include` (all, where there is none), without those of `exclude`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PathFilter {
    /// `includePaths`.
    pub include: Vec<PathPattern>,
    /// `excludePaths`.
    pub exclude: Vec<PathPattern>,
}

impl PathFilter {
    /// True when a change of this file counts.
    pub fn takes(&self, path: &str) -> bool {
        (self.include.is_empty() || self.include.iter().any(|it| it.matches(path)))
            && !self.exclude.iter().any(|it| it.matches(path))
    }

    /// True when every change counts, so that nobody has to look which there are.
    pub fn is_empty(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }
}

impl GitRule {
    /// True for `git: {}`: the newest commit, whatever it is.
    pub fn is_plain(&self) -> bool {
        self.strategy == GitStrategy::NewestFromBranch && self.paths.is_empty() && self.expression.is_none()
    }
}

impl SubscriptionOrigin {
    /// True for that of the dry branch.
    pub fn is_dry(&self) -> bool {
        matches!(self, Self::Dry(_))
    }

    /// How many patterns of tags and paths it holds.
    pub(super) fn patterns(&self) -> usize {
        let tags = |it: &TagFilter| it.allow.len() + it.ignore.len();
        let git = |it: &GitRule| tags(&it.tags) + it.paths.include.len() + it.paths.exclude.len();
        match self {
            Self::Dry(rule) => git(rule),
            Self::Git(it) => git(&it.rule),
            Self::Image(it) => tags(&it.tags),
            Self::Chart(_) => 0,
        }
    }

    /// Where its artifacts come from; `dry` is the repository of the dry branch.
    pub fn origin(&self, dry: &GitUrl) -> Origin {
        match self {
            Self::Dry(_) => Origin::Git(dry.clone()),
            Self::Git(it) => Origin::Git(it.url.clone()),
            Self::Image(it) => Origin::Image(it.repository.clone()),
            Self::Chart(it) => Origin::Chart(it.url.clone()),
        }
    }
}
