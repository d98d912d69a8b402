//! What a replacement copies.

use promoter_yaml::{Data, Node};

use super::replacements::{DEFAULT_FIELD, field_missing, ids, wrong};
use crate::error::{BuildError, Result};
use crate::field_path::{lookup, split, untyped};
use crate::id::{Gvk, Id};
use crate::kustomization::{FieldOptions, SourceSelector};
use crate::patch::selector::SelectorSpec;
use crate::resmap::ResMap;
use crate::resource::{Resource, is_null_or_empty};
use crate::size::{DEPTH_MAX, Size};
use crate::suggest::instead_of;

/// The value and its size.
pub(super) struct Value {
    pub(super) node: Node,
    pub(super) size: Size,
    /// Where it stands: the place of its resource and the path there. A copy into a mapping or list itself makes it grow,
    /// a copy to the single value itself changes it, and further copies are of what it is then.
    home: Option<(usize, Vec<String>)>,
}

impl Value {
    /// A value that the kustomization itself says.
    pub(super) fn said(text: &str) -> Self {
        let node = untyped(text);
        Self { size: Size::of(&node), node, home: None }
    }

    /// The value that a selector names.
    pub(super) fn of(resources: &ResMap, source: &SourceSelector) -> Result<Self> {
        let mut matches = resources.list.iter().enumerate().filter(|it| is_source(it.1, &source.object));
        let Some((at, resource)) = matches.next() else {
            let message = format!("no resource is the source {}", describe(&source.object));
            let object = &source.object;
            let gvk = Gvk { group: &object.group, version: &object.version, kind: &object.kind };
            let wanted = Id { gvk, name: &object.name, namespace: &object.namespace, cluster_scoped: false };
            return Err(BuildError::new("kustomize-target", message).hint(instead_of(&wanted, resources)));
        };
        if matches.next().is_some() {
            let message = format!("several resources are the source {}", describe(&source.object));
            return Err(BuildError::new("kustomize-target", message).hint("name kind, name and namespace"));
        }
        let field = if source.field_path.is_empty() { DEFAULT_FIELD } else { &source.field_path };
        let path = split(field, '.');
        let found = resource.blamed(lookup(&resource.node, &path))?;
        let Some(value) = found.filter(|it| !is_null_or_empty(it)) else {
            return Err(resource.name_in(field_missing(&resource.node, field, "source")));
        };
        let node = part_of(value, &source.options).map_err(|error| resource.blame(error))?;
        let home = source.options.delimiter.is_empty().then_some((at, path));
        Ok(Self { size: Size::of(&node), node, home })
    }

    /// True when a path in the resource at a place leads into the value itself.
    pub(super) fn is_around(&self, at: usize, path: &[String]) -> bool {
        self.home.as_ref().is_some_and(|home| home.0 == at && path.starts_with(&home.1))
    }

    /// True for a single value of the resource at a place.
    pub(super) fn is_text_of(&self, at: usize) -> bool {
        self.node.as_scalar().is_some() && self.home.as_ref().is_some_and(|home| home.0 == at)
    }

    /// Takes the value anew from its resource.
    pub(super) fn refresh(&mut self, resource: &Node) {
        let found = self.home.as_ref().map(|(_, path)| lookup(resource, path));
        if let Some(Ok(Some(found))) = found {
            self.node = found.clone();
            self.size = Size::of(found);
        }
    }

    /// Fails when a copy would stand too deep.
    pub(super) fn check_depth_at(&self, text: &str, path: &[String]) -> Result<()> {
        if path.len() + self.size.depth <= DEPTH_MAX {
            return Ok(());
        }
        let message = format!("the field `{text}` would be more than {DEPTH_MAX} levels deep");
        Err(BuildError::new("kustomize-limit", message))
    }
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
    let pattern = Gvk { group: &object.group, version: &object.version, kind: &object.kind };
    ids(resource).into_iter().any(|id| {
        let effective = |namespace: &str| if namespace.is_empty() { "default" } else { namespace }.to_owned();
        (object.name.is_empty() || object.name == id.name)
            && (object.namespace.is_empty() || effective(&object.namespace) == effective(id.namespace))
            && id.gvk.matches(pattern)
    })
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
