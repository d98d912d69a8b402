//! Name prefixes and suffixes. Definitions and namespaces keep their names: others refer to them by it.

use crate::error::Result;
use crate::field::{FieldSpec, Leaf, set_text};
use crate::id::Gvk;
use crate::resmap::{ResMap, charge};
use crate::resource::{Resource, raw_text};

/// Which end of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The front.
    Prefix,
    /// The back.
    Suffix,
}

const SKIPPED: [Gvk<'static>; 3] = [
    Gvk { group: "", version: "", kind: "CustomResourceDefinition" },
    Gvk { group: "apiregistration.k8s.io", version: "", kind: "APIService" },
    Gvk { group: "", version: "", kind: "Namespace" },
];

/// Adds `text` to every field of the specs.
pub(super) fn run(resources: &mut ResMap, side: Side, text: &str, specs: &[FieldSpec]) -> Result<()> {
    let ResMap { list, copied, .. } = resources;
    list.iter_mut().try_for_each(|resource| {
        charge(copied, resource.name().len())?;
        rename(resource, side, text, specs)
    })
}

fn rename(resource: &mut Resource, side: Side, text: &str, specs: &[FieldSpec]) -> Result<()> {
    let original = resource.original_id().gvk;
    if SKIPPED.into_iter().any(|pattern| original.matches(pattern)) {
        return Ok(());
    }
    for spec in specs {
        if !resource.original_id().gvk.matches(spec.gvk()) {
            continue;
        }
        if spec.path == "metadata/name" && !text.is_empty() {
            match side {
                Side::Prefix => resource.prefixes.push(text.into()),
                Side::Suffix => resource.suffixes.push(text.into()),
            }
            resource.remember();
        }
        spec.apply(resource, Leaf::Scalar, &mut |node| {
            let old = raw_text(node);
            let new = match side {
                Side::Prefix => format!("{text}{old}"),
                Side::Suffix => format!("{old}{text}"),
            };
            set_text(node, &new)
        })?;
    }
    Ok(())
}
