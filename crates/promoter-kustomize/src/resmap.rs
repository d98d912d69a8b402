//! The resources of a build in order, with the rules by which they join: no two of one id, and what a generator's
//! `behavior` does.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};

use promoter_yaml::{Map, Node};

use crate::error::{BuildError, Result};
use crate::field::made_text;
use crate::id::Id;
use crate::resource::{Behavior, Resource, raw_text};
use crate::size::{COPIED_BYTES_MAX, STEPS_A_WALK, STEPS_MAX};
use crate::suggest::instead_of;
use crate::transform::{Transform, check_key};

/// More resources than any cluster holds: input that makes more than this is hostile.
const RESOURCES_MAX: usize = 500_000;

/// Resources in order.
#[derive(Debug, Default)]
pub(crate) struct ResMap {
    /// The resources. Transformers change them in place; whoever changes names calls [`Self::check_unique`].
    pub(crate) list: Vec<Resource>,
    /// Bytes that transformers have copied into them so far.
    pub(crate) copied: usize,
    /// Steps that transformers have taken so far.
    pub(crate) steps: usize,
}

/// The ids of resources that are added one file after the other, by hash: looking at all of them anew for each file
/// would take longer with each. An id whose hash is there may still be new.
pub(crate) struct TakenIds {
    hashes: HashSet<u64>,
    hasher: RandomState,
}

impl TakenIds {
    /// Those of a list.
    pub(crate) fn of(list: &[Resource]) -> Self {
        let mut this = Self { hashes: HashSet::with_capacity(list.len()), hasher: RandomState::new() };
        for resource in list {
            this.insert(&resource.id());
        }
        this
    }

    /// Adds an id. False when its hash is there already.
    fn insert(&mut self, id: &Id<'_>) -> bool {
        self.hashes.insert(self.hasher.hash_one(id.key()))
    }
}

/// Counts bytes that are about to be copied.
///
/// Errors: more than any real build copies.
pub(crate) fn charge(copied: &mut usize, bytes: usize) -> Result<()> {
    *copied = copied.saturating_add(bytes);
    if *copied > COPIED_BYTES_MAX {
        let message = format!("the fields of the build copy more than {} MiB", COPIED_BYTES_MAX >> 20);
        return Err(BuildError::new("kustomize-limit", message));
    }
    Ok(())
}

/// Counts steps of work that is about to be done.
///
/// Errors: more than any real build takes.
pub(crate) fn spend(steps: &mut usize, more: usize) -> Result<()> {
    *steps = steps.saturating_add(more);
    if *steps > STEPS_MAX {
        let message = format!("the build looks at resources more than {STEPS_MAX} times");
        return Err(BuildError::new("kustomize-limit", message));
    }
    Ok(())
}

impl ResMap {
    /// Counts the work of going through all resources for `each` fields or targets, before it is done, and something
    /// for going at all.
    ///
    /// Errors: as [`spend`].
    pub(crate) fn spend(&mut self, each: usize) -> Result<()> {
        spend(&mut self.steps, self.list.len().saturating_mul(each).saturating_add(STEPS_A_WALK))
    }

