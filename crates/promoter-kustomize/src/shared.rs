//! Values that are one though they stand in several fields.
//!
//! Where kustomize adds a label or annotation to several fields of a resource at once, it puts the very same value into
//! all of them, and whatever changes one field later, in this kustomization or one above, changes the others with it.
//! Here every field has a value of its own, and what changed one is carried over to the others after each step.

use promoter_yaml::{Data, Node};

use crate::field::{FieldSpec, Step, ways};
use crate::resource::Resource;

/// An entry of several mappings whose value is one.
#[derive(Debug, Clone)]
pub(crate) struct SharedValue {
    key: Box<str>,
    value: Data,
    /// The ways to the mappings.
    places: Vec<Vec<Step>>,
}

/// An entry that was made: its key, the number of the field spec, and which of that spec's mappings it went to.
pub(crate) type Made<'a> = (&'a str, usize, usize);

impl Resource {
    /// Notes which of the entries that were made are one value.
    pub(crate) fn share(&mut self, specs: &[FieldSpec], made: &[Made<'_>]) {
        let mut keys: Vec<&str> = made.iter().map(|(key, ..)| *key).collect();
        keys.sort_unstable();
        for same in keys.chunk_by(|a, b| a == b).filter(|it| it.len() > 1) {
            let key = same[0];
            let mut places: Vec<Vec<Step>> = Vec::new();
            for (_, spec, visit) in made.iter().filter(|it| it.0 == key) {
                places.extend(ways(&self.node, &specs[*spec].path).into_iter().nth(*visit));
            }
            places.sort();
            places.dedup();
            let value = places.first().and_then(|it| at(&self.node, it)).and_then(|it| it.get(key));
            if let Some(value) = value.map(|it| it.data.clone()) {
                self.shared.push(SharedValue { key: key.into(), value, places });
            }
        }
    }

    /// Carries over what changed in one place of a shared value.
    pub(crate) fn settle(&mut self) {
        let node = &mut self.node;
        self.shared.retain_mut(|it| it.settle(node));
    }

    /// Notes that a strategic merge puts other mappings in the place of some, with values of their own.
    pub(crate) fn unshare_replaced(&mut self, patch: &Node) {
        for shared in &mut self.shared {
            shared.places.retain(|it| !is_replaced(patch, it));
        }
    }

    /// Notes that kustomize wrote the annotations anew: those of the resource itself are shared no more.
    pub(crate) fn unshare_annotations(&mut self) {
        for shared in &mut self.shared {
            shared.places.retain(|it| !is_annotations(it));
        }
    }
}

impl SharedValue {
    /// False when it stands in one place only.
    fn settle(&mut self, node: &mut Node) -> bool {
        let Self { key, value, places } = self;
        places.retain(|it| at(node, it).is_some_and(|it| it.get(key).is_some()));
        let mut values = places.iter().filter_map(|it| at(node, it)?.get(key));
        if let Some(changed) = values.rfind(|it| it.data != *value) {
            *value = changed.data.clone();
            for place in &*places {
                if let Some(entry) = at_mut(node, place).and_then(|it| it.get_mut(key)) {
                    entry.data = value.clone();
                }
            }
        }
        places.len() > 1
    }
}

/// True when the patch replaces a mapping on the way.
fn is_replaced(patch: &Node, way: &[Step]) -> bool {
    let Some((Step::Key(key), rest)) = way.split_first() else {
        return false;
    };
    patch.get(key).is_some_and(|below| is_replacement(below) || is_replaced(below, rest))
}

/// True for a mapping of a patch that stands in the place of the resource's.
pub(crate) fn is_replacement(patch: &Node) -> bool {
    matches!(patch.get("$patch").and_then(Node::text), Some("replace" | "delete"))
}

fn is_annotations(way: &[Step]) -> bool {
    matches!(way, [Step::Key(first), Step::Key(second)] if &**first == "metadata" && &**second == "annotations")
}

fn at<'a>(node: &'a Node, way: &[Step]) -> Option<&'a Node> {
    way.iter().try_fold(node, |node, step| match step {
        Step::Key(key) => node.get(key),
        Step::Item(index) => node.as_seq()?.get(*index),
    })
}

fn at_mut<'a>(node: &'a mut Node, way: &[Step]) -> Option<&'a mut Node> {
    way.iter().try_fold(node, |node, step| match step {
        Step::Key(key) => node.get_mut(key),
        Step::Item(index) => node.as_seq_mut()?.get_mut(*index),
    })
}
