//! Which lists of which kinds a strategic merge merges, and by which keys.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::facts::{Facts, kind_of};
use crate::universe::{Kind, kinds, paths, reach};
use crate::{Engine, documents};

/// The fields by which elements may be told apart.
const KEYS: [&str; 12] = [
    "containerPort",
    "devicePath",
    "ip",
    "key",
    "mountPath",
    "name",
    "port",
    "protocol",
    "topologyKey",
    "type",
    "uid",
    "whenUnsatisfiable",
];

/// Lists of kinds.
type Lists = BTreeMap<Kind, Vec<String>>;

/// Asks about every list of every kind whether it merges, then about those that do by which keys.
///
/// Lists in elements are only asked about where the list around them merges: nothing merges inside one that is replaced.
pub(crate) fn merged(engine: &Engine) -> String {
    let lists = paths("lists.txt");
    let parent = |path: &str| path.rsplit_once("[]/").map(|(parent, _)| parent.to_owned());
    let mut merging = Lists::new();
    for depth in 0..=lists.iter().map(|it| it.matches("[]").count()).max().unwrap() {
        let reached = |kind: &Kind, path: &str| {
            parent(path).is_none_or(|it| merging.get(kind).is_some_and(|them| them.contains(&it)))
        };
        let asked = |kind: &Kind| {
            let paths = lists.iter().filter(|it| it.matches("[]").count() == depth && reached(kind, it));
            paths.cloned().collect()
        };
        let asked = kinds().into_iter().map(|kind| (kind.clone(), asked(&kind)));
        let asked: Lists = asked.filter(|(_, paths): &(_, Vec<_>)| !paths.is_empty()).collect();
        for (kind, paths) in those_that_merge(engine, &asked) {
            merging.entry(kind).or_default().extend(paths);
        }
    }
    let mut facts = Facts::default();
    for (kind, path, keys) in keys_of(engine, &merging) {
        facts.note(format!("{path} by {}", keys.join("+")), &kind);
    }
    for (kind, paths) in &merging {
        for path in paths.iter().filter_map(|it| it.strip_suffix('=')) {
            facts.note(format!("{path} as a set"), kind);
        }
    }
    facts.print()
}

/// An element in which every key has the same value, marked with where it comes from.
fn element(value: &str, mark: &str) -> Value {
    let mut element: Value = KEYS.iter().map(|key| ((*key).to_owned(), json!(value))).collect();
    element[mark] = json!("yes");
    element
}

/// Builds objects with patches, one each.
fn patch(engine: &Engine, objects: &[Value], patches: &[Value]) -> Vec<Value> {
    let kustomization = json!({"resources": ["objects.yaml"], "patches": [{"path": "patches.yaml"}]});
    engine.build(&kustomization, objects, &[("patches.yaml", documents(patches))])
}

/// The lists, of those given, in whose result something of the object and something of the patch is left.
fn those_that_merge(engine: &Engine, asked: &Lists) -> Lists {
    let object = |kind: &Kind, paths: &[String], mark: &str| {
        let mut object = kind.object("probe");
        for path in paths {
            fill_above(&mut object, path, mark);
            match path.strip_suffix('=') {
                Some(path) => *reach(&mut object, path) = json!([mark]),
                None => fill(reach(&mut object, &format!("{path}[]")), mark),
            }
        }
        object
    };
    let of = |mark: &str| asked.iter().map(|(kind, paths)| object(kind, paths, mark)).collect::<Vec<_>>();
    let mut merging = BTreeMap::new();
    for mut built in patch(engine, &of("old"), &of("new")) {
        let kind = kind_of(&built);
        let merges = |path: &&String| match path.strip_suffix('=') {
            Some(path) => reach(&mut built, path).as_array().is_some_and(|it| it.len() == 2),
            None => {
                let element = reach(&mut built, &format!("{path}[]"));
                element.get("old").is_some() && element.get("new").is_some()
            }
        };
        let paths: Vec<String> = asked[&kind].iter().filter(merges).cloned().collect();
        if !paths.is_empty() {
            merging.insert(kind, paths);
        }
    }
    merging
}

/// Makes the elements on the way to a path.
fn fill_above(object: &mut Value, path: &str, mark: &str) {
    for (at, _) in path.match_indices("[]") {
        fill(reach(object, &path[..at + 2]), mark);
    }
}

/// Makes an element of what is there already.
fn fill(place: &mut Value, mark: &str) {
    let Value::Object(fields) = element("same", mark) else { return };
    if place.is_null() {
        *place = json!({});
    }
    place.as_object_mut().unwrap().extend(fields);
}

/// The keys of lists that merge.
///
/// For each possible key both sides have a pair of elements that differ in this field only: they merge unless it is a key.
fn keys_of(engine: &Engine, merging: &Lists) -> Vec<(Kind, String, Vec<&'static str>)> {
    let asked: Vec<(&Kind, &String)> = merging
        .iter()
        .flat_map(|(kind, paths)| paths.iter().filter(|it| !it.ends_with('=')).map(move |path| (kind, path)))
        .collect();
    let object = |kind: &Kind, number: usize, path: &str, mark: &str| {
        let mut object = kind.object(&format!("probe-{number}"));
        fill_above(&mut object, path, mark);
        let elements = KEYS.iter().map(|key| {
            let mut element = element(key, mark);
            if mark == "new" {
                element[*key] = json!("differs");
            }
            element
        });
        *reach(&mut object, path) = elements.collect();
        object
    };
    let of = |mark: &str| {
        let numbered = asked.iter().enumerate();
        numbered.map(|(number, (kind, path))| object(kind, number, path, mark)).collect::<Vec<_>>()
    };
    let mut built: BTreeMap<String, Value> = BTreeMap::new();
    for object in patch(engine, &of("old"), &of("new")) {
        built.insert(object["metadata"]["name"].as_str().unwrap().to_owned(), object);
    }
    let mut found = Vec::new();
    for (number, (kind, path)) in asked.iter().enumerate() {
        let list = reach(built.get_mut(&format!("probe-{number}")).unwrap(), path);
        let merged: BTreeSet<&str> = list
            .as_array()
            .unwrap()
            .iter()
            .filter(|it| it.get("old").is_some() && it.get("new").is_some())
            .filter_map(|it| KEYS.into_iter().find(|key| it[*key] == "differs"))
            .collect();
        let keys = KEYS.into_iter().filter(|key| !merged.contains(key)).collect();
        found.push(((*kind).clone(), (*path).clone(), keys));
    }
    found
}
