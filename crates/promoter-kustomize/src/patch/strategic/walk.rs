//! The walk through a resource and its patch: what stays, what is taken over, what disappears.
//!
//! Leaves to `elements` the lists that the schema merges, to `directive` what `$patch` asks for, and to `scalar` how
//! a value is written that stays or is taken over.

use std::collections::HashMap;

use promoter_yaml::{Data, Entry, Form, Map, Mark, Node, Tag};

use crate::patch::schema::{Schema, Shape};

use super::directive::{Directive, take_from_list, take_from_mapping};
use super::elements::{self, With};
use super::error::MergeError;
use super::scalar::{rewrite, set};

/// Which of two nodes holds the result of merging them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Target,
    Patch,
    Nothing,
}

/// Where a value stands that is walked without a partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alone {
    /// In the resource; the patch says nothing about it.
    Target,
    /// In the patch; the resource has nothing there.
    Patch,
    /// Below a value that was taken over from the patch. kustomize merges such a value with itself, which obeys the
    /// directives inside and drops its nulls.
    Taken,
}

/// What a walk knows at every step.
pub(super) struct Walk<'a> {
    pub(super) schema: &'a Schema,
}

impl<'a> Walk<'a> {
    /// Merges `patch` into `target`, both present; the patch is used up.
    pub(super) fn pair(
        &self,
        target: &mut Node,
        patch: &mut Node,
        shape: Option<Shape<'a>>,
    ) -> Result<Taken, MergeError> {
        if target.is_null() {
            let kept = self.alone(patch, shape, Alone::Patch)?;
            return Ok(if kept { Taken::Patch } else { Taken::Nothing });
        }
        if patch.is_null() {
            return Ok(Taken::Nothing);
        }
        let shape = self.shape(shape, [Some(&*target), Some(&*patch)]);
        match (&mut target.data, &mut patch.data) {
            (Data::Scalar(_), Data::Scalar(_)) => Ok(Taken::Patch),
            (Data::Map(into), Data::Map(from)) => match take_from_mapping(from)? {
                Directive::Delete => Ok(Taken::Nothing),
                Directive::Replace => {
                    self.fields(from, shape, Alone::Taken)?;
                    Ok(Taken::Patch)
                }
                Directive::Merge => {
                    // Braces around nothing give way to what comes in.
                    target.is_flow = if into.is_empty() { patch.is_flow } else { target.is_flow };
                    self.merge_fields(into, from, shape, target.is_flow)?;
                    Ok(Taken::Target)
                }
            },
            (Data::Seq(into), Data::Seq(from)) => {
                let Some(keys) = shape.and_then(Shape::merge_keys) else {
                    return Ok(Taken::Patch);
                };
                match take_from_list(from)? {
                    Directive::Delete => Ok(Taken::Nothing),
                    Directive::Replace => {
                        *from = elements::merge(self, std::mem::take(from), With::Itself, &keys, shape)?;
                        Ok(Taken::Patch)
                    }
                    Directive::Merge => {
                        // Brackets around nothing give way to what comes in.
                        target.is_flow = if into.is_empty() { patch.is_flow } else { target.is_flow };
                        let from = With::Patch(std::mem::take(from));
                        *into = elements::merge(self, std::mem::take(into), from, &keys, shape)?;
                        if target.is_flow {
                            into.iter_mut().for_each(Node::put_in_flow);
                        }
                        Ok(Taken::Target)
                    }
                }
            }
            _ => {
                let reason = format!(
                    "the patch has {} where the resource has {}",
                    patch.type_name(),
                    target.type_name()
                );
                Err(MergeError::new(reason, patch.mark))
            }
        }
    }

    /// Walks a value that has no partner. False when nothing is left of it.
    pub(super) fn alone(
        &self,
        node: &mut Node,
        shape: Option<Shape<'a>>,
        alone: Alone,
    ) -> Result<bool, MergeError> {
        let shape = self.shape(shape, [Some(&*node), None]);
        match &mut node.data {
            // A null that is spelled out in the resource is kept, a key without a value is not.
            Data::Scalar(scalar) if scalar.tag == Tag::Null => {
                Ok(alone == Alone::Target && scalar.form != Form::Missing)
            }
            Data::Scalar(_) => Ok(true),
            Data::Map(map) => {
                let directive = match alone {
                    Alone::Target => Ok(Directive::Merge),
                    // An unknown directive is not noticed here and stays.
                    Alone::Patch => Ok(take_from_mapping(map).unwrap_or(Directive::Merge)),
                    Alone::Taken => take_from_mapping(map),
                };
                if directive? == Directive::Delete {
                    return Ok(false);
                }
                let below = if alone == Alone::Target { Alone::Target } else { Alone::Taken };
                self.fields(map, shape, below)?;
                Ok(true)
            }
            Data::Seq(items) => {
                let Some(keys) = shape.and_then(Shape::merge_keys) else {
                    return Ok(true);
                };
                if alone == Alone::Taken && take_from_list(items)? == Directive::Delete {
                    return Ok(false);
                }
                let with = if alone == Alone::Target { With::Nothing } else { With::Itself };
                *items = elements::merge(self, std::mem::take(items), with, &keys, shape)?;
                Ok(true)
            }
        }
    }

