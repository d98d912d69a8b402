//! What stands at the end of a path: values without a type, and texts that take each other's place.

use promoter_yaml::{Data, Dialect, Form, Limits, Map, Node, Tag, parse_first};

use crate::error::{BuildError, Result};

/// What a search for `[field=value]` finds once it is made.
pub(crate) fn new_element(field: &str, value: &str) -> Node {
    match field {
        "" => untyped(value),
        _ => Node::map(Map::from_iter([(field.into(), untyped(value))])),
    }
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
    if scalar.form == Form::Missing {
        // Now it stands there as a word.
        scalar.form = Form::Plain;
    }
    scalar.text = text.into();
    Ok(())
}
