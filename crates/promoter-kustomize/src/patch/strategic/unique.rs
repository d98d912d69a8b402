//! Lists with one key in which every element has a key of its own: all lists, nearly.
//!
//! Gives what `elements` would give, without comparing every element with every other.

use std::collections::{HashMap, HashSet};

use promoter_yaml::Node;

use crate::patch::schema::Shape;

use super::elements::{With, is_nothing};
use super::error::MergeError;
use super::tuples::key_value;
use super::walk::{Alone, Taken, Walk};

/// True when both lists are such lists. The key `""` stands for the elements themselves.
pub(super) fn fits(target: &[Node], with: &With, key: &str) -> bool {
    let patch: &[Node] = if let With::Patch(items) = with { items } else { &[] };
    let has_own_keys = |items: &[Node]| {
        let mut seen = HashSet::with_capacity(items.len());
        items.iter().all(|item| {
            let is_right = if key.is_empty() { item.text().is_some() } else { item.as_map().is_some() };
            let value = key_value(item, key);
            is_right && !value.is_empty() && seen.insert(value)
        })
    };
    has_own_keys(target) && has_own_keys(patch)
}

/// Merges the lists: what the patch names first, in its order, then the others.
pub(super) fn merge<'a>(
    walk: &Walk<'a>,
    target: Vec<Node>,
    with: With,
    key: &str,
    shape: Option<Shape<'a>>,
) -> Result<Vec<Node>, MergeError> {
    let shape = shape.and_then(Shape::elements);
    let (patch, alone) = match with {
        With::Nothing => (Vec::new(), Alone::Target),
        With::Itself => (Vec::new(), Alone::Taken),
        With::Patch(items) => (items, Alone::Target),
    };
    let place_of = |(at, item): (usize, &Node)| (key_value(item, key).to_owned(), at);
    let places: HashMap<String, usize> = target.iter().enumerate().map(place_of).collect();
    let mut left: Vec<Option<Node>> = target.into_iter().map(Some).collect();
    let mut merged = Vec::with_capacity(left.len() + patch.len());
    let step = |value: &str| format!("[{key}={value}]");
    for mut from in patch {
        let value = key_value(&from, key).to_owned();
        let place = places.get(&value).and_then(|at| left.get_mut(*at));
        let kept = match place.and_then(Option::take) {
            None => walk.alone(&mut from, shape, Alone::Patch).map(|kept| kept.then_some(from)),
            Some(mut into) => walk.pair(&mut into, &mut from, shape).map(|taken| match taken {
                Taken::Nothing => None,
                Taken::Target => Some(into),
                // What replaces an element gives way to the element again.
                Taken::Patch => (!is_nothing(&from)).then_some(into),
            }),
        };
        let kept = kept.map_err(|error| error.below(&step(&value)))?;
        merged.extend(kept.filter(|it| !is_nothing(it)));
    }
    for mut item in left.into_iter().flatten() {
        let kept = walk.alone(&mut item, shape, alone);
        if kept.map_err(|error| error.below(&step(key_value(&item, key))))? && !is_nothing(&item) {
            merged.push(item);
        }
    }
    Ok(merged)
}
