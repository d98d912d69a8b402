//! Lists whose elements are merged: by one key, by several, or as a set of scalars.
//!
//! The result is put together in three steps: which combinations of key values there are, patch first; for each of
//! them the merged element, collected in a list of its own; then every element that the resource's list has, put over
//! the collected one with the same keys or behind all. What this does to elements without a key, to several entries
//! of one port and to `$patch: replace` inside an element surprises, and is what kustomize does; each such case has a
//! folder under testdata/kustomize-patch.

use std::rc::Rc;

use promoter_yaml::{Data, Mark, Node};

use crate::patch::schema::Shape;

use super::directive::DIRECTIVE;
use super::error::MergeError;
use super::tuples::{Tuple, raw, step, tuple_of, unify};
use super::unique;
use super::walk::{Alone, Taken, Walk};

/// Elements that are compared each with each; lists with unique keys may be longer.
const ELEMENTS_MAX: usize = 5_000;

/// What a list of the resource is merged with.
pub(super) enum With {
    /// The patch says nothing about the list.
    Nothing,
    /// A list of the patch that was taken over; kustomize then merges it with itself.
    Itself,
    /// The list of the patch.
    Patch(Vec<Node>),
}

/// Merges a list element by element. Without `keys` it is a set of scalars.
pub(super) fn merge<'a>(
    walk: &Walk<'a>,
    target: Vec<Node>,
    with: With,
    keys: &[&'a str],
    shape: Option<Shape<'a>>,
) -> Result<Vec<Node>, MergeError> {
    let keys = if keys.is_empty() { &[""] } else { keys };
    if let [key] = keys
        && unique::fits(&target, &with, key)
    {
        return unique::merge(walk, target, with, key, shape);
    }
    let mut lists = Lists::new(target, with);
    if lists.nodes.len() > ELEMENTS_MAX {
        let reason = format!("more than {ELEMENTS_MAX} elements with several, doubled or missing keys");
        return Err(MergeError::new(reason, Mark::default()));
    }
    let tuples = lists.tuples(keys);
    let Some(first) = tuples.first() else {
        return Ok(lists.into_target());
    };
    // The keys for which any element has a value; if there is none, all.
    let used: Vec<bool> = (0..keys.len()).map(|at| tuples.iter().any(|it| !it[at].is_empty())).collect();
    let used = if used.contains(&true) { used } else { vec![true; first.len()] };
    let keep = |index: usize| used.get(index).copied().unwrap_or(false);
    let keys: Vec<&str> = keys.iter().enumerate().filter(|it| keep(it.0)).map(|it| *it.1).collect();
    for tuple in &tuples {
        let values: Vec<Rc<str>> =
            tuple.iter().enumerate().filter(|it| keep(it.0)).map(|it| Rc::clone(it.1)).collect();
        let merged =
            lists.merge_one(walk, &keys, &values, shape).map_err(|it| it.below(&step(&keys, &values)))?;
        lists.collect(merged, &keys, &values)?;
    }
    lists.put_over(&keys)?;
    Ok(lists.into_collected())
}

/// The elements of both lists; the lists themselves hold places in `nodes`, so that one element can be in several.
struct Lists {
    nodes: Vec<Node>,
    target: Vec<usize>,
    patch: Patch,
    collected: Vec<usize>,
}

enum Patch {
    None,
    Same,
    Own(Vec<usize>),
}

impl Lists {
    fn new(target: Vec<Node>, with: With) -> Self {
        let mut nodes = target;
        let target: Vec<usize> = (0..nodes.len()).collect();
        let patch = match with {
            With::Nothing => Patch::None,
            With::Itself => Patch::Same,
            With::Patch(items) => {
                let first = nodes.len();
                nodes.extend(items);
                Patch::Own((first..nodes.len()).collect())
            }
        };
        Self { nodes, target, patch, collected: Vec::new() }
    }

