//! A resource on its way through a build: its tree, where it came from, and what it was called before.
//!
//! kustomize keeps this history in annotations; here it is plain data, so that a transformer costs no text. What of it
//! stood in the input is taken in by [`Resource::new`].

use std::rc::Rc;

use promoter_yaml::{Map, Node};

use crate::error::{BuildError, Result};
use crate::field::put_back;
use crate::id::{Gvk, Id};
use crate::origin::Origin;
use crate::shared::SharedValue;

/// What a generated resource does when one of its name is already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Behavior {
    /// It is no generated resource.
    #[default]
    NotGenerated,
    /// Nothing said: as `Create`.
    Unspecified,
    /// It must be new.
    Create,
    /// It takes the place of the other one.
    Replace,
    /// Its data is laid over that of the other one.
    Merge,
}

impl Behavior {
    /// From the word in a kustomization; an unknown one says nothing.
    pub(crate) fn from_word(word: &str) -> Self {
        match word {
            "create" => Self::Create,
            "replace" => Self::Replace,
            "merge" => Self::Merge,
            _ => Self::Unspecified,
        }
    }
}

/// One earlier name of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Previous {
    /// Name at that time.
    pub(crate) name: Box<str>,
    /// Effective namespace at that time.
    pub(crate) namespace: Box<str>,
    /// Kind at that time.
    pub(crate) kind: Box<str>,
}

/// One object of the build.
#[derive(Debug, Clone)]
pub(crate) struct Resource {
    /// The object.
    pub(crate) node: Node,
    /// The file it came from, for messages.
    pub(crate) source: Rc<str>,
    /// Earlier names, oldest first.
    pub(crate) previous: Vec<Previous>,
    /// Prefixes it was given, in order.
    pub(crate) prefixes: Vec<Box<str>>,
    /// Suffixes it was given, in order.
    pub(crate) suffixes: Vec<Box<str>>,
    /// Its name gets a hash of its content at the end.
    pub(crate) needs_hash: bool,
    /// What it does to one of the same name.
    pub(crate) behavior: Behavior,
    /// Names of the vars that read it.
    pub(crate) variables: Vec<Box<str>>,
    /// Rendered by helm with its namespace already in place.
    pub(crate) helm_namespaced: bool,
    /// Where it came from, when `buildMetadata` asks.
    pub(crate) origin: Option<Origin>,
    /// What changed it, when `buildMetadata` asks.
    pub(crate) transformations: Vec<Origin>,
    /// Values that stand in several of its fields and are one.
    pub(crate) shared: Vec<SharedValue>,
}

/// The domain of the annotations in which kustomize passes on its notes.
pub(crate) const INTERNAL_DOMAIN: &str = "internal.config.kubernetes.io/";

impl Resource {
    /// Takes a tree that has a kind and a name.
    pub(crate) fn new(node: Node, source: Rc<str>) -> Self {
        let notes = Notes::of(&node);
        Self {
            node,
            source,
            previous: notes.previous,
            prefixes: notes.prefixes,
            suffixes: notes.suffixes,
            needs_hash: notes.needs_hash,
            behavior: notes.behavior,
            variables: Vec::new(),
            helm_namespaced: notes.helm_namespaced,
            origin: None,
            transformations: Vec::new(),
            shared: Vec::new(),
        }
    }

    /// `kind`.
    pub(crate) fn kind(&self) -> &str {
        text(self.node.get("kind"))
    }

    /// `apiVersion`, empty when there is none.
    pub(crate) fn api_version(&self) -> &str {
        text(self.node.get("apiVersion"))
    }

