//! Paths with dots, as replacements, vars and value additions use them: `spec.containers.[name=web].image`.
//!
//! Two readers share the syntax: [`lookup`] finds one value by exact matches, [`Visit`] goes to all values, matches
//! elements by regular expression and can make what is missing.

use std::borrow::Cow;

use promoter_yaml::{Data, Dialect, Form, Limits, Map, Node, Scalar, Tag, parse_first};

use crate::error::{BuildError, Result};
use crate::pattern::Pattern;

/// Splits a path. `\` before the delimiter keeps it, and so do brackets around `a=b`.
pub(crate) fn split(path: &str, delimiter: char) -> Vec<String> {
    let parts = split_escaped(path, delimiter);
    let mut joined = Vec::with_capacity(parts.len());
    let mut rest = parts.into_iter();
    while let Some(part) = rest.next() {
        if !part.starts_with('[') || part.ends_with(']') {
            joined.push(part);
            continue;
        }
        let mut whole = part;
        for more in rest.by_ref() {
            let is_last = more.ends_with(']');
            whole.push(delimiter);
            whole.push_str(&more);
            if is_last {
                break;
            }
        }
        joined.push(if whole.contains('=') { whole } else { whole.trim_matches(['[', ']']).to_owned() });
    }
    joined
}

/// Splits a path at delimiters that no `\` precedes.
pub(crate) fn split_escaped(path: &str, delimiter: char) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut pieces = path.split(delimiter).peekable();
    if path.contains(delimiter) && path.starts_with(delimiter) {
        pieces.next();
    }
    for piece in pieces {
        match parts.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push(delimiter);
                last.push_str(piece);
            }
            _ => parts.push(piece.to_owned()),
        }
    }
    parts
}

/// One part of a path.
pub(crate) enum Part<'a> {
    /// An element by its number.
    Index(usize),
    /// The last element.
    Last,
    /// Every element.
    Every,
    /// `[field=value]`; an empty field means the element itself.
    Element(&'a str, &'a str),
    /// A key.
    Field(&'a str),
}

impl<'a> Part<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self> {
        if let Ok(index) = text.parse::<i64>() {
            let wrong = || syntax(format!("the index `{text}` of a path is negative"));
            return usize::try_from(index).map(Self::Index).map_err(|_| wrong());
        }
        let inner = text.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        match (text, inner) {
            ("-", _) => Ok(Self::Last),
            ("*", _) => Ok(Self::Every),
            (_, Some(inner)) => match inner.split_once('=') {
                Some((field, value)) => Ok(Self::Element(field, value)),
                None => Err(syntax(format!("the part `{text}` of a path is not of the form [field=value]"))),
            },
            _ => Ok(Self::Field(text)),
        }
    }

    /// What a field must hold whose next part this is.
    fn container(next: Option<&String>, leaf: &Node) -> Node {
        match next.map(|it| Part::parse(it)) {
            None => leaf.clone(),
            Some(Ok(Part::Index(_) | Part::Element(..))) => Node::seq(Vec::new()),
            Some(_) => Node::map(Map::new()),
        }
    }
}

/// The field and the pattern of a part that is a search for elements.
pub(crate) fn element(part: &str) -> Option<(&str, &str)> {
    match Part::parse(part) {
        Ok(Part::Element(field, value)) => Some((field, value)),
        _ => None,
    }
}

pub(crate) fn syntax(message: String) -> BuildError {
    BuildError::new("kustomize-value", message)
}

fn type_error(node: &Node, wanted: &str) -> BuildError {
    crate::field::wrong_type(node, wanted)
}

