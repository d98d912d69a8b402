//! Paths with dots, as replacements, vars and value additions use them: `spec.containers.[name=web].image`.
//!
//! Two readers share the syntax: [`lookup`] finds one value by exact matches, [`Visit`] goes to all values, matches
//! elements by regular expression and can make what is missing. What then stands there is `value`'s.

mod value;
mod visit;

use promoter_yaml::{Map, Node};

use crate::error::{BuildError, Result};
pub(crate) use value::{new_element, parse_structured, set_text_keeping_type, untyped};
pub(crate) use visit::Visit;

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
    pub(crate) fn container(next: Option<&str>, leaf: &Node) -> Node {
        match next.map(Part::parse) {
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

pub(crate) fn elements_mut(node: &mut Node) -> Result<&mut Vec<Node>> {
    let wrong = type_error(node, "a list");
    node.as_seq_mut().ok_or(wrong)
}
