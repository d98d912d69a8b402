//! Strategic merge as kustomize v5.8.1 does it, which is not as the API server does it.
//!
//! A merge walks the *whole* resource, not only what the patch names: keys without any value disappear, and lists with
//! merge keys are put together anew. Mappings merge by key, scalars and ordinary lists are replaced, lists that the
//! schema merges are left to `elements`. A null in the patch deletes. `$patch: delete | replace | merge` is obeyed;
//! `$retainKeys`, `$setElementOrder/…` and `$deleteFromPrimitiveList/…` mean nothing here and stay in the result.

mod elements;
mod identity;
mod tuples;
mod unique;

use std::collections::HashMap;

use promoter_yaml::{Data, Dialect, Entry, Form, Map, Mark, Node, Scalar, Tag, is_plain_text};

use super::schema::{Schema, Shape};
use identity::Identity;

/// What the options of a patch let it change beyond the content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Allow {
    /// `allowNameChange`: the name of the patch becomes the name of the resource.
    pub(crate) name_change: bool,
    /// `allowKindChange`: the kind of the patch becomes the kind of the resource.
    pub(crate) kind_change: bool,
    /// The apiVersion of the patch becomes that of the resource: so for an entry of `patches` without `target`.
    pub(crate) api_version_change: bool,
}

/// What a merge left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Merged {
    /// The resource, changed.
    Kept,
    /// Nothing: the patch said `$patch: delete`. The target is then an empty mapping.
    Deleted,
}

/// Why a patch does not fit a resource.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.line())]
pub(crate) struct MergeError {
    /// The way from the resource to the value, innermost step first.
    steps: Vec<String>,
    reason: String,
    mark: Mark,
}

impl MergeError {
    fn new(reason: String, mark: Mark) -> Self {
        Self { steps: Vec::new(), reason, mark }
    }

    fn below(mut self, step: &str) -> Self {
        self.steps.push(step.to_owned());
        self
    }

    fn line(&self) -> String {
        let path: Vec<&str> = self.steps.iter().rev().map(String::as_str).collect();
        if path.is_empty() { self.reason.clone() } else { format!("`{}`: {}", path.join("."), self.reason) }
    }

    /// Where in the patch.
    pub(crate) fn mark(&self) -> Mark {
        self.mark
    }
}

/// Merges a patch into a resource. Name, kind and namespace stay those of the resource unless `allow` says otherwise.
///
/// Errors: a value of another type than the one it meets, an unknown `$patch` directive. The target is then half merged
/// and must not be used.
/// Source: behaviour of kustomize v5.8.1, recorded under testdata/kustomize-patch.
pub(crate) fn apply(
    target: &mut Node,
    patch: Node,
    schema: &Schema,
    allow: Allow,
) -> Result<Merged, MergeError> {
    let identity = Identity::of(target);
    let mut patch = patch;
    if !allow.api_version_change
        && let Some(map) = patch.as_map_mut()
    {
        map.remove("apiVersion");
    }
    match (Walk { schema }).pair(target, &mut patch, None)? {
        // kustomize gives the result of a replacement back but keeps the old resource.
        Taken::Target | Taken::Patch => {}
        Taken::Nothing => {
            *target = Node::map(Map::new());
            return Ok(Merged::Deleted);
        }
    }
    if target.as_map().is_none_or(Map::is_empty) {
        return Ok(Merged::Deleted);
    }
    identity.restore(target, allow);
    Ok(Merged::Kept)
}

/// Which of two nodes holds the result of merging them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    Target,
    Patch,
    Nothing,
}

/// How a mapping or a list of the patch wants to be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Directive {
    Merge,
    Replace,
    Delete,
}

/// Where a value stands that is walked without a partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alone {
    /// In the resource; the patch says nothing about it.
    Target,
    /// In the patch; the resource has nothing there.
    Patch,
    /// Below a value that was taken over from the patch. kustomize merges such a value with itself, which obeys the
    /// directives inside and drops its nulls.
    Taken,
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