    /// The combinations of key values, those of the patch first, each once.
    fn tuples(&self, keys: &[&str]) -> Vec<Tuple> {
        let patch: &[usize] = match &self.patch {
            Patch::Own(places) => places,
            Patch::None | Patch::Same => &[],
        };
        let mut tuples: Vec<Tuple> = Vec::new();
        for place in patch.iter().chain(&self.target) {
            let node = &self.nodes[*place];
            let tuple = tuple_of(node, keys);
            if !tuples.contains(&tuple) {
                tuples.push(tuple);
            }
        }
        if keys.len() > 1 {
            unify(&mut tuples);
        }
        tuples
    }

    /// Merges the elements with these key values; the place of the result.
    fn merge_one<'a>(
        &mut self,
        walk: &Walk<'a>,
        keys: &[&str],
        values: &[Rc<str>],
        shape: Option<Shape<'a>>,
    ) -> Result<Option<usize>, MergeError> {
        let shape = shape.and_then(Shape::elements);
        let target = self.find(&self.target, keys, values);
        let patch = match &self.patch {
            Patch::None => None,
            Patch::Same => target,
            Patch::Own(places) => self.find(places, keys, values),
        };
        let kept = |place: usize, kept: bool| kept.then_some(place);
        match (target, patch) {
            (None, None) => Ok(None),
            (Some(target), None) => {
                Ok(kept(target, walk.alone(&mut self.nodes[target], shape, Alone::Target)?))
            }
            (None, Some(patch)) => Ok(kept(patch, walk.alone(&mut self.nodes[patch], shape, Alone::Patch)?)),
            (Some(target), Some(patch)) if target == patch => {
                Ok(kept(target, walk.alone(&mut self.nodes[target], shape, Alone::Taken)?))
            }
            (Some(target), Some(patch)) => {
                // With several keys an element of the patch may be asked for again.
                let again = (keys.len() > 1).then(|| self.nodes[patch].clone());
                let mut from = std::mem::replace(&mut self.nodes[patch], Node::null());
                let taken = walk.pair(&mut self.nodes[target], &mut from, shape)?;
                self.nodes[patch] = match again {
                    Some(mut again) if taken != Taken::Patch => {
                        strip_directive(&mut again);
                        again
                    }
                    _ => from,
                };
                Ok(match taken {
                    Taken::Target => Some(target),
                    Taken::Patch => Some(patch),
                    Taken::Nothing => None,
                })
            }
        }
    }

    /// Puts a merged element to the collected ones, or takes the element out of the resource's list.
    fn collect(
        &mut self,
        merged: Option<usize>,
        keys: &[&str],
        values: &[Rc<str>],
    ) -> Result<(), MergeError> {
        let merged = merged.filter(|it| !is_nothing(&self.nodes[*it]));
        let Some(place) = merged else {
            return set(&self.nodes, &mut self.target, None, keys, values);
        };
        set(&self.nodes, &mut self.collected, Some(place), keys, values)
    }

    /// Puts what is left of the resource's list over the collected elements with the same keys, or behind them.
    fn put_over(&mut self, keys: &[&str]) -> Result<(), MergeError> {
        for place in std::mem::take(&mut self.target) {
            let node = &self.nodes[place];
            if keys.first().is_none_or(|it| it.is_empty()) {
                let value = [Rc::from(raw(node))];
                set(&self.nodes, &mut self.collected, Some(place), keys, &value)?;
                continue;
            }
            let mut values: Vec<Rc<str>> = Vec::new();
            for key in keys {
                match &node.data {
                    Data::Map(map) if map.contains(key) => {
                        values.push(Rc::from(map.get(key).map_or("", raw)));
                    }
                    Data::Map(_) => self.collected.push(place),
                    _ if node.is_null() => self.collected.push(place),
                    _ => return Err(not_a_mapping(node)),
                }
            }
            if keys.len() > 1 {
                set(&self.nodes, &mut self.collected, None, keys, &values)?;
            }
            set(&self.nodes, &mut self.collected, Some(place), keys, &values)?;
        }
        Ok(())
    }

    /// The first element that has all of the values; empty values do not count unless all are empty.
    fn find(&self, places: &[usize], keys: &[&str], values: &[Rc<str>]) -> Option<usize> {
        let any = values.iter().any(|it| !it.is_empty());
        let wanted = || keys.iter().zip(values).filter(|it| !any || !it.1.is_empty());
        places.iter().copied().find(|place| {
            let node = &self.nodes[*place];
            wanted().all(|(key, value)| match key.is_empty() {
                true => raw(node) == &**value,
                false => node.get(key).is_some_and(|it| raw(it) == &**value),
            })
        })
    }

    fn into_target(self) -> Vec<Node> {
        let Self { nodes, target, .. } = self;
        pick(nodes, &target)
    }

    fn into_collected(self) -> Vec<Node> {
        let Self { nodes, collected, .. } = self;
        pick(nodes, &collected)
    }
}

