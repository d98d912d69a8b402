//! `replacements`: a value of one resource, copied into fields of others.

use promoter_yaml::{Data, Node};

use super::source::Value;
use super::structured::{self, Count};
use crate::error::{BuildError, Result};
use crate::field_path::{Visit, lookup, set_text_keeping_type, split, untyped};
use crate::id::Id;
use crate::kustomization::{FieldOptions, Replacement, TargetSelector};
use crate::patch::selector::{Candidate, Selector, SelectorSpec};
use crate::resmap::{ResMap, charge};
use crate::resource::{Resource, raw_text};
use crate::suggest::nearest;

/// The field when none is said.
pub(super) const DEFAULT_FIELD: &str = "metadata.name";

/// Carries out replacements one after the other.
pub(super) fn run(resources: &mut ResMap, replacements: &[Replacement]) -> Result<()> {
    replacements.iter().try_for_each(|it| replace(resources, it).map_err(|error| error.at(&it.file, it.line)))
}

fn replace(resources: &mut ResMap, replacement: &Replacement) -> Result<()> {
    let targets = replacement.targets.as_deref().unwrap_or_default();
    let mut value = match (&replacement.source, &replacement.source_value) {
        (Some(_), Some(_)) => return Err(wrong("a replacement has both `source` and `sourceValue`")),
        (Some(source), None) if replacement.targets.is_some() => Value::of(resources, source)?,
        (None, Some(text)) if replacement.targets.is_some() => Value::said(text),
        _ => return Err(wrong("a replacement needs a source and at least one target")),
    };
    targets.iter().try_for_each(|target| Target::new(target)?.run(resources, &mut value))
}

pub(super) fn wrong(message: impl Into<String>) -> BuildError {
    BuildError::new("kustomize-value", message)
}

/// All names of a resource, the present one first.
pub(super) fn ids(resource: &Resource) -> Vec<Id<'_>> {
    std::iter::once(resource.id()).chain(resource.previous_ids()).collect()
}

/// A target with its selectors compiled.
struct Target<'a> {
    spec: &'a TargetSelector,
    /// By names, one at a time.
    select: Selector,
    /// By labels and annotations.
    select_marks: Selector,
    reject: Vec<Selector>,
    reject_marks: Vec<Selector>,
    paths: Vec<(String, Vec<String>)>,
}

impl<'a> Target<'a> {
    fn new(spec: &'a TargetSelector) -> Result<Self> {
        let Some(select) = &spec.select else {
            return Err(wrong("a target of a replacement has no `select`"));
        };
        let names_given = |it: &&SelectorSpec| names_of(it) != SelectorSpec::default();
        let marks_given = |it: &&SelectorSpec| marks_of(it) != SelectorSpec::default();
        let paths = match spec.field_paths.as_slice() {
            [] => vec![DEFAULT_FIELD.to_owned()],
            paths => paths.to_vec(),
        };
        Ok(Self {
            spec,
            select: compile(&names_of(select))?,
            select_marks: compile(&marks_of(select))?,
            reject: spec
                .reject
                .iter()
                .filter(names_given)
                .map(|it| compile(&names_of(it)))
                .collect::<Result<_>>()?,
            reject_marks: spec
                .reject
                .iter()
                .filter(marks_given)
                .map(|it| compile(&marks_of(it)))
                .collect::<Result<_>>()?,
            paths: paths.into_iter().map(|it| (it.clone(), split(&it, '.'))).collect(),
        })
    }

    fn run(&self, resources: &mut ResMap, value: &mut Value) -> Result<()> {
        let ResMap { list, copied, .. } = resources;
        for (at, resource) in list.iter_mut().enumerate().filter(|it| self.chooses(it.1)) {
            let done = self.copy_into(&mut resource.node, at, value, copied);
            done.map_err(|error| match error.code {
                "kustomize-target" => resource.name_in(error),
                _ => resource.blame(error),
            })?;
            resource.settle();
        }
        Ok(())
    }

    fn chooses(&self, resource: &Resource) -> bool {
        let marks = candidate(&resource.id(), resource);
        let ids = ids(resource);
        let any = |selector: &Selector| ids.iter().any(|id| selector.matches(&candidate(id, resource)));
        self.select_marks.matches(&marks)
            && !self.reject_marks.iter().any(|it| it.matches(&marks))
            && !self.reject.iter().any(any)
            && any(&self.select)
    }

    /// Copies the value into the fields of the resource at a place of the list.
    fn copy_into(&self, node: &mut Node, at: usize, value: &mut Value, copied: &mut usize) -> Result<()> {
        for (text, path) in &self.paths {
            let grows = value.is_around(at, path);
            if grows && self.spec.options.create {
                // kustomize makes the field first, and copies what is then there.
                let create = Some(blank_like(&value.node));
                let _ = Visit { create, set: &mut |_, _| Ok(()) }.go(node, path);
                value.refresh(node);
            }
            value.check_depth_at(text, path)?;
            let bytes = value.size.bytes;
            self.copy_to(node, (text, path), &value.node, &mut |more| charge(copied, bytes + more))?;
            if grows || value.is_text_of(at) {
                value.refresh(node);
            }
        }
        Ok(())
    }

