//! The policy of an organisation: rules over pipelines, written where teams cannot write, that a pipeline can only make
//! stricter.
//!
//! `read` turns the file into a [`Policy`]; `apply` says what a pipeline comes to under it, and where it asks for less.
//! Who reads the file, and from where, is the controller's business.

mod apply;
mod images;
mod read;

pub use apply::{Effective, Violation};
pub use read::{PolicyError, read};

use crate::pipeline::{Gate, OnFailure, PromotionMode};
use crate::signature::Signer;
use crate::{Name, Place};
use std::fmt;

/// The branch of the pipelines' own repository that is looked at unless another place is named.
pub const POLICY_BRANCH: &str = "promoter/policy";
/// The file's path there.
pub const POLICY_FILE: &str = "policy.yaml";

/// What an organisation asks of pipelines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its name.
    pub name: Name,
    /// The rules in the order of the file. All that match hold.
    pub rules: Vec<Rule>,
    /// Who must have signed images, in the order of the file. All that match hold.
    pub images: Vec<ImageRule>,
}

/// What is asked of some environments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its name, for people.
    pub name: Name,
    /// Where it stands.
    pub at: Place,
    /// Pipelines that it is about; empty: all.
    pub pipelines: Vec<Pattern>,
    /// Environments that it is about; empty: all.
    pub environments: Vec<Pattern>,
    /// Gates that are judged besides those of the pipeline.
    pub gates: Vec<Gate>,
    /// The least strict way of merging: `auto`, then `autoMerge`, then `pullRequest`.
    pub promotion: Option<PromotionMode>,
    /// What an environment may do on failure; empty: anything.
    pub on_failure: Vec<OnFailure>,
    /// True when an environment must come after another one.
    pub after: bool,
    /// True when an environment must have a check.
    pub verification: bool,
    /// False when no render may be empty.
    pub allow_empty: bool,
    /// False when no Secret with data may be rendered.
    pub allow_secrets: bool,
}

/// Who must have signed the images of some repositories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRule {
    /// Its name, for people.
    pub name: Name,
    /// Where it stands.
    pub at: Place,
    /// Repositories that it is about, in their normal form: `docker.io/library/nginx`. Not empty.
    pub repositories: Vec<Pattern>,
    /// Pipelines that it is about; empty: all.
    pub pipelines: Vec<Pattern>,
    /// Environments that it is about; empty: all, and then images that do not meet it become no freight.
    pub environments: Vec<Pattern>,
    /// Who must have signed.
    pub signer: Signer,
}

/// A name in which each `*` stands for any letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// Takes any text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// True when a name is one of those that are meant.
    pub fn fits(&self, name: &str) -> bool {
        let mut parts = self.0.split('*');
        let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
            return false;
        };
        let parts: Vec<&str> = parts.collect();
        let Some((last, between)) = parts.split_last() else {
            return rest.is_empty();
        };
        for part in between {
            match rest.find(part) {
                Some(start) => rest = &rest[start + part.len()..],
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// True when a name is meant by one of several patterns, or when there is none.
fn among(patterns: &[Pattern], name: &Name) -> bool {
    patterns.is_empty() || patterns.iter().any(|it| it.fits(name.as_str()))
}

impl Rule {
    fn is_about(&self, pipeline: &Name, environment: &Name) -> bool {
        among(&self.pipelines, pipeline) && among(&self.environments, environment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_letters() {
        for (pattern, fits, not) in [
            ("prod", &["prod"][..], &["prod-eu", "preprod", ""][..]),
            ("prod*", &["prod", "prod-eu"], &["preprod"]),
            ("*prod", &["prod", "preprod"], &["prod-eu"]),
            ("*-prod-*", &["a-prod-b", "a-prod--prod-b"], &["-prod", "prod"]),
            ("a*b*a", &["aba", "axbxa"], &["ab", "a", "aa"]),
            ("*", &["", "x"], &[]),
        ] {
            let pattern = Pattern::new(pattern);
            assert!(fits.iter().all(|it| pattern.fits(it)), "{pattern:?}");
            assert!(!not.iter().any(|it| pattern.fits(it)), "{pattern:?}");
        }
    }
}
