//! The text of a patch to what it does.
//!
//! Decides which kind a text is, and where in its file things stand; what the kinds hold is `patch`'s.

use std::rc::Rc;

use promoter_yaml::{Data, Dialect, Limits, Node, parse_all};

use crate::error::{BuildError, Result};
use crate::patch::json6902::JsonPatch;
use crate::read::resources_from_nodes;
use crate::resource::Resource;

use super::PatchContent;

impl PatchContent {
    /// Reads the text of an entry of `patches`, which may be either kind. `source` and `offset` are as in
    /// [`PatchEntry`](super::PatchEntry).
    ///
    /// Errors: neither.
    pub(crate) fn read(text: &str, source: &Rc<str>, offset: u32) -> Result<Self> {
        if text.trim_start().starts_with('[') {
            return read_json(text, source, offset).map(Self::Json);
        }
        let nodes = match parse_all(text, Dialect::Resource, &Limits::default()) {
            Ok(nodes) => nodes,
            // Keys that are numbers are no YAML of a resource, but fine in a JSON patch.
            Err(error) => {
                let found = shift(BuildError::syntax(source, text, &error), offset);
                return read_json(text, source, offset).map(Self::Json).map_err(|_| found);
            }
        };
        if nodes.first().is_some_and(|first| first.as_seq().is_some()) {
            return read_json(text, source, offset).map(Self::Json);
        }
        make_resources(nodes, source, offset).map(Self::Strategic)
    }
}

/// Reads strategic merge patches.
pub(crate) fn read_strategic(text: &str, source: &Rc<str>, offset: u32) -> Result<Vec<Resource>> {
    let nodes = parse_all(text, Dialect::Resource, &Limits::default())
        .map_err(|error| shift(BuildError::syntax(source, text, &error), offset))?;
    make_resources(nodes, source, offset)
}

/// Reads JSON patch operations.
pub(crate) fn read_json(text: &str, source: &Rc<str>, offset: u32) -> Result<JsonPatch> {
    JsonPatch::parse(text, &Limits::default()).map_err(|error| {
        let found = BuildError::new("kustomize-patch", error.message).at(source, error.mark.line);
        let found = shift(found, offset);
        if text.trim_start().starts_with('[') {
            return found.hint(
                "a patch that begins with `[` is read as JSON; write it as a YAML list, or quote all of it",
            );
        }
        found
    })
}

fn make_resources(mut nodes: Vec<Node>, source: &Rc<str>, offset: u32) -> Result<Vec<Resource>> {
    if offset > 0 {
        nodes.iter_mut().for_each(|node| shift_marks(node, offset));
    }
    resources_from_nodes(source, nodes)
}

/// Counts the lines of an inline text from the start of its file.
fn shift_marks(node: &mut Node, offset: u32) {
    node.mark.line += offset;
    match &mut node.data {
        Data::Scalar(_) => {}
        Data::Seq(items) => items.iter_mut().for_each(|item| shift_marks(item, offset)),
        Data::Map(map) => map.entries_mut().iter_mut().for_each(|entry| {
            entry.key_mark.line += offset;
            shift_marks(&mut entry.value, offset);
        }),
    }
}

/// [`shift_marks`] for an error.
pub(super) fn shift(error: BuildError, offset: u32) -> BuildError {
    let line = if error.line == 0 { 0 } else { error.line + offset };
    BuildError { line, ..error }
}
