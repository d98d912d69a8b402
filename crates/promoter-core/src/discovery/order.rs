//! Order: which tags a rule takes, the best first. Decides by their names alone.

use crate::ImageTag;
use crate::pipeline::{
    ChartSubscription, GitRule, GitStrategy, ImageStrategy, ImageSubscription, TagFilter, VersionRule,
};
use std::fmt;

/// The names that a rule takes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ordered<'t> {
    /// The best first. Where only what is behind a tag decides (`NewestBuild`, `NewestTag`), the last of the letters first.
    pub names: Vec<&'t str>,
    /// What is not among them.
    pub left_out: LeftOut,
}

/// How many names a rule does not take, by the first reason. Prints for people: `3 left out: 2 are no versions, …`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeftOut {
    /// Signatures and attestations, which lie beside what they are about.
    pub signatures: usize,
    /// Texts that are no tags.
    pub not_tags: usize,
    /// Those that `allowTags` and `ignoreTags` keep out.
    pub filtered: usize,
    /// Those that are no versions.
    pub not_versions: usize,
    /// Pre-releases that would lie in the range.
    pub prereleases: usize,
    /// Versions outside the range.
    pub out_of_range: usize,
}

impl LeftOut {
    /// How many.
    pub fn count(&self) -> usize {
        self.reasons().iter().map(|(count, ..)| count).sum()
    }

    /// Counts, with words for one and for several.
    fn reasons(&self) -> [(usize, &'static str, &'static str); 6] {
        [
            (self.signatures, "is a signature or attestation", "are signatures or attestations"),
            (self.not_tags, "is no tag", "are no tags"),
            (
                self.filtered,
                "is kept out by allowTags or ignoreTags",
                "are kept out by allowTags or ignoreTags",
            ),
            (self.not_versions, "is no version", "are no versions"),
            (self.prereleases, "is a pre-release", "are pre-releases"),
            (self.out_of_range, "lies outside the constraint", "lie outside the constraint"),
        ]
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} left out", self.count())?;
        let mut separator = ": ";
        for (count, one, several) in self.reasons().into_iter().filter(|it| it.0 > 0) {
            write!(f, "{separator}{count} {}", if count == 1 { one } else { several })?;
            separator = ", ";
        }
        Ok(())
    }
}

impl ImageSubscription {
    /// The tags that the rule takes, the best first. With `Digest` that is the tag which it follows, listed or not.
    pub fn order<'t>(&'t self, tags: impl IntoIterator<Item = &'t str>) -> Ordered<'t> {
        let sort = match &self.strategy {
            ImageStrategy::Digest(tag) => {
                return Ordered { names: vec![tag.as_str()], left_out: LeftOut::default() };
            }
            ImageStrategy::SemVer(rule) => Sort::Versions(rule),
            ImageStrategy::Lexical | ImageStrategy::NewestBuild => Sort::Letters,
        };
        let mut left_out = LeftOut::default();
        let tags = tags.into_iter().filter(|it| {
            let count = match () {
                () if is_signature(it) => &mut left_out.signatures,
                () if it.parse::<ImageTag>().is_err() => &mut left_out.not_tags,
                () => return true,
            };
            *count += 1;
            false
        });
        let tags: Vec<&str> = tags.collect();
        order(&sort, &self.tags, tags, left_out)
    }

    /// True when a tag is one that the rule takes.
    pub(super) fn takes(&self, tag: &str) -> bool {
        match &self.strategy {
            ImageStrategy::Digest(own) => own.as_str() == tag,
            _ => !self.order([tag]).names.is_empty(),
        }
    }
}

impl ChartSubscription {
    /// The versions that the rule takes, the best first.
    pub fn order<'t>(&self, versions: impl IntoIterator<Item = &'t str>) -> Ordered<'t> {
        order(&Sort::Versions(&self.versions), &TagFilter::default(), versions, LeftOut::default())
    }
}

impl GitRule {
    /// The tags that the rule takes, the best first; none where it follows a branch.
    pub fn order<'t>(&self, tags: impl IntoIterator<Item = &'t str>) -> Ordered<'t> {
        let sort = match &self.strategy {
            GitStrategy::NewestFromBranch => return Ordered::default(),
            GitStrategy::SemVer(rule) => Sort::Versions(rule),
            GitStrategy::Lexical | GitStrategy::NewestTag => Sort::Letters,
        };
        order(&sort, &self.tags, tags, LeftOut::default())
    }

    /// True when a tag is one that the rule takes.
    pub(super) fn takes(&self, tag: &str) -> bool {
        !self.order([tag]).names.is_empty()
    }
}

/// By what names are sorted.
enum Sort<'r> {
    Versions(&'r VersionRule),
    Letters,
}

fn order<'t>(
    sort: &Sort<'_>,
    filter: &TagFilter,
    names: impl IntoIterator<Item = &'t str>,
    mut left_out: LeftOut,
) -> Ordered<'t> {
    let mut taken = Vec::new();
    for name in names {
        if !filter.takes(name) {
            left_out.filtered += 1;
            continue;
        }
        let Sort::Versions(rule) = sort else {
            taken.push((None, name));
            continue;
        };
        match rule.version(name) {
            None => left_out.not_versions += 1,
            Some(version) if rule.accepts(&version) => taken.push((Some(version), name)),
            Some(version) => match rule.with_prereleases().accepts(&version) {
                true => left_out.prereleases += 1,
                false => left_out.out_of_range += 1,
            },
        }
    }
    // Versions that differ in build metadata alone, or in how they are written, go by their letters.
    taken.sort_by(|(a, left), (b, right)| match (a, b) {
        (Some(a), Some(b)) => b.cmp_precedence(a).then_with(|| right.cmp(left)),
        _ => right.cmp(left),
    });
    taken.dedup_by(|a, b| a.1 == b.1);
    Ordered { names: taken.into_iter().map(|(_, name)| name).collect(), left_out }
}

/// True for tags that cosign and others keep beside an image: `sha256-` and its digest, often with `.sig`, `.att` or `.sbom`.
fn is_signature(tag: &str) -> bool {
    let Some((algorithm, rest)) = tag.split_once('-') else {
        return false;
    };
    let digits = rest.split('.').next().unwrap_or(rest);
    let length = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return false,
    };
    digits.len() == length && digits.bytes().all(|it| it.is_ascii_hexdigit())
}
