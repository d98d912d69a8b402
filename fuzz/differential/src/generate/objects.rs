//! Random Kubernetes objects, grown from the templates of objects.yaml.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use promoter_yaml::{Dialect, Limits, parse_all};

use super::words::{self, any_scalar, any_text, pairs, small_number, with_flow};
use crate::dice::Dice;
use crate::value::{Scalar, Style, Value, map, plain, seq, text};

/// An object that a layer of the case defines or takes in.
#[derive(Debug, Clone)]
pub(super) struct Object {
    /// The object as it was written.
    pub(super) value: Value,
}

impl Object {
    fn at(&self, keys: &[&str]) -> &str {
        self.value.text_at(keys).unwrap_or_default()
    }

    pub(super) fn api_version(&self) -> &str {
        self.at(&["apiVersion"])
    }

    pub(super) fn kind(&self) -> &str {
        self.at(&["kind"])
    }

    pub(super) fn name(&self) -> &str {
        self.at(&["metadata", "name"])
    }

    pub(super) fn namespace(&self) -> &str {
        self.at(&["metadata", "namespace"])
    }

    /// What tells it from every other object.
    pub(super) fn id(&self) -> [&str; 3] {
        [self.kind(), self.name(), self.namespace()]
    }
}

/// The templates.
pub(crate) struct Templates {
    parts: BTreeMap<String, Value>,
    objects: Vec<Value>,
}

impl Templates {
    /// Reads objects.yaml.
    pub(crate) fn read() -> Result<Self> {
        let documents = parse_all(include_str!("objects.yaml"), Dialect::Resource, &Limits::default())?;
        let mut this = Self { parts: BTreeMap::new(), objects: Vec::new() };
        for document in documents.iter().map(Value::from_node) {
            match document.text_at(&["part"]) {
                Some(part) => {
                    let value = document.get("value").context("a part without a value")?.clone();
                    this.parts.insert(part.to_owned(), value);
                }
                None => this.objects.push(document),
            }
        }
        Ok(this)
    }

    /// An object of any kind, or of the kind of another one.
    pub(super) fn grow(&self, dice: &mut Dice, known: &[Object], like: Option<&Object>) -> Object {
        let is_like = |it: &&Value| like.is_none_or(|like| it.text_at(&["kind!"]) == Some(like.kind()));
        let fitting: Vec<&Value> = self.objects.iter().filter(is_like).collect();
        // Workloads come often: most fields are about them.
        let first = usize::from(fitting.len() > 6 && dice.chance(30));
        let template = if first == 1 { dice.pick(&fitting[..6]) } else { dice.pick(&fitting) };
        let label = *dice.pick(&words::NAMES);
        let mut growing = Growing { templates: self, dice, known, label, keep: 0 };
        growing.keep = u32::try_from(growing.dice.number(15, 60)).unwrap_or(50);
        Object { value: growing.value(template) }
    }
}

struct Growing<'a> {
    templates: &'a Templates,
    dice: &'a mut Dice,
    known: &'a [Object],
    /// The `app` label of this object.
    label: &'static str,
    /// How many of a hundred optional parts stay.
    keep: u32,
}

impl Growing<'_> {
    fn value(&mut self, template: &Value) -> Value {
        let value = match template {
            Value::Map { entries, .. } => {
                let mut kept = Vec::new();
                for (key, value) in entries {
                    let is_needed = key.text.ends_with('!');
                    if is_needed || self.dice.chance(self.keep) {
                        let key = Scalar::new(key.text.trim_end_matches('!'), Style::Text);
                        kept.push((key, self.value(value)));
                    }
                }
                if self.dice.chance(20) {
                    self.dice.shuffle(&mut kept);
                }
                Value::Map { entries: kept, flow: false }
            }
            Value::Seq { items, .. } => {
                let kept: Vec<&Value> = items.iter().filter(|_| self.dice.chance(self.keep + 10)).collect();
                seq(kept.into_iter().map(|it| self.value(it)))
            }
            Value::Scalar(scalar) if scalar.text.starts_with('$') && !scalar.text.starts_with("$(") => {
                return self.mark(&scalar.text.clone()[1..]);
            }
            other => return other.clone(),
        };
        let flow = self.dice.chance(12);
        with_flow(value, flow)
    }

    fn mark(&mut self, mark: &str) -> Value {
        let (word, rest) = mark.split_once(':').unwrap_or((mark, ""));
        match word {
            "name" => text(*self.dice.pick(&words::NAMES)),
            "metadata" => self.metadata(),
            "use" => {
                let part = self.templates.parts.get(rest).cloned();
                part.map_or_else(|| text(rest), |it| self.value(&it))
            }
            "ref" => self.reference(rest),
            "pick" => {
                let words: Vec<&str> = rest.split('|').collect();
                let word = *self.dice.pick(&words);
                match word.strip_prefix('"') {
                    Some(quoted) => Value::Scalar(Scalar::new(quoted.trim_end_matches('"'), Style::Double)),
                    None => plain(word),
                }
            }
            "any" => any_scalar(self.dice),
            "int" => small_number(self.dice),
            "labels" => pairs(self.dice),
            "selector" => map([("app", text(self.label))]),
            "image" => text(*self.dice.pick(&words::IMAGES)),
            "quantity" => plain(*self.dice.pick(&["1", "100m", "0.5", "1Gi", "1e3", "500Mi"])),
            "port" => plain(*self.dice.pick(&["80", "8080", "443", "9090"])),
            _ => any_text(self.dice),
        }
    }

    fn metadata(&mut self) -> Value {
        let mut metadata = map([("name", text(*self.dice.pick(&words::NAMES)))]);
        if self.dice.chance(25) {
            metadata.set("namespace", text(*self.dice.pick(&words::NAMESPACES)));
        }
        if self.dice.chance(50) {
            metadata.set("labels", pairs(self.dice));
        }
        if self.dice.chance(30) {
            let mut annotations = pairs(self.dice);
            if self.dice.chance(15) {
                let known = [
                    ("config.kubernetes.io/local-config", "true"),
                    ("config.kubernetes.io/local-config", "false"),
                    ("kustomize.config.k8s.io/needs-hash", "true"),
                    ("kustomize.config.k8s.io/behavior", "merge"),
                    ("nginx.ingress.kubernetes.io/auth-secret", "web"),
                    ("config.kubernetes.io/index", "1"),
                ];
                let (key, value) = *self.dice.pick(&known);
                annotations.set(key, Value::Scalar(Scalar::new(value, Style::Double)));
            }
            metadata.set("annotations", annotations);
        }
        if self.dice.chance(5) {
            metadata.set("finalizers", seq([text("a.example.com/x"), text("b.example.com/y")]));
        }
        if self.dice.chance(3) {
            metadata.set("creationTimestamp", plain("null"));
        }
        metadata
    }

    /// The name of an object of a kind; of none that there is if there is none, and sometimes even so.
    fn reference(&mut self, kind: &str) -> Value {
        let fitting: Vec<&Object> = self.known.iter().filter(|it| it.kind() == kind).collect();
        match self.dice.pick_any(&fitting) {
            Some(object) if self.dice.chance(85) => text(object.name()),
            _ => text(*self.dice.pick(&words::NAMES)),
        }
    }
}
