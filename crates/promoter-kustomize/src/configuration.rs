//! Files of `configurations` and `crds`: where more field specs come from.

use std::rc::Rc;

use promoter_yaml::{Dialect, Limits, Node, parse_first};

use crate::config::{Additions, NameReference, Table};
use crate::error::{BuildError, Result};
use crate::field::FieldSpec;
use crate::kustomization::read_field_spec;
use crate::kustomization::reader::Reader;
use crate::loader::text;
use crate::order::kind_order;

/// How deep the types of a CRD may contain each other.
const DEPTH_MAX: usize = 60;

/// How many properties the types of one file may have, each type written out where another one names it.
const PROPERTIES_MAX: usize = 200_000;

/// Reads a configuration file.
///
/// Errors: a table that does not exist, a spec that is malformed.
pub(crate) fn read_configuration(path: &Rc<str>, bytes: &[u8]) -> Result<Additions> {
    let reader = Reader::configuration(path);
    let mut additions = Additions::default();
    let Some(node) = first_document(path, bytes)? else {
        return Ok(additions);
    };
    let mut names: Vec<&'static str> = Table::ALL.iter().map(|(name, _)| *name).collect();
    names.push("nameReference");
    reader.object(&node, &names, |field, value| {
        match Table::ALL.iter().find(|(name, _)| *name == field) {
            Some((_, table)) => {
                // A spec that covers a later one takes its place, so the order decides which are left.
                let mut specs = reader.list(value, |it| read_field_spec(reader, it))?;
                specs.sort_by(|a, b| kind_order(a.gvk(), b.gvk()));
                additions.add_specs(*table, &specs)
            }
            None => additions.add_references(&reader.list(value, |it| read_name_reference(reader, it))?),
        }
        .map_err(|error| error.at(path, value.mark.line))
    })?;
    Ok(additions)
}

fn first_document(path: &str, bytes: &[u8]) -> Result<Option<Node>> {
    let text = text(path, bytes)?;
    parse_first(text, Dialect::Config, &Limits::default())
        .map_err(|error| BuildError::syntax(path, text, &error))
}

fn read_name_reference(reader: Reader<'_>, node: &Node) -> Result<NameReference> {
    let mut reference =
        NameReference { group: "".into(), version: "".into(), kind: "".into(), fields: Vec::new() };
    reader.object(node, &["group", "version", "kind", "fieldSpecs"], |field, value| {
        match field {
            "group" => reference.group = reader.embedded().string(value)?.into(),
            "version" => reference.version = reader.embedded().string(value)?.into(),
            "kind" => reference.kind = reader.embedded().string(value)?.into(),
            _ => reference.fields = reader.list(value, |it| read_field_spec(reader, it))?,
        }
        Ok(())
    })?;
    Ok(reference)
}

/// Reads a file of `crds`: OpenAPI definitions by type name, whose extensions say what a field means.
///
/// Errors: no mapping.
pub(crate) fn read_crds(path: &Rc<str>, bytes: &[u8]) -> Result<Additions> {
    let document = first_document(path, bytes)?.unwrap_or_else(Node::null);
    let Some(types) = document.as_map() else {
        let message = format!("{} stands where OpenAPI definitions are wanted", document.type_name());
        return Err(BuildError::new("kustomize-value", message).at(path, document.mark.line));
    };
    let mut additions = Additions::default();
    let mut left = PROPERTIES_MAX;
    for (name, definition) in types.iter() {
        if definition.as_map().is_none() && !definition.is_null() {
            let message = format!("`{name}` is no OpenAPI definition");
            return Err(BuildError::new("kustomize-value", message)
                .at(path, definition.mark.line)
                .hint("a CustomResourceDefinition itself belongs to `resources`"));
        }
        let known = |field: &str| properties(definition).is_some_and(|it| it.get(field).is_some());
        if known("kind") && known("apiVersion") && known("metadata") {
            let kind = name.rsplit('.').next().unwrap_or(name);
            let mut walk = Walk { document: &document, kind, additions: &mut additions, left: &mut left };
            walk.definition(name, &[], 0).map_err(|error| error.at(path, definition.mark.line))?;
        }
    }
    Ok(additions)
}

fn properties(definition: &Node) -> Option<&Node> {
    let schema = definition.as_map()?.iter().find(|(key, _)| key.eq_ignore_ascii_case("schema"))?.1;
    schema.get("properties")
}

/// A walk through the properties of one kind.
struct Walk<'a> {
    document: &'a Node,
    kind: &'a str,
    additions: &'a mut Additions,
    /// Properties that may still be looked at.
    left: &'a mut usize,
}

impl Walk<'_> {
    fn definition(&mut self, name: &str, above: &[&str], depth: usize) -> Result<()> {
        let Some(found) = self.document.get(name).and_then(properties).and_then(Node::as_map) else {
            return Ok(());
        };
        if depth > DEPTH_MAX {
            let message = format!("the type `{name}` contains itself, or types more than {DEPTH_MAX} deep");
            return Err(BuildError::new("kustomize-limit", message));
        }
        for (name, property) in found.iter() {
            let too_many = || {
                let message = format!("the types have more than {PROPERTIES_MAX} properties, written out");
                BuildError::new("kustomize-limit", message)
            };
            *self.left = self.left.checked_sub(1).ok_or_else(too_many)?;
            let path: Vec<&str> = above.iter().copied().chain([name]).collect();
            self.property(property, &path)?;
            if let Some(reference) = property.get("$ref").and_then(Node::as_str) {
                self.definition(reference, &path, depth + 1)?;
            }
        }
        Ok(())
    }

    fn property(&mut self, property: &Node, path: &[&str]) -> Result<()> {
        let extension = |name: &str| property.get(name).and_then(Node::as_str);
        let tables = [
            ("x-kubernetes-annotation", Table::CommonAnnotations),
            ("x-kubernetes-label-selector", Table::CommonLabels),
            ("x-kubernetes-identity", Table::NamePrefix),
        ];
        for (name, table) in tables {
            if extension(name).is_some() {
                let spec = self.spec(path.join("/"));
                self.additions.add_specs(table, &[spec])?;
            }
        }
        let version = extension("x-kubernetes-object-ref-api-version");
        if let Some((version, kind)) = version.zip(extension("x-kubernetes-object-ref-kind")) {
            let name_key = extension("x-kubernetes-object-ref-name-key").unwrap_or("name");
            let fields = vec![self.spec(format!("{}/{name_key}", path.join("/")))];
            let (version, kind) = (version.to_owned().into(), kind.to_owned().into());
            let reference = NameReference { group: "".into(), version, kind, fields };
            self.additions.add_references(&[reference])?;
        }
        Ok(())
    }

    fn spec(&self, path: String) -> FieldSpec {
        FieldSpec {
            kind: self.kind.to_owned().into(),
            path: path.into(),
            ..FieldSpec::new("", "", "", "", false)
        }
    }
}
