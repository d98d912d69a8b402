//! `configMapGenerator`, `secretGenerator` and `generatorOptions`, and the files that they read.

use super::super::objects::Object;
use super::super::words::{NAMES, NAMESPACES, any_text, pairs};
use super::super::{Layer, World};
use super::{flag, some};
use crate::case::Content;
use crate::dice::Dice;
use crate::print::Look;
use crate::value::{Scalar, Style, Value, map, seq, text};

/// `configMapGenerator`.
pub(super) fn config_maps(world: &mut World<'_>, layer: &mut Layer) -> Option<Value> {
    Some(entries(world, layer, "ConfigMap"))
}

/// `secretGenerator`.
pub(super) fn secrets(world: &mut World<'_>, layer: &mut Layer) -> Option<Value> {
    Some(entries(world, layer, "Secret"))
}

fn entries(world: &mut World<'_>, layer: &mut Layer, kind: &str) -> Value {
    let count = world.dice.number(1, 2);
    seq((0..count).map(|_| entry(world, layer, kind)).collect::<Vec<_>>())
}

/// One generated object; also what a plugin is configured by.
pub(super) fn entry(world: &mut World<'_>, layer: &mut Layer, kind: &str) -> Value {
    let there: Vec<Object> = layer.objects.iter().filter(|it| it.kind() == kind).cloned().collect();
    let old = world.dice.pick_any(&there).filter(|_| world.dice.chance(60)).cloned();
    let mut entry = match &old {
        Some(old) => {
            map([("name", text(old.name())), ("behavior", text(*world.dice.pick(&["merge", "replace"])))])
        }
        None => map([("name", text(format!("{}-gen{}", world.dice.pick(&NAMES), layer.objects.len())))]),
    };
    match &old {
        Some(old) if !old.namespace().is_empty() => entry.set("namespace", text(old.namespace())),
        None if world.dice.chance(15) => entry.set("namespace", text(*world.dice.pick(&NAMESPACES))),
        _ => {}
    }
    if old.is_none() && world.dice.chance(5) {
        entry.set("behavior", text(*world.dice.pick(&["create", "unspecified", ""])));
    }
    sources(world, layer, &mut entry);
    if kind == "Secret" && world.dice.chance(30) {
        entry.set("type", text(*world.dice.pick(&["Opaque", "kubernetes.io/tls", "example.com/own"])));
    }
    if world.dice.chance(25) {
        entry.set("options", options(world.dice));
    }
    if old.is_none() {
        let mut metadata = map([("name", text(entry.text_at(&["name"]).unwrap_or_default()))]);
        if let Some(namespace) = entry.get("namespace") {
            metadata.set("namespace", namespace.clone());
        }
        let value = map([("apiVersion", text("v1")), ("kind", text(kind)), ("metadata", metadata)]);
        layer.objects.push(Object { value });
    }
    entry
}

fn sources(world: &mut World<'_>, layer: &Layer, entry: &mut Value) {
    if world.dice.chance(65) {
        let literals: Vec<Value> =
            (0..world.dice.number(1, 3)).map(|number| literal(world.dice, number)).collect();
        entry.set("literals", seq(literals));
    }
    if world.dice.chance(35) {
        let bytes = contents(world.dice);
        let end = *world.dice.pick(&[".txt", ".json", ".bin", ".properties", ""]);
        let name = world.file(layer, "file", end, Content::Bytes(bytes));
        let listed = if world.dice.chance(40) { format!("own.key={name}") } else { name };
        entry.set("files", seq([text(listed)]));
    }
    if world.dice.chance(20) {
        let lines = *world.dice.pick(&[
            "ENV_A=1\nENV_B=two words\n",
            "# comment\n\nENV_C=a=b=c\n  ENV_D= x \n",
            "ENV_E=\"quoted\"\r\nENV_F='single'\r\n",
            "\u{feff}ENV_G=bom\nENV_H\n",
            "ENV_I=no newline",
        ]);
        let name = world.file(layer, "vars", ".env", Content::Bytes(lines.into()));
        if world.dice.chance(80) {
            entry.set("envs", seq([text(name)]));
        } else {
            entry.set("env", text(name));
        }
    }
}

fn literal(dice: &mut Dice, number: usize) -> Value {
    let key = *dice.pick(&["a", "b", "key", "LOG_LEVEL", "x.y", "long-name"]);
    let values = [
        "",
        "1",
        "true",
        "\"quoted\"",
        "'single'",
        "\"half",
        "a=b",
        "two words",
        "$(FOO)",
        "grün",
        "0777",
        "# x",
        "multi\nline",
        " blank ",
        "1e3",
        "<&>",
    ];
    let value = *dice.pick(&values);
    let style = *dice.pick(&[Style::Text, Style::Double, Style::Single]);
    Value::Scalar(Scalar::new(format!("{key}{number}={value}"), style))
}

/// What a file holds that is taken in as a value.
fn contents(dice: &mut Dice) -> Vec<u8> {
    match dice.number(0, 8) {
        0 => vec![0, 1, 2, 255, 254],
        1 => (0..dice.number(40, 120)).map(|it| u8::try_from(it * 7 % 256).unwrap_or(0)).collect(),
        2 => b"line one\nline two\n".to_vec(),
        3 => b"{\"a\": 1}\n".to_vec(),
        4 => b"crlf\r\nlines\r\n".to_vec(),
        5 => Vec::new(),
        6 => b"trailing blank \nand a\ttab\n\n".to_vec(),
        7 => "x".repeat(dice.number(60, 300)).into_bytes(),
        _ => Content::Yaml(vec![any_text(dice)], Look::default()).bytes(),
    }
}

/// Options of one generator, or of all.
pub(super) fn options(dice: &mut Dice) -> Value {
    let all = [
        ("labels", pairs(dice)),
        ("annotations", pairs(dice)),
        ("disableNameSuffixHash", flag(dice)),
        ("immutable", flag(dice)),
    ];
    some(dice, 50, all)
}
