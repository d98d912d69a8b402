//! Random strategic merges that are put to the installed kustomize.
//!
//! Resources and patches are drawn from few names, so that elements meet, double, and lack their keys; patches carry
//! directives and nulls. What promoter accepts goes to kustomize in one build, what it refuses one by one.

use std::fs;
use std::path::Path;

use promoter_kustomize::MemoryFiles;
use promoter_testkit::Kustomize;
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::ours;

const MERGES: usize = 150;

#[test]
fn random_merges_are_those_of_kustomize() {
    let Some(kustomize) = Kustomize::installed() else {
        return;
    };
    let mut runner = TestRunner::deterministic();
    let mut draw = |strategy: &Any| strategy.new_tree(&mut runner).unwrap().current();
    let kinds = [("apps/v1", "Deployment"), ("v1", "Service"), ("example.com/v1", "App")];
    let strategies: Vec<(Any, Any)> = kinds.iter().map(|it| (body(it.1, false), body(it.1, true))).collect();
    let (mut accepted, mut refused) = (Vec::new(), 0);
    for number in 0..MERGES {
        let at = number % kinds.len();
        let text = |body: Value| document(kinds[at], number, body);
        let merge = (text(draw(&strategies[at].0)), text(draw(&strategies[at].1)));
        if ours(&memory(std::slice::from_ref(&merge))).is_ok() {
            accepted.push(merge);
            continue;
        }
        refused += 1;
        let answer = asked(&kustomize, std::slice::from_ref(&merge));
        assert!(answer.is_err(), "kustomize merges\n{}\nand\n{}\n{answer:?}", merge.0, merge.1);
    }
    assert!(
        refused > 0 && accepted.len() > refused,
        "{refused} of {MERGES} refused: the draw is out of balance"
    );
    compare(&kustomize, &accepted);
}

/// Fails with the smallest half that differs.
fn compare(kustomize: &Kustomize, merges: &[(String, String)]) {
    let (mine, theirs) = (ours(&memory(merges)), asked(kustomize, merges));
    if mine == theirs {
        return;
    }
    if let [(resource, patch)] = merges {
        panic!("{resource}\nmerged with\n{patch}\nis\n{mine:?}\nbut should be\n{theirs:?}");
    }
    let (left, right) = merges.split_at(merges.len() / 2);
    compare(kustomize, left);
    compare(kustomize, right);
}

const KUSTOMIZATION: &str = "resources: [resources.yaml]\npatches: [{path: patch.yaml}]\n";

fn texts(merges: &[(String, String)]) -> [(&'static str, String); 3] {
    let join =
        |side: fn(&(String, String)) -> &str| merges.iter().map(side).collect::<Vec<_>>().join("\n---\n");
    [
        ("kustomization.yaml", KUSTOMIZATION.to_owned()),
        ("resources.yaml", join(|it| &it.0)),
        ("patch.yaml", join(|it| &it.1)),
    ]
}

fn memory(merges: &[(String, String)]) -> MemoryFiles {
    let mut files = MemoryFiles::new();
    for (name, text) in texts(merges) {
        files.insert(name, text.into_bytes()).unwrap();
    }
    files
}

fn asked(kustomize: &Kustomize, merges: &[(String, String)]) -> Result<String, String> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("merges");
    fs::create_dir_all(&directory).unwrap();
    for (name, text) in texts(merges) {
        fs::write(directory.join(name), text).unwrap();
    }
    kustomize.build(&directory)
}

fn document((api_version, kind): (&str, &str), number: usize, body: Value) -> String {
    let mut whole = json!({"apiVersion": api_version, "kind": kind, "metadata": {}});
    merge_maps(&mut whole, body);
    whole["metadata"]["name"] = json!(format!("n{number:03}"));
    whole.to_string()
}

