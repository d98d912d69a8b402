//! `patches`, `patchesStrategicMerge`, `patchesJson6902`: changes to objects that the layer has.

use super::super::objects::Object;
use super::super::words::{any_scalar, pairs};
use super::super::{Layer, World};
use super::{list, selector};
use crate::case::Content;
use crate::dice::Dice;
use crate::value::{Style, Value, map, plain, seq, text};

/// `patches`.
pub(super) fn patches(world: &mut World<'_>, layer: &mut Layer) -> Option<Value> {
    let count = world.dice.number(1, 2);
    let entries: Vec<Value> = (0..count).filter_map(|_| one(world, layer)).collect();
    (!entries.is_empty()).then(|| seq(entries))
}

/// One entry of `patches`; also what a PatchTransformer is configured by.
pub(super) fn one(world: &mut World<'_>, layer: &mut Layer) -> Option<Value> {
    let object = world.dice.pick_any(&layer.objects)?.clone();
    let mut entry = map::<&str>([]);
    let is_json = world.dice.chance(35);
    let has_target = is_json || world.dice.chance(40);
    let is_exact = !has_target || world.dice.chance(60);
    if has_target {
        let target = if is_exact { exactly(&object) } else { selector(world.dice, layer) };
        entry.set("target", target);
    }
    let documents = if is_json {
        vec![operations(world.dice, &object)]
    } else {
        (0..1 + usize::from(!has_target && world.dice.chance(8)))
            .map(|_| merge(world, layer, &object, !has_target))
            .collect()
    };
    if world.dice.chance(65) {
        entry.set("patch", Value::Embedded(documents));
    } else {
        let look = world.look();
        let path = world.file(layer, "patch", ".yaml", Content::Yaml(documents, look));
        entry.set("path", text(path));
    }
    // A merge that may change the kind of whatever a pattern selects makes hashes of kinds that have none here.
    if is_exact && world.dice.chance(12) {
        entry.set(
            "options",
            super::some(
                world.dice,
                70,
                [("allowNameChange", plain("true")), ("allowKindChange", plain("true"))],
            ),
        );
    }
    Some(entry)
}

/// `patchesStrategicMerge`.
pub(super) fn strategic(world: &mut World<'_>, layer: &mut Layer) -> Option<Value> {
    let object = world.dice.pick_any(&layer.objects)?.clone();
    let documents = vec![merge(world, layer, &object, true)];
    if world.dice.chance(50) {
        return Some(seq([Value::Embedded(documents)]));
    }
    let look = world.look();
    Some(seq([text(world.file(layer, "merge", ".yaml", Content::Yaml(documents, look)))]))
}

/// `patchesJson6902`.
pub(super) fn json6902(world: &mut World<'_>, layer: &mut Layer) -> Option<Value> {
    let object = world.dice.pick_any(&layer.objects)?.clone();
    let mut entry = map([("target", exactly(&object))]);
    let operations = operations(world.dice, &object);
    if world.dice.chance(50) {
        entry.set("patch", Value::Embedded(vec![operations]));
    } else {
        let path = world.file(layer, "json", ".yaml", Content::one(operations));
        entry.set("path", text(path));
    }
    Some(seq([entry]))
}

/// The target that is one object.
pub(super) fn exactly(object: &Object) -> Value {
    let (group, version) = object.api_version().rsplit_once('/').unwrap_or(("", object.api_version()));
    let parts = [("group", group), ("version", version), ("kind", object.kind()), ("name", object.name())];
    let given = parts.into_iter().filter(|(_, part)| !part.is_empty());
    map(given.map(|(key, part)| (key, text(part))).collect::<Vec<_>>())
}

/// A strategic merge of an object: a piece of it, or of another one of its kind, with changes.
pub(super) fn merge(world: &mut World<'_>, layer: &Layer, object: &Object, is_addressed: bool) -> Value {
    let mut patch = if world.dice.chance(50) {
        object.value.clone()
    } else {
        world.templates.grow(world.dice, &layer.objects, Some(object)).value
    };
    // In braces kustomize shows a missing value as text and changes no folded block, and it knows only in the end that there
    // are braces.
    let is_flow = has_flow(&object.value);
    if is_flow {
        unfold(&mut patch);
    }
    let nulls: &[&str] = if is_flow { &["null", "~"] } else { &["null", "null", "~", ""] };
    change(&mut patch, world.dice, nulls, 0);
    let keep_metadata = world.dice.chance(40);
    let metadata = patch.get("metadata").cloned().filter(|_| keep_metadata);
    let mut metadata =
        metadata.filter(|it| matches!(it, Value::Map { .. })).unwrap_or_else(|| map::<&str>([]));
    metadata.remove("namespace");
    if is_addressed || world.dice.chance(80) {
        metadata.set("name", text(object.name()));
    }
    if is_addressed && !object.namespace().is_empty() {
        metadata.set("namespace", text(object.namespace()));
    }
    if world.dice.chance(20) {
        metadata.set("annotations", pairs(world.dice));
    }
    let mut whole = map::<&str>([]);
    for key in ["apiVersion", "kind"] {
        if let Some(value) = object.value.get(key) {
            whole.set(key, value.clone());
        }
    }
    whole.set("metadata", metadata);
    for (key, value) in patch.entries() {
        if !matches!(key.text.as_str(), "apiVersion" | "kind" | "metadata") {
            whole.set(&key.text, value.clone());
        }
    }
    if world.dice.chance(4) {
        whole.set("$patch", text(*world.dice.pick(&["delete", "replace", "merge"])));
    }
    whole
}

