//! The fields of a kustomization: which ones a layer gets, and the simple ones.

mod configurations;
mod generators;
mod patches;
mod plugins;
mod replacements;

use super::words::{KEYS, NAMES, NAMESPACES, pairs};
use super::{Layer, World};
use crate::dice::Dice;
use crate::value::{Value, map, plain, seq, text};

/// Makes the value of a field, unless the layer has nothing that it could speak of.
type Make = fn(&mut World<'_>, &mut Layer) -> Option<Value>;

/// Every field with the chance, of a hundred, that a kustomization has it.
const FIELDS: [(&str, u32, Make); 29] = [
    ("namePrefix", 15, |world, _| Some(text(*world.dice.pick(&["eu-", "a-", "dev-", "x", "1"])))),
    ("nameSuffix", 10, |world, _| Some(text(*world.dice.pick(&["-v1", "-b", "-blue"])))),
    ("namespace", 15, |world, _| Some(text(*world.dice.pick(&NAMESPACES)))),
    ("commonLabels", 6, |world, _| Some(pairs(world.dice))),
    ("commonAnnotations", 10, |world, _| Some(pairs(world.dice))),
    ("labels", 12, labels),
    ("images", 12, |world, _| Some(list(world.dice, 2, image))),
    ("imageTags", 2, |world, _| Some(list(world.dice, 1, image))),
    ("replicas", 8, replicas),
    ("patches", 28, patches::patches),
    ("patchesStrategicMerge", 7, patches::strategic),
    ("patchesJson6902", 7, patches::json6902),
    ("configMapGenerator", 15, generators::config_maps),
    ("secretGenerator", 9, generators::secrets),
    ("generatorOptions", 6, |world, _| Some(generators::options(world.dice))),
    ("replacements", 14, replacements::replacements),
    ("vars", 5, replacements::vars),
    ("sortOptions", 6, |world, _| Some(sort_options(world.dice))),
    ("buildMetadata", 6, |world, _| Some(build_metadata(world.dice))),
    ("metadata", 3, |world, _| Some(map([("name", text("mine")), ("labels", pairs(world.dice))]))),
    ("transformers", 15, plugins::transformers),
    ("generators", 5, plugins::generators),
    ("validators", 2, plugins::validators),
    ("configurations", 6, configurations::configurations),
    ("crds", 3, configurations::crds),
    ("openapi", 3, configurations::openapi),
    ("nameprefix", 1, |_, _| Some(text("lower-"))),
    ("NamePrefix", 1, |_, _| Some(text("upper-"))),
    ("images", 1, |_, _| Some(plain("null"))),
];

/// Adds random fields to a layer.
pub(super) fn add(world: &mut World<'_>, layer: &mut Layer) {
    // Each field is one more that may be refused: small trees get many, layers of large ones few.
    let share = if layer.dir.is_empty() { 100 } else { 50 };
    for (name, percent, make) in FIELDS {
        if world.dice.chance((percent * share).div_ceil(100))
            && layer.file.get(name).is_none()
            && let Some(value) = make(world, layer)
        {
            layer.file.set(name, value);
        }
    }
    let says_something =
        layer.file.entries().iter().any(|(key, _)| !matches!(key.text.as_str(), "apiVersion" | "kind"));
    if !says_something {
        layer.file.set("namePrefix", text("only-"));
    }
}

/// A list of one to `most` things.
fn list(dice: &mut Dice, most: usize, mut make: impl FnMut(&mut Dice) -> Value) -> Value {
    seq((0..dice.number(1, most)).map(|_| make(dice)).collect::<Vec<_>>())
}

/// Keeps each entry of a mapping with a chance of so many in a hundred.
fn some(dice: &mut Dice, percent: u32, entries: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    map(entries.into_iter().filter(|_| dice.chance(percent)).collect::<Vec<_>>())
}

fn flag(dice: &mut Dice) -> Value {
    plain(*dice.pick(&["true", "false"]))
}

fn labels(world: &mut World<'_>, layer: &mut Layer) -> Option<Value> {
    let dice = &mut *world.dice;
    Some(list(dice, 2, |dice| {
        let mut set = map([("pairs", pairs(dice))]);
        if dice.chance(35) {
            set.set("includeSelectors", flag(dice));
        }
        if dice.chance(30) {
            set.set("includeTemplates", flag(dice));
        }
        if dice.chance(20) {
            set.set(
                "fields",
                seq([field_spec(
                    dice,
                    layer,
                    &["spec/marks", "spec/template/metadata/labels", "metadata/extra"],
                )]),
            );
        }
        set
    }))
}

/// A field spec for one of some paths, sometimes for one kind only.
fn field_spec(dice: &mut Dice, layer: &Layer, paths: &[&str]) -> Value {
    let mut spec = map([("path", text(*dice.pick(paths)))]);
    if dice.chance(50)
        && let Some(object) = dice.pick_any(&layer.objects)
    {
        spec.set("kind", text(object.kind()));
        let (group, version) = object.api_version().rsplit_once('/').unwrap_or(("", object.api_version()));
        if dice.chance(20) {
            spec.set("group", text(group));
        }
        if dice.chance(20) {
            spec.set("version", text(version));
        }
    }
    if dice.chance(50) {
        spec.set("create", flag(dice));
    }
    spec
}

fn image(dice: &mut Dice) -> Value {
    let names = [
        "nginx",
        "ghcr.io/acme/web",
        "registry.example.com:5000/team/api",
        "redis",
        "busybox",
        "postgres",
        "app",
        "n.*x",
    ];
    let mut image = map([("name", text(*dice.pick(&names)))]);
    if dice.chance(40) {
        image.set("newName", text(*dice.pick(&["mirror.example.com/x", "other", "localhost:5000/y"])));
    }
    if dice.chance(55) {
        image.set(
            "newTag",
            Value::Scalar(crate::value::Scalar::new(
                *dice.pick(&["1.2", "v2", "latest", "2025"]),
                crate::value::Style::Double,
            )),
        );
    }
    if dice.chance(20) {
        image.set("digest", text("sha256:24a0c4b4a4c0eb97a1aabb8e29f18e917d05abfe1b7a7c07857230879ce7d3d3"));
    }
    if dice.chance(15) {
        image.set("tagSuffix", text("-alpine"));
    }
    image
}

fn replicas(world: &mut World<'_>, layer: &mut Layer) -> Option<Value> {
    let scaled = ["Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"];
    let names: Vec<&str> =
        layer.objects.iter().filter(|it| scaled.contains(&it.kind())).map(|it| it.name()).collect();
    let name = if world.dice.chance(3) { Some(&NAMES[0]) } else { world.dice.pick_any(&names) };
    let count = world.dice.number(0, 9).to_string();
    name.map(|name| seq([map([("name", text(*name)), ("count", plain(count))])]))
}

fn sort_options(dice: &mut Dice) -> Value {
    let mut options = map([("order", text(*dice.pick(&["legacy", "fifo"])))]);
    if options.text_at(&["order"]) == Some("legacy") && dice.chance(50) {
        let kinds = |dice: &mut Dice| {
            list(dice, 3, |dice| {
                text(*dice.pick(&["Deployment", "Widget", "ConfigMap", "Service", "Namespace"]))
            })
        };
        let (first, last) = (kinds(dice), kinds(dice));
        let order = some(dice, 70, [("orderFirst", first), ("orderLast", last)]);
        options.set("legacySortOptions", order);
    }
    options
}

fn build_metadata(dice: &mut Dice) -> Value {
    let all = ["managedByLabel", "originAnnotations", "transformerAnnotations"];
    let mut kept: Vec<&str> = all.into_iter().filter(|_| dice.chance(60)).collect();
    if kept.is_empty() {
        kept.push(all[0]);
    }
    dice.shuffle(&mut kept);
    seq(kept.into_iter().map(text))
}

/// A selector of a target: parts of an object's id, patterns, labels.
fn selector(dice: &mut Dice, layer: &Layer) -> Value {
    let mut selector = map::<&str>([]);
    if let Some(object) = dice.pick_any(&layer.objects).cloned() {
        let (group, version) = object.api_version().rsplit_once('/').unwrap_or(("", object.api_version()));
        if dice.chance(75) {
            selector.set("kind", text(object.kind()));
        }
        if dice.chance(60) {
            let name = object.name();
            let pattern = match dice.number(0, 6) {
                0 => format!("{}.*", &name[..1]),
                1 => format!("{name}|other"),
                2 => "[a-z]+".to_owned(),
                _ => name.to_owned(),
            };
            selector.set("name", text(pattern));
        }
        if dice.chance(10) {
            selector.set("group", text(group));
        }
        if dice.chance(10) {
            selector.set("version", text(version));
        }
        if dice.chance(10) {
            selector.set("namespace", text(*dice.pick(&["shop", "prod", "default", "s.*", ".*"])));
        }
    }
    if dice.chance(12) {
        selector.set("labelSelector", text(requirement(dice)));
    }
    if dice.chance(8) {
        selector.set("annotationSelector", text(requirement(dice)));
    }
    if selector.entries().is_empty() {
        selector.set("kind", text("Deployment"));
    }
    selector
}

/// A selector over labels or annotations.
fn requirement(dice: &mut Dice) -> String {
    let key = *dice.pick(&KEYS);
    let value = *dice.pick(&["web", "api", "blue", "true", "1"]);
    match dice.number(0, 6) {
        0 => format!("{key}!={value}"),
        1 => format!("{key} in ({value}, blue)"),
        2 => format!("{key} notin ({value})"),
        3 => key.to_owned(),
        4 => format!("!{key}"),
        5 => format!("{key}={value},tier"),
        _ => format!("{key}=={value}"),
    }
}
