//! Which fields and kinds the cases used, and how many of those were built.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::case::{Case, Content, NAMES};
use crate::value::Value;

/// Fields below which the keys are people's own.
const FREE: [&str; 16] = [
    "pairs",
    "labels",
    "annotations",
    "commonLabels",
    "commonAnnotations",
    "metadata",
    "patch",
    "jsonOp",
    "literals",
    "files",
    "value",
    "resources",
    "patches",
    "data",
    "spec",
    "path",
];

/// Counts of cases by what they use: how many there were, how many of them both sides built.
#[derive(Debug, Default)]
pub(crate) struct Coverage(BTreeMap<String, (u64, u64)>);

impl Coverage {
    /// Counts one case.
    pub(crate) fn add(&mut self, features: BTreeSet<String>, built: bool) {
        for feature in features {
            let count = self.0.entry(feature).or_default();
            count.0 += 1;
            count.1 += u64::from(built);
        }
    }

    /// One line for each feature: cases, built, name.
    pub(crate) fn table(&self) -> String {
        let mut out = String::from("   cases    built  field or kind\n");
        for (feature, (cases, built)) in &self.0 {
            // Writing to a string does not fail.
            let _ = writeln!(out, "{cases:>8} {built:>8}  {feature}");
        }
        out
    }
}

/// The fields of kustomizations and plugin files that a case uses, and the kinds of its objects.
pub(crate) fn features(case: &Case) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (path, content) in &case.files {
        let Content::Yaml(documents, _) = content else { continue };
        let name = path.rsplit('/').next().unwrap_or(path);
        for document in documents {
            if NAMES.contains(&name) {
                let is_component = document.text_at(&["kind"]) == Some("Component");
                let root = if is_component { "Component" } else { "Kustomization" };
                walk(document, root, &mut found);
            } else if document.text_at(&["apiVersion"]) == Some("builtin") {
                walk(document, document.text_at(&["kind"]).unwrap_or_default(), &mut found);
            } else if let Some(kind) = document.text_at(&["kind"]) {
                found.insert(format!("kind {kind}"));
            }
        }
    }
    found
}

fn walk(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Map { entries, .. } => {
            for (key, value) in entries {
                let below = format!("{path}.{}", key.text);
                found.insert(below.clone());
                let is_top = !path.contains('.');
                let is_free = FREE.contains(&key.text.as_str());
                if !is_free || (is_top && matches!(key.text.as_str(), "patches" | "labels")) {
                    walk(value, &below, found);
                }
            }
        }
        Value::Seq { items, .. } => items.iter().for_each(|it| walk(it, path, found)),
        Value::Embedded(documents) => {
            let plugins = documents.iter().filter(|it| it.text_at(&["apiVersion"]) == Some("builtin"));
            plugins.for_each(|it| walk(it, it.text_at(&["kind"]).unwrap_or_default(), found));
        }
        _ => {}
    }
}