fn unfold(value: &mut Value) {
    if let Value::Scalar(scalar) = value
        && scalar.style == Style::Folded
    {
        scalar.style = Style::Literal;
    }
    value.children_mut().into_iter().for_each(unfold);
}

fn has_flow(value: &Value) -> bool {
    let is_flow = matches!(value, Value::Map { flow: true, .. } | Value::Seq { flow: true, .. });
    is_flow || value.items().iter().any(has_flow) || value.entries().iter().any(|(_, it)| has_flow(it))
}

/// Leaves parts out and puts others in.
fn change(value: &mut Value, dice: &mut Dice, nulls: &[&str], depth: usize) {
    match value {
        Value::Map { entries, .. } => {
            let is_key = |key: &str| matches!(key, "name" | "containerPort" | "port" | "kind" | "apiVersion");
            entries
                .retain(|(key, _)| (is_key(&key.text) && dice.chance(97)) || depth == 0 || dice.chance(70));
            for (key, value) in entries.iter_mut() {
                if !is_key(&key.text) {
                    change(value, dice, nulls, depth + 1);
                    if depth > 0 && dice.chance(5) {
                        *value = plain(*dice.pick(nulls));
                    }
                }
            }
            if depth > 0 && dice.chance(4) {
                let directive = (
                    crate::value::Scalar::new("$patch", crate::value::Style::Text),
                    text(*dice.pick(&["delete", "replace", "merge"])),
                );
                let place = dice.number(0, entries.len());
                entries.insert(place, directive);
            }
        }
        Value::Seq { items, .. } => {
            items.retain(|_| dice.chance(75));
            items.iter_mut().for_each(|it| change(it, dice, nulls, depth + 1));
            if dice.chance(3) {
                items.push(map([("$patch", text(*dice.pick(&["delete", "replace"])))]));
            }
            if dice.chance(15) {
                dice.shuffle(items);
            }
        }
        Value::Scalar(_) if dice.chance(10) => {
            *value = any_scalar(dice);
            if !nulls.contains(&"") {
                unfold(value);
            }
        }
        _ => {}
    }
}

/// JSON patch operations on an object.
pub(super) fn operations(dice: &mut Dice, object: &Object) -> Value {
    let mut places = Vec::new();
    pointers(&object.value, "", &mut places);
    if places.is_empty() {
        places.push(("/note".into(), text("none")));
    }
    let most = *dice.pick(&[1, 1, 2]);
    list(dice, most, |dice| operation(dice, &places))
}

fn operation(dice: &mut Dice, places: &[(String, Value)]) -> Value {
    let (path, value) = dice.pick(places).clone();
    let (other, _) = dice.pick(places).clone();
    let new = || ("value", Value::clone(&value));
    let is_list = matches!(value, Value::Seq { .. });
    let op = |name: &str| ("op", text(name));
    let at = |path: &str| ("path", text(path));
    match dice.number(0, 9) {
        0 => map([op("remove"), at(&path)]),
        1 => map([op("copy"), ("from", text(path)), at(&format!("{other}-copy"))]),
        2 => map([op("move"), ("from", text(&*path)), at(&format!("{path}-moved"))]),
        3 => map([op("test"), at(&path), new()]),
        4 if is_list => map([op("add"), at(&format!("{path}/-")), ("value", any_scalar(dice))]),
        5 if is_list => {
            map([op("add"), at(&format!("{path}/0")), ("value", map([("name", any_scalar(dice))]))])
        }
        6 if dice.chance(20) => map([op("add"), at("/metadata/annotations/new~1key"), ("value", text("x"))]),
        6 => map([op("add"), at("/metadata/labels"), ("value", pairs(dice))]),
        7 => map([op("add"), at(&path), ("value", list(dice, 2, any_scalar))]),
        8 if is_list => map([op("replace"), at(&path), ("value", list(dice, 2, any_scalar))]),
        _ if value.as_text().is_none() => map([op("replace"), at(&path), new()]),
        _ => map([op(dice.pick::<&str>(&["add", "replace"])), at(&path), ("value", any_scalar(dice))]),
    }
}

/// The JSON pointers of everything in an object besides what names it, and besides its metadata, which kustomize shows to
/// JSON patches with annotations of its own.
fn pointers(value: &Value, above: &str, found: &mut Vec<(String, Value)>) {
    for (key, below) in value.entries() {
        if above.is_empty() && matches!(key.text.as_str(), "apiVersion" | "kind")
            || key.text == "metadata" && above.is_empty()
        {
            continue;
        }
        let path = format!("{above}/{}", key.text.replace('~', "~0").replace('/', "~1"));
        pointers(below, &path, found);
        found.push((path, below.clone()));
    }
    for (index, below) in value.items().iter().enumerate() {
        let path = format!("{above}/{index}");
        pointers(below, &path, found);
        found.push((path, below.clone()));
    }
}