    fn fields(&self, map: &mut Map, shape: Option<Shape<'a>>, alone: Alone) -> Result<(), MergeError> {
        let mut failed = None;
        map.retain(|key, value| {
            if failed.is_some() {
                return true;
            }
            match self.alone(value, shape.and_then(|it| it.field(key)), alone) {
                Ok(kept) => {
                    rewrite(value);
                    kept
                }
                Err(error) => {
                    failed = Some(error.below(key));
                    true
                }
            }
        });
        failed.map_or(Ok(()), Err)
    }

    fn merge_fields(
        &self,
        into: &mut Map,
        from: &mut Map,
        shape: Option<Shape<'a>>,
        is_flow: bool,
    ) -> Result<(), MergeError> {
        let mut failed = None;
        let mut patches = Patches::of(std::mem::take(from));
        into.retain(|key, value| {
            if failed.is_some() {
                return true;
            }
            let shape = shape.and_then(|it| it.field(key));
            let kept = match patches.take(key) {
                None => self.alone(value, shape, Alone::Target).inspect(|_| rewrite(value)),
                Some(mut patch) => self.pair(value, &mut patch, shape).map(|taken| {
                    if taken == Taken::Patch {
                        set(value, patch);
                    }
                    if is_flow && (taken == Taken::Patch || has_blocks(value)) {
                        value.put_in_flow();
                    }
                    taken != Taken::Nothing
                }),
            };
            kept.unwrap_or_else(|error| {
                failed = Some(error.below(key));
                true
            })
        });
        if let Some(error) = failed {
            return Err(error);
        }
        let mut merged = std::mem::take(into).into_entries();
        for mut entry in patches.entries.into_iter().flatten() {
            let shape = shape.and_then(|it| it.field(&entry.key));
            let kept =
                self.alone(&mut entry.value, shape, Alone::Patch).map_err(|it| it.below(&entry.key))?;
            if kept {
                rewrite(&mut entry.value);
                if is_flow {
                    entry.value.put_in_flow();
                }
                merged.push(Entry { key_mark: Mark::default(), ..entry });
            }
        }
        *into = Map::from_unique(merged);
        Ok(())
    }

    /// The shape of a value: what the way down says, or else what an object that stands inside says of itself.
    fn shape(&self, shape: Option<Shape<'a>>, nodes: [Option<&Node>; 2]) -> Option<Shape<'a>> {
        shape.or_else(|| {
            nodes.into_iter().flatten().find_map(|node| {
                let kind = node.get("kind")?.text()?;
                self.schema.kind(node.get("apiVersion")?.text()?, kind)
            })
        })
    }
}

/// True when something stands here that was in no braces.
fn has_blocks(value: &Node) -> bool {
    match &value.data {
        Data::Map(_) => !value.is_flow,
        Data::Seq(items) => items.iter().any(has_blocks),
        Data::Scalar(_) => false,
    }
}

/// The entries of a patch that no field has taken yet.
struct Patches {
    entries: Vec<Option<Entry>>,
    /// Where a key stands, when there are too many to look through.
    places: Option<HashMap<Box<str>, usize>>,
}

impl Patches {
    fn of(map: Map) -> Self {
        let entries: Vec<Option<Entry>> = map.into_entries().into_iter().map(Some).collect();
        let keys = || entries.iter().flatten().enumerate().map(|(at, it)| (it.key.clone(), at)).collect();
        let places = (entries.len() > 32).then(keys);
        Self { entries, places }
    }

    fn take(&mut self, key: &str) -> Option<Node> {
        let place = match &self.places {
            Some(places) => places.get(key).copied(),
            None => self.entries.iter().position(|it| it.as_ref().is_some_and(|it| &*it.key == key)),
        };
        self.entries[place?].take().map(|it| it.value)
    }
}