    /// Counts the work of transforms, before they run. Errors: as [`spend`].
    pub(crate) fn spend_all<'t>(
        &mut self,
        transforms: impl IntoIterator<Item = &'t Transform>,
    ) -> Result<()> {
        transforms.into_iter().try_for_each(|it| self.spend(it.effort()))
    }

    /// Counts the bytes of a text that every resource is given, before it is done. Errors: as [`charge`].
    pub(crate) fn charge_each(&mut self, bytes: usize) -> Result<()> {
        charge(&mut self.copied, bytes.saturating_mul(self.list.len()))
    }

    /// Adds resources at the end. `taken` are the ids of those that are there.
    ///
    /// Errors: one has the id of another.
    pub(crate) fn append_all(&mut self, incoming: Vec<Resource>, taken: &mut TakenIds) -> Result<()> {
        for resource in &incoming {
            if !taken.insert(&resource.id()) && self.has_twice(resource, &incoming) {
                return Err(self.duplicate(resource, &incoming));
            }
        }
        self.extend(incoming)
    }

    fn has_twice(&self, resource: &Resource, incoming: &[Resource]) -> bool {
        let id = resource.id();
        self.list.iter().chain(incoming).filter(|it| it.id().equals(&id)).count() > 1
    }

    /// Adds resources whose ids are known to be new.
    fn extend(&mut self, incoming: Vec<Resource>) -> Result<()> {
        if self.list.len() + incoming.len() > RESOURCES_MAX {
            let message = format!("the build makes more than {RESOURCES_MAX} resources");
            return Err(BuildError::new("kustomize-limit", message));
        }
        self.list.extend(incoming);
        Ok(())
    }

    fn duplicate(&self, resource: &Resource, incoming: &[Resource]) -> BuildError {
        let id = resource.id();
        let first = self.list.iter().chain(incoming).find(|it| it.id().equals(&id));
        let elsewhere =
            first.map_or(String::new(), |it| format!(", first in `{}:{}`", it.source, it.node.mark.line));
        BuildError::new("kustomize-conflict", format!("`{id}` is there twice{elsewhere}"))
            .at(&resource.source, resource.node.mark.line)
            .hint("take one of the two out, or give one a namePrefix or a namespace of its own")
    }

    /// Fails when two resources share an id; `cause` says what brought them together.
    pub(crate) fn check_unique(&self, cause: &str) -> Result<()> {
        let mut seen = HashSet::with_capacity(self.list.len());
        match self.list.iter().find(|it| !seen.insert(it.id().key())) {
            Some(second) => Err(self.collision(second, cause)),
            None => Ok(()),
        }
    }

    fn collision(&self, second: &Resource, cause: &str) -> BuildError {
        let id = second.id();
        let first = self.list.iter().find(|it| it.id().equals(&id)).unwrap_or(second);
        let message = format!(
            "two resources become `{id}` {cause}, one of `{}:{}`",
            first.source, first.node.mark.line
        );
        BuildError::new("kustomize-conflict", message)
            .at(&second.source, second.node.mark.line)
            .hint("give them names that differ, or change one of them alone")
    }

    /// Takes in what generators made, one after the other, by each resource's behaviour.
    pub(crate) fn absorb_all(&mut self, incoming: Vec<Resource>) -> Result<()> {
        if incoming.is_empty() {
            return Ok(());
        }
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, resource) in self.list.iter().enumerate().filter(|(_, it)| !it.is_empty()) {
            let mut names: Vec<&str> = resource.all_ids().map(|id| id.name).collect();
            names.sort_unstable();
            names.dedup();
            names.into_iter().for_each(|name| by_name.entry(name.to_owned()).or_default().push(at));
        }
        for new in incoming {
            let mut found = by_name.get(new.name()).cloned().unwrap_or_default();
            found.retain(|at| self.list[*at].all_ids().any(|id| id.equals(&new.id())));
            if found.is_empty() {
                by_name.entry(new.name().to_owned()).or_default().push(self.list.len());
            }
            self.absorb(new, &found)?;
        }
        Ok(())
    }

    /// Takes in one resource; `matches` are the positions of those that ever had its id.
    fn absorb(&mut self, mut new: Resource, matches: &[usize]) -> Result<()> {
        let behavior = new.behavior;
        match (matches, behavior) {
            ([], Behavior::Merge | Behavior::Replace) => Err(new.blame(
                BuildError::new(
                    "kustomize-target",
                    format!("`behavior: {}` needs a resource of this name, there is none", word(behavior)),
                )
                .hint(instead_of(&new.id(), self)),
            )),
            ([], _) => self.extend(vec![new]),
            ([at], Behavior::Merge | Behavior::Replace) => {
                let old = &mut self.list[*at];
                if old.gvk() != new.gvk() {
                    let message = format!(
                        "`behavior: {}` meets `{}`, which was of this kind",
                        word(behavior),
                        old.id()
                    );
                    return Err(new.blame(BuildError::new("kustomize-target", message)));
                }
                if behavior == Behavior::Merge {
                    new.origin = old.origin.clone().or(new.origin);
                    let merged = merge_data(&mut new.node, &old.node);
                    new.blamed(merged)?;
                }
                let inherited = inherit(&mut new, old);
                new.blamed(inherited)?;
                *old = new;
                Ok(())
            }
            ([_], _) => Err(new.blame(
                BuildError::new("kustomize-conflict", "a resource of this name is there already")
                    .hint("set `behavior: merge` or `behavior: replace`"),
            )),
            (several, _) => Err(new.blame(BuildError::new(
                "kustomize-target",
                format!("{} resources could take in the generated one", several.len()),
            ))),
        }
    }

    /// Where the resources are of which some id, present or earlier, passes the test.
    pub(crate) fn positions_by_any_id(&self, test: impl Fn(&Id<'_>) -> bool) -> Vec<usize> {
        let has_such_id = |it: &Resource| !it.is_empty() && it.all_ids().any(|id| test(&id));
        (0..self.list.len()).filter(|at| has_such_id(&self.list[*at])).collect()
    }

    /// Drops what transformers emptied.
    pub(crate) fn drop_empties(&mut self) {
        self.list.retain(|it| !it.is_empty());
    }
}

