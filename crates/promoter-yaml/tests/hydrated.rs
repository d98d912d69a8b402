//! Holds `emit_hydrated` against what go-yaml v3 wrote, byte for byte (testdata/hydrated/).

#![expect(clippy::unwrap_used, reason = "a failed unwrap here is a failed test")]

use std::fs;

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
