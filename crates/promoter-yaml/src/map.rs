//! Mappings: entries in the order of the file, found by their keys.

use crate::{Mark, Node};

/// One entry of a mapping.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key.
    pub key: Box<str>,
    /// Where the key stood.
    pub key_mark: Mark,
    /// The value.
    pub value: Node,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key && self.value == other.value
    }
}

impl Eq for Entry {}

/// A mapping: entries in order, keys unique. Look-ups are linear, which suits manifests (few keys a mapping).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Map {
    entries: Vec<Entry>,
}

impl Map {
    /// An empty mapping.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes entries whose keys the caller knows to be unique (the parser checks while reading).
    pub fn from_unique(entries: Vec<Entry>) -> Self {
        Self { entries }
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True without entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entries in order, for changing values. Keys must stay unique.
    pub fn entries_mut(&mut self) -> &mut [Entry] {
        &mut self.entries
    }

    /// Takes the entries out.
    pub fn into_entries(self) -> Vec<Entry> {
        self.entries
    }

    /// Keys and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.entries.iter().map(|it| (&*it.key, &it.value))
    }

    /// Keys and values in order, values for changing.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut Node)> {
        self.entries.iter_mut().map(|it| (&*it.key, &mut it.value))
    }

    /// True when the key is there.
    pub fn contains(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The entry of a key, with its place.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|it| &*it.key == key)
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|it| &it.value)
    }

    /// The value of a key for changing.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.entries.iter_mut().find(|it| &*it.key == key).map(|it| &mut it.value)
    }

    /// Sets a key: in place when it is there, else at the end. Returns the old value.
    pub fn insert(&mut self, key: impl Into<Box<str>>, value: Node) -> Option<Node> {
        let key = key.into();
        if let Some(old) = self.get_mut(&key) {
            return Some(std::mem::replace(old, value));
        }
        self.entries.push(Entry { key, key_mark: Mark::default(), value });
        None
    }

    /// The value of a key, put at the end first if it is missing.
    pub fn get_or_insert_with(&mut self, key: &str, make: impl FnOnce() -> Node) -> &mut Node {
        let index = match self.entries.iter().position(|it| &*it.key == key) {
            Some(index) => index,
            None => {
                self.entries.push(Entry { key: key.into(), key_mark: Mark::default(), value: make() });
                self.entries.len() - 1
            }
        };
        &mut self.entries[index].value
    }

    /// Takes a key out, keeping the order of the others.
    pub fn remove(&mut self, key: &str) -> Option<Node> {
        let index = self.entries.iter().position(|it| &*it.key == key)?;
        Some(self.entries.remove(index).value)
    }

    /// Keeps the entries for which `keep` is true.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &mut Node) -> bool) {
        self.entries.retain_mut(|it| keep(&it.key, &mut it.value));
    }
}

impl FromIterator<(Box<str>, Node)> for Map {
    /// Collects entries; a later value of one key replaces the earlier one.
    fn from_iter<I: IntoIterator<Item = (Box<str>, Node)>>(items: I) -> Self {
        let entries = items.into_iter().map(|(key, value)| Entry { key, key_mark: Mark::default(), value });
        Self::from_unique(crate::read::last_wins(entries.collect()))
    }
}
