//! Field specs: which field of which kinds a transformer touches, and the one walk that gets there.
//!
//! A path is split while walking (`spec/containers[]/image`; `\/` is a slash inside a name), so a table of specs costs
//! nothing to build. Lists on the way are gone through element by element whether or not the path says `[]`.

use std::borrow::Cow;

use promoter_yaml::{Data, Dialect, Form, Limits, Map, Node, Tag, is_plain_text, parse_first};

use crate::error::{BuildError, Result};
use crate::field_path::untyped;
use crate::id::Gvk;
use crate::resource::Resource;
use crate::size::DEPTH_MAX;

/// One field of some kinds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldSpec {
    /// API group, empty for any.
    pub(crate) group: Cow<'static, str>,
    /// API version, empty for any.
    pub(crate) version: Cow<'static, str>,
    /// Kind, empty for any.
    pub(crate) kind: Cow<'static, str>,
    /// Keys from the top, separated by slashes.
    pub(crate) path: Cow<'static, str>,
    /// Make what is missing on the way.
    pub(crate) create: bool,
}

/// What stands at the end of a path that is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaf {
    /// Nothing is ever made.
    Existing,
    /// An empty text.
    Scalar,
    /// An empty mapping.
    Mapping,
}

impl FieldSpec {
    /// A spec of the built-in tables.
    pub(crate) const fn new(
        group: &'static str,
        version: &'static str,
        kind: &'static str,
        path: &'static str,
        create: bool,
    ) -> Self {
        Self {
            group: Cow::Borrowed(group),
            version: Cow::Borrowed(version),
            kind: Cow::Borrowed(kind),
            path: Cow::Borrowed(path),
            create,
        }
    }

    /// The kinds it is for, as a pattern.
    pub(crate) fn gvk(&self) -> Gvk<'_> {
        Gvk { group: &self.group, version: &self.version, kind: &self.kind }
    }

    /// Calls `set` on each value of the field in a resource of the right kind.
    pub(crate) fn apply(
        &self,
        resource: &mut Resource,
        leaf: Leaf,
        set: &mut dyn FnMut(&mut Node) -> Result<()>,
    ) -> Result<()> {
        // Most specs are for another kind, and the kind is the quickest to compare.
        let is_of_kind = self.kind.is_empty() || *self.kind == *resource.kind();
        if !is_of_kind || !resource.gvk().matches(self.gvk()) {
            return Ok(());
        }
        // kustomize's own notes are annotations, so where it took one the mapping is there. Left empty, it goes again.
        if self.path.starts_with("metadata/annotations")
            && resource.has_notes()
            && let Some(metadata) = resource.metadata_mut()
        {
            metadata.get_or_insert_with("annotations", || Node::map(Map::new()));
        }
        let leaf = if self.create { leaf } else { Leaf::Existing };
        visit(&mut resource.node, &self.path, leaf, set).map_err(|error| {
            let message = format!("{}, at field `{}`", error.message, self.path);
            resource.blame(BuildError { message, ..error })
        })
    }
}

/// Calls `set` on each value that `path` leads to.
///
/// Errors: a scalar stands where the path goes on, the path has more parts than a tree has levels, or `set` fails.
pub(crate) fn visit(
    node: &mut Node,
    path: &str,
    leaf: Leaf,
    set: &mut dyn FnMut(&mut Node) -> Result<()>,
) -> Result<()> {
    let path = path.strip_prefix('/').filter(|rest| !rest.is_empty()).unwrap_or(path);
    if path.len() > DEPTH_MAX && path.bytes().filter(|it| *it == b'/').count() > DEPTH_MAX {
        let message = format!("a path of fields has more than {DEPTH_MAX} parts");
        return Err(BuildError::new("kustomize-limit", message));
    }
    walk(node, Some(path), leaf, set)
}

