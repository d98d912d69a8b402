//! Every object is one that Kubernetes takes: held against its own OpenAPI description, in which a field that it does not name is a slip.
//!
//! Those descriptions are "structural": a small part of JSON Schema, judged here. (The crate for the whole of it would switch on features
//! of serde_json for all tests, which the programs are built without.) A word outside of that part fails the test.

use std::collections::BTreeMap;
use std::fs;

use promoter_testkit::tool;
use regex::Regex;
use serde_json::{Value, json};

use crate::chart::{EVERYTHING, rendered};
use crate::place::{ARGO_CD, Place, id, list, objects};

/// The descriptions.
struct Schema {
    swagger: Value,
    /// Schemas by `VERSION KIND`, custom resources among them.
    kinds: BTreeMap<String, Value>,
}

impl Schema {
    /// `None`, said on stderr, where they were not fetched.
    fn fetched() -> Option<Self> {
        let read = |directory, name| Some(fs::read_to_string(tool(directory, name)?).unwrap());
        let swagger = read("kubernetes-openapi-v1.35.0", "swagger.json")?;
        let swagger: Value = serde_json::from_str(&swagger).unwrap();
        let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
        let kind = |group: &Value, version: &Value, kind: &Value| {
            let group = if text(group).is_empty() { String::new() } else { format!("{}/", text(group)) };
            format!("{group}{} {}", text(version), text(kind))
        };
        let mut kinds = BTreeMap::new();
        for (name, definition) in swagger["definitions"].as_object().unwrap() {
            for it in list(definition, "/x-kubernetes-group-version-kind") {
                let schema = json!({ "$ref": format!("#/definitions/{name}") });
                kinds.insert(kind(&it["group"], &it["version"], &it["kind"]), schema);
            }
        }
        for (directory, name) in [
            ("prometheus-operator-crds-v0.92.0", "servicemonitors.yaml"),
            ("argo-cd-crds-v3.5.7", "application-crd.yaml"),
        ] {
            let [crd] = objects(&read(directory, name)?).try_into().unwrap();
            for version in list(&crd, "/spec/versions") {
                let mut schema = version["schema"]["openAPIV3Schema"].clone();
                // Belongs to every object, and is described elsewhere.
                schema["properties"]["metadata"] =
                    json!({ "$ref": "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta" });
                let spec = &crd["spec"];
                kinds.insert(kind(&spec["group"], &version["name"], &spec["names"]["kind"]), schema);
            }
        }
        Some(Self { swagger, kinds })
    }

    /// What is wrong with an object.
    fn complaints(&self, object: &Value) -> Vec<String> {
        let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
        let kind = format!("{} {}", text(&object["apiVersion"]), text(&object["kind"]));
        let schema = self.kinds.get(&kind).unwrap_or_else(|| panic!("Kubernetes knows no {kind}"));
        let mut said = Vec::new();
        self.judge(schema, object, &id(object), &mut said);
        said
    }

    fn judge(&self, schema: &Value, value: &Value, place: &str, said: &mut Vec<String>) {
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.strip_prefix("#/definitions/").unwrap();
            // Described by itself, as an object of any kind.
            if !name.ends_with("apiextensions.v1.JSONSchemaProps") {
                self.judge(&self.swagger["definitions"][name], value, place, said);
            }
            return;
        }
        let words = schema.as_object().unwrap();
        for (word, rule) in words {
            let wrong = match word.as_str() {
                "type" => !is_a(value, rule, schema),
                "required" => {
                    let missing = |it: &&Value| value.get(it.as_str().unwrap()).is_none();
                    rule.as_array().unwrap().iter().any(|it| missing(&it))
                }
                "enum" => !rule.as_array().unwrap().contains(value),
                "pattern" => {
                    value.as_str().is_some_and(|it| !Regex::new(rule.as_str().unwrap()).unwrap().is_match(it))
                }
                "minLength" | "maxLength" => {
                    value.as_str().is_some_and(|it| beyond(word, it.chars().count(), rule))
                }
                "minItems" | "maxItems" => value.as_array().is_some_and(|it| beyond(word, it.len(), rule)),
                "minProperties" | "maxProperties" => {
                    value.as_object().is_some_and(|it| beyond(word, it.len(), rule))
                }
                "minimum" => value.as_f64() < rule.as_f64() && value.is_number(),
                "maximum" => value.as_f64() > rule.as_f64() && value.is_number(),
                "items" => {
                    let items = value.as_array().into_iter().flatten().enumerate();
                    items.for_each(|(index, it)| self.judge(rule, it, &format!("{place}/{index}"), said));
                    false
                }
                // With `type` these four say no more than that; formats are hints.
                "properties" | "additionalProperties" | "anyOf" | "format" | "description" | "default" => {
                    false
                }
                "nullable" | "title" | "example" => false,
                other => {
                    assert!(other.starts_with("x-kubernetes-"), "{place}: `{other}` is not judged here");
                    false
                }
            };
            if wrong {
                said.push(format!("{place}: {word} {rule}"));
            }
        }
        for (name, it) in value.as_object().into_iter().flatten() {
            let place = format!("{place}/{name}");
            match (&schema["properties"][name], &schema["additionalProperties"]) {
                (Value::Null, further @ Value::Object(_)) => self.judge(further, it, &place, said),
                (Value::Null, _) if !takes_any(schema) => said.push(format!("{place}: no such field")),
                (Value::Null, _) => {}
                (field, _) => self.judge(field, it, &place, said),
            }
        }
    }

    fn takes(&self, text: &str) {
        for object in objects(text) {
            assert_eq!(self.complaints(&object), [""; 0]);
        }
    }
}

