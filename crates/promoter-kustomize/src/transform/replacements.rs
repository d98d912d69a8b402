//! `replacements`: a value of one resource, copied into fields of others.

use promoter_yaml::{Data, Node};

use super::structured::{self, Count};
use crate::error::{BuildError, Result};
use crate::field_path::{Visit, lookup, set_text_keeping_type, split, untyped};
use crate::id::Id;
use crate::kustomization::{FieldOptions, Replacement, SourceSelector, TargetSelector};
use crate::patch::selector::{Candidate, Selector, SelectorSpec};
use crate::resmap::{ResMap, charge};
use crate::resource::{Resource, is_null_or_empty, raw_text};
use crate::size::{DEPTH_MAX, Size};

const DEFAULT_FIELD: &str = "metadata.name";

/// Carries out replacements one after the other.
pub(super) fn run(resources: &mut ResMap, replacements: &[Replacement]) -> Result<()> {
    replacements.iter().try_for_each(|it| replace(resources, it).map_err(|error| error.line(it.line)))
}

fn replace(resources: &mut ResMap, replacement: &Replacement) -> Result<()> {
    let targets = replacement.targets.as_deref().unwrap_or_default();
    let value = match (&replacement.source, &replacement.source_value) {
        (Some(_), Some(_)) => return Err(wrong("a replacement has both `source` and `sourceValue`")),
        (Some(source), None) if replacement.targets.is_some() => source_value(resources, source)?,
        (None, Some(text)) if replacement.targets.is_some() => untyped(text),
        _ => return Err(wrong("a replacement needs a source and at least one target")),
    };
    targets.iter().try_for_each(|target| Target::new(target)?.run(resources, &value))
}

fn wrong(message: impl Into<String>) -> BuildError {
    BuildError::new("kustomize-value", message)
}

fn source_value(resources: &ResMap, source: &SourceSelector) -> Result<Node> {
    let mut matches = resources.list.iter().filter(|it| is_source(it, &source.object));
    let Some(resource) = matches.next() else {
        let message = format!("no resource is the source {}", describe(&source.object));
        return Err(BuildError::new("kustomize-target", message));
    };
    if matches.next().is_some() {
        let message = format!("several resources are the source {}", describe(&source.object));
        return Err(BuildError::new("kustomize-target", message).hint("name kind, name and namespace"));
    }
    let path = if source.field_path.is_empty() { DEFAULT_FIELD } else { &source.field_path };
    let found = resource.blamed(lookup(&resource.node, &split(path, '.')))?;
    let Some(value) = found.filter(|it| !is_null_or_empty(it)) else {
        let message = format!("the source field `{path}` is not there");
        return Err(resource.blame(BuildError::new("kustomize-target", message)));
    };
    part_of(value, &source.options).map_err(|error| resource.blame(error))
}

fn describe(object: &SelectorSpec) -> String {
    let parts = [
        ("group", &object.group),
        ("version", &object.version),
        ("kind", &object.kind),
        ("namespace", &object.namespace),
        ("name", &object.name),
    ];
    let said: Vec<String> =
        parts.iter().filter(|(_, it)| !it.is_empty()).map(|(key, it)| format!("{key}: {it}")).collect();
    format!("`{{{}}}`", said.join(", "))
}

fn is_source(resource: &Resource, object: &SelectorSpec) -> bool {
    let pattern = crate::id::Gvk { group: &object.group, version: &object.version, kind: &object.kind };
    ids(resource).into_iter().any(|id| {
        let effective = |namespace: &str| if namespace.is_empty() { "default" } else { namespace }.to_owned();
        (object.name.is_empty() || object.name == id.name)
            && (object.namespace.is_empty() || effective(&object.namespace) == effective(id.namespace))
            && id.gvk.matches(pattern)
    })
}

/// All names of a resource, the present one first.
fn ids(resource: &Resource) -> Vec<Id<'_>> {
    std::iter::once(resource.id()).chain(resource.previous_ids()).collect()
}

fn part_of(value: &Node, options: &FieldOptions) -> Result<Node> {
    if options.delimiter.is_empty() {
        return Ok(value.clone());
    }
    let Data::Scalar(scalar) = &value.data else {
        return Err(wrong("`delimiter` needs a single value"));
    };
    let parts: Vec<&str> = scalar.text.split(options.delimiter.as_str()).collect();
    let part = usize::try_from(options.index).ok().and_then(|index| parts.get(index));
    let Some(part) = part else {
        let message = format!("there is no part {} in `{}`", options.index, scalar.text);
        return Err(wrong(message).line(value.mark.line));
    };
    let mut result = value.clone();
    if let Data::Scalar(scalar) = &mut result.data {
        scalar.text = (*part).into();
    }
    Ok(result)
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

    fn run(&self, resources: &mut ResMap, value: &Node) -> Result<()> {
        let size = Size::of(value);
        if let Some((text, _)) = self.paths.iter().find(|it| it.1.len() + size.depth > DEPTH_MAX) {
            let message = format!("the field `{text}` would be more than {DEPTH_MAX} levels deep");
            return Err(BuildError::new("kustomize-limit", message));
        }
        let ResMap { list, copied } = resources;
        for resource in list.iter_mut().filter(|it| self.chooses(it)) {
            let done = self.copy_into(&mut resource.node, value, &mut || charge(copied, size.bytes));
            resource.blamed(done)?;
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

    /// Copies the value into the fields of a resource; `count` is told of each copy before it is made.
    fn copy_into(&self, node: &mut Node, value: &Node, count: Count<'_>) -> Result<()> {
        for (text, path) in &self.paths {
            let create = self.spec.options.create.then(|| blank_like(value));
            if structured::set(node, path, value, create.as_ref(), count)? {
                continue;
            }
            let options = &self.spec.options;
            let mut set = |field: &mut Node, made: bool| {
                count()?;
                set_field(field, made, value, options)
            };
            let found = Visit { create, set: &mut set }.go(node, path).map_err(|error| {
                let message = format!("{}, at field `{text}`", error.message);
                BuildError { message, ..error }
            })?;
            if found == 0 {
                let message = format!("the target field `{text}` is not there");
                return Err(BuildError::new("kustomize-target", message)
                    .hint("set `options: {create: true}` to make it"));
            }
        }
        Ok(())
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
