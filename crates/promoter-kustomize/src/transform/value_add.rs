//! The ValueAddTransformer plugin: one text set in, or inserted into a path in, fields of chosen resources.

use promoter_yaml::Node;

use crate::error::Result;
use crate::field::{set_text, wrong_type};
use crate::field_path::{Part, elements_mut, is_element, new_element, split_escaped, syntax};
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
    /// Keys and elements (`0`, `-`, `[name=web]`) separated by slashes.
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
                let path = split_escaped(&target.field_path, '/');
                let path: Vec<&str> = path.iter().map(|it| it.trim()).filter(|it| !it.is_empty()).collect();
                let added = add(&mut resource.node, &path, self, target);
                resource.blamed(added)?;
                resource.settle();
            }
        }
        Ok(())
    }
}

/// Goes down a path, making fields and elements that are missing. An element by a number that the list does not have, and
/// whatever would be below a null, is passed over.
fn add(node: &mut Node, path: &[&str], add_value: &ValueAdd, target: &ValueTarget) -> Result<()> {
    let Some((part, rest)) = path.split_first() else {
        if node.as_scalar().is_none() {
            return Err(wrong_type(node, "a single value"));
        }
        let new = match target.position {
            0 => add_value.value.clone(),
            position => with_part(raw_text(node), position - 1, &add_value.value),
        };
        return set_text(node, &new);
    };
    if node.is_null() {
        return Ok(());
    }
    let next = match Part::parse(part)? {
        Part::Every => return Err(syntax("`*` is no part of the path of a value addition".to_owned())),
        Part::Index(index) => elements_mut(node)?.get_mut(index),
        Part::Last => {
            let items = elements_mut(node)?;
            Some(
                items
                    .last_mut()
                    .ok_or_else(|| syntax("`-` means the last element of an empty list".into()))?,
            )
        }
        Part::Element(field, value) => {
            let items = elements_mut(node)?;
            let found = items.iter().position(|it| is_element(it, field, value));
            let at = found.unwrap_or_else(|| {
                items.push(new_element(field, value));
                items.len() - 1
            });
            items.get_mut(at)
        }
        Part::Field(name) => {
            let wrong = wrong_type(node, "a mapping");
            let map = node.as_map_mut().ok_or(wrong)?;
            Some(map.get_or_insert_with(name, || Part::container(rest.first().copied(), &Node::str(""))))
        }
    };
    next.map_or(Ok(()), |it| add(it, rest, add_value, target))
}

/// A path with one more part at a position; an absolute path stays one.
fn with_part(path: &str, position: usize, part: &str) -> String {
    let mut parts = parts_of(path);
    let is_absolute = parts.first() == Some(&"");
    let mut at = position.min(parts.len());
    if is_absolute && at < parts.len() {
        at += 1;
    }
    parts.insert(at, part);
    match is_absolute {
        true => format!("/{}", joined(&parts[1..])),
        false => joined(&parts),
    }
}

/// The parts of a path, as kustomize takes them off its end; the first one of an absolute path is empty.
fn parts_of(path: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        match rest.rsplit_once('/') {
            None => {
                parts.push(rest);
                rest = "";
            }
            Some((before, last)) => {
                if !(before.is_empty() && last.is_empty()) {
                    parts.push(last);
                }
                if before.is_empty() {
                    parts.push("");
                }
                rest = before;
            }
        }
    }
    parts.reverse();
    parts
}

/// Parts joined as Go's path/filepath does it: empty parts and `.` go, `..` takes the part before it along, and where
/// nothing is left of something stands a `.`.
fn joined(parts: &[&str]) -> String {
    let mut tidy: Vec<&str> = Vec::new();
    for part in parts.iter().flat_map(|it| it.split('/')) {
        match part {
            "" | "." => {}
            ".." if tidy.last().is_some_and(|it| *it != "..") => drop(tidy.pop()),
            part => tidy.push(part),
        }
    }
    match tidy.is_empty() && parts.iter().any(|it| !it.is_empty()) {
        true => ".".to_owned(),
        false => tidy.join("/"),
    }
}