/// The value at the end of a path.
///
/// Errors: a part does not fit what it meets.
pub(crate) fn lookup<'n>(node: &'n Node, path: &[String]) -> Result<Option<&'n Node>> {
    let mut found = node;
    for part in path.iter().map(|it| it.trim()).filter(|it| !it.is_empty()) {
        let next = match Part::parse(part)? {
            Part::Every => return Err(syntax("`*` needs a target, not a source".to_owned())),
            Part::Field(_) if found.is_null() => None,
            Part::Field(name) => found.as_map().ok_or_else(|| type_error(found, "a mapping"))?.get(name),
            Part::Index(index) => elements(found)?.get(index),
            Part::Last => elements(found)?.last(),
            Part::Element(field, value) => elements(found)?.iter().find(|it| is_element(it, field, value)),
        };
        match next {
            Some(next) => found = next,
            None => return Ok(None),
        }
    }
    Ok(Some(found))
}

fn elements(node: &Node) -> Result<&[Node]> {
    match node.as_seq() {
        Some(items) => Ok(items),
        None if node.is_null() => Ok(&[]),
        None => Err(type_error(node, "a list")),
    }
}

pub(crate) fn is_element(node: &Node, field: &str, value: &str) -> bool {
    let found = if field.is_empty() { Some(node) } else { node.get(field) };
    found.and_then(Node::as_scalar).is_some_and(|it| &*it.text == value)
}

/// A walk to all values of a path.
pub(crate) struct Visit<'v> {
    /// What a missing value is made of; `None` makes nothing.
    pub(crate) create: Option<Node>,
    /// Called with each value, and whether it was just made.
    pub(crate) set: &'v mut dyn FnMut(&mut Node, bool) -> Result<()>,
}

impl Visit<'_> {
    /// Goes to all values of a path and says how many there were.
    ///
    /// Errors: a part does not fit what it meets, or `set` fails.
    pub(crate) fn go(&mut self, node: &mut Node, path: &[String]) -> Result<usize> {
        self.step(node, path, false)
    }

    fn step(&mut self, node: &mut Node, path: &[String], made: bool) -> Result<usize> {
        let Some((part, rest)) = path.split_first() else {
            (self.set)(node, made)?;
            return Ok(1);
        };
        match Part::parse(part)? {
            Part::Index(index) => self.index(node, index, rest),
            Part::Every => {
                let mut count = 0;
                for item in elements_mut(node)? {
                    count += self.step(item, rest, false)?;
                }
                Ok(count)
            }
            Part::Element(field, value) => self.element(node, field, value, rest),
            Part::Last | Part::Field(_) => self.field(node, part, rest),
        }
    }

    fn field(&mut self, node: &mut Node, name: &str, rest: &[String]) -> Result<usize> {
        if node.is_null() {
            return Ok(0);
        }
        if name.is_empty() && self.create.is_some() {
            return Err(type_error(node, "a single value").hint("a path has no empty part"));
        }
        let wrong = type_error(node, "a mapping");
        let map = node.as_map_mut().ok_or(wrong)?;
        let (is_flow, made) = (map.is_flow(), !map.contains(name));
        let field = match &self.create {
            Some(leaf) => map.get_or_insert_with(name, || Part::container(rest.first(), leaf)),
            None => match map.get_mut(name) {
                Some(field) => field,
                None => return Ok(0),
            },
        };
        if field.as_scalar().is_some() && !rest.is_empty() {
            // A structured text: kustomize changes a copy of it here and throws that away.
            let mut copy = parse_structured(field)?;
            let is_untyped = field.as_scalar().is_some_and(|it| it.form == Form::Untyped);
            if copy.is_null() && is_untyped && self.create.is_some() {
                return Ok(1);
            }
            return self.step(&mut copy, rest, false);
        }
        if is_flow && made {
            field.put_in_flow();
        }
        let count = self.step(field, rest, made)?;
        if is_flow && rest.is_empty() {
            field.put_in_flow();
        }
        Ok(count)
    }

    fn index(&mut self, node: &mut Node, index: usize, rest: &[String]) -> Result<usize> {
        let leaf = self.create.clone();
        let items = elements_mut(node)?;
        let mut made = false;
        if let Some(leaf) = leaf
            && items.len() == index
        {
            items.push(Part::container(rest.first(), &leaf));
            made = true;
        }
        let count = items.len();
        match items.get_mut(index) {
            Some(item) => self.step(item, rest, made),
            None => Err(syntax(format!("there is no element {index}, the list has {count}"))),
        }
    }

    fn element(&mut self, node: &mut Node, field: &str, value: &str, rest: &[String]) -> Result<usize> {
        let wrong = |reason| syntax(format!("`{value}` in a path is no regular expression: {reason}"));
        let pattern = Pattern::part(value).map_err(wrong)?;
        let items = elements_mut(node)?;
        let mut count = self.matching(items, field, &pattern, rest)?;
        if count == 0 && self.create.is_some() {
            items.push(new_element(field, value));
            let last = items.len() - 1;
            count = self.matching(&mut items[last..], field, &pattern, rest)?;
        }
        Ok(count)
    }

    fn matching(
        &mut self,
        items: &mut [Node],
        field: &str,
        pattern: &Pattern,
        rest: &[String],
    ) -> Result<usize> {
        let mut count = 0;
        for item in items {
            let found = if field.is_empty() { Some(&*item) } else { item.get(field) };
            let fits = found.and_then(Node::as_scalar).is_some_and(|it| pattern.fits(&as_written(it)));
            if fits {
                let rest = if field.is_empty() { &[] } else { rest };
                count += self.step(item, rest, false)?;
            }
        }
        Ok(count)
    }
}

