//! Strategic merge as kustomize does it, which is not as the API server does it.

use promoter_yaml::{Mark, Node};

use super::schema::Schema;

/// What the options of a patch let it change beyond the content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Allow {
    /// `allowNameChange`: the name of the patch becomes the name of the resource.
    pub name_change: bool,
    /// `allowKindChange`: the kind of the patch becomes the kind of the resource.
    pub kind_change: bool,
}

/// What a merge left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merged {
    /// The resource, changed.
    Kept,
    /// Nothing: the patch said `$patch: delete`. The target is then a null.
    Deleted,
}

/// Why a patch does not fit a resource.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct MergeError {
    /// One line, cause first.
    pub message: String,
    /// Where in the patch.
    pub mark: Mark,
}

/// Merges a patch into a resource. Name, kind and namespace stay those of the resource unless `allow` says otherwise.
///
/// Errors: a value of another type than the one it meets, an unknown `$patch` directive. The target is then half merged
/// and must not be used.
pub fn apply(target: &mut Node, patch: Node, schema: &Schema, allow: Allow) -> Result<Merged, MergeError> {
    let _ = (target, patch, schema, allow);
    todo!("strategic merge")
}
