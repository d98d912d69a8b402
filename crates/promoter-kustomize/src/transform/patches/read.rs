//! The text of a patch to what it does.
//!
//! Decides which kind a text is, and where in its file things stand; what the kinds hold is `patch`'s.

use std::rc::Rc;

use promoter_yaml::{Dialect, Limits, parse_all};

use crate::error::{BuildError, Result};
use crate::patch::json6902::JsonPatch;
use crate::read::{behind, resources_from_nodes, resources_from_text};
use crate::resource::Resource;

use super::PatchContent;

impl PatchContent {
    /// Reads the text of an entry of `patches`, which may be either kind. `source` and `lines_before` are as in
    /// [`PatchEntry`](super::PatchEntry).
    ///
    /// Errors: neither.
    pub(crate) fn read(text: &str, source: &Rc<str>, lines_before: u32) -> Result<Self> {
        if text.trim_start().starts_with('[') {
            return read_json(text, source, lines_before).map(Self::Json);
        }
        let nodes = match parse_all(text, Dialect::Resource, &Limits::default()) {
            Ok(nodes) => nodes,
            // Keys that are numbers are no YAML of a resource, but fine in a JSON patch.
            Err(error) => {
                let found = BuildError::syntax(source, text, &error).behind(lines_before);
                return read_json(text, source, lines_before).map(Self::Json).map_err(|_| found);
            }
        };
        if nodes.first().is_some_and(|first| first.as_seq().is_some()) {
            return read_json(text, source, lines_before).map(Self::Json);
        }
        resources_from_nodes(source, behind(nodes, lines_before)).map(Self::Strategic)
    }
}

/// Reads strategic merge patches.
pub(crate) fn read_strategic(text: &str, source: &Rc<str>, lines_before: u32) -> Result<Vec<Resource>> {
    resources_from_text(source, text, lines_before)
}

/// Reads JSON patch operations.
pub(crate) fn read_json(text: &str, source: &Rc<str>, lines_before: u32) -> Result<JsonPatch> {
    JsonPatch::parse(text, &Limits::default()).map_err(|error| {
        let found = BuildError::new("kustomize-patch", error.message).at(source, error.mark.line);
        let found = found.behind(lines_before);
        if text.trim_start().starts_with('[') {
            return found.hint(
                "a patch that begins with `[` is read as JSON; write it as a YAML list, or quote all of it",
            );
        }
        found
    })
}