fn walk(
    node: &mut Node,
    path: Option<&str>,
    leaf: Leaf,
    set: &mut dyn FnMut(&mut Node) -> Result<()>,
) -> Result<()> {
    let Some(path) = path else {
        return set(node);
    };
    if node.is_null() {
        return Ok(());
    }
    let line = node.mark.line;
    match &mut node.data {
        Data::Seq(items) => items.iter_mut().try_for_each(|item| walk(item, Some(path), leaf, set)),
        Data::Map(map) => walk_map(map, path, leaf, set),
        Data::Scalar(_) => {
            let message = format!("{} stands where a mapping or a list is wanted", node.type_name());
            Err(BuildError::new("kustomize-field-type", message).line(line))
        }
    }
}

fn walk_map(
    map: &mut Map,
    path: &str,
    leaf: Leaf,
    set: &mut dyn FnMut(&mut Node) -> Result<()>,
) -> Result<()> {
    let (name, rest) = split_first(path);
    let (name, is_list) = match name.strip_suffix("[]") {
        Some(name) => (name, true),
        None => (&*name, false),
    };
    let name = name.trim();
    if name.is_empty() {
        return Err(BuildError::new("kustomize-value", "a path of fields has an empty part"));
    }
    if names_an_element(name) {
        let message =
            format!("the part `{name}` of a path means an element of a list, a mapping stands there");
        return Err(BuildError::new("kustomize-value", message)
            .hint("lists need no part of a path: every element is gone through"));
    }
    let blank = match (leaf, rest) {
        _ if is_list => None,
        (Leaf::Existing, _) => None,
        (Leaf::Scalar, None) => Some(Node::str("")),
        (Leaf::Scalar | Leaf::Mapping, _) => Some(Node::map(Map::new())),
    };
    let field = match blank {
        None => map.get_mut(name),
        Some(ref blank) => Some(map.get_or_insert_with(name, || blank.clone())),
    };
    let Some(field) = field else {
        return Ok(());
    };
    if field.is_null() {
        // A null becomes what the path expects there, even a list that is only looked for.
        if let Some(blank) = blank {
            *field = blank;
        } else if is_list {
            *field = Node::seq(Vec::new());
        }
    }
    walk(field, rest, leaf, set)
}

/// A step from a value to one below it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// To the value of a key.
    Key(Box<str>),
    /// To an element.
    Item(usize),
}

/// The ways to the values that `path` leads to, in the order in which [`visit`] gets there.
pub(crate) fn ways(node: &Node, path: &str) -> Vec<Vec<Step>> {
    let path = path.strip_prefix('/').filter(|rest| !rest.is_empty()).unwrap_or(path);
    let mut found = Vec::new();
    find_ways(node, Some(path), &mut Vec::new(), &mut found);
    found
}

fn find_ways(node: &Node, path: Option<&str>, way: &mut Vec<Step>, found: &mut Vec<Vec<Step>>) {
    let Some(path) = path else {
        found.push(way.clone());
        return;
    };
    match &node.data {
        Data::Seq(items) => {
            for (index, item) in items.iter().enumerate() {
                way.push(Step::Item(index));
                find_ways(item, Some(path), way, found);
                way.pop();
            }
        }
        Data::Map(map) => {
            let (name, rest) = split_first(path);
            let name = name.strip_suffix("[]").unwrap_or(&name).trim();
            if let Some(field) = map.get(name) {
                way.push(Step::Key(name.into()));
                find_ways(field, rest, way, found);
                way.pop();
            }
        }
        Data::Scalar(_) => {}
    }
}

/// True for what kustomize takes for an index (`0`), the last element (`-`), all (`*`) or a chosen one (`[a=b]`).
fn names_an_element(name: &str) -> bool {
    match name.as_bytes() {
        b"-" | b"*" | [b'[', .., b']'] => true,
        [b'0'..=b'9' | b'+' | b'-', ..] => name.parse::<i64>().is_ok(),
        _ => false,
    }
}

