//! Which fields transformers change, which they make, and in which order kinds come out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::Engine;
use crate::facts::{Facts, kind_of};
use crate::universe::{Kind, kinds, leaves, paths, reach};

/// The name of every object asked about.
const NAME: &str = "other";

/// Objects with `text` in every field that is asked about.
pub(crate) fn full(text: &str) -> Vec<Value> {
    let paths = paths("fields.txt");
    let full = |kind: &Kind| {
        let mut object = kind.object(NAME);
        for path in &paths {
            *reach(&mut object, path) = json!(text);
        }
        object
    };
    kinds().iter().map(full).collect()
}

fn bare() -> Vec<Value> {
    kinds().iter().map(|it| it.object(NAME)).collect()
}

/// A kustomization in which each transformer leaves another trace.
fn every_transformer() -> Value {
    json!({
        "namespace": "the-namespace",
        "namePrefix": "prefix-",
        "nameSuffix": "-suffix",
        "commonLabels": {"commonLabels": "added"},
        "labels": [
            {"pairs": {"labels": "added"}},
            {"pairs": {"labelsInTemplates": "added"}, "includeTemplates": true},
        ],
        "commonAnnotations": {"commonAnnotations": "added"},
        "images": [{"name": "image", "newTag": "added"}],
        "replicas": [{"name": NAME, "count": 7}],
        "resources": ["objects.yaml"],
    })
}

/// What transformers do to fields that are there.
pub(crate) fn changed(engine: &Engine) -> String {
    trace(&full("image"), &every_transformer(), engine)
}

/// What transformers do to objects that have a name and nothing else.
pub(crate) fn made(engine: &Engine) -> String {
    trace(&bare(), &every_transformer(), engine)
}

/// Where vars are replaced.
pub(crate) fn with_vars(engine: &Engine) -> String {
    let kustomization = json!({
        "resources": ["objects.yaml"],
        "vars": [{"name": "PROBE", "objref": {"apiVersion": "example.com/v1", "kind": "Other", "name": NAME}}],
    });
    trace(&full("$(PROBE)"), &kustomization, engine)
}

/// The kinds in the order in which they come out.
pub(crate) fn order(engine: &Engine) -> String {
    let mut objects = bare();
    objects.reverse();
    let built = engine.build(&json!({"resources": ["objects.yaml"]}), &objects, &[]);
    built.iter().map(|it| format!("{}\n", kind_of(it))).collect()
}

/// Every value that a build changes or adds, with the kinds in which it does.
pub(crate) fn trace(objects: &[Value], kustomization: &Value, engine: &Engine) -> String {
    let before: BTreeMap<Kind, Vec<(String, String)>> =
        objects.iter().map(|it| (kind_of(it), leaves(it))).collect();
    let mut facts = Facts::default();
    for object in engine.build(kustomization, objects, &[]) {
        let kind = kind_of(&object);
        let before: BTreeSet<_> = before[&kind].iter().collect();
        for leaf in leaves(&object).iter().filter(|it| !before.contains(it)) {
            facts.note(format!("{} = {}", leaf.0, leaf.1), &kind);
        }
    }
    facts.print()
}