/// Whether a value has the type that is asked for.
fn is_a(value: &Value, rule: &Value, schema: &Value) -> bool {
    match rule.as_str().unwrap() {
        // An amount may be written as a number, and so may a port.
        "string" => value.is_string() || (value.is_number() && is_amount(schema)),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the type `{other}` is not judged here"),
    }
}

fn is_amount(schema: &Value) -> bool {
    schema["format"] == "int-or-string"
        || schema["description"].as_str().is_some_and(|it| it.starts_with("Quantity is"))
}

/// An object without fields of its own, or that says so, takes any field.
fn takes_any(schema: &Value) -> bool {
    schema["x-kubernetes-preserve-unknown-fields"] == true || schema["properties"].is_null()
}

fn beyond(word: &str, length: usize, rule: &Value) -> bool {
    let bound = usize::try_from(rule.as_u64().unwrap()).unwrap();
    if word.starts_with("min") { length < bound } else { length > bound }
}

#[test]
fn kubernetes_takes_what_is_shipped() {
    let Some(schema) = Schema::fetched() else { return };
    let mut place = Place::new();
    for folder in place.folders("Kustomization") {
        schema.takes(&place.build(&folder));
    }
    for component in place.folders("Component").iter().filter(|it| it.starts_with("manifests/")) {
        schema.takes(&place.build_with("manifests/base", &[component]));
    }
    schema.takes(&fs::read_to_string(crate::place::root().join("argocd/application.yaml")).unwrap());
    if let Some(chart) = rendered(place.path(), "promoter", &EVERYTHING) {
        schema.takes(&chart.unwrap());
    }
}

#[test]
fn kubernetes_takes_argo_cd_with_each_sidecar() {
    let (Some(schema), Some(mut place)) = (Schema::fetched(), Place::with_argo_cd()) else { return };
    for component in place.folders("Component").iter().filter(|it| it.starts_with("argocd/")) {
        schema.takes(&place.build_with(&format!("{ARGO_CD}/namespace-install"), &[component]));
    }
}

#[test]
fn slips_are_seen() {
    let Some(schema) = Schema::fetched() else { return };
    let place = Place::new();
    let text = place.build("manifests/overlays/in-cluster");
    let controller = "Deployment promoter/promoter-controller/spec/template/spec";
    let monitor = "ServiceMonitor promoter/promoter-controller/spec/endpoints/0";
    for (right, wrong, said) in [
        (
            "readOnlyRootFilesystem: true",
            "readOnlyRootFileSystem: true",
            format!("{controller}/containers/0/securityContext/readOnlyRootFileSystem: no such field"),
        ),
        (
            "periodSeconds: 20",
            "periodSeconds: often",
            format!("{controller}/containers/0/livenessProbe/periodSeconds: type \"integer\""),
        ),
        ("name: git", "title: git", format!("{controller}/volumes/2: required [\"name\"]")),
        (
            "cpu: 50m",
            "cpu: [50m]",
            format!("{controller}/containers/0/resources/requests/cpu: type \"string\""),
        ),
        ("interval: 30s", "intervall: 30s", format!("{monitor}/intervall: no such field")),
        ("interval: 30s", "interval: half", format!("{monitor}/interval: pattern ")),
    ] {
        assert!(text.contains(right));
        let said_of = objects(&text.replace(right, wrong))
            .iter()
            .flat_map(|it| schema.complaints(it))
            .collect::<Vec<_>>();
        assert!(said_of.iter().any(|it| it.starts_with(&said)), "{wrong}: {said_of:?}");
    }
}