/// The first key of a path and the rest, `None` when the path ends there.
fn split_first(path: &str) -> (Cow<'_, str>, Option<&str>) {
    let Some(slash) = path.find('/') else {
        return (Cow::Borrowed(path), None);
    };
    let (first, rest) = (&path[..slash], &path[slash + 1..]);
    match first.strip_suffix('\\') {
        None => (Cow::Borrowed(first), Some(rest)),
        Some(start) => {
            let (more, rest) = split_first(rest);
            (Cow::Owned(format!("{start}/{more}")), rest)
        }
    }
}

/// Sets the text of a scalar. Quotes stay; without quotes the new value is what it looks like.
///
/// Errors: a mapping or a list stands there.
pub(crate) fn set_text(node: &mut Node, text: &str) -> Result<()> {
    set_keeping_quotes(node, text, untyped)
}

/// Gives a single value another text: within quotes that stand there, or else as what `bare` makes of it.
pub(crate) fn set_keeping_quotes(node: &mut Node, text: &str, bare: impl FnOnce(&str) -> Node) -> Result<()> {
    match &mut node.data {
        Data::Scalar(scalar) if matches!(scalar.form, Form::Quoted | Form::Folded) => {
            (scalar.text, scalar.tag) = (text.into(), Tag::Str);
            Ok(())
        }
        Data::Scalar(_) => {
            *node = bare(text).at(node.mark);
            Ok(())
        }
        _ => Err(wrong_type(node, "a single value")),
    }
}

/// Puts back a text that a resource had, a name first of all. Quotes that stand there stay; where a text stands without
/// them, kustomize gives the new one no type, so that what is like a number becomes a number; where nothing stands, only
/// a time is not put in quotes.
pub(crate) fn put_back(map: &mut Map, key: &str, text: &str) {
    match map.get_mut(key) {
        Some(Node { data: Data::Scalar(scalar), .. }) if scalar.form == Form::Quoted => {
            if *scalar.text != *text {
                scalar.text = text.into();
            }
            scalar.tag = Tag::Str;
        }
        Some(there) => *there = untyped(text).at(there.mark),
        None => {
            map.insert(key, if is_time(text) { untyped(text) } else { made_text(text) });
        }
    }
}

/// A text made by kustomize, which puts quotes around what YAML 1.1 takes for something else, and writes lines as a block.
pub(crate) fn made_text(text: &str) -> Node {
    let mut node = Node::str(text);
    if let Data::Scalar(scalar) = &mut node.data
        && (text.contains('\n') || needs_quotes(text))
    {
        scalar.form = Form::Quoted;
    }
    node
}

/// Whether YAML 1.1 takes a text of one line, as a document of its own, for something else: a number, but also a list
/// (`- a`), a mapping (`a: b`) or nothing (`# a`).
pub(crate) fn needs_quotes(text: &str) -> bool {
    if text.is_empty() || text.contains('\n') {
        return false;
    }
    // kustomize asks go-yaml v2, which hands times out as text.
    if text == "?" || !(is_plain_text(text, Dialect::Config) || is_time(text)) {
        return true;
    }
    let begins = text.starts_with(['[', '{', '-', '?', '#', '!', '&', ' ', '\t']);
    let ends = text.ends_with([':', ' ', '\t']);
    if !(begins || ends || text.contains(": ") || text.contains(" #")) {
        return false;
    }
    parse_first(text, Dialect::Config, &Limits::default())
        .is_ok_and(|it| it.is_none_or(|node| node.as_str().is_none()))
}

/// Whether a text without quotes is a date or time in a resource.
pub(crate) fn is_time(text: &str) -> bool {
    Node::plain(text).as_scalar().is_some_and(|it| it.tag == Tag::Timestamp)
}

/// A value of the wrong type.
pub(crate) fn wrong_type(node: &Node, wanted: &str) -> BuildError {
    let message = format!("{} stands where {wanted} is wanted", node.type_name());
    BuildError::new("kustomize-field-type", message).line(node.mark.line)
}
