//! What a result shows, as lines: a topic with the kinds to which it applies.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::universe::{Kind, kinds};

/// Lines in the making.
#[derive(Default)]
pub(crate) struct Facts(BTreeMap<String, BTreeSet<Kind>>);

impl Facts {
    /// Notes that a topic applies to a kind.
    pub(crate) fn note(&mut self, topic: String, kind: &Kind) {
        self.0.entry(topic).or_default().insert(kind.clone());
    }

    /// The lines, each a topic with its kinds.
    pub(crate) fn print(&self) -> String {
        let all: BTreeSet<Kind> = kinds().into_iter().collect();
        let line = |(topic, of): (&String, &BTreeSet<Kind>)| format!("{topic}: {}\n", sum_up(&all, of));
        self.0.iter().map(line).collect()
    }
}

/// The kind of a result.
pub(crate) fn kind_of(object: &Value) -> Kind {
    let text = |key: &str| object[key].as_str().unwrap().to_owned();
    Kind { name: text("kind"), api_version: text("apiVersion") }
}

/// Kinds in few words: `*` for all, a bare name for a kind in all its versions.
fn sum_up(all: &BTreeSet<Kind>, some: &BTreeSet<Kind>) -> String {
    let others: BTreeSet<Kind> = all.difference(some).cloned().collect();
    if others.is_empty() {
        return "*".into();
    }
    if some.len() > others.len() {
        return format!("* except {}", sum_up(all, &others));
    }
    let in_all_versions =
        |kind: &Kind| all.iter().filter(|it| it.name == kind.name).all(|it| some.contains(it));
    let word = |kind: &Kind| if in_all_versions(kind) { kind.name.clone() } else { kind.to_string() };
    let mut words: Vec<String> = some.iter().map(word).collect();
    words.dedup();
    words.join(", ")
}
