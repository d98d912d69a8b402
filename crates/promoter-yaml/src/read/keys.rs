//! Keys that occur twice, and merge keys.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Data, Entry, Map, Node, YamlError};

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
