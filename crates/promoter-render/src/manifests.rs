//! Manifests before anyone has checked them.

use promoter_core::Place;
use promoter_yaml::Node;

use crate::Rules;

/// One object as rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// The object.
    pub node: Node,
    /// Where it stands, if it stands in a file as it is.
    pub at: Option<Place>,
}

/// What a source gives: objects in their order, not yet checked. Only `verify` makes them an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifests {
    /// The objects in the order of the source.
    pub objects: Vec<Object>,
    /// The directory or file that they come from, for messages.
    pub source: String,
    /// What the lock asks of them.
    pub rules: Rules,
    /// Odd but no reason to refuse: the engine's warnings and pins that match nothing.
    pub warnings: Vec<String>,
}

impl Object {
    /// The value of a top-level string field.
    pub(crate) fn field(&self, key: &str) -> Option<&str> {
        self.node.get(key).and_then(Node::as_str).filter(|it| !it.is_empty())
    }

    /// A string of the metadata.
    pub(crate) fn metadata(&self, key: &str) -> Option<&str> {
        self.node.path(&["metadata", key]).and_then(Node::as_str).filter(|it| !it.is_empty())
    }

    /// What the cluster takes for one object: group, kind, namespace and name. `None` when the cluster makes the name.
    pub(crate) fn identity(&self) -> Option<(&str, &str, &str, &str)> {
        let version = self.field("apiVersion")?;
        let group = version.split_once('/').map_or("", |it| it.0);
        Some((group, self.field("kind")?, self.metadata("namespace").unwrap_or(""), self.metadata("name")?))
    }

    /// The object in a message: `Deployment/shop/web`, or what is known of it.
    pub(crate) fn shown(&self) -> String {
        let kind = self.field("kind").unwrap_or("object");
        let name = self.metadata("name").or_else(|| self.metadata("generateName"));
        let parts = [Some(kind), self.metadata("namespace"), name];
        parts.into_iter().flatten().collect::<Vec<_>>().join("/")
    }
}
