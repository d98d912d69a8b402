//! The tables of kinds and fields, held against the real kustomize: testdata/kustomize-tables/.
//!
//! No table is compared with another; behaviour is. Every kind of `kinds.txt` gets every field of `fields.txt` and every list
//! of `lists.txt`, all of it is built, and what the result shows is written down: which fields changed, which were made,
//! which lists were merged by which keys. `expected/` holds what the result of kustomize v5.8.1 shows, so a row that we
//! lack differs as well as one too many. `PROMOTER_ORACLE=1` asks kustomize anew.

#![expect(clippy::unwrap_used, reason = "a failed unwrap here is a failed test")]

mod facts;
mod fields;
mod merges;
mod references;
mod universe;

use std::fs;
use std::path::Path;

use promoter_kustomize::{MemoryFiles, NoExternals, Options, build};
use promoter_testkit::Kustomize;
use promoter_yaml::{Dialect, Limits};
use serde_json::Value;

/// Who builds.
enum Engine {
    /// promoter.
    Ours,
    /// The installed kustomize, with a folder of its own.
    Real { kustomize: Kustomize, folder: tempfile::TempDir },
}

impl Engine {
    /// The resources that a kustomization makes of `objects.yaml`; `more` are other files.
    fn build(&self, kustomization: &Value, objects: &[Value], more: &[(&str, String)]) -> Vec<Value> {
        let mut files =
            vec![("kustomization.yaml", kustomization.to_string()), ("objects.yaml", documents(objects))];
        files.extend_from_slice(more);
        let printed = match self {
            Self::Ours => ours(&files),
            Self::Real { kustomize, folder } => real(kustomize, folder.path(), &files),
        };
        let nodes = promoter_yaml::parse_all(&printed, Dialect::Resource, &Limits::default()).unwrap();
        nodes.iter().map(|it| promoter_yaml::from_node(it).unwrap()).collect()
    }
}

/// Objects as a YAML stream.
fn documents(objects: &[Value]) -> String {
    objects.iter().map(Value::to_string).collect::<Vec<_>>().join("\n---\n")
}

fn ours(files: &[(&str, String)]) -> String {
    let mut tree = MemoryFiles::new();
    for (path, text) in files {
        tree.insert(path, text.clone().into_bytes()).unwrap();
    }
    build(&tree, "", &Options::default(), &NoExternals).unwrap().to_yaml().unwrap()
}

fn real(kustomize: &Kustomize, folder: &Path, files: &[(&str, String)]) -> String {
    for (path, text) in files {
        fs::write(folder.join(path), text).unwrap();
    }
    kustomize.build(folder).unwrap()
}

/// Compares what our build shows with what is stored; first asks kustomize anew, if that is wanted.
fn check(name: &str, show: impl Fn(&Engine) -> String) {
    let stored = universe::folder().join("expected").join(name);
    if std::env::var_os("PROMOTER_ORACLE").is_some()
        && let Some(kustomize) = Kustomize::installed()
    {
        let folder = tempfile::tempdir().unwrap();
        fs::write(&stored, show(&Engine::Real { kustomize, folder })).unwrap();
    }
    let expected = fs::read_to_string(&stored).unwrap();
    let shown = show(&Engine::Ours);
    let (ours, kustomizes) = (lines_alone(&shown, &expected), lines_alone(&expected, &shown));
    assert!(shown == expected, "{name}: we alone\n{ours}kustomize alone\n{kustomizes}");
}

fn lines_alone(one: &str, other: &str) -> String {
    let alone = one.lines().filter(|line| !other.lines().any(|it| it == *line));
    alone.map(|line| format!("  {line}\n")).collect()
}

#[test]
fn fields_that_are_there() {
    check("fields.txt", fields::changed);
}

#[test]
fn fields_that_are_made() {
    check("made.txt", fields::made);
}

#[test]
fn fields_with_vars() {
    check("vars.txt", fields::with_vars);
}

#[test]
fn names_of_others() {
    check("references.txt", references::changed);
}

#[test]
fn lists_that_merge() {
    check("merges.txt", merges::merged);
}

#[test]
fn order_of_kinds() {
    check("order.txt", fields::order);
}
