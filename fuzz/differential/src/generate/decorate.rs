//! Anchors, aliases and merge keys: pieces of a document that stand in several places.

use crate::dice::Dice;
use crate::value::{Scalar, Style, Value};

/// Puts an anchor on one node of a document and uses it in another of the same shape.
pub(super) fn share(document: &mut Value, dice: &mut Dice) {
    let mut maps = Vec::new();
    find(document, &mut Vec::new(), &mut maps);
    if maps.len() < 2 {
        return;
    }
    let first = dice.number(0, maps.len() - 2);
    let second = dice.number(first + 1, maps.len() - 1);
    let (from, to) = (maps[first].clone(), maps[second].clone());
    if to.starts_with(&from) {
        return;
    }
    if let Some(node) = node_at(document, &from) {
        *node = Value::Anchored("shared".into(), Box::new(node.clone()));
    }
    let Some(node) = node_at(document, &to) else { return };
    match node {
        Value::Map { entries, .. } if dice.chance(50) => {
            let place = dice.number(0, entries.len());
            entries.insert(place, (Scalar::new("<<", Style::Plain), Value::Alias("shared".into())));
        }
        node => *node = Value::Alias("shared".into()),
    }
}

/// The paths of mappings below `metadata.labels`, selectors and `spec`, in the order of the document.
fn find(value: &mut Value, path: &mut Vec<usize>, found: &mut Vec<Vec<usize>>) {
    let is_map = matches!(value, Value::Map { entries, .. } if !entries.is_empty());
    if is_map && path.len() > 1 {
        found.push(path.clone());
    }
    for (index, child) in value.children_mut().into_iter().enumerate() {
        path.push(index);
        find(child, path, found);
        path.pop();
    }
}

fn node_at<'a>(mut value: &'a mut Value, path: &[usize]) -> Option<&'a mut Value> {
    for index in path {
        value = value.children_mut().into_iter().nth(*index)?;
    }
    Some(value)
}
