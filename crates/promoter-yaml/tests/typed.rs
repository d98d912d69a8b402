//! Typed reading: what is accepted, and that every error names the path and the right place.

#![expect(clippy::unwrap_used, reason = "a failed unwrap here is a failed test")]

use std::collections::BTreeMap;

use promoter_yaml::{Dialect, Limits, YamlError, from_node, parse_first};
use serde::Deserialize;

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Pipeline {
    name: String,
    #[serde(default)]
    environments: Vec<Environment>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Environment {
    name: String,
    soak_minutes: Option<u32>,
    #[serde(default)]
    gates: Vec<Gate>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum Gate {
    Manual,
    Soak(String),
    Approvals { required: u8 },
}

fn read(text: &str) -> Result<Pipeline, YamlError> {
    let node = parse_first(text, Dialect::Own, &Limits::default())?.unwrap();
    from_node(&node)
}

fn error(text: &str) -> String {
    let error = read(text).unwrap_err();
    error.to_string()
}

#[test]
fn every_kind_of_value_is_read() {
    let text = "name: a\nlabels:\nenvironments:\n- name: dev\n  soakMinutes: 0x10\n  gates: [manual, soak: 1h, approvals: {required: 2}]\n";
    let gates = vec![Gate::Manual, Gate::Soak("1h".into()), Gate::Approvals { required: 2 }];
    let dev = Environment { name: "dev".into(), soak_minutes: Some(16), gates };
    let expected = Pipeline { name: "a".into(), environments: vec![dev], labels: BTreeMap::new() };
    assert_eq!(read(text).unwrap(), expected);
}

#[test]
fn errors_name_path_and_place() {
    assert_eq!(
        error("name: a\nenvironments:\n- name: dev\n- nmae: prod\n"),
        "4:3: unknown field `nmae`, expected one of `name`, `soakMinutes`, `gates` in `environments[1]`"
    );
    assert_eq!(
        error("name: a\nenvironments:\n- name: dev\n  soakMinutes: long\n"),
        "4:16: invalid type: string \"long\", expected u32 in `environments[0].soakMinutes`"
    );
    assert_eq!(error("environments: []\n"), "1:1: missing field `name`");
    assert_eq!(error("name: 1\n"), "1:7: invalid type: integer `1`, expected a string in `name`");
    assert_eq!(
        error("name: a\nenvironments:\n- name: b\n  gates:\n  - approvals: {required: 300}\n"),
        "5:27: invalid value: integer `300`, expected u8 in `environments[0].gates[0].approvals.required`"
    );
    assert_eq!(
        error("name: a\nenvironments:\n- name: b\n  gates: [soak]\n"),
        "4:11: `soak` needs a value in `environments[0].gates[0]`"
    );
    assert_eq!(
        error("name: a\nenvironments:\n- name: b\n  gates: [sok: 1h]\n"),
        "4:11: unknown variant `sok`, expected one of `manual`, `soak`, `approvals` in `environments[0].gates[0]`"
    );
    assert_eq!(
        error("name: a\nenvironments: {}\n"),
        "2:15: invalid type: map, expected a sequence in `environments`"
    );
}
