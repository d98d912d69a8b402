//! What is asked about: every kind, field and list that testdata/kustomize-tables/ names, as objects.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

/// Where pod specs are.
const PODS: [&str; 4] =
    ["spec", "template/spec", "spec/template/spec", "spec/jobTemplate/spec/template/spec"];

/// Where what is around a pod spec is.
const TEMPLATES: [&str; 4] =
    ["template", "spec/template", "spec/jobTemplate", "spec/jobTemplate/spec/template"];

/// A kind in one version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kind {
    /// Its name.
    pub(crate) name: String,
    /// Group and version.
    pub(crate) api_version: String,
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.api_version, self.name)
    }
}

impl Kind {
    /// An object of the kind.
    pub(crate) fn object(&self, name: &str) -> Value {
        json!({"apiVersion": self.api_version, "kind": self.name, "metadata": {"name": name}})
    }
}

/// The folder of questions and answers.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/kustomize-tables")
}

/// Every kind.
pub(crate) fn kinds() -> Vec<Kind> {
    let of_line = |line: &str| {
        let (api_version, names) = line.split_once(": ").unwrap();
        let kind = |name: &str| Kind { name: name.to_owned(), api_version: api_version.to_owned() };
        names.split(' ').map(kind).collect::<Vec<_>>()
    };
    lines("kinds.txt").iter().flat_map(|it| of_line(it)).collect()
}

/// The paths that a file names, each in every place that it stands for.
pub(crate) fn paths(file: &str) -> Vec<String> {
    let places = |line: &str| -> Vec<String> {
        let everywhere =
            |word: &str, places: &[&str]| places.iter().map(|it| line.replace(word, it)).collect();
        match (line.contains("{pod}"), line.contains("{template}")) {
            (true, _) => everywhere("{pod}", &PODS),
            (_, true) => everywhere("{template}", &TEMPLATES),
            _ => vec![line.to_owned()],
        }
    };
    lines(file).iter().flat_map(|it| places(it)).collect()
}

fn lines(file: &str) -> Vec<String> {
    let text = fs::read_to_string(folder().join(file)).unwrap();
    text.lines().filter(|it| !it.starts_with('#')).map(str::to_owned).collect()
}

/// The value at a path, made on the way if it is not there; a step that ends in `[]` is a list, whose first element is
/// meant.
pub(crate) fn reach<'a>(object: &'a mut Value, path: &str) -> &'a mut Value {
    let steps = path.replace("\\/", "\0");
    steps.split('/').fold(object, |value, step| {
        let key = step.trim_end_matches("[]").replace('\0', "/");
        if value.is_null() {
            *value = Value::Object(Map::new());
        }
        let field = value.as_object_mut().unwrap().entry(key).or_insert(Value::Null);
        if !step.ends_with("[]") {
            return field;
        }
        if field.is_null() {
            *field = json!([null]);
        }
        &mut field[0]
    })
}

/// Every scalar of an object with its path.
pub(crate) fn leaves(object: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk(object, "", &mut found);
    found
}

fn walk(value: &Value, path: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            let below = if path.is_empty() { String::new() } else { format!("{path}/") };
            for (key, value) in fields {
                walk(value, &format!("{below}{}", key.replace('/', "\\/")), found);
            }
        }
        Value::Array(items) => items.iter().for_each(|it| walk(it, &format!("{path}[]"), found)),
        Value::String(text) => found.push((path.to_owned(), text.clone())),
        other => found.push((path.to_owned(), other.to_string())),
    }
}
