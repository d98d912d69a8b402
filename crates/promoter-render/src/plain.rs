//! YAML and JSON as objects: a folder of files, a rendered chart, a manifest.yaml.

use std::sync::Arc;

use promoter_core::Place;
use promoter_kustomize::{FileKind, Files};
use promoter_yaml::{Data, Dialect, Node, parse_all, parse_json};

use crate::{Limits, Object, SourceError};

/// Argo CD leaves out a file that holds these words.
const SKIP_MARK: &str = "+argocd:skip-file-rendering";

/// Reads the objects of the folder's own files, in the order of their names, as Argo CD's directory source does
/// without `recurse`. Files of promoter itself (a lock beside the manifests) are left out.
pub(crate) fn read_folder(
    files: &dyn Files,
    path: &str,
    limits: &Limits,
) -> Result<Vec<Object>, SourceError> {
    let mut objects = Vec::new();
    for name in files.list(path)? {
        let is_manifest = [".yaml", ".yml", ".json"].iter().any(|it| name.ends_with(it));
        let file = if path.is_empty() { name } else { format!("{path}/{name}") };
        // A link that leads nowhere is read too, for the error: leaving it out would delete what it names.
        if !is_manifest || files.kind(&file) == Some(FileKind::Directory) {
            continue;
        }
        let text = text(&file, &files.read(&file)?)?;
        if !text.contains(SKIP_MARK) {
            let read = if file.ends_with(".json") { read_json } else { read_objects };
            objects.extend(read(&file, &text, limits)?.into_iter().filter(|it| !is_ours(it)));
        }
    }
    Ok(objects)
}

/// Reads the objects of a YAML stream, lists expanded. `file` is for messages.
pub(crate) fn read_objects(file: &str, text: &str, limits: &Limits) -> Result<Vec<Object>, SourceError> {
    let documents = parse_all(text, Dialect::Resource, &limits.yaml)
        .map_err(|error| SourceError::Yaml { at: Place::new(file, error.mark.line), error })?;
    let mut objects = Vec::new();
    for document in documents {
        expand(document, file, &mut objects);
    }
    Ok(objects)
}

/// Reads the object, or the list of them, of a JSON file.
fn read_json(file: &str, text: &str, limits: &Limits) -> Result<Vec<Object>, SourceError> {
    let node = parse_json(text, &limits.yaml)
        .map_err(|error| SourceError::Yaml { at: Place::new(file, error.mark.line), error })?;
    let mut objects = Vec::new();
    expand(node, file, &mut objects);
    Ok(objects)
}

/// The text of a file.
pub(crate) fn text(file: &str, bytes: &Arc<[u8]>) -> Result<String, SourceError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.into()),
        Err(_) => Err(SourceError::NotText { at: Place::new(file, 0) }),
    }
}

fn expand(node: Node, file: &str, objects: &mut Vec<Object>) {
    let is_list = node.get("kind").and_then(Node::as_str).is_some_and(|it| it.ends_with("List"))
        && node.get("items").is_some_and(|it| it.as_seq().is_some());
    if !is_list {
        if !node.is_null() {
            let at = Some(Place::new(file, node.mark.line));
            objects.push(Object { node, at });
        }
        return;
    }
    let Data::Map(mut map) = node.data else { return };
    if let Some(Node { data: Data::Seq(items), .. }) = map.remove("items") {
        items.into_iter().for_each(|it| expand(it, file, objects));
    }
}

fn is_ours(object: &Object) -> bool {
    object.field("apiVersion").is_some_and(|it| it.starts_with("promoter.dev/"))
}
