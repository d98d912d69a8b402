//! `transformers`, `generators` and `validators`: the builtin plugins, in place, by file and by directory.

use super::super::words::{NAMES, NAMESPACES, pairs};
use super::super::{Layer, World};
use super::{field_spec, flag, generators as sources, image, list, patches, replacements, selector, some};
use crate::case::Content;
use crate::dice::Dice;
use crate::value::{Value, map, plain, seq, text};

const TRANSFORMERS: [&str; 15] = [
    "PrefixSuffixTransformer",
    "PrefixTransformer",
    "SuffixTransformer",
    "NamespaceTransformer",
    "LabelTransformer",
    "AnnotationsTransformer",
    "PatchTransformer",
    "PatchStrategicMergeTransformer",
    "PatchJson6902Transformer",
    "ReplicaCountTransformer",
    "ImageTagTransformer",
    "ValueAddTransformer",
    "ReplacementTransformer",
    "HashTransformer",
    "LabelTransformer",
];

const NAME_PATHS: [&str; 2] = ["metadata/name", "spec/note"];
const LABEL_PATHS: [&str; 3] =
    ["metadata/labels", "spec/selector/matchLabels", "spec/template/metadata/labels"];

/// `transformers`.
pub(super) fn transformers(world: &mut World<'_>, layer: &mut Layer) -> Option<Value> {
    let count = world.dice.number(1, 2);
    let mut plugins = Vec::new();
    for _ in 0..count {
        let kind = *world.dice.pick(&TRANSFORMERS);
        plugins.extend(transformer(world, layer, kind));
    }
    listed(world, layer, plugins)
}

/// `generators`.
pub(super) fn generators(world: &mut World<'_>, layer: &mut Layer) -> Option<Value> {
    if world.dice.chance(10) {
        return listed(world, layer, vec![iam_policy()]);
    }
    let kind = *world.dice.pick(&["ConfigMap", "Secret"]);
    let entry = sources::entry(world, layer, kind);
    let mut plugin = start(&format!("{kind}Generator"), entry.text_at(&["name"]).unwrap_or("generator"));
    for (key, value) in entry.entries() {
        plugin.set(&key.text, value.clone());
    }
    listed(world, layer, vec![plugin])
}

fn iam_policy() -> Value {
    let mut plugin = start("IAMPolicyGenerator", "policy");
    plugin.set("cloud", text("gke"));
    plugin.set("kubernetesService", map([("namespace", text("shop")), ("name", text("account"))]));
    plugin.set("serviceAccount", map([("name", text("robot")), ("projectId", text("acme"))]));
    plugin
}

/// `validators`: a transformer that changes nothing passes.
pub(super) fn validators(world: &mut World<'_>, layer: &mut Layer) -> Option<Value> {
    let mut plugin = start("LabelTransformer", "checks");
    plugin.set("labels", pairs(world.dice));
    plugin.set("fieldSpecs", seq([map([("path", text("metadata/labels")), ("kind", text("NoSuchKind"))])]));
    listed(world, layer, vec![plugin])
}

/// The entries that name plugins: in place, by file, by directory.
fn listed(world: &mut World<'_>, layer: &Layer, plugins: Vec<Value>) -> Option<Value> {
    if plugins.is_empty() {
        return None;
    }
    let entry = match world.dice.number(0, 5) {
        0 | 1 => Value::Embedded(plugins),
        2 => {
            world.serial += 1;
            let name = format!("plugins{}", world.serial);
            let file = map([("resources", seq([text("plugins.yaml")]))]);
            world.case.files.insert(format!("{}{name}/kustomization.yaml", layer.dir), Content::one(file));
            let look = world.look();
            world
                .case
                .files
                .insert(format!("{}{name}/plugins.yaml", layer.dir), Content::Yaml(plugins, look));
            text(name)
        }
        _ => {
            let look = world.look();
            text(world.file(layer, "plugin", ".yaml", Content::Yaml(plugins, look)))
        }
    };
    Some(seq([entry]))
}

fn start(kind: &str, name: &str) -> Value {
    let metadata = map([("name", text(name))]);
    map([("apiVersion", text("builtin")), ("kind", text(kind)), ("metadata", metadata)])
}

fn specs(dice: &mut Dice, layer: &Layer, paths: &[&str]) -> Value {
    let first = map([("path", text(paths[0])), ("create", plain("true"))]);
    if dice.chance(50) { seq([first]) } else { list(dice, 2, |dice| field_spec(dice, layer, paths)) }
}

