//! Only forward: what becomes of what was found, given what the newest freight holds.
//!
//! A tag that is gone, or that could not be looked up, makes something lesser the best that is there. That decides nothing: while
//! what is held fits the rule, only what ranks as high or higher takes its place. People go back by hand.

use super::{Candidate, Found, Provenance};
use crate::pipeline::{GitRule, GitStrategy, ImageStrategy, SubscriptionOrigin, VersionRule};
use crate::{Content, UnixSeconds};
use semver::Version;
use std::cmp::Ordering;

/// What becomes of what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// It is new, and takes its place in freight.
    Take(&'a Candidate),
    /// It is what freight holds.
    Same,
    /// What is held stays, though this is the best that is there.
    Stay(&'a Candidate, Why),
    /// Nothing fits the rule; what is held stays.
    Nothing,
}

/// Why something that was found does not take the place of what is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It ranks lower.
    Lower,
    /// When what is held was built is not known, and it is no longer there to be looked at.
    Unknown,
}

impl Found {
    /// Decides between what was found and what the newest freight holds, with what is known of that.
    pub fn step(
        &self,
        origin: &SubscriptionOrigin,
        held: Option<(&Content, Option<&Provenance>)>,
    ) -> Step<'_> {
        let (chosen, (content, about)) = match (&self.chosen, held) {
            (None, _) => return Step::Nothing,
            (Some(chosen), None) => return Step::Take(chosen),
            (Some(chosen), Some((content, _))) if chosen.content.to_string() == content.to_string() => {
                return Step::Same;
            }
            (Some(chosen), Some(held)) => (chosen, held),
        };
        // What nobody wrote down is looked at again where it is still there.
        let again = self.others.iter().find(|it| it.content == *content).map(|it| &it.about);
        let known = || about.into_iter().chain(again);
        let about = &Provenance {
            created: known().find_map(|it| it.created),
            tag: known().find_map(|it| it.tag.clone()),
            ..Provenance::default()
        };
        if self.unfit.contains(content) {
            return Step::Take(chosen);
        }
        let Some(held) = rank(origin, content, about) else {
            return Step::Take(chosen);
        };
        let found = rank(origin, &chosen.content, &chosen.about);
        match found.map_or(Some(Ordering::Less), |it| it.partial_cmp(&held)) {
            Some(Ordering::Equal | Ordering::Greater) => Step::Take(chosen),
            Some(Ordering::Less) => Step::Stay(chosen, Why::Lower),
            None => Step::Stay(chosen, Why::Unknown),
        }
    }
}

/// Where an artifact stands among those that a rule takes.
#[derive(Debug, PartialEq, Eq)]
enum Rank<'a> {
    Version(Version, &'a str),
    Letters(&'a str),
    Built(Option<UnixSeconds>, &'a str),
    /// The rule follows something that moves as it likes.
    Followed,
}

impl Rank<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Version(_, name) | Self::Letters(name) | Self::Built(_, name) => name,
            Self::Followed => "",
        }
    }
}

impl PartialOrd for Rank<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Version(a, x), Self::Version(b, y)) => Some(a.cmp_precedence(b).then_with(|| x.cmp(y))),
            (Self::Letters(a), Self::Letters(b)) => Some(a.cmp(b)),
            (Self::Built(Some(a), x), Self::Built(Some(b), y)) => Some((a, x).cmp(&(b, y))),
            // The tag was pushed again: what stood there before is over.
            (Self::Built(..), Self::Built(..)) if self.name() == other.name() => Some(Ordering::Equal),
            (Self::Followed, Self::Followed) => Some(Ordering::Equal),
            _ => None,
        }
    }
}

/// The rank of an artifact; `None` when it does not fit the rule.
fn rank<'a>(origin: &SubscriptionOrigin, content: &'a Content, about: &'a Provenance) -> Option<Rank<'a>> {
    match (origin, content) {
        (SubscriptionOrigin::Image(own), Content::Image(image)) => {
            let tag = image.tag.as_ref()?.as_str();
            if !own.takes(tag) {
                return None;
            }
            Some(match &own.strategy {
                ImageStrategy::SemVer(rule) => Rank::Version(rule.version(tag)?, tag),
                ImageStrategy::Lexical => Rank::Letters(tag),
                ImageStrategy::NewestBuild => Rank::Built(about.created, tag),
                ImageStrategy::Digest(_) => Rank::Followed,
            })
        }
        (SubscriptionOrigin::Chart(own), Content::Chart { version, .. }) => {
            let text = version.as_str();
            version_rank(&own.versions, text)
        }
        (SubscriptionOrigin::Git(own), Content::Git { .. }) => git(&own.rule, about),
        (SubscriptionOrigin::Dry(rule), Content::Git { .. }) => git(rule, about),
        _ => None,
    }
}

fn git<'a>(rule: &GitRule, about: &'a Provenance) -> Option<Rank<'a>> {
    let tag = || about.tag.as_deref().filter(|it| rule.takes(it));
    match &rule.strategy {
        GitStrategy::NewestFromBranch => Some(Rank::Followed),
        GitStrategy::SemVer(versions) => version_rank(versions, tag()?),
        GitStrategy::Lexical => Some(Rank::Letters(tag()?)),
        GitStrategy::NewestTag => Some(Rank::Built(about.created, tag()?)),
    }
}

fn version_rank<'a>(rule: &VersionRule, text: &'a str) -> Option<Rank<'a>> {
    let version = rule.version(text).filter(|it| rule.accepts(it))?;
    Some(Rank::Version(version, text))
}
