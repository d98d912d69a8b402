//! The hash at the end of a generated name: ten letters that change with the content.

use std::borrow::Cow;

use promoter_yaml::{Data, Node, Tag, YamlError, emit_json};
use sha2::{Digest as _, Sha256};

use crate::error::{BuildError, Result};
use crate::resmap::ResMap;
use crate::resource::{Resource, raw_text};

/// Puts the hash behind the names of the resources that want one.
pub(crate) fn add_hashes(resources: &mut ResMap) -> Result<()> {
    for resource in resources.list.iter_mut().filter(|it| it.needs_hash) {
        let name = format!("{}-{}", resource.name(), name_hash(resource)?);
        resource.remember();
        resource.set_name(&name);
    }
    Ok(())
}

/// The hash of a ConfigMap or Secret as it is now.
///
/// Errors: another kind, or content that JSON cannot hold.
fn name_hash(resource: &Resource) -> Result<String> {
    let text = match resource.kind() {
        "ConfigMap" => canonical(resource, &["binaryData", "data", "kind", "name"]),
        "Secret" => canonical(resource, &["data", "kind", "name", "stringData", "type"]),
        kind => {
            let message = format!("a name hash is made for ConfigMaps and Secrets, not for `{kind}`");
            return Err(resource.blame(BuildError::new("kustomize-not-supported", message)));
        }
    };
    let text = text.map_err(|error| {
        resource.blame(BuildError::new("kustomize-output", error.message).line(error.mark.line))
    })?;
    let digest = Sha256::digest(text.as_bytes());
    let digits = digest.iter().take(5).flat_map(|byte| [byte >> 4, byte & 15]);
    Ok(digits.map(letter).collect())
}

/// Digits that could make a word are replaced by letters that do not.
fn letter(digit: u8) -> char {
    match digit {
        0 => 'g',
        1 => 'h',
        3 => 'k',
        10 => 'm',
        14 => 't',
        _ => char::from_digit(u32::from(digit), 16).unwrap_or('g'),
    }
}

/// The JSON that is hashed. The name in it is always empty: kustomize looks for it at a path that does not exist, and
/// cannot change that any more. A field that is missing is an empty text; maps that may be missing are left out. A list,
/// which has no business there, is a null whatever is in it.
fn canonical(resource: &Resource, fields: &[&str]) -> Result<String, YamlError> {
    let mut json = String::from("{");
    for field in fields {
        let mut value = String::new();
        match (*field, resource.node.get(field)) {
            ("kind", _) => emit_json(&Node::str(resource.kind()), true, &mut value)?,
            ("name", _) => value.push_str("\"\""),
            (_, Some(node)) if node.as_seq().is_some() => value.push_str("null"),
            ("binaryData" | "stringData", Some(node)) if node.as_map().is_some() => {
                emit_json(&with_floats(node), true, &mut value)?;
            }
            ("binaryData" | "stringData", _) => continue,
            (_, Some(node)) if node.as_scalar().is_some() => {
                emit_json(&Node::str(raw_text(node)), true, &mut value)?;
            }
            (_, Some(node)) => emit_json(&with_floats(node), true, &mut value)?,
            (_, None) => value.push_str("\"\""),
        }
        let separator = if json.len() > 1 { "," } else { "" };
        json.push_str(&format!("{separator}\"{field}\":{value}"));
    }
    json.push('}');
    Ok(json)
}

/// The same with all numbers as floats, which is how Go's untyped JSON holds them: digits beyond 53 bits are lost.
fn with_floats(node: &Node) -> Cow<'_, Node> {
    if !has_integer(node) {
        return Cow::Borrowed(node);
    }
    let mut node = node.clone();
    make_floats(&mut node);
    Cow::Owned(node)
}

fn has_integer(node: &Node) -> bool {
    match &node.data {
        Data::Scalar(scalar) => scalar.tag == Tag::Int,
        Data::Seq(items) => items.iter().any(has_integer),
        Data::Map(map) => map.iter().any(|(_, it)| has_integer(it)),
    }
}

fn make_floats(node: &mut Node) {
    match &mut node.data {
        Data::Scalar(scalar) if scalar.tag == Tag::Int => scalar.tag = Tag::Float,
        Data::Scalar(_) => {}
        Data::Seq(items) => items.iter_mut().for_each(make_floats),
        Data::Map(map) => map.iter_mut().for_each(|(_, it)| make_floats(it)),
    }
}
