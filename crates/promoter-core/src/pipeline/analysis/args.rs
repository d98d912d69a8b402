//! Arguments of a template: what each is worth, and where it is filled in.

use super::super::{PipelineError, SecretPath};
use crate::Place;
use crate::fields::{Fields, is_slip};
use promoter_yaml::{Data, Node};
use std::collections::BTreeMap;

/// Where headers stand in a metric.
const HEADERS: [&str; 2] = [".provider.web.headers", ".provider.prometheus.headers"];

/// What an argument is worth.
#[derive(Debug, Clone)]
enum Value {
    Text(String),
    /// A key of a Secret: a file below the controller's directory of secrets.
    Secret(SecretPath),
}

/// The arguments by name.
#[derive(Debug, Default)]
pub(super) struct Args(BTreeMap<String, Value>);

/// A text with its arguments filled in.
pub(super) struct Filled {
    pub(super) text: String,
    /// What comes after the text and is not said here.
    pub(super) secret: Option<SecretPath>,
}

impl Args {
    /// Reads `spec.args`; what the check gives comes first.
    pub(super) fn read(spec: &Fields<'_>, given: &Given<'_>) -> Result<Self, PipelineError> {
        let mut args = Self::default();
        for (index, node) in spec.items("args")?.iter().enumerate() {
            let name = format!("{}[{index}]", spec.name("args"));
            let fields = Fields::open(node, name, &["name", "value", "valueFrom"], spec.path())?;
            let name: String = fields.require("name")?;
            let own = match (fields.text("value")?, fields.get("valueFrom")) {
                (Some(value), _) => Some(Value::Text(value.to_owned())),
                (None, Some(_)) => Some(Value::Secret(secret(&fields)?)),
                (None, None) => None,
            };
            let value = given.values.get(&name).map(|(value, _)| Value::Text(value.clone())).or(own);
            let Some(value) = value else {
                return Err(PipelineError::Field {
                    message: format!("the argument `{name}` of the template has no value"),
                    hint: format!("write `args: {{ {name}: … }}` here, or a `value` into {}", fields.at()),
                    at: given.at.clone(),
                });
            };
            args.0.insert(name, value);
        }
        match given.values.iter().find(|(name, _)| !args.0.contains_key(*name)) {
            None => Ok(args),
            Some((name, (_, at))) => {
                let near = args.0.keys().find(|it| is_slip(name, it));
                let hint = match near {
                    Some(near) => format!("did you mean `{near}`"),
                    None => format!("the template {} has no such argument", spec.path()),
                };
                Err(PipelineError::Field {
                    message: format!("the argument `{name}` is unknown"),
                    hint,
                    at: at.clone(),
                })
            }
        }
    }

    /// Fills a text in, which may end with a secret if it is a header. `Err` says what is wrong, and what to do.
    pub(super) fn fill(&self, text: &str, is_header: bool) -> Result<Filled, (String, String)> {
        let mut filled = Filled { text: String::new(), secret: None };
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let odd = || ("`{{` has no `}}`".to_owned(), "write `{{args.NAME}}`".to_owned());
            let (inner, after) = after.split_once("}}").ok_or_else(odd)?;
            let name = inner.trim();
            let value = name.strip_prefix("args.").and_then(|it| self.0.get(it));
            filled.text.push_str(before);
            match value {
                Some(Value::Text(value)) => filled.text.push_str(value),
                Some(Value::Secret(_)) if !is_header => {
                    let hint = "write `headers: [{ key: Authorization, value: \"Bearer {{args.token}}\" }]`";
                    return Err((format!("the secret `{name}` belongs into `headers`"), hint.to_owned()));
                }
                Some(Value::Secret(path)) if after.is_empty() => filled.secret = Some(path.clone()),
                Some(Value::Secret(_)) => {
                    let hint = "a secret ends a header, as in `Bearer {{args.token}}`";
                    return Err((format!("something follows the secret `{name}`"), hint.to_owned()));
                }
                None => {
                    let hint = "declare it in `spec.args` of the template";
                    return Err((format!("`{name}` is no argument of the template"), hint.to_owned()));
                }
            }
            rest = after;
        }
        if filled.secret.is_none() {
            filled.text.push_str(rest);
        }
        Ok(filled)
    }

    /// The same metric with every text filled in but those of headers, which alone may hold secrets. `metric` is its
    /// path of keys.
    pub(super) fn fill_metric(&self, node: &Node, metric: &str, path: &str) -> Result<Node, PipelineError> {
        self.fill_below(node, metric, "", path)
    }

    /// `below` is what follows the metric in the path of keys.
    fn fill_below(&self, node: &Node, metric: &str, below: &str, path: &str) -> Result<Node, PipelineError> {
        let mut node = node.clone();
        match &mut node.data {
            Data::Scalar(scalar) if scalar.text.contains("{{") => {
                let wrong = |(what, hint): (String, String)| PipelineError::Field {
                    message: format!("`{metric}{below}`: {what}"),
                    hint,
                    at: Place::new(path, node.mark.line),
                };
                scalar.text = self.fill(&scalar.text, false).map_err(wrong)?.text.into();
            }
            Data::Scalar(_) => {}
            Data::Seq(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    *item = self.fill_below(item, metric, &format!("{below}[{index}]"), path)?;
                }
            }
            Data::Map(map) => {
                for (key, value) in map.iter_mut() {
                    let below = format!("{below}.{key}");
                    if !HEADERS.contains(&&*below) {
                        *value = self.fill_below(value, metric, &below, path)?;
                    }
                }
            }
        }
        Ok(node)
    }
}

/// What a check gives its template.
#[derive(Debug)]
pub(super) struct Given<'a> {
    /// Values with their places.
    pub(super) values: BTreeMap<String, (String, Place)>,
    /// Where the check stands.
    pub(super) at: &'a Place,
}

/// `secretKeyRef: { name, key }`, which is the file `NAME/KEY`.
fn secret(fields: &Fields<'_>) -> Result<SecretPath, PipelineError> {
    let known = ["secretKeyRef", "fieldRef"];
    let from = fields.inner("valueFrom", &known)?;
    if from.get("fieldRef").is_some() {
        return Err(PipelineError::NotSupported {
            what: format!("`{}`", from.name("fieldRef")),
            hint: "give the argument a value by `args` of the check: there is no Rollout here".into(),
            at: from.at_key("fieldRef"),
        });
    }
    let reference = from.inner("secretKeyRef", &["name", "key"])?;
    let (name, key): (String, String) = (reference.require("name")?, reference.require("key")?);
    let wrong = |it| reference.wrong("key", it, "write the name of the Secret and one of its keys");
    Ok(format!("{name}/{key}").parse::<SecretPath>().map_err(wrong)?)
}
