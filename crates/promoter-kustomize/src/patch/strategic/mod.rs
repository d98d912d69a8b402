//! Strategic merge as kustomize v5.8.1 does it, which is not as the API server does it.
//!
//! A merge walks the *whole* resource, not only what the patch names: keys without any value disappear, and lists with
//! merge keys are put together anew. Mappings merge by key, scalars and ordinary lists are replaced, lists that the
//! schema merges are merged element by element. A null in the patch deletes. `$patch: delete | replace | merge` is
//! obeyed; `$retainKeys`, `$setElementOrder/…` and `$deleteFromPrimitiveList/…` mean nothing here and stay in the result.
//!
//! Decides when nothing is left of a resource. Leaves the merging to `walk`, and to `identity` what no patch changes.

mod directive;
mod elements;
mod error;
mod identity;
mod scalar;
mod tuples;
mod unique;
mod walk;

use promoter_yaml::{Map, Node};

use super::schema::Schema;
use identity::Identity;
use walk::{Taken, Walk};

pub(crate) use error::MergeError;

/// What the options of a patch let it change beyond the content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Allow {
    /// `allowNameChange`: the name of the patch becomes the name of the resource.
    pub(crate) name_change: bool,
    /// `allowKindChange`: the kind of the patch becomes the kind of the resource.
    pub(crate) kind_change: bool,
    /// The apiVersion of the patch becomes that of the resource: so for an entry of `patches` without `target`.
    pub(crate) api_version_change: bool,
}

/// What a merge left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Merged {
    /// The resource, changed.
    Kept,
    /// Nothing: the patch said `$patch: delete`. The target is then an empty mapping.
    Deleted,
}

/// Merges a patch into a resource. Name, kind and namespace stay those of the resource unless `allow` says otherwise.
///
/// Errors: a value of another type than the one it meets, an unknown `$patch` directive. The target is then half merged
/// and must not be used.
/// Source: behaviour of kustomize v5.8.1, recorded under testdata/kustomize-patch.
pub(crate) fn apply(
    target: &mut Node,
    patch: Node,
    schema: &Schema,
    allow: Allow,
) -> Result<Merged, MergeError> {
    let identity = Identity::of(target);
    let mut patch = patch;
    if !allow.api_version_change
        && let Some(map) = patch.as_map_mut()
    {
        map.remove("apiVersion");
    }
    match (Walk { schema }).pair(target, &mut patch, None)? {
        // kustomize gives the result of a replacement back but keeps the old resource.
        Taken::Target | Taken::Patch => {}
        Taken::Nothing => {
            *target = Node::map(Map::new());
            return Ok(Merged::Deleted);
        }
    }
    if target.as_map().is_none_or(Map::is_empty) {
        return Ok(Merged::Deleted);
    }
    identity.restore(target, allow);
    Ok(Merged::Kept)
}