    /// Copies the value into one field; `count` is told of each copy before it is made.
    fn copy_to(
        &self,
        node: &mut Node,
        (text, path): (&str, &[String]),
        value: &Node,
        count: Count<'_>,
    ) -> Result<()> {
        let create = self.spec.options.create.then(|| blank_like(value));
        if structured::set(node, path, value, create.as_ref(), count)? {
            return Ok(());
        }
        let options = &self.spec.options;
        // kustomize writes annotations anew as text, whatever they were.
        let is_annotation = matches!(path, [a, b, _] if a == "metadata" && b == "annotations");
        let mut set = |field: &mut Node, made: bool| {
            count(0)?;
            if is_annotation && field.as_scalar().is_some() && field.as_str().is_none() {
                *field = Node::str(raw_text(field)).at(field.mark);
            }
            set_field(field, made, value, options)
        };
        let found = Visit { create, set: &mut set }.go(node, path).map_err(|error| {
            let message = format!("{}, at field `{text}`", error.message);
            BuildError { message, ..error }
        })?;
        if found > 0 {
            return Ok(());
        }
        let error = field_missing(node, text, "target");
        Err(if error.hint.is_some() { error } else { error.hint("set `options: {create: true}` to make it") })
    }
}

/// Says at which step a path ends too early; hints at a field that is named alike.
pub(super) fn field_missing(node: &Node, path: &str, role: &str) -> BuildError {
    let parts = split(path, '.');
    let reached = (0..parts.len()).rev().find_map(|depth| {
        let found = lookup(node, &parts[..depth]).ok().flatten()?;
        Some((depth, found))
    });
    let (depth, found) = reached.unwrap_or((0, node));
    let missing = parts.get(depth).map_or("", String::as_str);
    let above =
        if depth == 0 { "the resource".to_owned() } else { format!("`{}`", parts[..depth].join(".")) };
    let message = format!("the {role} field `{path}` is not there: {above} has no `{missing}`");
    let error = BuildError::new("kustomize-target", message);
    match found.as_map().and_then(|map| nearest(missing, map.iter().map(|(key, _)| key))) {
        Some(near) if near != missing => error.hint(format!("did you mean `{near}`?")),
        _ => error,
    }
}

fn compile(spec: &SelectorSpec) -> Result<Selector> {
    Selector::compile(spec).map_err(|error| BuildError::new("kustomize-selector", error.to_string()))
}

fn names_of(spec: &SelectorSpec) -> SelectorSpec {
    SelectorSpec { label_selector: String::new(), annotation_selector: String::new(), ..spec.clone() }
}

fn marks_of(spec: &SelectorSpec) -> SelectorSpec {
    SelectorSpec {
        label_selector: spec.label_selector.clone(),
        annotation_selector: spec.annotation_selector.clone(),
        ..SelectorSpec::default()
    }
}

fn candidate<'r>(id: &Id<'r>, resource: &'r Resource) -> Candidate<'r> {
    Candidate {
        group: id.gvk.group,
        version: id.gvk.version,
        kind: id.gvk.kind,
        name: id.name,
        namespace: id.namespace,
        original_name: id.name,
        original_namespace: id.namespace,
        labels: resource.labels(),
        annotations: resource.annotations(),
    }
}

/// What a missing field is made of, before the value is set.
fn blank_like(value: &Node) -> Node {
    match value.data {
        Data::Scalar(_) => Node::null(),
        Data::Seq(_) => Node::seq(Vec::new()),
        Data::Map(_) => Node::map(promoter_yaml::Map::new()),
    }
}

fn set_field(field: &mut Node, made: bool, value: &Node, options: &FieldOptions) -> Result<()> {
    let is_scalar = field.as_scalar().is_some();
    let mut value = value.clone();
    if !options.delimiter.is_empty() {
        if !is_scalar {
            return Err(crate::field::wrong_type(field, "a single value"));
        }
        let old = if made { "" } else { raw_text(field) };
        let text = with_part(old, raw_text(&value), options);
        match &mut value.data {
            Data::Scalar(scalar) => scalar.text = text.into(),
            _ => value = Node::str(text),
        }
    }
    if !is_scalar {
        *field = value;
        return Ok(());
    }
    let text = raw_text(&value);
    if made {
        *field = untyped(text);
        return Ok(());
    }
    set_text_keeping_type(field, text)
}

/// A text with one of its parts replaced, or a part put before or behind it.
fn with_part(text: &str, part: &str, options: &FieldOptions) -> String {
    let mut parts: Vec<&str> = text.split(options.delimiter.as_str()).collect();
    match usize::try_from(options.index) {
        Err(_) => parts.insert(0, part),
        Ok(index) if index >= parts.len() => parts.push(part),
        Ok(index) => parts[index] = part,
    }
    parts.join(&options.delimiter)
}
