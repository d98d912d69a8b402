//! The changes from one tree to another, made in a tree with styles.

use crate::read::WrittenStyle;
use crate::{Data, Dialect, Mark, Node, Tag, YamlError, scalar};

use super::{Styled, Text, What, unsupported};

/// Makes of what stands for `before` what stands for `after`.
///
/// Errors: a change behind an alias, a merge key or a tag of another type, a list or mapping put where something else
/// stood, one taken away.
pub(super) fn apply(styled: &mut Styled, before: &Node, after: &Node) -> Result<(), YamlError> {
    if before == after {
        return Ok(());
    }
    let mark = styled.mark;
    match (&mut styled.what, &before.data, &after.data) {
        (What::Scalar(_), Data::Scalar(_), Data::Scalar(scalar))
            if !fits(styled.tag.as_deref(), &scalar.text) =>
        {
            Err(unsupported("a value that does not fit the tag before it", mark))
        }
        (What::Scalar(text), Data::Scalar(_), Data::Scalar(scalar)) => {
            text.text = scalar.text.clone();
            Ok(())
        }
        (What::Seq { items, .. }, Data::Seq(before), Data::Seq(after)) if items.len() == before.len() => {
            for ((item, before), after) in items.iter_mut().zip(before).zip(after) {
                apply(item, before, after)?;
            }
            items.extend(after.iter().skip(before.len()).map(made));
            Ok(())
        }
        (What::Map { entries, .. }, Data::Map(before), Data::Map(after)) => {
            for (key, after) in after.iter() {
                let found = entries.iter_mut().find(|(it, _)| it.is_text(key));
                match (found, before.get(key)) {
                    (Some((_, styled)), Some(before)) => apply(styled, before, after)?,
                    (None, None) => entries.push((text(key), made(after))),
                    (None, Some(before)) if before == after => {}
                    _ => return Err(unsupported("a change of what a merge key brings", mark)),
                }
            }
            Ok(())
        }
        (What::Alias(_), ..) => Err(unsupported("a change behind an alias", mark)),
        _ => Err(unsupported("a value put in the place of another kind of value", mark)),
    }
}

/// Whether a text can stand behind a tag, if there is one.
fn fits(tag: Option<&str>, text: &str) -> bool {
    let found = scalar::resolve(text, Dialect::Resource);
    match tag {
        Some("!!null") => found == Tag::Null,
        Some("!!bool") => found == Tag::Bool,
        Some("!!int") => found == Tag::Int,
        Some("!!float") => matches!(found, Tag::Int | Tag::Float),
        Some("!!timestamp") => found == Tag::Timestamp,
        _ => true,
    }
}

fn text(text: &str) -> Styled {
    let text = Text { text: text.into(), style: WrittenStyle::Plain, implied: None };
    Styled::new(What::Scalar(text), Mark::default())
}

/// A value that was not there, in the style that go-yaml gives it.
fn made(node: &Node) -> Styled {
    let what = match &node.data {
        Data::Scalar(scalar) => return text(&scalar.text),
        Data::Seq(items) => What::Seq { items: items.iter().map(made).collect(), is_flow: false },
        Data::Map(map) => {
            let entries = map.iter().map(|(key, value)| (text(key), made(value))).collect();
            What::Map { entries, is_flow: false }
        }
    };
    Styled::new(what, Mark::default())
}
