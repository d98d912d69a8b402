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

/// Puts a value of the patch in the place of one of the resource. Quotes stay, and what is in quotes is text.
pub(super) fn set(value: &mut Node, patch: Node) {
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