fn transformer(world: &mut World<'_>, layer: &mut Layer, kind: &str) -> Option<Value> {
    world.serial += 1;
    let mut plugin = start(kind, &format!("plugin{}", world.serial));
    let dice = &mut *world.dice;
    match kind {
        "PrefixSuffixTransformer" | "PrefixTransformer" | "SuffixTransformer" => {
            plugin.set("prefix", text("pre-"));
            plugin.set("suffix", text("-suf"));
            plugin.set("fieldSpecs", specs(dice, layer, &NAME_PATHS));
        }
        "NamespaceTransformer" => {
            plugin.set("metadata", map([("name", text("ns")), ("namespace", text(*dice.pick(&NAMESPACES)))]));
            if dice.chance(40) {
                plugin.set("unsetOnly", flag(dice));
            }
            if dice.chance(50) {
                let subjects = *dice.pick(&["defaultOnly", "allServiceAccounts", "none"]);
                plugin.set("setRoleBindingSubjects", text(subjects));
            }
            if dice.chance(50) {
                let paths = ["metadata/namespace", "spec/namespace", "metadata/name"];
                plugin.set("fieldSpecs", list(dice, 2, |dice| field_spec(dice, layer, &paths)));
            }
        }
        "LabelTransformer" => {
            plugin.set("labels", pairs(dice));
            plugin.set("fieldSpecs", specs(dice, layer, &LABEL_PATHS));
        }
        "AnnotationsTransformer" => {
            plugin.set("annotations", pairs(dice));
            plugin.set(
                "fieldSpecs",
                specs(dice, layer, &["metadata/annotations", "spec/template/metadata/annotations"]),
            );
        }
        "ReplicaCountTransformer" => {
            let object = dice.pick_any(&layer.objects)?;
            plugin.set("replica", map([("name", text(object.name())), ("count", plain("7"))]));
            plugin.set("fieldSpecs", specs(dice, layer, &["spec/replicas", "spec/size"]));
        }
        "ImageTagTransformer" => {
            plugin.set("imageTag", image(dice));
            plugin.set(
                "fieldSpecs",
                specs(
                    dice,
                    layer,
                    &[
                        "spec/containers[]/image",
                        "spec/parts[]/deep/image",
                        "spec/template/spec/containers[]/image",
                    ],
                ),
            );
        }
        "ValueAddTransformer" => value_add(dice, layer, &mut plugin),
        "ReplacementTransformer" => plugin.set("replacements", seq([replacements::one(dice, layer)?])),
        "PatchTransformer" => {
            let patch = patches::one(world, layer)?;
            patch.entries().iter().for_each(|(key, value)| plugin.set(&key.text, value.clone()));
        }
        "PatchStrategicMergeTransformer" => {
            let object = dice.pick_any(&layer.objects)?.clone();
            plugin.set("patches", Value::Embedded(vec![patches::merge(world, layer, &object, true)]));
        }
        "PatchJson6902Transformer" => {
            let object = dice.pick_any(&layer.objects)?.clone();
            plugin.set("target", patches::exactly(&object));
            plugin.set("jsonOp", Value::Embedded(vec![patches::operations(dice, &object)]));
        }
        _ => {}
    }
    Some(plugin)
}

fn value_add(dice: &mut Dice, layer: &Layer, plugin: &mut Value) {
    // An empty one stands for the name of the directory, which lies outside of the tree.
    plugin.set("value", text(*dice.pick(&NAMES)));
    let target = |dice: &mut Dice| {
        let path = *dice.pick(&[
            "spec/note",
            "metadata/annotations/added",
            "spec/free/x",
            "data/a",
            "spec/parts/value",
            "spec/template/spec/containers/0/image",
            "spec/template/spec/containers/[name=web]/image",
            "spec/template/spec/containers/-/image",
            "spec/made/0/x",
            "spec/made/[name=1]/x",
            "spec//note",
        ]);
        let chosen = selector(dice, layer);
        let position = (*dice.pick(&["0", "1", "2"])).to_owned();
        let mut target = some(dice, 50, [("selector", chosen), ("filePathPosition", plain(position))]);
        target.set("fieldPath", text(path));
        target
    };
    plugin.set("targets", list(dice, 2, target));
}
