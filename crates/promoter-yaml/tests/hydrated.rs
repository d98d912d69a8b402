//! Holds `emit_hydrated` against what go-yaml v3 wrote, byte for byte (testdata/hydrated/).

#![expect(clippy::unwrap_used, reason = "a failed unwrap here is a failed test")]

mod support;

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use promoter_yaml::{Dialect, Limits, Map, Node, emit_hydrated, parse_first};
use serde_json::Value;

fn data(name: &str) -> String {
    let path = format!("{}/../../testdata/hydrated/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(path).unwrap()
}

fn list(name: &str) -> Vec<Value> {
    serde_json::from_str(&data(name)).unwrap()
}

fn map(key: &str, value: Node) -> Node {
    Node::map([(Box::from(key), value)].into_iter().collect())
}

fn hydrated(node: &Node) -> String {
    let mut out = String::new();
    emit_hydrated(node, &mut out).unwrap();
    out
}

#[test]
fn texts_as_value_key_and_item() {
    for case in list("scalars.json") {
        let text = case["In"].as_str().unwrap();
        let node = || Node::str(text);
        assert_eq!(hydrated(&map("k", node())), case["Value"], "value {text:?}");
        assert_eq!(hydrated(&map(text, Node::str("v"))), case["Key"], "key {text:?}");
        let items = Node::seq(vec![node(), map("x", node())]);
        assert_eq!(hydrated(&map("k", items)), case["Item"], "item {text:?}");
    }
}

/// The numbers of this golden went into Go as floats, also the integers; ours arrive from JSON, where a float that is
/// an integer of 64 bits is an integer.
#[test]
fn floats() {
    for case in list("floats.json") {
        let spelling = case["in"].to_string();
        let node =
            parse_first(&format!("k: {spelling}"), Dialect::Resource, &Limits::default()).unwrap().unwrap();
        let is_integer = node.get("k").and_then(Node::as_scalar).and_then(|it| it.as_i64()).is_some();
        if !is_integer {
            assert_eq!(hydrated(&node), case["value"], "{spelling}");
        }
    }
}

#[test]
fn order_of_keys() {
    let keys = list("key-order.json");
    let map: Map = keys.iter().rev().map(|it| (Box::from(it.as_str().unwrap()), Node::null())).collect();
    let written = hydrated(&Node::map(map));
    let read = parse_first(&written, Dialect::Resource, &Limits::default()).unwrap().unwrap();
    let written: Vec<&str> = read.as_map().unwrap().iter().map(|it| it.0).collect();
    assert_eq!(written, keys);
}

#[test]
fn whole_manifests() {
    let mut written = String::new();
    for line in data("manifest.input.jsonl").lines() {
        if !written.is_empty() {
            written.push_str("---\n");
        }
        let node = parse_first(line, Dialect::Resource, &Limits::default()).unwrap().unwrap();
        emit_hydrated(&node, &mut written).unwrap();
    }
    assert_eq!(written, data("manifest.golden.yaml"));
}

/// Documents of the shapes that people have, as JSON: strings that look like something else, texts of several lines,
/// numbers of every size, empty and nested collections. The same ones at every run.
fn documents(count: usize) -> Vec<String> {
    let mut random = Random(0x5eed_0f90_0dd0_6500);
    let unquoted =
        |text: String| NUMBERS.iter().fold(text, |it, number| it.replace(&format!("\"#{number}\""), number));
    (0..count).map(|_| unquoted(Value::Object(object(&mut random, 0)).to_string())).collect()
}

/// xorshift64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn of<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }
}

/// Strings that occur in manifests and that one reader or another takes for something else.
const TEXTS: &[&str] = &[
    "",
    " ",
    "1",
    "1.10",
    "0755",
    "0o17",
    "0x1F",
    "1_000",
    "1e3",
    "1e",
    ".5",
    "5.",
    "-1",
    "+1",
    "012",
    "1:30",
    "12:30:45",
    "2001-01-01",
    "2001-12-14t21:59:43.10-05:00",
    "2026-11-20T09:00:00Z",
    "yes",
    "No",
    "on",
    "OFF",
    "y",
    "N",
    "true",
    "False",
    "null",
    "Null",
    "~",
    ".inf",
    "-.Inf",
    ".nan",
    "<<",
    "=",
    "!!int",
    "a: b",
    "a:b",
    "a #b",
    "a#b",
    "#a",
    "- a",
    "-",
    "--- a",
    "...",
    "? a",
    "*all",
    "&x",
    "!x",
    "%a",
    "@a",
    "`a`",
    "{a}",
    "[a]",
    "a, b",
    "'a'",
    "\"a\"",
    "it's",
    "a\\b",
    "a\tb",
    "\ta",
    " a",
    "a ",
    "a\n",
    "a\nb",
    "a\n\nb\n",
    "a\n\n",
    "\na",
    " a\nb",
    "a \nb",
    "a\n b\n",
    "a\tb\nc",
    "a\r\nb",
    "\n",
    "\n\n",
    "  \n",
    "#!/bin/sh\nset -e\nexec \"$@\"\n",
    "key: value\nlist:\n  - a\n",
    "{\"a\": 1}",
    "nginx:1.19",
    "10Gi",
    "100m",
    "0.5",
    "$(VAR)",
    "https://example.com/a?b=c#d",
    "é",
    "漢字",
    "😀",
    "a\u{a0}b",
    "\u{feff}a",
    "a\u{2028}b",
    "a\u{85}b",
    "\u{1b}[0m",
    "\u{7f}",
    "a\u{301}",
    "\u{200b}",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    "key = value\n[section]\n",
];

