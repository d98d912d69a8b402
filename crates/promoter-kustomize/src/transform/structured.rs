//! Values inside JSON or YAML that is the text of a field, such as a config file in a ConfigMap.
//!
//! Both are written anew: JSON as Go writes it, YAML as go-yaml v3 does, with its comments and styles.

use promoter_yaml::{Data, Mark, Node, StyledText, emit_json};

use crate::error::{BuildError, Result};
use crate::field_path::{Visit, element, lookup, parse_structured, set_text_keeping_type, untyped};
use crate::pattern::Pattern;
use crate::resource::raw_text;

/// Told of each copy of a value before it is made, and of the bytes copied besides it; an error stops all.
pub(super) type Count<'c> = &'c mut dyn FnMut(usize) -> Result<()>;

/// Sets a value where the path leads into the text of a field. False when it leads into none, or there to nothing.
///
/// Errors: a value that does not fit what stands there, YAML of which it is not certain how kustomize writes it.
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
    let old = raw_text(field);
    let is_json = old.trim_start().starts_with(['{', '[']);
    // All of the text is read twice, copied and written for this one value.
    count(old.len().saturating_mul(4))?;
    let original = parse_structured(field)?;
    let mut document = original.clone();
    let mut wrong = None;
    let mut set = |inner: &mut Node, made: bool| {
        let done = count(0).and_then(|()| set_inner(inner, made, is_json, value));
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
    if !is_json {
        let styled = StyledText::parse(old).map_err(|it| unwritable(&it.message, it.mark))?;
        refuse_found_comments(&styled, path)?;
        let written = styled.write(&original, &document);
        return written.map(Some).map_err(|it| unwritable(&it.message, it.mark));
    }
    let mut json = String::new();
    emit_json(&document, true, &mut json)
        .map_err(|error| BuildError::new("kustomize-value", error.message))?;
    let is_spread = old.contains('\n') && old.contains("  ");
    Ok(Some(if is_spread { indented_json(&json) } else { json }))
}

/// Sets one value inside of a text.
fn set_inner(inner: &mut Node, made: bool, is_json: bool, value: &Node) -> Result<()> {
    let is_single = value.as_scalar().is_some();
    match &mut inner.data {
        Data::Scalar(_) if made && is_json => *inner = untyped(raw_text(value)),
        Data::Scalar(_) if is_json => return set_text_keeping_type(inner, raw_text(value)),
        // All become text here, so that each change is seen as one. The writer knows what stood there before.
        Data::Scalar(_) if is_single => *inner = Node::str(raw_text(value)),
        _ if is_json => *inner = value.clone(),
        // kustomize takes quotes and comments along, from where the list or mapping stands.
        _ => {
            return Err(unwritable("a list or mapping comes or goes", Mark::default()));
        }
    }
    Ok(())
}

/// kustomize looks for elements in what it would write, comments included and aliases not followed. Here comments are not
/// looked at and aliases are followed, which is refused where it may matter.
fn refuse_found_comments(styled: &StyledText, path: &[String]) -> Result<()> {
    for (field, value) in path.iter().filter_map(|it| element(it)) {
        // A pattern that is none was refused on the way.
        let Ok(pattern) = Pattern::part(value) else {
            continue;
        };
        let differs = |[with, without]: &[String; 2]| pattern.fits(with) != pattern.fits(without);
        let commented = styled.commented(field).map_err(|it| unwritable(&it.message, it.mark))?;
        if commented.iter().any(differs) {
            let what = format!("kustomize looks for `[{field}={value}]` in comments too");
            return Err(unwritable(&what, Mark::default()));
        }
    }
    Ok(())
}

fn unwritable(what: &str, mark: Mark) -> BuildError {
    let place = if mark.line == 0 { String::new() } else { format!(" (line {} of the text)", mark.line) };
    let message = format!("a replacement cannot write this YAML text as kustomize would: {what}{place}");
    BuildError::new("kustomize-not-supported", message)
        .hint("write that part of the text in another way, or all of the text as JSON")
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
    fn what_cannot_be_written_is_refused() {
        let mut node =
            Node::map([(Box::from("x"), Node::str("a: {}\nb: [1, # one\n  2]\n"))].into_iter().collect());
        let path = ["x", "a", "b"].map(str::to_owned);
        assert_eq!(set(&mut node, &path, &Node::str("c"), None, &mut |_| Ok(())), Ok(false));
        let error = set(&mut node, &path, &Node::str("c"), Some(&Node::null()), &mut |_| Ok(())).unwrap_err();
        assert_eq!(error.code, "kustomize-not-supported");
        assert!(
            error.message.ends_with("a comment between brackets (line 2 of the text)"),
            "{}",
            error.message
        );
    }
}
