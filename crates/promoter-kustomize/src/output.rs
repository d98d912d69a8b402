//! A build as text: one stream, or one file a resource.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use promoter_yaml::{Node, emit_kustomize};

use crate::Build;
use crate::error::{BuildError, Result};
use crate::id::{Gvk, Id, NOT_A_NAMESPACE};
use crate::resource::Resource;

impl Build {
    /// The resources as kustomize prints them: documents joined by `---`.
    ///
    /// Errors: a value that kustomize cannot print either (an infinite number, a control character).
    pub fn to_yaml(&self) -> Result<String, BuildError> {
        let mut out = String::new();
        for (number, node) in self.resources.iter().enumerate() {
            if number > 0 {
                out.push_str("---\n");
            }
            self.emit(number, node, &mut out)?;
        }
        Ok(out)
    }

    /// The resources as kustomize writes them into a directory: texts by the names of their files.
    ///
    /// A name is made of API group, version, kind and name in lower case, with the namespace in front when there are
    /// several. Errors: those of [`Self::to_yaml`]; a name that is no file name, and two resources in one file, of which
    /// kustomize keeps one.
    pub fn to_files(&self) -> Result<BTreeMap<String, String>, BuildError> {
        let namespaces = self.resources.iter().map(|it| id(it).effective_namespace());
        let namespaces: BTreeSet<&str> = namespaces.filter(|it| *it != NOT_A_NAMESPACE).collect();
        let mut files = BTreeMap::new();
        for (number, node) in self.resources.iter().enumerate() {
            let name = file_name(&id(node), namespaces.len() > 1);
            let wrong = |what: &str| {
                let message = format!("`{}` {what} `{name}`", id(node));
                BuildError::new("kustomize-output", message).hint("write to a file or stdout instead")
            };
            if name.contains('/') {
                return Err(wrong("cannot be written to a file of its own, which would be"));
            }
            let mut text = String::new();
            self.emit(number, node, &mut text)?;
            if files.insert(name.clone(), text).is_some() {
                return Err(wrong("and another resource would be written to the same file"));
            }
        }
        Ok(files)
    }

    fn emit(&self, number: usize, node: &Node, out: &mut String) -> Result<()> {
        emit_kustomize(node, out).map_err(|error| {
            let message =
                format!("`{}/{}` cannot be written: {}", id(node).gvk.kind, id(node).name, error.message);
            let error = BuildError::new("kustomize-output", message).line(error.mark.line);
            match self.sources.0.get(number) {
                Some(file) => error.at(file, 0),
                None => error,
            }
        })
    }
}

/// The files that resources are from, one for each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Sources(Vec<Arc<str>>);

impl Sources {
    pub(crate) fn of(resources: &[Resource]) -> Self {
        let mut known: HashMap<&str, Arc<str>> = HashMap::new();
        let files = resources.iter().map(|it| &*it.source);
        Self(files.map(|it| Arc::clone(known.entry(it).or_insert_with(|| Arc::from(it)))).collect())
    }
}

fn id(node: &Node) -> Id<'_> {
    let text = |keys: &[&str]| node.path(keys).and_then(Node::text).unwrap_or_default();
    let gvk = Gvk::new(text(&["apiVersion"]), text(&["kind"]));
    Id {
        gvk,
        name: text(&["metadata", "name"]),
        namespace: text(&["metadata", "namespace"]),
        cluster_scoped: gvk.is_cluster_scoped(),
    }
}

fn file_name(id: &Id<'_>, several_namespaces: bool) -> String {
    let namespace = match id.effective_namespace() {
        NOT_A_NAMESPACE => "",
        namespace if several_namespaces => namespace,
        _ => "",
    };
    let gvk = [id.gvk.group, id.gvk.version, id.gvk.kind];
    let mut parts: Vec<&str> = std::iter::once(namespace).chain(gvk).filter(|it| !it.is_empty()).collect();
    parts.push(id.name);
    parts.join("_").to_lowercase() + ".yaml"
}