    /// Group, version and kind as they are now.
    pub(crate) fn gvk(&self) -> Gvk<'_> {
        Gvk::new(self.api_version(), self.kind())
    }

    /// `metadata.name`.
    pub(crate) fn name(&self) -> &str {
        text(self.node.path(&["metadata", "name"]))
    }

    /// `metadata.namespace`, empty when there is none.
    pub(crate) fn namespace(&self) -> &str {
        text(self.node.path(&["metadata", "namespace"]))
    }

    /// `metadata.labels`.
    pub(crate) fn labels(&self) -> Option<&Map> {
        self.node.path(&["metadata", "labels"]).and_then(Node::as_map)
    }

    /// `metadata.annotations`.
    pub(crate) fn annotations(&self) -> Option<&Map> {
        self.node.path(&["metadata", "annotations"]).and_then(Node::as_map)
    }

    /// What it is called now.
    pub(crate) fn id(&self) -> Id<'_> {
        let gvk = self.gvk();
        Id { gvk, name: self.name(), namespace: self.namespace(), cluster_scoped: gvk.is_cluster_scoped() }
    }

    /// What it was called before, oldest first. Group and version are those of today.
    pub(crate) fn previous_ids(&self) -> impl Iterator<Item = Id<'_>> {
        let now = self.gvk();
        self.previous.iter().map(move |it| Id {
            gvk: Gvk { kind: &it.kind, ..now },
            name: &it.name,
            namespace: &it.namespace,
            cluster_scoped: false,
        })
    }

    /// Every name it ever had, the present one last.
    pub(crate) fn all_ids(&self) -> impl Iterator<Item = Id<'_>> {
        self.previous_ids().chain(std::iter::once_with(|| self.id()))
    }

    /// What it was called in its file.
    pub(crate) fn original_id(&self) -> Id<'_> {
        self.previous_ids().next().unwrap_or_else(|| self.id())
    }

    /// Notes the present name before it changes.
    pub(crate) fn remember(&mut self) {
        let id = self.id();
        let note = Previous {
            name: id.name.into(),
            namespace: id.effective_namespace().into(),
            kind: id.gvk.kind.into(),
        };
        self.previous.push(note);
    }

    /// Loses what is known besides the tree itself, as kustomize does with the annotations that hold it.
    pub(crate) fn forget(&mut self) {
        let (node, source) = (std::mem::replace(&mut self.node, Node::null()), Rc::clone(&self.source));
        let (variables, shared) = (std::mem::take(&mut self.variables), std::mem::take(&mut self.shared));
        *self = Self { variables, shared, ..Self::new(node, source) };
    }

    /// Sets `metadata.name`.
    pub(crate) fn set_name(&mut self, name: &str) {
        if let Some(metadata) = self.metadata_mut() {
            put_back(metadata, "name", name);
        }
    }

    /// Sets `metadata.namespace`, as kustomize does without a type; an empty one is taken away.
    pub(crate) fn set_namespace(&mut self, namespace: &str) {
        let Some(metadata) = self.metadata_mut() else {
            return;
        };
        if namespace.is_empty() {
            metadata.remove("namespace");
        } else {
            put_back(metadata, "namespace", namespace);
        }
    }

    /// `metadata`, made if it is missing; `None` when something else stands there.
    pub(crate) fn metadata_mut(&mut self) -> Option<&mut Map> {
        self.node.as_map_mut()?.get_or_insert_with("metadata", || Node::map(Map::new())).as_map_mut()
    }

    /// True when kustomize would have annotations of its own on it by now.
    pub(crate) fn has_notes(&self) -> bool {
        !self.previous.is_empty() || self.behavior != Behavior::NotGenerated || self.origin.is_some()
    }

    /// True when nothing is left of it.
    pub(crate) fn is_empty(&self) -> bool {
        is_null_or_empty(&self.node)
    }

    /// Gives an error the place and the name of this resource.
    pub(crate) fn blame(&self, error: BuildError) -> BuildError {
        self.name_in(error).at(&self.source, self.node.mark.line)
    }

    /// Gives an error the name of this resource, where something else is to blame.
    pub(crate) fn name_in(&self, error: BuildError) -> BuildError {
        let message = format!("{} (in `{}`)", error.message, self.id());
        BuildError { message, ..error }
    }

    /// [`Self::blame`] for results.
    pub(crate) fn blamed<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| self.blame(error))
    }
}

/// Null, `{}` or `[]`.
pub(crate) fn is_null_or_empty(node: &Node) -> bool {
    node.is_null()
        || node.as_map().is_some_and(Map::is_empty)
        || node.as_seq().is_some_and(<[Node]>::is_empty)
}

fn text(node: Option<&Node>) -> &str {
    node.and_then(Node::text).unwrap_or("")
}

/// The text of any scalar as it stands in its file, null ones included, as kustomize copies values of string maps.
pub(crate) fn raw_text(node: &Node) -> &str {
    node.as_scalar().filter(|it| !it.is_nothing()).map_or("", |it| &it.text)
}

/// kustomize's own annotations, which functions and tests may write by hand.
#[derive(Default)]
struct Notes {
    previous: Vec<Previous>,
    prefixes: Vec<Box<str>>,
    suffixes: Vec<Box<str>>,
    needs_hash: bool,
    behavior: Behavior,
    helm_namespaced: bool,
}

impl Notes {
    fn of(node: &Node) -> Self {
        let Some(annotations) = node.path(&["metadata", "annotations"]).and_then(Node::as_map) else {
            return Self::default();
        };
        if !annotations.iter().any(|(key, _)| key.starts_with(INTERNAL_DOMAIN)) {
            return Self::default();
        }
        let note = |name: &str| annotations.get(&format!("{INTERNAL_DOMAIN}{name}")).and_then(Node::text);
        let list = |name: &str| -> Vec<Box<str>> {
            note(name).map(|text| text.split(',').map(Box::from).collect()).unwrap_or_default()
        };
        let names = list("previousNames").into_iter();
        let places = list("previousNamespaces").into_iter().zip(list("previousKinds"));
        Self {
            previous: names
                .zip(places)
                .map(|(name, (namespace, kind))| Previous { name, namespace, kind })
                .collect(),
            prefixes: list("prefixes"),
            suffixes: list("suffixes"),
            needs_hash: note("needsHashSuffix") == Some("enabled"),
            behavior: note("generatorBehavior").map(Behavior::from_word).unwrap_or_default(),
            helm_namespaced: note("helm-generated") == Some("true"),
        }
    }
}
