//! Kind, name and namespace of a resource, which outlive a patch.

use promoter_yaml::{Map, Node};

use super::Allow;
use crate::field::put_back;

/// What a merge must not change.
pub(super) struct Identity {
    kind: Option<String>,
    name: Option<String>,
    namespace: Option<String>,
}

impl Identity {
    /// Reads it off a resource.
    pub(super) fn of(target: &Node) -> Self {
        let text = |path: &[&str]| target.path(path).and_then(Node::text).map(str::to_owned);
        Self {
            kind: text(&["kind"]),
            name: text(&["metadata", "name"]),
            namespace: text(&["metadata", "namespace"]).filter(|it| !it.is_empty()),
        }
    }

    /// Puts it back into what a merge made of the resource, but for what `allow` allows to change.
    pub(super) fn restore(self, target: &mut Node, allow: Allow) {
        let Some(root) = target.as_map_mut() else {
            return;
        };
        if let Some(kind) = self.kind.filter(|_| !allow.kind_change) {
            put_back(root, "kind", &kind);
        }
        let name = self.name.filter(|_| !allow.name_change);
        if name.is_none() && self.namespace.is_none() && !root.contains("metadata") {
            return;
        }
        let metadata = root.get_or_insert_with("metadata", || Node::map(Map::new()));
        let Some(metadata) = metadata.as_map_mut() else {
            return;
        };
        // A new name is set once more too.
        let new_name = || metadata.get("name").and_then(Node::text).map(str::to_owned);
        if let Some(name) = name.or_else(new_name) {
            put_back(metadata, "name", &name);
        }
        match self.namespace {
            Some(namespace) => put_back(metadata, "namespace", &namespace),
            None => {
                metadata.remove("namespace");
            }
        }
    }
}
