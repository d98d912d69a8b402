//! Environments that a hotfix went around: what runs after them is not in them yet, so the next promotion would take it
//! out again. They are pointed out until somebody brings it in.

use crate::facts::{Facts, Locked, Standing};
use crate::record::Phase;
use crate::{FreightId, Name};
use std::collections::{BTreeMap, BTreeSet};

/// For each environment that is behind, the environments after it with freight that went around it.
pub(super) struct Behind<'a>(BTreeMap<&'a Name, Vec<(&'a Name, String)>>);

impl<'a> Behind<'a> {
    pub(super) fn of(facts: &Facts<'a>) -> Self {
        let mut behind: BTreeMap<&'a Name, Vec<(&'a Name, String)>> = BTreeMap::new();
        for rules in &facts.pipeline.environments {
            let Some(locked) = locked(facts, &rules.name) else {
                continue;
            };
            let before = &rules.after.environments;
            if before.is_empty() || before.iter().any(|it| has_verified(facts, it, &locked.id)) {
                continue;
            }
            for name in ancestors(facts, &rules.name) {
                if is_behind(facts, name, &locked.id) {
                    behind.entry(name).or_default().push((&rules.name, locked.id.alias()));
                }
            }
        }
        Self(behind)
    }

    /// The words for an environment that is behind.
    pub(super) fn words(&self, name: &Name) -> Option<String> {
        let all = self.0.get(name)?;
        let one = |(after, alias): &(&Name, String)| format!("{alias} in {after}");
        let list = all.iter().map(one).collect::<Vec<_>>().join(", ");
        let alias = &all.first()?.1;
        Some(format!(
            "is behind {list}, which came around it: `promoter promote {alias} {name}`, or newer, brings it in"
        ))
    }
}

fn locked<'f>(facts: &'f Facts<'_>, name: &Name) -> Option<&'f Locked<'f>> {
    let standing: &Standing<'_> = facts.environment(name)?;
    standing.active.as_ref().ok()?.locked.as_ref()
}

fn has_verified(facts: &Facts<'_>, name: &Name, id: &FreightId) -> bool {
    let record = facts.records_of(name).and_then(|it| it.verified.get(id));
    // Nobody knows of an unreadable record what it says.
    record.is_some_and(|it| it.as_ref().map_or(true, |it| it.phase == Phase::Passed))
}

/// True when an environment runs older freight and never had this.
fn is_behind(facts: &Facts<'_>, name: &Name, id: &FreightId) -> bool {
    let record = facts.records_of(name).and_then(|it| it.verified.get(id));
    let (own, other) = (locked(facts, name), facts.known(id));
    let own = own.and_then(|it| facts.known(&it.id));
    record.is_none() && own.zip(other).is_some_and(|(own, other)| own.age < other.age)
}

/// The environments before one, near and far.
fn ancestors<'a>(facts: &Facts<'a>, name: &Name) -> BTreeSet<&'a Name> {
    let mut found = BTreeSet::new();
    let before = |name: &Name| {
        facts.environment(name).map(|it| it.rules.after.environments.as_slice()).unwrap_or_default()
    };
    let mut left: Vec<&'a Name> = before(name).iter().collect();
    while let Some(name) = left.pop() {
        if found.insert(name) {
            left.extend(before(name));
        }
    }
    found
}
