//! Which fields hold the names of which kinds: they follow when an object of the kind is renamed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::Engine;
use crate::facts::{Facts, kind_of};
use crate::fields::full;
use crate::universe::{Kind, kinds, leaves, reach};

/// The name that every field holds, and what it becomes.
const NAME: &str = "probe";
const RENAMED: &str = "new-probe";

/// The fields that hold names of any kind, then which of them hold names of which.
///
/// Asking about each field of each kind for each kind of target in turn would take too long, so fields that follow no
/// kind at all are left out of the second question.
pub(crate) fn changed(engine: &Engine) -> String {
    let mut seen = BTreeSet::new();
    let one_of_a_name: Vec<Kind> = kinds().into_iter().filter(|it| seen.insert(it.name.clone())).collect();
    let mut followers: BTreeMap<Kind, Vec<String>> = BTreeMap::new();
    let bindings = kinds().into_iter().filter(|it| it.name.ends_with("RoleBinding")).map(|kind| {
        let mut object = kind.object("other");
        *reach(&mut object, "roleRef/name") = json!(NAME);
        object
    });
    for (role, objects) in [("Role", full(NAME)), ("ClusterRole", bindings.collect())] {
        let role = one_of_a_name.iter().find(|it| it.name == role).unwrap();
        let objects = objects.into_iter().map(|it| with_role(it, role)).collect();
        for (kind, path) in renamed(engine, objects, &one_of_a_name) {
            followers.entry(kind).or_default().push(path);
        }
    }
    let mut facts = Facts::default();
    for target in kinds() {
        let follower = |(kind, paths): (&Kind, &Vec<String>)| {
            let mut object = kind.object("other");
            for path in paths {
                *reach(&mut object, path) = json!(NAME);
            }
            with_role(object, &target)
        };
        let objects = followers.iter().map(follower).collect();
        for (kind, path) in renamed(engine, objects, std::slice::from_ref(&target)) {
            facts.note(format!("{target} in {path}"), &kind);
        }
    }
    facts.print()
}

/// Says to bindings which kind of role they mean, without which their reference counts for nothing.
fn with_role(mut object: Value, role: &Kind) -> Value {
    if object.get("roleRef").is_some() {
        let group = role.api_version.split_once('/').map_or("", |(group, _)| group);
        object["roleRef"]["apiGroup"] = json!(group);
        object["roleRef"]["kind"] = json!(role.name);
    }
    object
}

/// The fields of objects that follow when targets are renamed.
fn renamed(engine: &Engine, mut objects: Vec<Value>, targets: &[Kind]) -> Vec<(Kind, String)> {
    objects.extend(targets.iter().map(|it| it.object(NAME)));
    let kustomization = json!({"namePrefix": "new-", "resources": ["objects.yaml"]});
    let built = engine.build(&kustomization, &objects, &[]);
    let renamed = |object: Value| {
        let kind = kind_of(&object);
        let follows =
            |(path, text): (String, String)| (path != "metadata/name" && text == RENAMED).then_some(path);
        leaves(&object)
            .into_iter()
            .filter_map(follows)
            .map(move |path| (kind.clone(), path))
            .collect::<Vec<_>>()
    };
    built.into_iter().flat_map(renamed).collect()
}
