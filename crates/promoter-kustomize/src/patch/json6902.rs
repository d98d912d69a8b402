//! JSON patches (RFC 6902) with the deviations of the library that kustomize uses.

use promoter_yaml::{Limits, Mark, Node};

/// The operations of one patch.
#[derive(Debug, Clone, Default)]
pub struct JsonPatch {}

/// Why a text is no JSON patch, or why an operation does not apply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct JsonPatchError {
    /// One line, cause first; names the operation by number and path.
    pub message: String,
    /// Where in the patch; unknown (0, 0) in a patch written as JSON.
    pub mark: Mark,
}

impl JsonPatch {
    /// Reads a patch: strict JSON when the text starts with `[`, else YAML as kustomization files are read.
    ///
    /// Errors: neither, or not a list of operations. What an operation asks for is judged when it is applied.
    pub fn parse(text: &str, limits: &Limits) -> Result<Self, JsonPatchError> {
        let _ = (text, limits);
        todo!("json patch")
    }

    /// The number of operations.
    pub fn len(&self) -> usize {
        todo!("json patch")
    }

    /// True without operations.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Applies all operations in order to a resource.
    ///
    /// Errors: an operation that does not apply. The target is then half changed and must not be used.
    pub fn apply(&self, target: &mut Node) -> Result<(), JsonPatchError> {
        let _ = target;
        todo!("json patch")
    }
}