fn word(behavior: Behavior) -> &'static str {
    match behavior {
        Behavior::Merge => "merge",
        Behavior::Replace => "replace",
        Behavior::Create | Behavior::Unspecified | Behavior::NotGenerated => "create",
    }
}

/// What a generated resource takes over from the one whose place it takes: labels and annotations where it has none of
/// its own, name, namespace and history. A hash is only added when both want one.
fn inherit(new: &mut Resource, old: &Resource) -> Result<()> {
    for field in ["labels", "annotations"] {
        let (below, above) = (old.node.path(&["metadata", field]), new.node.path(&["metadata", field]));
        let merged = merged_strings(below, above, raw_text)?;
        let Some(metadata) = new.metadata_mut() else {
            continue;
        };
        if merged.is_empty() {
            metadata.remove(field);
        } else {
            metadata.insert(field, Node::map(merged));
        }
    }
    let (name, namespace) = (old.name().to_owned(), old.namespace().to_owned());
    new.set_name(&name);
    new.set_namespace(&namespace);
    new.previous.clone_from(&old.previous);
    new.prefixes.clone_from(&old.prefixes);
    new.suffixes.clone_from(&old.suffixes);
    new.variables.clone_from(&old.variables);
    new.transformations.clone_from(&old.transformations);
    new.behavior = old.behavior;
    new.needs_hash &= old.needs_hash;
    new.helm_namespaced = old.helm_namespaced;
    Ok(())
}

/// Lays the data of `new` over that of `old`.
fn merge_data(new: &mut Node, old: &Node) -> Result<()> {
    for field in ["data", "binaryData"] {
        let merged = merged_strings(old.get(field), new.get(field), data_text)?;
        let Some(map) = new.as_map_mut() else {
            return Ok(());
        };
        if merged.is_empty() {
            map.remove(field);
        } else {
            map.insert(field, Node::map(merged));
        }
    }
    Ok(())
}

/// Data that is null is empty text, where labels and annotations show the word that stands there.
fn data_text(value: &Node) -> &str {
    if value.is_null() { "" } else { raw_text(value) }
}

/// Two string maps laid over each other; every value becomes text.
///
/// Errors: a key that kustomize, which writes all of them anew without quotes, reads as something else.
fn merged_strings(below: Option<&Node>, above: Option<&Node>, text: fn(&Node) -> &str) -> Result<Map> {
    let maps = [below, above].into_iter().flatten().filter_map(Node::as_map);
    let entry = |(key, value): (&str, &Node)| {
        check_key(key, "merged data").map(|()| (key.into(), made_text(text(value))))
    };
    maps.flat_map(Map::iter).map(entry).collect()
}
