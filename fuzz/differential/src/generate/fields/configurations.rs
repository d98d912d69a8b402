//! `configurations`, `crds` and `openapi`: what a kustomization says about kinds that kustomize does not know.

use super::super::{Layer, World};
use super::list;
use crate::case::Content;
use crate::dice::Dice;
use crate::value::{Value, map, plain, seq, text};

/// Tables of field specs, with paths that make sense there.
const TABLES: [(&str, &[&str]); 9] = [
    ("namePrefix", &["spec/note", "spec/secretRef/name"]),
    ("nameSuffix", &["spec/note"]),
    ("namespace", &["spec/namespace", "spec/free/x"]),
    ("commonLabels", &["spec/template/metadata/labels", "spec/free/marks"]),
    ("labels", &["spec/free/marks"]),
    ("templateLabels", &["spec/template/metadata/labels"]),
    ("commonAnnotations", &["spec/notes"]),
    ("images", &["spec/parts[]/deep/image", "spec/image"]),
    ("replicas", &["spec/size"]),
];

/// `configurations`.
pub(super) fn configurations(world: &mut World<'_>, layer: &mut Layer) -> Option<Value> {
    let mut file = map::<&str>([]);
    for (table, paths) in TABLES {
        if world.dice.chance(25) {
            file.set(table, list(world.dice, 2, |dice| spec(dice, layer, paths)));
        }
    }
    if world.dice.chance(30) {
        let paths = ["spec/note", "spec/parts/value", "spec/free/x", "data/a"];
        file.set("varReference", list(world.dice, 2, |dice| spec(dice, layer, &paths)));
    }
    if world.dice.chance(50) || file.entries().is_empty() {
        file.set("nameReference", list(world.dice, 2, |dice| name_reference(dice, layer)));
    }
    let path = world.file(layer, "config", ".yaml", Content::one(file));
    Some(seq([text(path)]))
}

/// A field spec that mostly agrees with every other one about what is to be created: tables that do not are refused.
fn spec(dice: &mut Dice, layer: &Layer, paths: &[&str]) -> Value {
    let mut spec = super::field_spec(dice, layer, paths);
    if dice.chance(97) {
        spec.remove("create");
        if spec.text_at(&["path"]) == Some("spec/template/metadata/labels")
            || spec.text_at(&["path"]) == Some("spec/free/marks")
        {
            spec.set("create", plain("true"));
        }
    }
    spec
}

fn name_reference(dice: &mut Dice, layer: &Layer) -> Value {
    let kind = dice.pick_any(&layer.objects).map_or("ConfigMap", |it| it.kind()).to_owned();
    let mut reference = map([("kind", text(kind))]);
    if dice.chance(30) {
        reference.set("version", text("v1"));
    }
    let paths = ["spec/note", "spec/secretRef/name", "spec/parts/name", "data/a", "spec/secretRef"];
    reference.set("fieldSpecs", list(dice, 2, |dice| spec(dice, layer, &paths)));
    reference
}

/// `crds`: definitions of the Widget kind.
pub(super) fn crds(world: &mut World<'_>, layer: &mut Layer) -> Option<Value> {
    let spec = map([
        ("note", map([("x-kubernetes-annotation", text("")), ("x-kubernetes-label-selector", text(""))])),
        (
            "secretRef",
            map([
                ("x-kubernetes-object-ref-api-version", text("v1")),
                ("x-kubernetes-object-ref-kind", text("Secret")),
            ]),
        ),
        ("free", map([("x-kubernetes-identity", text(""))])),
    ]);
    let mut kept: Vec<(&str, Value)> = Vec::new();
    for (key, value) in spec.entries() {
        if key.text == "secretRef" || world.dice.chance(15) {
            kept.push((&key.text, value.clone()));
        }
    }
    let properties = map([
        ("apiVersion", map([("type", text("string"))])),
        ("kind", map([("type", text("string"))])),
        ("metadata", map([("type", text("object"))])),
        ("spec", map([("$ref", text("com.example.v1.WidgetSpec"))])),
    ]);
    let schema = |properties| map([("Schema", map([("properties", properties)]))]);
    let types = map([
        ("com.example.v1.Widget", schema(properties)),
        ("com.example.v1.WidgetSpec", schema(map(kept))),
    ]);
    let path = world.file(layer, "crd", ".yaml", Content::one(types));
    Some(seq([text(path)]))
}

/// `openapi`: the built-in schema by its version, or one of our own with merge keys for Widgets.
pub(super) fn openapi(world: &mut World<'_>, layer: &mut Layer) -> Option<Value> {
    if layer.is_component || world.dice.chance(30) {
        return Some(map([("version", text("v1.21.2"))]));
    }
    let mut parts = map([("type", text("array")), ("items", map([("type", text("object"))]))]);
    parts.set("x-kubernetes-patch-merge-key", text("name"));
    parts.set("x-kubernetes-patch-strategy", text("merge"));
    let spec = map([("type", text("object")), ("properties", map([("parts", parts)]))]);
    let gvk = map([("group", text("example.com")), ("kind", text("Widget")), ("version", text("v1"))]);
    let mut widget = map([("type", text("object")), ("properties", map([("spec", spec)]))]);
    widget.set("x-kubernetes-group-version-kind", seq([gvk]));
    let whole = map([("definitions", map([("com.example.v1.Widget", widget)])), ("swagger", text("2.0"))]);
    let path = world.file(layer, "schema", ".yaml", Content::one(whole));
    Some(map([("path", text(path))]))
}
