//! JSON patches (RFC 6902) with the deviations of the library that kustomize uses, evanphx/json-patch v4.
//!
//! They are: negative indices count from the end; `replace` adds a missing key to a mapping; `test` against null
//! passes on a missing key; `add` without a value adds null; a path that does not begin with `/` loses its first part.
//! The json-patch crate refuses all of these and does not know how a number was written, which `test` asks for, so only its
//! pointers are used: `parse` reads operations, `apply` carries them out.

mod apply;
mod parse;

use json_patch::jsonptr::PointerBuf;
use promoter_yaml::{Limits, Mark, Node};

/// The operations of one patch.
#[derive(Debug, Clone, Default)]
pub(crate) struct JsonPatch {
    steps: Vec<Step>,
    bytes: usize,
}

/// One operation as written, and what it means. Nonsense is an error only once it is applied.
#[derive(Debug, Clone)]
struct Step {
    name: String,
    operation: Result<Operation, String>,
    mark: Mark,
}

/// What an operation does. Numbers in values have the text that they have in JSON.
#[derive(Debug, Clone)]
enum Operation {
    Add(PointerBuf, Node),
    Remove(PointerBuf),
    Replace(PointerBuf, Node),
    Test(PointerBuf, Node),
    Move { from: PointerBuf, path: PointerBuf },
    Copy { from: PointerBuf, path: PointerBuf },
}

/// Why a text is no JSON patch, or why an operation does not apply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct JsonPatchError {
    /// One line, cause first; names the operation by number and path.
    pub(crate) message: String,
    /// Where in the patch.
    pub(crate) mark: Mark,
}

/// Whether a resource has annotations of kustomize's own, which patches can see but users cannot.
///
/// kustomize keeps its notes about a resource in its annotations. So `/metadata/annotations` is always there for an
/// entry of `patches`, and for one of `patchesJson6902` only after an earlier transformer has taken a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notes {
    /// `/metadata/annotations` is there.
    Taken,
    /// It is there only if the resource has annotations.
    None,
}

impl JsonPatch {
    /// Reads a patch: strict JSON when the text starts with `[`, else YAML as kustomization files are read.
    ///
    /// Errors: neither, or not a list of operations. What an operation asks for is judged when it is applied.
    pub(crate) fn parse(text: &str, limits: &Limits) -> Result<Self, JsonPatchError> {
        Ok(Self { steps: parse::patch(text, limits)?, bytes: text.len() })
    }

    /// The length of the text it was read from, which bounds what applying it once can add, but for copies.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The number of operations.
    pub(crate) fn len(&self) -> usize {
        self.steps.len()
    }

    /// True without operations.
    pub(crate) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Applies all operations in order to a resource; how many bytes `copy` has copied inside it.
    ///
    /// The resource passes through JSON with floats for numbers: integers above 2^53 are rounded, numbers lose their
    /// spelling. Annotations become text. Without operations nothing is touched.
    /// Errors: an operation that does not apply, a resource left without kind or name, copies without measure. The target is then half changed
    /// and must not be used.
    pub(crate) fn apply(&self, target: &mut Node, notes: Notes) -> Result<usize, JsonPatchError> {
        apply::patch(&self.steps, target, notes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use promoter_yaml::{Dialect, emit_json, parse_first};

    const RESOURCE: &str = "kind: X\nmetadata: {name: x}\ns: text\nn: ~\nl: [a, b, c]\nm: {a: 1}\n";

    fn apply(resource: &str, patch: &str) -> Result<String, String> {
        let patch = JsonPatch::parse(patch, &Limits::default()).map_err(|error| error.to_string())?;
        let mut node = parse_first(resource, Dialect::Resource, &Limits::default()).unwrap().unwrap();
        patch.apply(&mut node, Notes::None).map_err(|error| error.to_string())?;
        let mut text = String::new();
        emit_json(&node, false, &mut text).unwrap();
        Ok(text)
    }

    fn part(patch: &str, key: &str) -> String {
        let text = apply(RESOURCE, patch).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        value.get(key).map_or("nothing".to_owned(), ToString::to_string)
    }

    #[test]
    fn operations() {
        for (patch, key, value) in [
            ("- {op: add, path: /l/1, value: z}", "l", r#"["a","z","b","c"]"#),
            ("- {op: add, path: /l/-, value: z}", "l", r#"["a","b","c","z"]"#),
            ("- {op: add, path: /l/-1, value: z}", "l", r#"["a","b","c","z"]"#),
            ("- {op: add, path: /l/-4, value: z}", "l", r#"["z","a","b","c"]"#),
            ("- {op: remove, path: /l/-3}", "l", r#"["b","c"]"#),
            ("- {op: replace, path: /l/-1, value: z}", "l", r#"["a","b","z"]"#),
            ("- {op: replace, path: /l/+01, value: z}", "l", r#"["a","z","c"]"#),
            ("- {op: replace, path: /m/new, value: 1}", "m", r#"{"a":1,"new":1}"#),
            ("- {op: add, path: /new}", "new", "null"),
            ("- {op: add, path: ignored/new, value: 1}", "new", "1"),
            ("- {op: add, path: /a~1b~0c~2, value: 1}", "a/b~c~2", "1"),
            ("- {op: copy, from: /m, path: /l/0}", "l", r#"[{"a":1},"a","b","c"]"#),
            ("- {op: copy, from: /m/zz, path: /new}", "new", "null"),
            ("- {op: move, from: /l/0, path: /l/1}", "l", r#"["b","a","c"]"#),
            ("- {op: test, path: /m, value: {a: 1.0}}", "m", r#"{"a":1}"#),
            ("[{\"op\": \"test\", \"path\": \"/m/a\", \"value\": 1}]", "m", r#"{"a":1}"#),
            ("- {op: test, path: /zz, value: null}", "m", r#"{"a":1}"#),
            ("- {op: test, path: /n}", "n", "null"),
        ] {
            assert_eq!(part(patch, key), value, "{patch}");
        }
    }

    #[test]
    fn numbers_are_compared_as_they_stand_in_json() {
        for patch in
            ["[{\"op\": \"test\", \"path\": \"/m/a\", \"value\": 1.0}]", "- {op: test, path: /m/a, value: 2}"]
        {
            assert!(apply(RESOURCE, patch).is_err(), "{patch}");
        }
    }
}