/// What a search for `[field=value]` finds once it is made.
pub(crate) fn new_element(field: &str, value: &str) -> Node {
    match field {
        "" => untyped(value),
        _ => Node::map(Map::from_iter([(field.into(), untyped(value))])),
    }
}

/// A scalar as it is written, which is what patterns are held against: quotes count.
fn as_written(scalar: &Scalar) -> Cow<'_, str> {
    match scalar.form {
        Form::Quoted if !scalar.text.contains('\n') => Cow::Owned(format!("\"{}\"", scalar.text)),
        _ => Cow::Borrowed(scalar.text.trim()),
    }
}

pub(crate) fn elements_mut(node: &mut Node) -> Result<&mut Vec<Node>> {
    let wrong = type_error(node, "a list");
    node.as_seq_mut().ok_or(wrong)
}

/// Reads YAML or JSON that is the text of a scalar.
pub(crate) fn parse_structured(scalar: &Node) -> Result<Node> {
    let text = scalar.as_scalar().map_or("", |it| &it.text);
    let parsed = parse_first(text, Dialect::Resource, &Limits::default());
    let parsed =
        parsed.map_err(|error| BuildError::new("kustomize-syntax", error.message).line(scalar.mark.line))?;
    Ok(parsed.unwrap_or_else(Node::null))
}

/// The value that a text is when it stands without quotes in a resource, and nothing says what it is.
pub(crate) fn untyped(text: &str) -> Node {
    let (mut node, form) = match text {
        "" => (Node::null(), Form::Emptied),
        _ => (Node::plain(text), Form::Untyped),
    };
    if let Data::Scalar(scalar) = &mut node.data {
        scalar.form = form;
    }
    node
}

/// Gives a scalar another text. Its type stays, if it has one.
///
/// Errors: the text is no value of that type.
pub(crate) fn set_text_keeping_type(node: &mut Node, text: &str) -> Result<()> {
    let wrong = {
        let message = format!("`{text}` is put where {} stands", node.type_name());
        BuildError::new("kustomize-field-type", message).line(node.mark.line)
    };
    let Data::Scalar(scalar) = &mut node.data else {
        return Err(wrong);
    };
    if matches!(scalar.form, Form::Untyped | Form::Emptied) {
        *node = untyped(text).at(node.mark);
        return Ok(());
    }
    let found = untyped(text).as_scalar().map_or(Tag::Str, |it| it.tag);
    if scalar.tag == Tag::Null && text.is_empty() {
        // Still a null, but one that no longer stands there as a word.
        scalar.form = Form::Missing;
        return Ok(());
    }
    if scalar.tag != Tag::Str && scalar.tag != found && (scalar.tag, found) != (Tag::Float, Tag::Int) {
        return Err(wrong);
    }
    scalar.text = text.into();
    Ok(())
}
