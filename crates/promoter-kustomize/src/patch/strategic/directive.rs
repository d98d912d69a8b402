//! `$patch`: what a mapping or a list of a patch says about how it is to be applied.

use promoter_yaml::{Map, Node};

use super::error::MergeError;
use super::tuples::raw;

/// The key of a directive.
pub(super) const DIRECTIVE: &str = "$patch";

/// How a mapping or a list of the patch wants to be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Directive {
    Merge,
    Replace,
    Delete,
}

/// Takes the directive out of a mapping of the patch.
pub(super) fn take_from_mapping(map: &mut Map) -> Result<Directive, MergeError> {
    let Some(value) = map.get(DIRECTIVE) else {
        return Ok(Directive::Merge);
    };
    let directive = directive_of(value)?;
    map.remove(DIRECTIVE);
    Ok(directive)
}

/// Takes the directive out of a list of the patch: an element that holds `$patch` and nothing else.
pub(super) fn take_from_list(items: &mut Vec<Node>) -> Result<Directive, MergeError> {
    let Some(holder) = items.iter().filter_map(Node::as_map).find(|it| it.contains(DIRECTIVE)) else {
        return Ok(Directive::Merge);
    };
    let Some(value) = holder.get(DIRECTIVE).filter(|_| holder.len() == 1) else {
        return Ok(Directive::Merge);
    };
    let directive = directive_of(value)?;
    let word = raw(value).to_owned();
    items.retain(|it| match it.as_map() {
        Some(map) => !map.is_empty() && map.get(DIRECTIVE).is_none_or(|value| raw(value) != word),
        None => !it.is_null(),
    });
    Ok(directive)
}

fn directive_of(value: &Node) -> Result<Directive, MergeError> {
    match value.as_scalar().map_or("", |it| &it.text) {
        "merge" => Ok(Directive::Merge),
        "replace" => Ok(Directive::Replace),
        "delete" => Ok(Directive::Delete),
        other => {
            let reason = format!("`$patch: {other}` is none of `merge`, `replace` and `delete`");
            Err(MergeError::new(reason, value.mark))
        }
    }
}
