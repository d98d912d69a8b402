//! Labels and annotations: entries set in mappings that field specs lead to.

use std::collections::BTreeMap;

use promoter_yaml::{Data, Map, Node, Tag};

use crate::error::{BuildError, Result};
use crate::field::{FieldSpec, Leaf, made_text, wrong_type};
use crate::field_path::untyped;
use crate::resmap::{ResMap, spend};

/// Sets every pair in every field, in all resources.
pub(super) fn run(
    resources: &mut ResMap,
    pairs: &BTreeMap<String, String>,
    specs: &[FieldSpec],
) -> Result<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    check_keys(pairs)?;
    let ResMap { list, steps, .. } = resources;
    for resource in list {
        // Each pair looks through those that are there.
        let there = resource.labels().map_or(0, Map::len) + resource.annotations().map_or(0, Map::len);
        spend(steps, there / 8)?;
        let mut made = Vec::new();
        for (number, spec) in specs.iter().enumerate() {
            let mut visit = 0;
            spec.apply(resource, Leaf::Mapping, &mut |node| {
                set_pairs(node, pairs, |key| made.push((key, number, visit)))?;
                visit += 1;
                Ok(())
            })?;
        }
        resource.settle();
        resource.share(specs, &made);
    }
    Ok(())
}

/// Fails on keys that kustomize sets without quotes and then reads as something else than text, such as `1` or `true`
/// (which is what YAML 1.1 makes of a plain `y`).
pub(crate) fn check_keys(pairs: &BTreeMap<String, String>) -> Result<()> {
    pairs.keys().try_for_each(|key| check_key(key, "a label or annotation"))
}

/// The same for one key of `what`.
pub(crate) fn check_key(key: &str, what: &str) -> Result<()> {
    if untyped(key).as_str().is_some() {
        return Ok(());
    }
    let message = format!("`{key}` cannot be the key of {what}, it reads as something else");
    Err(BuildError::new("kustomize-value", message)
        .hint("kustomize writes keys without quotes; take one that reads as text"))
}

/// Sets pairs in one mapping, and tells of those that were not there.
fn set_pairs<'a>(
    node: &mut Node,
    pairs: &'a BTreeMap<String, String>,
    mut made: impl FnMut(&'a str),
) -> Result<()> {
    // A selector that is there and says nothing stays as it is.
    if node.is_null() {
        return Ok(());
    }
    let Some(map) = node.as_map_mut() else {
        return Err(wrong_type(node, "a mapping"));
    };
    for (key, value) in pairs {
        match map.get_mut(key) {
            // Quotes that stand there stay.
            Some(Node { data: Data::Scalar(old), .. }) if !old.is_nothing() => {
                (old.text, old.tag) = (value.as_str().into(), Tag::Str);
            }
            Some(other) => *other = Node::str(value.as_str()),
            None => {
                map.insert(key.as_str(), made_text(value));
                made(key);
            }
        }
    }
    Ok(())
}
