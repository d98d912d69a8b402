//! The form of the scalars that a merge leaves: which get quotes, and which keep those that stood there.

use promoter_yaml::{Data, Form, Node, Scalar, Tag};

use crate::field::needs_quotes;

/// What becomes of a field that is written anew as it is: what has no type becomes text, and text that YAML 1.1 takes for
/// something else gets quotes.
pub(super) fn rewrite(value: &mut Node) {
    let Data::Scalar(scalar) = &mut value.data else {
        return;
    };
    let is_text = match scalar.form {
        Form::Untyped => true,
        Form::Plain => scalar.tag == Tag::Str,
        Form::Quoted | Form::Folded | Form::Emptied | Form::Missing => false,
    };
    if is_text && needs_quotes(&scalar.text) {
        (scalar.tag, scalar.form) = (Tag::Str, Form::Quoted);
    }
}

/// Puts a value of the patch in the place of one of the resource. Quotes stay, and what is in quotes is text; so do the
/// braces or brackets of a mapping or list, or that there were none; around nothing they give way.
pub(super) fn set(value: &mut Node, patch: Node) {
    let form = match value.as_scalar() {
        Some(Scalar { form: form @ (Form::Quoted | Form::Folded), .. }) => *form,
        _ => Form::Plain,
    };
    let is_flow = if is_empty(value) { patch.is_flow } else { value.is_flow };
    *value = patch;
    value.is_flow = is_flow;
    if is_flow {
        value.put_in_flow();
    }
    if let Data::Scalar(scalar) = &mut value.data {
        scalar.form = form;
        if form != Form::Plain {
            scalar.tag = Tag::Str;
        }
    }
}

fn is_empty(value: &Node) -> bool {
    match &value.data {
        Data::Map(map) => map.is_empty(),
        Data::Seq(items) => items.is_empty(),
        Data::Scalar(_) => false,
    }
}
