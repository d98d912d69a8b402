//! Which environment comes after which, by the words in their names.

use super::find::Found;
use promoter_core::Name;

/// Words for environments, from the first to the last.
const WORDS: [&[&str]; 8] = [
    &["dev", "develop", "development", "sandbox", "local", "playground"],
    &["int", "integration", "ci", "test", "testing", "tst"],
    &["qa", "quality"],
    &["load", "perf", "performance", "stress"],
    &["uat", "acc", "acceptance", "demo"],
    &["staging", "stage", "stg", "stag", "nonprod"],
    &["preprod", "preproduction", "canary"],
    &["prod", "production", "prd", "live"],
];
/// What people decide about.
const PRODUCTION: usize = WORDS.len() - 1;

/// An environment in its place.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) found: Found,
    /// The environments of the step before.
    pub(super) after: Vec<Name>,
    /// True where a person has to agree.
    pub(super) by_person: bool,
}

/// How freight comes into an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Promotion {
    /// At once.
    AtOnce,
    /// After a while in the environments before.
    Soaked,
    /// When a person has agreed.
    Approved,
}

impl Promotion {
    /// For people.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::AtOnce => "at once",
            Self::Soaked => "after 30m",
            Self::Approved => "when approved",
        }
    }
}

impl Step {
    /// Carefully: time passes before the next environment, and a person agrees to production.
    pub(super) fn promotion(&self) -> Promotion {
        match (self.by_person, self.after.is_empty()) {
            (true, _) => Promotion::Approved,
            (false, true) => Promotion::AtOnce,
            (false, false) => Promotion::Soaked,
        }
    }
}

/// Where a name stands from the first to the last; `None` when no word of it says so.
pub(super) fn rank(name: &str) -> Option<usize> {
    // `pre-prod` and `non-prod` are one word.
    let joined = name.replace("pre-prod", "preprod").replace("non-prod", "nonprod");
    joined.split('-').find_map(|part| WORDS.iter().position(|words| words.contains(&part)))
}

/// True when a name says that people decide about it: `prod`, `production`, `prod-eu` and the like.
pub(in crate::commands) fn is_production(name: &str) -> bool {
    rank(name) == Some(PRODUCTION)
}

/// Puts environments one after another: in the order that they have, or by their names, those of one rank side by side.
/// Names that say nothing come last, one by one, and a person agrees to each: they may be production.
pub(super) fn order(mut environments: Vec<Found>, as_given: bool) -> Vec<Step> {
    if !as_given {
        let key = |it: &Found| (rank(it.name.as_str()).unwrap_or(usize::MAX), it.name.clone());
        environments.sort_by_key(key);
    }
    let mut groups: Vec<Vec<Found>> = Vec::new();
    for found in environments {
        let own = rank(found.name.as_str()).filter(|_| !as_given);
        match groups.last_mut() {
            Some(group) if own.is_some() && rank(group[0].name.as_str()) == own => group.push(found),
            _ => groups.push(vec![found]),
        }
    }
    let mut steps = Vec::new();
    let mut before: Vec<Name> = Vec::new();
    for group in groups {
        let names = group.iter().map(|it| it.name.clone()).collect();
        let after = std::mem::replace(&mut before, names);
        for found in group {
            let by_person = rank(found.name.as_str()).is_none_or(|it| it == PRODUCTION);
            steps.push(Step { found, after: after.clone(), by_person });
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use promoter_render::SourceKind;

    fn street(names: &str, as_given: bool) -> String {
        let found =
            |it: &str| Found { name: it.parse().unwrap(), folder: it.into(), kind: SourceKind::Plain };
        let steps = order(names.split(' ').map(found).collect(), as_given);
        let after = |it: &Step| it.after.iter().map(Name::as_str).collect::<Vec<_>>().join("+");
        let person = |it: &Step| if it.by_person { "!" } else { "" };
        let one = |it: &Step| format!("{}{}<{}", it.found.name, person(it), after(it));
        steps.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn names_give_the_order() {
        assert_eq!(street("prod staging dev", false), "dev< staging<dev prod!<staging");
        assert_eq!(street("pre-prod prod", false), "pre-prod< prod!<pre-prod");
        assert_eq!(street("prod-us prod-eu qa", false), "qa< prod-eu!<qa prod-us!<qa");
        assert_eq!(street("beta alpha dev", false), "dev< alpha!<dev beta!<alpha");
        assert_eq!(street("us-prod blue eu-staging", false), "eu-staging< us-prod!<eu-staging blue!<us-prod");
    }

    #[test]
    fn a_list_gives_the_order() {
        assert_eq!(street("prod-us prod-eu qa", true), "prod-us!< prod-eu!<prod-us qa<prod-eu");
    }
}