/// Replaces the elements of a list that have the given values by `element`, or appends it; without one they go.
///
/// Empty elements go in passing. An empty value is met by any value, and a value that is missing by the field before.
fn set(
    nodes: &[Node],
    list: &mut Vec<usize>,
    element: Option<usize>,
    keys: &[&str],
    values: &[Rc<str>],
) -> Result<(), MergeError> {
    let wants_mapping =
        keys.first().is_some_and(|it| !it.is_empty()) && values.first().is_some_and(|it| !it.is_empty());
    let mut found = false;
    let mut kept = Vec::with_capacity(list.len() + 1);
    for place in list.drain(..) {
        let node = &nodes[place];
        if is_nothing(node) {
            continue;
        }
        if node.as_map().is_none() && wants_mapping {
            kept.push(place);
            continue;
        }
        if has_values(node, keys, values)? {
            found = true;
            kept.extend(element);
        } else if !values.is_empty() {
            kept.push(place);
        }
    }
    if let Some(element) = element.filter(|it| !found && !nodes[*it].is_null()) {
        kept.push(element);
    }
    *list = kept;
    Ok(())
}

fn has_values(node: &Node, keys: &[&str], values: &[Rc<str>]) -> Result<bool, MergeError> {
    if values.is_empty() {
        return Ok(false);
    }
    for (key, value) in keys.iter().zip(values) {
        let has = match (&node.data, key.is_empty()) {
            (Data::Scalar(scalar), true) => *scalar.text == **value,
            (Data::Map(map), false) => map.get(key).is_some_and(|it| value.is_empty() || raw(it) == &**value),
            (_, true) => {
                return Err(MergeError::new(
                    format!("{} stands in a list of scalars", node.type_name()),
                    node.mark,
                ));
            }
            (_, false) => return Err(not_a_mapping(node)),
        };
        if !has {
            return Ok(false);
        }
    }
    Ok(true)
}

fn pick(nodes: Vec<Node>, places: &[usize]) -> Vec<Node> {
    let mut nodes: Vec<Option<Node>> = nodes.into_iter().map(Some).collect();
    let mut picked = Vec::with_capacity(places.len());
    for (at, place) in places.iter().enumerate() {
        let again = places[at + 1..].contains(place);
        picked.extend(if again { nodes[*place].clone() } else { nodes[*place].take() });
    }
    picked
}

/// Null or an empty mapping: no element of a list with keys.
pub(super) fn is_nothing(node: &Node) -> bool {
    node.is_null() || node.as_map().is_some_and(promoter_yaml::Map::is_empty)
}

fn strip_directive(element: &mut Node) {
    if let Some(map) = element.as_map_mut() {
        map.remove(DIRECTIVE);
    }
}

fn not_a_mapping(node: &Node) -> MergeError {
    MergeError::new(format!("{} stands in a list of mappings", node.type_name()), node.mark)
}
