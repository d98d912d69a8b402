//! From the text of a file to resources: lists are unfolded, and everything must have a kind and a name.

use std::collections::VecDeque;
use std::rc::Rc;

use promoter_yaml::{Data, Dialect, Form, Limits, Node, Tag, emit_json, parse_all};

use crate::error::{BuildError, Result};
use crate::field::is_time;
use crate::loader::text;
use crate::resource::{Resource, is_null_or_empty};

/// Reads the resources of a file.
///
/// Errors: no YAML, or something in it that is no resource.
pub(crate) fn resources(path: &Rc<str>, bytes: &[u8]) -> Result<Vec<Resource>> {
    resources_from_text(path, text(path, bytes)?, 0)
}

/// Reads the resources of a text that stands in a file behind so many lines; `path` is for messages.
pub(crate) fn resources_from_text(path: &Rc<str>, text: &str, lines_before: u32) -> Result<Vec<Resource>> {
    let nodes = nodes_from_text(path, text).map_err(|error| error.behind(lines_before))?;
    resources_from_nodes(path, behind(nodes, lines_before))
}

/// Counts the lines of documents from the start of the file in which their text stands behind so many lines.
pub(crate) fn behind(mut nodes: Vec<Node>, lines_before: u32) -> Vec<Node> {
    if lines_before > 0 {
        nodes.iter_mut().for_each(|node| shift_marks(node, lines_before));
    }
    nodes
}

fn shift_marks(node: &mut Node, lines: u32) {
    node.mark.line += lines;
    match &mut node.data {
        Data::Scalar(_) => {}
        Data::Seq(items) => items.iter_mut().for_each(|item| shift_marks(item, lines)),
        Data::Map(map) => map.entries_mut().iter_mut().for_each(|entry| {
            entry.key_mark.line += lines;
            shift_marks(&mut entry.value, lines);
        }),
    }
}

fn nodes_from_text(path: &str, text: &str) -> Result<Vec<Node>> {
    let nodes = parse_all(text, Dialect::Resource, &Limits::default());
    nodes.map_err(|error| BuildError::syntax(path, text, &error))
}

/// Makes resources of documents.
pub(crate) fn resources_from_nodes(path: &Rc<str>, nodes: Vec<Node>) -> Result<Vec<Resource>> {
    let nodes = unfold_only_list(nodes);
    let mut queue: VecDeque<Node> = checked(path, nodes)?.into();
    let mut resources = Vec::with_capacity(queue.len());
    while let Some(mut node) = queue.pop_front() {
        let is_list = node.get("kind").and_then(Node::text).is_some_and(|kind| kind.ends_with("List"));
        match node.as_map_mut().filter(|_| is_list).and_then(|map| map.remove("items")) {
            None => resources.push(Resource::new(node, Rc::clone(path))),
            Some(mut items) => {
                through_json(&mut items).map_err(|error| error.at(path, 0))?;
                queue.extend(checked(path, children(path, items)?)?);
            }
        }
    }
    Ok(resources)
}

/// What is left of values when Go makes JSON of them and reads it back as YAML, all in braces: kustomize does so with the
/// items of lists.
fn through_json(node: &mut Node) -> Result<()> {
    node.is_flow = node.as_scalar().is_none();
    let scalar = match &mut node.data {
        Data::Seq(items) => return items.iter_mut().try_for_each(through_json),
        Data::Map(map) => return map.iter_mut().try_for_each(|(_, value)| through_json(value)),
        Data::Scalar(scalar) => scalar,
    };
    if scalar.tag == Tag::Str {
        // In braces a time is text for other reasons, which come later than this.
        if !(scalar.form == Form::Plain && is_time(&scalar.text)) {
            scalar.form = Form::Quoted;
            return Ok(());
        }
        scalar.tag = Tag::Timestamp;
    }
    let mark = node.mark;
    *node = match scalar.tag {
        Tag::Null => Node::null(),
        Tag::Timestamp => Node::str(scalar.rfc3339().as_deref().unwrap_or(&scalar.text)),
        _ => {
            let mut json = String::new();
            emit_json(node, false, &mut json).map_err(|error| {
                BuildError::new("kustomize-value", error.message.clone()).line(error.mark.line)
            })?;
            Node::plain(json)
        }
    }
    .at(mark);
    Ok(())
}

/// A file that holds one List and nothing else gives its items in place, whatever they are.
fn unfold_only_list(mut nodes: Vec<Node>) -> Vec<Node> {
    let [only] = nodes.as_mut_slice() else {
        return nodes;
    };
    let is_list =
        only.get("kind").and_then(Node::text).is_some_and(|it| matches!(it, "List" | "ResourceList"));
    match only.as_map_mut().filter(|map| is_list && (map.contains("items") || map.contains("functionConfig")))
    {
        None => nodes,
        Some(map) => match map.remove("items").map(|it| it.data) {
            Some(Data::Seq(items)) => items,
            _ => Vec::new(),
        },
    }
}

fn children(path: &str, items: Node) -> Result<Vec<Node>> {
    let (mark, kind) = (items.mark, items.type_name());
    match items.data {
        Data::Seq(items) => Ok(items),
        Data::Scalar(it) if it.tag == Tag::Null => Ok(Vec::new()),
        _ => {
            let message = format!("`items` of a list is {kind}, a sequence is wanted");
            Err(BuildError::new("kustomize-not-a-resource", message).at(path, mark.line))
        }
    }
}

/// Leaves empty documents out and checks the others.
fn checked(path: &str, nodes: Vec<Node>) -> Result<Vec<Node>> {
    let nodes = nodes.into_iter().filter(|node| !is_null_or_empty(node));
    nodes.map(|node| check(&node).map(|()| node).map_err(|error| error.at(path, 0))).collect()
}

fn check(node: &Node) -> Result<()> {
    let error =
        |message: String| Err(BuildError::new("kustomize-not-a-resource", message).line(node.mark.line));
    if node.as_map().is_none() {
        return error(format!("{} is no resource, a mapping is wanted", node.type_name()));
    }
    let text = |keys: &[&str]| node.path(keys).and_then(Node::text).unwrap_or("");
    let kind = text(&["kind"]);
    if kind.is_empty() {
        return error("a resource has no `kind`".to_owned());
    }
    if text(&["metadata", "name"]).is_empty() && !kind.ends_with("List") {
        let generated = node.path(&["metadata", "generateName"]).is_some();
        let why = if generated { ", `generateName` will not do" } else { "" };
        return error(format!("a resource of kind `{kind}` has no `metadata.name`{why}"))
            .map_err(|error| error.hint("write `metadata: {name: …}`"));
    }
    Ok(())
}