struct Walk<'a> {
    schema: &'a Schema,
}

impl<'a> Walk<'a> {
    /// Merges `patch` into `target`, both present; the patch is used up.
    fn pair(
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
            (Data::Map(into), Data::Map(from)) => match take_directive(from)? {
                Directive::Delete => Ok(Taken::Nothing),
                Directive::Replace => {
                    self.fields(from, shape, Alone::Taken)?;
                    Ok(Taken::Patch)
                }
                Directive::Merge => {
                    self.merge_fields(into, from, shape)?;
                    Ok(Taken::Target)
                }
            },
            (Data::Seq(into), Data::Seq(from)) => {
                let Some(keys) = shape.and_then(Shape::merge_keys) else {
                    return Ok(Taken::Patch);
                };
                match elements::take_directive(from)? {
                    Directive::Delete => Ok(Taken::Nothing),
                    Directive::Replace => {
                        *from = elements::merge(
                            self,
                            std::mem::take(from),
                            elements::With::Itself,
                            &keys,
                            shape,
                        )?;
                        Ok(Taken::Patch)
                    }
                    Directive::Merge => {
                        let from = elements::With::Patch(std::mem::take(from));
                        *into = elements::merge(self, std::mem::take(into), from, &keys, shape)?;
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
    fn alone(&self, node: &mut Node, shape: Option<Shape<'a>>, alone: Alone) -> Result<bool, MergeError> {
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
                    Alone::Patch => Ok(take_directive(map).unwrap_or(Directive::Merge)),
                    Alone::Taken => take_directive(map),
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
                if alone == Alone::Taken && elements::take_directive(items)? == Directive::Delete {
                    return Ok(false);
                }
                let with =
                    if alone == Alone::Target { elements::With::Nothing } else { elements::With::Itself };
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
    ) -> Result<(), MergeError> {
        let mut failed = None;
        let is_flow = into.is_flow();
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
                        if is_flow {
                            value.put_in_flow();
                        }
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
        into.set_flow(is_flow);
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

/// What becomes of a field that is written anew as it is: what has no type becomes text, and text that YAML 1.1 takes for
/// something else gets quotes.
fn rewrite(value: &mut Node) {
    let Data::Scalar(scalar) = &mut value.data else {
        return;
    };
    let is_text = match scalar.form {
        Form::Untyped => scalar.tag != Tag::Null,
        Form::Plain => scalar.tag == Tag::Str,
        Form::Quoted | Form::Folded | Form::Missing => false,
    };
    if is_text && !is_plain_text(&scalar.text, Dialect::Config) {
        (scalar.tag, scalar.form) = (Tag::Str, Form::Quoted);
    }
}

/// Puts a value of the patch in the place of one of the resource. Quotes stay, and what is in quotes is text.
fn set(value: &mut Node, patch: Node) {
    let form = match value.as_scalar() {
        Some(Scalar { form: form @ (Form::Quoted | Form::Folded), .. }) => *form,
        _ => Form::Plain,
    };
    *value = patch;
    if let Data::Scalar(scalar) = &mut value.data {
        scalar.form = form;
        if form != Form::Plain {
            scalar.tag = Tag::Str;
        }
    }
}

const DIRECTIVE: &str = "$patch";

fn directive_of(value: &Node) -> Result<Directive, MergeError> {
    match value.as_scalar().map_or("", |it| &it.text) {
        "merge" => Ok(Directive::Merge),
        "replace" => Ok(Directive::Replace),
        "delete" => Ok(Directive::Delete),
        other => {
            let reason = format!("`$patch: {other}` is none of `merge`, `replace` and `delete`");
            Err(MergeError::new(reason, value.mark))
        }
    }
}

/// Takes the directive out of a mapping of the patch.
fn take_directive(map: &mut Map) -> Result<Directive, MergeError> {
    let Some(value) = map.get(DIRECTIVE) else {
        return Ok(Directive::Merge);
    };
    let directive = directive_of(value)?;
    map.remove(DIRECTIVE);
    Ok(directive)
}
