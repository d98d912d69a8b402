//! Labels and annotations: entries set in mappings that field specs lead to.

use std::collections::BTreeMap;

use promoter_yaml::Node;

use crate::error::Result;
use crate::field::{FieldSpec, Leaf, wrong_type};
use crate::resmap::ResMap;

/// Sets every pair in every field, in all resources.
pub(super) fn run(
    resources: &mut ResMap,
    pairs: &BTreeMap<String, String>,
    specs: &[FieldSpec],
) -> Result<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    for resource in &mut resources.list {
        for spec in specs {
            spec.apply(resource, Leaf::Mapping, &mut |node| set_pairs(node, pairs))?;
        }
    }
    Ok(())
}

fn set_pairs(node: &mut Node, pairs: &BTreeMap<String, String>) -> Result<()> {
    // A selector that is there and says nothing stays as it is.
    if node.is_null() {
        return Ok(());
    }
    let Some(map) = node.as_map_mut() else {
        return Err(wrong_type(node, "a mapping"));
    };
    for (key, value) in pairs {
        map.insert(key.as_str(), Node::str(value.as_str()));
    }
    Ok(())
}