fn merge_maps(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

type Any = BoxedStrategy<Value>;

/// Draws the parts of one side.
#[derive(Clone, Copy)]
struct Side {
    is_patch: bool,
}

fn body(kind: &str, is_patch: bool) -> Any {
    let side = Side { is_patch };
    let metadata = (0.4, side.object(&[("finalizers", 0.6, side.list(words(&["a", "b", "c"]), 3))]));
    let spec = match kind {
        "Service" => side.object(&[("ports", 0.9, side.ports("port")), ("q", 0.3, side.anything())]),
        "App" => side.object(&[("containers", 0.7, side.containers()), ("object", 0.5, side.deployment())]),
        _ => side.deployment_spec(),
    };
    side.object(&[("metadata", metadata.0, metadata.1), ("spec", 0.95, spec)])
}

impl Side {
    fn deployment(self) -> Any {
        let spec = self.deployment_spec();
        spec.prop_map(|spec| json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": spec})).boxed()
    }

    fn deployment_spec(self) -> Any {
        let constraint = self.object(&[
            ("topologyKey", 0.9, words(&["zone", "host"])),
            ("whenUnsatisfiable", 0.6, words(&["DoNotSchedule", "ScheduleAnyway"])),
            ("maxSkew", 0.5, words(&["x", "y"])),
        ]);
        let pod = self.object(&[
            ("containers", 0.9, self.containers()),
            ("volumes", 0.3, self.list(self.keyed("name", self.anything()), 3)),
            ("topologySpreadConstraints", 0.3, self.list(constraint, 3)),
            ("tolerations", 0.2, self.list(self.keyed("key", self.anything()), 2)),
        ]);
        self.object(&[
            ("replicas", 0.3, (1..4).prop_map(|it| json!(it)).boxed()),
            ("strategy", 0.3, self.anything()),
            ("template", 0.9, self.object(&[("spec", 0.95, pod)])),
        ])
    }

    fn containers(self) -> Any {
        let container = self.object(&[
            ("name", 0.95, words(&["a", "b", "c"])),
            ("image", 0.5, words(&["i", "j"])),
            ("env", 0.5, self.list(self.keyed("name", self.anything()), 4)),
            ("ports", 0.4, self.ports("containerPort")),
            ("volumeMounts", 0.2, self.list(self.keyed("mountPath", words(&["x", "y"])), 3)),
            ("args", 0.2, vec(words(&["x", "y"]), 0..3).prop_map(Value::Array).boxed()),
        ]);
        self.list(container, 3)
    }

    fn ports(self, key: &'static str) -> Any {
        let port = self.object(&[
            (key, 0.97, select(vec![80, 80, 81, 82]).prop_map(|it| json!(it)).boxed()),
            ("protocol", 0.5, words(&["TCP", "UDP"])),
            ("name", 0.7, words(&["p", "q", "r"])),
        ]);
        self.list(port, 4)
    }

    fn keyed(self, key: &'static str, value: Any) -> Any {
        self.object(&[(key, 0.95, words(&["A", "B", "C"])), ("value", 0.8, value)])
    }

    /// A mapping of some of the fields; in a patch at times with a directive, or a null for a value.
    fn object(self, fields: &[(&'static str, f64, Any)]) -> Any {
        let null = if self.is_patch { 0.03 } else { 0.01 };
        let field = |(name, share, value): &(&'static str, f64, Any)| {
            let name = *name;
            let value = (weighted(null, Just(())), value.clone());
            let value = value.prop_map(|(null, value)| if null.is_some() { Value::Null } else { value });
            weighted(*share, value).prop_map(move |value| value.map(|it| (name.to_owned(), it))).boxed()
        };
        let fields: Vec<_> = fields.iter().map(field).collect();
        let directive = self.directive();
        let make = |(fields, directive): (Vec<Option<(String, Value)>>, Option<Value>)| {
            let directive = directive.map(|it| ("$patch".to_owned(), it));
            Value::Object(fields.into_iter().flatten().chain(directive).collect())
        };
        (fields, directive).prop_map(make).boxed()
    }

    /// A list; in a patch at times with a directive in front.
    fn list(self, item: Any, len_max: usize) -> Any {
        let directive = self.directive();
        let make = |(items, directive): (Vec<Value>, Option<Value>)| {
            let directive = directive.map(|it| json!({"$patch": it}));
            Value::Array(directive.into_iter().chain(items).collect())
        };
        (vec(item, 0..=len_max), directive).prop_map(make).boxed()
    }

    fn directive(self) -> BoxedStrategy<Option<Value>> {
        match self.is_patch {
            true => weighted(0.06, words(&["delete", "replace", "merge"])).boxed(),
            false => Just(None).boxed(),
        }
    }

    fn anything(self) -> Any {
        let scalar =
            prop_oneof![words(&["x", "1", "true", ""]), (0..3).prop_map(|it| json!(it)), Just(json!(true))];
        let map = self.object(&[("a", 0.5, scalar.clone().boxed()), ("b", 0.4, scalar.clone().boxed())]);
        prop_oneof![6 => scalar.boxed(), 1 => map].boxed()
    }
}

fn words(words: &'static [&'static str]) -> Any {
    select(words).prop_map(|it| json!(it)).boxed()
}
