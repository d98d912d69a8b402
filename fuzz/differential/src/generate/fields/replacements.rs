//! `replacements` and `vars`: values of one object in others, or in itself.

use super::super::objects::Object;
use super::super::words::any_text;
use super::super::{Layer, World};
use super::{list, selector, some};
use crate::case::Content;
use crate::dice::Dice;
use crate::value::{Value, map, plain, seq, text};

/// `replacements`.
pub(super) fn replacements(world: &mut World<'_>, layer: &mut Layer) -> Option<Value> {
    let count = world.dice.number(1, 2);
    let mut entries: Vec<Value> = (0..count).filter_map(|_| one(world.dice, layer)).collect();
    if entries.is_empty() {
        return None;
    }
    if world.dice.chance(15) {
        let whole = if world.dice.chance(50) { seq(entries) } else { entries.swap_remove(0) };
        let path = world.file(layer, "replacement", ".yaml", Content::one(whole));
        entries = vec![map([("path", text(path))])];
    }
    Some(seq(entries))
}

/// One replacement; also what a ReplacementTransformer is configured by.
pub(super) fn one(dice: &mut Dice, layer: &Layer) -> Option<Value> {
    let from = dice.pick_any(&layer.objects)?.clone();
    let mut entry = map::<&str>([]);
    if dice.chance(8) {
        entry.set("sourceValue", any_text(dice));
    } else {
        let paths = paths(&from, dice, true);
        let mut source = map([("kind", text(from.kind())), ("name", text(from.name()))]);
        if !from.namespace().is_empty() && dice.chance(50) {
            source.set("namespace", text(from.namespace()));
        }
        if dice.chance(85) {
            let path = dice.pick_any(&paths).map_or("metadata.name", String::as_str);
            source.set("fieldPath", text(path));
        }
        if dice.chance(15) {
            let options = [("delimiter", text(*dice.pick(&[":", "/", ".", "-"]))), ("index", plain("0"))];
            source.set("options", some(dice, 80, options));
        }
        entry.set("source", source);
    }
    entry.set("targets", list(dice, 2, |dice| target(dice, layer)));
    Some(entry)
}

fn target(dice: &mut Dice, layer: &Layer) -> Value {
    let to = dice.pick(&layer.objects).clone();
    let select = if dice.chance(70) {
        map([("kind", text(to.kind())), ("name", text(to.name()))])
    } else {
        selector(dice, layer)
    };
    let paths = paths(&to, dice, false);
    let create = dice.chance(40);
    let path = |dice: &mut Dice| match if create { dice.number(0, 9) } else { 9 } {
        0 => text("metadata.annotations.[example.com/new]"),
        1 => text("metadata.labels.made"),
        2 => text("spec.made.deep"),
        _ => text(dice.pick_any(&paths).map_or("spec.note", String::as_str)),
    };
    let mut target = map([("select", select), ("fieldPaths", list(dice, 2, path))]);
    if dice.chance(8) {
        target.set("reject", seq([selector(dice, layer)]));
    }
    if create || dice.chance(10) {
        let index = (*dice.pick(&["0", "1", "-1", "5"])).to_owned();
        let options = [
            ("create", plain("true")),
            ("delimiter", text(*dice.pick(&[":", "/", ".", "-", ","]))),
            ("index", plain(index)),
        ];
        let only_create = create && dice.chance(85);
        let options = if only_create { map([("create", plain("true"))]) } else { some(dice, 60, options) };
        target.set("options", options);
    }
    target
}

/// Paths of fields in an object, in the language of replacements. `exact` paths mean one field each.
fn paths(object: &Object, dice: &mut Dice, exact: bool) -> Vec<String> {
    let mut found = Vec::new();
    walk(&object.value, "", dice, exact, &mut found);
    // What is copied from metadata as a whole shows kustomize's own annotations.
    found.retain(|it| !matches!(it.as_str(), "metadata" | "metadata.annotations"));
    // A merge makes the elements of a set anew, without the type that they had.
    found.retain(|it| !it.starts_with("metadata.finalizers"));
    let names = ["apiVersion", "kind", "metadata.name", "metadata.namespace"];
    found.retain(|it| exact || !names.contains(&it.as_str()));
    found
}

fn walk(value: &Value, above: &str, dice: &mut Dice, exact: bool, found: &mut Vec<String>) {
    let join = |step: &str| if above.is_empty() { step.to_owned() } else { format!("{above}.{step}") };
    for (key, below) in value.entries() {
        let step = match key.text.as_str() {
            it if it.contains('.') && dice.chance(50) => it.replace('.', "\\."),
            it if it.contains(['.', '/']) => format!("[{it}]"),
            it => it.to_owned(),
        };
        let path = join(&step);
        walk(below, &path, dice, exact, found);
        // Scalars are what is mostly meant.
        // A text in a field that has another type is refused at once here, and by kustomize only if it is still there in
        // the end.
        let is_text = below.as_text().is_some_and(|it| exact || takes_text(it));
        if below.as_text().is_some_and(|it| it.starts_with("{\"json\"")) {
            found.push(format!("{path}.deep.a"));
        }
        if is_text || dice.chance(6) {
            found.push(path);
        }
    }
    for (index, below) in value.items().iter().enumerate() {
        let step = match below.text_at(&["name"]) {
            _ if !exact && dice.chance(25) => "*".to_owned(),
            Some(name) if dice.chance(80) => format!("[name={name}]"),
            _ => index.to_string(),
        };
        let path = join(&step);
        walk(below, &path, dice, exact, found);
        if below.as_text().is_some() {
            found.push(path);
        }
    }
}

fn takes_text(old: &str) -> bool {
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    old.starts_with(|it: char| it.is_ascii_alphabetic())
        && !words.contains(&old.to_ascii_lowercase().as_str())
}

/// `vars`: the names are those that texts of objects refer to.
pub(super) fn vars(world: &mut World<'_>, layer: &mut Layer) -> Option<Value> {
    let mut vars = Vec::new();
    for name in ["FOO", "BAR"] {
        let Some(object) = world.dice.pick_any(&layer.objects).filter(|_| world.dice.chance(70)).cloned()
        else {
            continue;
        };
        let mut object_ref = map([
            ("apiVersion", text(object.api_version())),
            ("kind", text(object.kind())),
            ("name", text(object.name())),
        ]);
        if !object.namespace().is_empty() && world.dice.chance(80) {
            object_ref.set("namespace", text(object.namespace()));
        }
        let mut var = map([("name", text(name)), ("objref", object_ref)]);
        if world.dice.chance(60) {
            let paths: Vec<String> =
                paths(&object, world.dice, true).into_iter().filter(|it| !it.contains(['[', '\\'])).collect();
            if let Some(path) = world.dice.pick_any(&paths) {
                var.set("fieldref", map([("fieldPath", text(path.as_str()))]));
            }
        }
        vars.push(var);
    }
    (!vars.is_empty()).then(|| seq(vars))
}
