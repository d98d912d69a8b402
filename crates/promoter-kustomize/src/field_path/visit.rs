//! The way to all values of a path, which can make what is missing.

use std::borrow::Cow;

use promoter_yaml::{Form, Node, Scalar, emit_kustomize};

use super::value::{new_element, parse_structured};
use super::{Part, elements_mut, syntax, type_error};
use crate::error::Result;
use crate::pattern::Pattern;

/// A walk to all values of a path.
pub(crate) struct Visit<'v> {
    /// What a missing value is made of; `None` makes nothing.
    pub(crate) create: Option<Node>,
    /// Called with each value, and whether it was just made.
    pub(crate) set: &'v mut dyn FnMut(&mut Node, bool) -> Result<()>,
}

/// How a value stands where a walk found it.
#[derive(Clone, Copy)]
struct Place {
    /// It was just made.
    made: bool,
    /// It is in braces or brackets.
    in_flow: bool,
}

impl Place {
    /// Makes of a new value what its place makes of it.
    fn settle(self, node: &mut Node) {
        if self.in_flow {
            node.put_in_flow();
        }
    }
}

impl Visit<'_> {
    /// Goes to all values of a path and says how many there were.
    ///
    /// Errors: a part does not fit what it meets, or `set` fails.
    pub(crate) fn go(&mut self, node: &mut Node, path: &[String]) -> Result<usize> {
        self.step(node, path, Place { made: false, in_flow: false })
    }

    fn step(&mut self, node: &mut Node, path: &[String], place: Place) -> Result<usize> {
        let Some((part, rest)) = path.split_first() else {
            (self.set)(node, place.made)?;
            place.settle(node);
            return Ok(1);
        };
        match Part::parse(part)? {
            Part::Index(index) => self.index(node, index, rest),
            Part::Every => {
                let place = Place { made: false, in_flow: node.is_flow };
                let mut count = 0;
                for item in elements_mut(node)? {
                    count += self.step(item, rest, place)?;
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
        let in_flow = node.is_flow;
        let map = node.as_map_mut().ok_or(wrong)?;
        let place = Place { made: !map.contains(name), in_flow };
        let field = match &self.create {
            Some(leaf) => {
                map.get_or_insert_with(name, || Part::container(rest.first().map(String::as_str), leaf))
            }
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
            return self.step(&mut copy, rest, Place { made: false, in_flow: false });
        }
        if place.made {
            place.settle(field);
        }
        self.step(field, rest, place)
    }

    fn index(&mut self, node: &mut Node, index: usize, rest: &[String]) -> Result<usize> {
        let in_flow = node.is_flow;
        let items = elements_mut(node)?;
        let place = Place { made: self.create.is_some() && items.len() == index, in_flow };
        if let Some(leaf) = self.create.as_ref().filter(|_| place.made) {
            let mut item = Part::container(rest.first().map(String::as_str), leaf);
            place.settle(&mut item);
            items.push(item);
        }
        let count = items.len();
        match items.get_mut(index) {
            Some(item) => self.step(item, rest, place),
            None => Err(syntax(format!("there is no element {index}, the list has {count}"))),
        }
    }

    fn element(&mut self, node: &mut Node, field: &str, value: &str, rest: &[String]) -> Result<usize> {
        let wrong = |reason| syntax(format!("`{value}` in a path is no regular expression: {reason}"));
        let pattern = Pattern::part(value).map_err(wrong)?;
        let place = Place { made: false, in_flow: node.is_flow };
        let items = elements_mut(node)?;
        let mut count = self.matching(items, (field, &pattern), rest, place)?;
        if count == 0 && self.create.is_some() {
            let mut item = new_element(field, value);
            place.settle(&mut item);
            items.push(item);
            let last = items.len() - 1;
            count = self.matching(&mut items[last..], (field, &pattern), rest, place)?;
        }
        Ok(count)
    }

    fn matching(
        &mut self,
        items: &mut [Node],
        (field, pattern): (&str, &Pattern),
        rest: &[String],
        place: Place,
    ) -> Result<usize> {
        let mut count = 0;
        for item in items {
            let found = if field.is_empty() { Some(&*item) } else { item.get(field) };
            let fits = found.and_then(Node::as_scalar).is_some_and(|it| pattern.fits(&as_written(it)));
            if fits {
                let rest = if field.is_empty() { &[] } else { rest };
                count += self.step(item, rest, place)?;
            }
        }
        Ok(count)
    }
}

/// A scalar as it is written, which is what patterns are held against: quotes count.
fn as_written(scalar: &Scalar) -> Cow<'_, str> {
    let mut out = String::new();
    // What cannot be shown is escaped, in double quotes whatever stood around it.
    let may_be_escaped = |it: char| !it.is_ascii() || (it.is_ascii_control() && it != '\n');
    if scalar.text.contains(may_be_escaped)
        && emit_kustomize(&Node::str(scalar.text.clone()), &mut out).is_ok()
        && out.starts_with('"')
    {
        return Cow::Owned(out.trim_end().to_owned());
    }
    match scalar.form {
        Form::Quoted => Cow::Owned(format!("\"{}\"", scalar.text.replace('\n', "\\n"))),
        _ => Cow::Borrowed(scalar.text.trim()),
    }
}
