//! The ValueAddTransformer plugin: one text set in, or inserted into a path in, fields of chosen resources.

use promoter_yaml::{Map, Node};

use crate::error::Result;
use crate::field::{set_text, wrong_type};
use crate::field_path::split_escaped;
use crate::patch::selector::Selector;
use crate::resmap::ResMap;
use crate::resource::raw_text;

use super::namespace::NamespaceChange;
use super::patches::candidate;

/// What is to be added.
#[derive(Debug)]
pub(crate) struct ValueAdd {
    /// The text.
    pub(crate) value: String,
    /// Where.
    pub(crate) targets: Vec<ValueTarget>,
}

/// One place to add it.
#[derive(Debug)]
pub(crate) struct ValueTarget {
    /// The resources; all when there is none.
    pub(crate) selector: Option<Selector>,
    /// Keys separated by slashes.
    pub(crate) field_path: String,
    /// From 1: the part of a path before which the text is put; 0 replaces the whole.
    pub(crate) position: usize,
}

impl ValueAdd {
    /// Adds the value.
    pub(super) fn run(&self, resources: &mut ResMap) -> Result<()> {
        for target in &self.targets {
            for resource in &mut resources.list {
                if target.selector.as_ref().is_some_and(|it| !it.matches(&candidate(resource))) {
                    continue;
                }
                if target.field_path == "metadata/namespace" {
                    let namespace = self.value.clone();
                    NamespaceChange { namespace, ..NamespaceChange::default() }.move_one(resource)?;
                    continue;
                }
                let added = add(&mut resource.node, &split_escaped(&target.field_path, '/'), self, target);
                resource.blamed(added)?;
                resource.settle();
            }
        }
        Ok(())
    }
}

fn add(node: &mut Node, path: &[String], add_value: &ValueAdd, target: &ValueTarget) -> Result<()> {
    let Some((name, rest)) = path.split_first() else {
        if node.as_scalar().is_none() {
            return Err(wrong_type(node, "a single value"));
        }
        let new = match target.position {
            0 => add_value.value.clone(),
            position => with_part(raw_text(node), position - 1, &add_value.value),
        };
        return set_text(node, &new);
    };
    let wrong = wrong_type(node, "a mapping");
    let map = node.as_map_mut().ok_or(wrong)?;
    let blank = || if rest.is_empty() { Node::str("") } else { Node::map(Map::new()) };
    add(map.get_or_insert_with(name, blank), rest, add_value, target)
}

/// A path with one more part at a position; an absolute path stays one.
fn with_part(path: &str, position: usize, part: &str) -> String {
    let mut parts: Vec<&str> = if path.is_empty() { Vec::new() } else { path.split('/').collect() };
    let mut at = position.min(parts.len());
    if parts.first() == Some(&"") && at < parts.len() {
        at += 1;
    }
    parts.insert(at, part);
    parts.join("/")
}
