//! Values inside JSON or YAML that is the text of a field, such as a config file in a ConfigMap.
//!
//! JSON is written anew as Go writes it. In YAML only the changed words are, see `words`.

use promoter_yaml::{Data, Node, emit_json};

use super::lists;
use super::words::{Word, replace_words};
use crate::error::{BuildError, Result};
use crate::field_path::{Visit, lookup, parse_structured, set_text_keeping_type, untyped};
use crate::resource::raw_text;

/// Told of each copy of a value before it is made; an error stops all.
pub(super) type Count<'c> = &'c mut dyn FnMut() -> Result<()>;

/// Sets a value where the path leads into the text of a field. False when it leads into none, or there to nothing.
///
/// Errors: a value that does not fit what stands there, a change of YAML that is more than one word for another.
pub(super) fn set(
    node: &mut Node,
    path: &[String],
    value: &Node,
    create: Option<&Node>,
    count: Count<'_>,
) -> Result<bool> {
    let leads_into = |end: &usize| {
        let found = lookup(node, &path[..*end]).ok().flatten();
        found.is_some_and(|it| it.as_scalar().is_some() && parse_structured(it).is_ok())
    };
    let Some(end) = (1..path.len()).find(leads_into) else {
        return Ok(false);
    };
    let Ok(Some(field)) = lookup(node, &path[..end]) else {
        return Ok(false);
    };
    let line = field.mark.line;
    let Some(text) = changed(field, &path[end..], value, create, count).map_err(|error| error.line(line))?
    else {
        return Ok(false);
    };
    let mut set = |field: &mut Node, _: bool| {
        if let Data::Scalar(scalar) = &mut field.data {
            scalar.text = text.as_str().into();
        }
        Ok(())
    };
    Ok(Visit { create: None, set: &mut set }.go(node, &path[..end]).is_ok())
}

/// The text of a field with the value in it; `None` when the path leads to nothing there.
fn changed(
    field: &Node,
    path: &[String],
    value: &Node,
    create: Option<&Node>,
    count: Count<'_>,
) -> Result<Option<String>> {
    let original = parse_structured(field)?;
    let mut document = original.clone();
    let mut words = Vec::new();
    let mut is_words = true;
    let mut wrong = None;
    let mut set = |inner: &mut Node, made: bool| {
        let before = inner.as_scalar().filter(|_| !made).cloned();
        let done = count().and_then(|()| match &inner.data {
            Data::Scalar(_) if !made => set_text_keeping_type(inner, raw_text(value)),
            Data::Scalar(_) => {
                *inner = untyped(raw_text(value));
                Ok(())
            }
            _ => {
                *inner = value.clone();
                Ok(())
            }
        });
        match (before, inner.as_scalar()) {
            (Some(before), Some(after)) => {
                words.push(Word { mark: inner.mark, before, after: after.clone() });
            }
            _ => is_words = false,
        }
        done.inspect_err(|error| wrong = Some(error.clone()))
    };
    // A path that does not fit is told by whoever walks it through the resource.
    let found = Visit { create: create.cloned(), set: &mut set }.go(&mut document, path);
    if let Some(wrong) = wrong {
        return Err(wrong);
    }
    if !found.is_ok_and(|it| it > 0) {
        return Ok(None);
    }
    let old = raw_text(field);
    if old.trim_start().starts_with(['{', '[']) {
        let mut json = String::new();
        emit_json(&document, true, &mut json)
            .map_err(|error| BuildError::new("kustomize-value", error.message))?;
        let is_spread = old.contains('\n') && old.contains("  ");
        return Ok(Some(if is_spread { indented_json(&json) } else { json }));
    }
    let text = is_words.then(|| replace_words(old, &words)).flatten();
    let starts_as_read = !old.starts_with(char::is_whitespace);
    let laid_out = |it: String| if starts_as_read { lists::move_left(&it, &original) } else { it };
    text.map(|it| Some(laid_out(it))).ok_or_else(|| {
        let message = "in YAML that is the text of a field, a replacement can only put one word for another";
        BuildError::new("kustomize-not-supported", message)
            .hint("make the field there first, on one line, or write the text as JSON")
    })
}

/// Compact JSON, spread over lines with two blanks a level.
fn indented_json(compact: &str) -> String {
    let mut out = String::with_capacity(compact.len() * 2);
    let mut depth = 0_usize;
    let mut in_text = false;
    let mut escaped = false;
    let mut rest = compact.chars().peekable();
    while let Some(it) = rest.next() {
        if in_text {
            out.push(it);
            in_text = escaped || it != '"';
            escaped = !escaped && it == '\\';
            continue;
        }
        match it {
            '{' | '[' => {
                out.push(it);
                if rest.peek().is_some_and(|next| matches!(next, '}' | ']')) {
                    continue;
                }
                depth += 1;
                new_line(&mut out, depth);
            }
            '}' | ']' => {
                if !out.ends_with(['{', '[']) {
                    depth = depth.saturating_sub(1);
                    new_line(&mut out, depth);
                }
                out.push(it);
            }
            ',' => {
                out.push(it);
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => {
                in_text = it == '"';
                out.push(it);
            }
        }
    }
    out
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_is_not_written_anew() {
        let mut node = Node::map([(Box::from("x"), Node::str("a: {}\n"))].into_iter().collect());
        let path = ["x", "a", "b"].map(str::to_owned);
        let error = set(&mut node, &path, &Node::str("c"), Some(&Node::null()), &mut || Ok(())).unwrap_err();
        assert_eq!(error.code, "kustomize-not-supported");
        assert_eq!(set(&mut node, &path, &Node::str("c"), None, &mut || Ok(())), Ok(false));
    }
}