/// Keys, most of them as in manifests.
const KEYS: &[&str] = &[
    "apiVersion",
    "kind",
    "metadata",
    "name",
    "spec",
    "data",
    "k8s-app",
    "app.kubernetes.io/name",
    "a",
    "a1",
    "a2",
    "a10",
    "a02",
    "A",
    "aB",
    "a_b",
    "a-b",
    "1",
    "01",
    "1.5",
    "yes",
    "n",
    "null",
    "~",
    "true",
    "",
    " ",
    "a b",
    "a: b",
    "a\nb",
    "#a",
    "- a",
    "?",
    "é",
    "😀",
    "x.y/z",
    "application.properties",
    "nginx.conf",
    "2001-01-01",
    "<<",
    "=",
];

/// Numbers as Go's encoding/json writes them, which is how they come to Argo CD's commit server.
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "8080",
    "2147483648",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709552000",
    "100000000000000000000",
    "1e+21",
    "1.5e+300",
    "1.5",
    "0.1",
    "0.5",
    "-2.25",
    "1e-7",
    "1.5e-9",
    "123456789.125",
    "0.000001",
    "0.00001",
    "0.0001",
    "3.141592653589793",
    "1000000.5",
    "5e-324",
    "1.7976931348623157e+308",
];

fn object(random: &mut Random, depth: usize) -> serde_json::Map<String, Value> {
    let count = random.below(if depth == 0 { 9 } else { 5 });
    (0..count).map(|_| (key(random), value(random, depth + 1))).collect()
}

fn key(random: &mut Random) -> String {
    match random.below(20) {
        // Over 128 bytes a key becomes a complex one.
        0 => "k".repeat(120 + random.below(20)),
        1 => text(random).chars().take(40).collect(),
        _ => random.of(KEYS).to_owned(),
    }
}

fn value(random: &mut Random, depth: usize) -> Value {
    match random.below(if depth > 4 { 6 } else { 10 }) {
        0 => Value::Null,
        1 => Value::Bool(random.below(2) == 0),
        2 => number(random),
        6 | 7 => Value::Object(object(random, depth)),
        8 | 9 => Value::Array((0..random.below(4)).map(|_| value(random, depth + 1)).collect()),
        _ => Value::String(text(random)),
    }
}

/// A number, marked: serde_json would write it in its own way.
fn number(random: &mut Random) -> Value {
    Value::String(format!("#{}", random.of(NUMBERS)))
}

fn text(random: &mut Random) -> String {
    match random.below(10) {
        0..=5 => random.of(TEXTS).to_owned(),
        6 => {
            (0..random.below(40)).map(|_| format!("{} ", random.of(&["word", "longer-word", "x"]))).collect()
        }
        7 => (0..random.below(6)).map(|_| format!("{}\n", random.of(TEXTS))).collect(),
        _ => (0..random.below(5)).map(|_| random.of(&support::pieces_and_breaks())).collect(),
    }
}

/// Many documents, written by the real go-yaml v3 in this very run.
#[test]
fn documents_of_every_shape_as_go_yaml_writes_them() {
    let Some(program) = promoter_testkit::tool("go-yaml-client", "go-yaml-client") else {
        return;
    };
    let documents = documents(1000);
    let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let asked = documents.clone();
    let writer = std::thread::spawn(move || {
        for document in asked {
            writeln!(stdin, "{document}").unwrap();
        }
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    let answers = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<String> = answers.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    assert_eq!(answers.len(), documents.len());
    let mut wrong = Vec::new();
    for (document, wanted) in documents.iter().zip(&answers) {
        let node = promoter_yaml::parse_json(document, &Limits::default()).unwrap();
        let mut written = String::new();
        if let Err(error) = emit_hydrated(&node, &mut written) {
            written = error.to_string();
        }
        if written != *wanted {
            let pair = written.lines().zip(wanted.lines()).find(|(a, b)| a != b);
            wrong.push(format!("{pair:?}\n  {document}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} differ, like\n{}",
        wrong.len(),
        documents.len(),
        wrong[..wrong.len().min(12)].join("\n")
    );
}
