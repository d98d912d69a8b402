//! Explicit tags (`!!int`): which are known, and whether a value fits its own.

use granit_parser::Tag as YamlTag;

use crate::{Dialect, Tag, scalar};

/// What `!!` stands for.
const CORE: &str = "tag:yaml.org,2002:";

/// The tag `!`, which go-yaml v3 ignores.
pub(super) fn is_non_specific(tag: &YamlTag) -> bool {
    matches!((tag.handle(), tag.suffix()), ("!", "") | ("", "!"))
}

/// The tag `!!merge`, which some writers put before the key `<<`.
pub(super) fn is_merge_tag(tag: &YamlTag) -> bool {
    tag.suffix_in_namespace(CORE).as_deref() == Some("merge")
}

/// The type of a scalar with an explicit tag, or why it cannot have it.
pub(super) fn scalar_tag(tag: &YamlTag, text: &str, dialect: Dialect) -> Result<Tag, String> {
    let Some(name) = tag.suffix_in_namespace(CORE) else {
        return match dialect {
            Dialect::Own => Err(format!("the tag `{}` is not allowed here", tag.original())),
            // Go ignores tags that it does not know and reads text.
            _ => Ok(Tag::Str),
        };
    };
    let wanted = match &*name {
        // Before a value a merge tag says nothing.
        "str" | "merge" => return Ok(Tag::Str),
        "null" => Tag::Null,
        "bool" => Tag::Bool,
        "int" => Tag::Int,
        "float" => Tag::Float,
        "timestamp" => Tag::Timestamp,
        _ => return Err(format!("the tag `{}` is not supported", tag.original())),
    };
    let found = match scalar::resolve(text, dialect) {
        Tag::Int if wanted == Tag::Float => Tag::Float,
        found => found,
    };
    match found == wanted {
        true => Ok(wanted),
        false => Err(format!("`{text}` does not fit its tag `{}`", tag.original())),
    }
}

/// Says why a collection cannot have its tag.
pub(super) fn collection_tag(tag: &YamlTag, is_map: bool, dialect: Dialect) -> Result<(), String> {
    let core = tag.core_suffix();
    let fits = match core {
        Some("map") => is_map,
        Some("seq") => !is_map,
        Some(_) => false,
        // Go ignores tags that it does not know.
        None => dialect != Dialect::Own,
    };
    match fits {
        true => Ok(()),
        false => Err(format!("the tag `{}` does not fit here", tag.original())),
    }
}
