//! An OpenAPI v2 document that a kustomization brings along, read on demand.

use std::collections::BTreeMap;

use promoter_yaml::Node;

/// The definitions of a document, with an index by kind.
#[derive(Debug, Clone, Default)]
pub(super) struct Swagger {
    definitions: BTreeMap<Box<str>, Node>,
    /// (apiVersion, kind) to the name of a definition.
    kinds: BTreeMap<(String, String), Box<str>>,
}

impl Swagger {
    /// Takes a document apart; `None` when it is no mapping.
    pub(super) fn new(document: Node) -> Option<Self> {
        let mut document = document;
        let definitions = document.as_map_mut()?.remove("definitions");
        let mut found = Self::default();
        let Some(Node { data: promoter_yaml::Data::Map(map), .. }) = definitions else {
            return Some(found);
        };
        for entry in map.into_entries() {
            let kinds = entry.value.get("x-kubernetes-group-version-kind").and_then(Node::as_seq);
            for id in kinds.unwrap_or_default().iter().filter_map(kind_id) {
                found.kinds.insert(id, entry.key.clone());
            }
            found.definitions.insert(entry.key, entry.value);
        }
        Some(found)
    }

    /// The definition of a kind.
    pub(super) fn kind(&self, api_version: &str, kind: &str) -> Option<&Node> {
        let name = self.kinds.get(&(api_version.to_owned(), kind.to_owned()))?;
        self.definitions.get(name)
    }

    /// The schema of a field, still with a reference: a property, or what all values of a mapping are.
    pub(super) fn field<'a>(schema: &'a Node, name: &str) -> Option<&'a Node> {
        let any = || schema.get("additionalProperties").filter(|it| it.as_map().is_some());
        schema.path(&["properties", name]).or_else(any)
    }

    /// The schema of the elements of a list, still with a reference.
    pub(super) fn elements(schema: &Node) -> Option<&Node> {
        let kind = schema.get("type")?;
        let is_array = match kind.as_seq() {
            Some([one]) => one.as_str() == Some("array"),
            Some(_) => false,
            None => kind.as_str() == Some("array"),
        };
        is_array.then(|| schema.get("items")).flatten()
    }

    /// A definition by its name.
    pub(super) fn definition(&self, name: &str) -> Option<&Node> {
        self.definitions.get(name)
    }
}

/// The name of the definition that a schema refers to.
pub(super) fn reference(schema: &Node) -> Option<&str> {
    let reference = schema.get("$ref").and_then(Node::as_str)?;
    Some(reference.strip_prefix("#/definitions/").unwrap_or(reference))
}

/// The merge keys of a list with the patch strategy `merge`.
pub(super) fn merge_keys(schema: &Node) -> Option<Vec<&str>> {
    let strategy = schema.get("x-kubernetes-patch-strategy")?.as_str()?;
    if !strategy.split(',').any(|it| it == "merge") {
        return None;
    }
    if let Some(keys) = schema.get("x-kubernetes-list-map-keys").and_then(Node::as_seq) {
        return Some(keys.iter().filter_map(Node::as_str).collect());
    }
    Some(schema.get("x-kubernetes-patch-merge-key").and_then(Node::as_str).into_iter().collect())
}

fn kind_id(id: &Node) -> Option<(String, String)> {
    let version = id.get("version")?.as_str()?;
    let api_version = match id.get("group").and_then(Node::as_str) {
        Some(group) if !group.is_empty() => format!("{group}/{version}"),
        _ => version.to_owned(),
    };
    Some((api_version, id.get("kind")?.as_str()?.to_owned()))
}
