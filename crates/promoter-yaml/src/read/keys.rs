//! What can be a key, keys that occur twice, and merge keys.

use std::collections::{BTreeMap, BTreeSet};

use crate::scalar::float;
use crate::{Data, Dialect, Entry, Map, Mark, Node, Number, Scalar, Tag, YamlError};

/// The first key that occurs twice: its first and its second entry.
pub(super) fn duplicate(entries: &[Entry]) -> Option<(&Entry, &Entry)> {
    let again = match entries.len() {
        0..=12 => (1..entries.len()).find(|at| entries[..*at].iter().any(|it| it.key == entries[*at].key))?,
        _ => {
            let mut seen = BTreeSet::new();
            entries.iter().position(|it| !seen.insert(&*it.key))?
        }
    };
    let first = entries.iter().find(|it| it.key == entries[again].key)?;
    Some((first, &entries[again]))
}

/// Keeps the last of equal keys, in the place of the first.
pub(crate) fn last_wins(entries: Vec<Entry>) -> Vec<Entry> {
    if duplicate(&entries).is_none() {
        return entries;
    }
    let mut places: BTreeMap<Box<str>, usize> = BTreeMap::new();
    let mut kept: Vec<Entry> = Vec::with_capacity(entries.len());
    for entry in entries {
        match places.get(&entry.key) {
            Some(at) => kept[*at] = entry,
            None => {
                places.insert(entry.key.clone(), kept.len());
                kept.push(entry);
            }
        }
    }
    kept
}

/// Applies the value of `<<`: own keys win, then the mappings of a list from first to last.
pub(super) fn merge(own: Map, merged: Node) -> Result<Map, YamlError> {
    let at = merged.mark;
    let sources = match merged.data {
        Data::Map(map) => vec![map],
        Data::Seq(items) => {
            let maps = items.into_iter().map(|it| match it.data {
                Data::Map(map) => Ok(map),
                _ => Err(YamlError::new("a merge key takes mappings only", it.mark)),
            });
            maps.collect::<Result<Vec<_>, _>>()?
        }
        Data::Scalar(_) => {
            return Err(YamlError::new("a merge key takes a mapping or a list of mappings", at));
        }
    };
    let own_keys: BTreeSet<Box<str>> = own.entries().iter().map(|it| it.key.clone()).collect();
    let mut entries = own.into_entries();
    // kustomize sets the keys of the last mapping first, which decides the order of new keys.
    let further = sources.into_iter().rev().flat_map(Map::into_entries);
    entries.extend(further.filter(|it| !own_keys.contains(&it.key)));
    Ok(Map::from_unique(last_wins(entries)))
}

/// What the key of an entry says.
pub(super) enum Key {
    /// Its name.
    Text(Box<str>, Mark),
    /// The entries of the value are to be merged in.
    Merge(Mark),
}

/// The key that a node is, `depth` mappings and sequences deep.
///
/// Errors: it can be none.
pub(super) fn key_of(node: Node, dialect: Dialect, depth: usize) -> Result<Key, YamlError> {
    let mark = node.mark;
    let type_name = node.type_name();
    let Data::Scalar(Scalar { text, tag, form }) = node.data else {
        return Err(YamlError::new(format!("a key must be text, not {type_name}"), mark));
    };
    // Go reads the outermost mapping of a resource into a map of strings, so that any scalar is text there.
    let is_text = tag == Tag::Str || (dialect == Dialect::Resource && depth == 1 && tag != Tag::Null);
    if dialect == Dialect::Resource && &*text == "<<" {
        // A quoted one: kustomize takes it for no merge key and still drops it.
        return Err(YamlError::new("a quoted `<<` cannot be a key", mark));
    }
    // sigs.k8s.io/yaml makes text of them on the way to JSON: `y` is "true" then, and 0x10 is "16".
    if dialect == Dialect::Config && !matches!(tag, Tag::Str | Tag::Null) {
        let key = json_key(&Scalar { text, tag, form });
        let key = key.ok_or_else(|| YamlError::new("a key that is a number must fit 64 bits", mark))?;
        return Ok(Key::Text(key.into(), mark));
    }
    match is_text {
        true => Ok(Key::Text(text, mark)),
        false => Err(YamlError::new(format!("the key `{text}` is {type_name}, not text: quote it"), mark)),
    }
}

/// A boolean or number as the key of a JSON object; `None` for an integer that is too large.
fn json_key(scalar: &Scalar) -> Option<String> {
    match (scalar.tag, scalar.number()) {
        (Tag::Float, Some(number)) => Some(float::key(number.to_f64())),
        (Tag::Int, number) => match number? {
            Number::Int(value) => Some(value.to_string()),
            Number::UInt(_) => None,
            Number::Float(value) => Some(float::key(value)),
        },
        _ => scalar.as_bool().map(|it| it.to_string()),
    }
}
