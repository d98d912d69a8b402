//! Discovery, the pure part: of what registries and repositories say, which artifact a subscription gives.
//!
//! `order` ranks tags, `choose` makes of those that were looked up what was [`Found`], and `forward` holds that against what
//! the newest freight has. Who asks, how often and over which wire is the business of the sources and of the controller; when
//! freight is made of it is the planner's.

mod choose;
mod facts;
mod forward;
mod order;
mod range;
mod version;

pub use choose::{CommitFacts, LookedUp};
pub use facts::{ImageFacts, Platform, PlatformFacts, Provenance};
pub use forward::{Step, Why};
pub use order::{LeftOut, Ordered};
pub use range::{Range, RangeError};
pub use version::version;

use crate::observation::Fact;
use crate::record::FreightRecord;
use crate::{Content, Freight, Name};
use std::collections::{BTreeMap, BTreeSet};

/// What a subscription gave when it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// The best that fits the rule; `None` when nothing does.
    pub chosen: Option<Candidate>,
    /// What was left out or passed over and why, one line each.
    pub notes: Vec<String>,
    /// What would have come first, and could not be looked up or does not run where it should; one line each, and in `notes`
    /// too.
    pub passed_over: Vec<String>,
    /// The next best, best first, for people to choose from.
    pub others: Vec<Candidate>,
    /// What was looked at and does not fit, for a reason that its name does not show: another platform, another author.
    pub unfit: BTreeSet<Content>,
}

/// An artifact that a subscription may give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The artifact.
    pub content: Content,
    /// What is known of it.
    pub about: Provenance,
}

impl Found {
    /// Every candidate, the best first.
    pub fn candidates(&self) -> impl Iterator<Item = &Candidate> {
        self.chosen.iter().chain(&self.others)
    }

    /// The candidate that people mean by a tag, a version, or the id of a commit.
    pub fn called(&self, text: &str) -> Option<&Candidate> {
        self.candidates().find(|it| match &it.content {
            Content::Git { commit, .. } => it.about.tag.as_deref() == Some(text) || commit.as_str() == text,
            Content::Image(image) => image.tag.as_ref().is_some_and(|it| it.as_str() == text),
            Content::Chart { version, .. } => version.as_str() == text,
        })
    }
}

/// What is known of where the artifacts of freight come from: by what was found now, and by what the newest freight's record
/// kept.
pub fn known_about(
    freight: &Freight,
    artifacts: &BTreeMap<Name, Fact<Found>>,
    newest: Option<&FreightRecord>,
) -> BTreeMap<Name, Provenance> {
    let about = |name: &Name, content: &Content| {
        let found = artifacts.get(name).and_then(|it| it.as_ref().ok());
        let found =
            found.and_then(|it| it.candidates().find(|it| it.content == *content)).map(|it| &it.about);
        let before = newest.filter(|it| it.freight.get(name) == Some(content));
        let before = || before.and_then(|it| it.about.get(name));
        found.or_else(before).filter(|it| !it.is_empty()).cloned()
    };
    let all = freight.artifacts().iter();
    all.filter_map(|it| Some((it.name.clone(), about(&it.name, &it.content)?))).collect()
}
