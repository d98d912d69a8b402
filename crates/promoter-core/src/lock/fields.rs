//! Mappings of a lock read strictly: known fields only, each with its line, and the words for what is wrong.

use super::LockError;
use crate::Place;
use promoter_yaml::{Map, Mark, Node, Tag};
use std::fmt::Display;
use std::str::FromStr;

/// A directory below a repository's root in its normal form.
pub(super) struct Directory(pub(super) String);

impl FromStr for Directory {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = |why: &str| Err(format!("`{}` {why}", text.escape_debug()));
        if text.is_empty() || text.starts_with('/') {
            return refuse("is not relative to the repository's root (the root itself is `.`)");
        }
        if text.chars().any(char::is_control) {
            return refuse("has control characters");
        }
        let parts: Vec<&str> = text.split('/').filter(|it| !matches!(*it, "" | ".")).collect();
        if parts.contains(&"..") {
            return refuse("has `..` in it");
        }
        Ok(Self(parts.join("/")))
    }
}

/// Words for people: not empty, without control characters.
pub(super) struct OneLine(pub(super) String);

impl FromStr for OneLine {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text.trim().is_empty() || text.chars().any(char::is_control) {
            true => Err("it must be one line of text"),
            false => Ok(Self(text.into())),
        }
    }
}

/// A mapping whose keys are all known, with what messages need.
pub(super) struct Fields<'a> {
    pub(super) map: &'a Map,
    mark: Mark,
    parent: &'a str,
    path: &'a str,
}

impl<'a> Fields<'a> {
    pub(super) fn open(
        node: &'a Node,
        parent: &'a str,
        known: &'static [&'static str],
        path: &'a str,
    ) -> Result<Self, LockError> {
        let map = node.as_map().ok_or_else(|| wrong_type(parent, "a mapping", node, path))?;
        let fields = Self { map, mark: node.mark, parent, path };
        fields.only(known)?;
        Ok(fields)
    }

    /// Refuses every key but the known ones.
    pub(super) fn only(&self, known: &'static [&'static str]) -> Result<(), LockError> {
        match self.map.entries().iter().find(|it| !known.contains(&&*it.key)) {
            None => Ok(()),
            Some(entry) => Err(LockError::UnknownField {
                field: self.name(&entry.key),
                near: known.iter().copied().find(|it| is_slip(&entry.key, it)),
                known,
                at: self.place(entry.key_mark),
            }),
        }
    }

    pub(super) fn name(&self, key: &str) -> String {
        if self.parent.is_empty() { key.into() } else { format!("{}.{key}", self.parent) }
    }

    pub(super) fn place(&self, mark: Mark) -> Place {
        Place::new(self.path, mark.line)
    }

    pub(super) fn node(&self, key: &str) -> Result<&'a Node, LockError> {
        let missing = || LockError::MissingField { field: self.name(key), at: self.place(self.mark) };
        self.map.get(key).ok_or_else(missing)
    }

    /// The text of a scalar: also of one that looks like a number or a date, as commits and times may.
    pub(super) fn text(&self, key: &str) -> Result<Option<(&'a str, Place)>, LockError> {
        let Some(node) = self.map.get(key) else {
            return Ok(None);
        };
        match node.text() {
            Some(text) => Ok(Some((text, self.place(node.mark)))),
            None => Err(wrong_type(&self.name(key), "text", node, self.path)),
        }
    }

    pub(super) fn optional<T: FromStr<Err: Display>>(&self, key: &str) -> Result<Option<T>, LockError> {
        let Some((text, at)) = self.text(key)? else {
            return Ok(None);
        };
        let wrong = |it: T::Err| LockError::Value { field: self.name(key), reason: it.to_string(), at };
        text.parse().map(Some).map_err(wrong)
    }

    pub(super) fn require<T: FromStr<Err: Display>>(&self, key: &str) -> Result<T, LockError> {
        self.node(key)?;
        let missing = LockError::MissingField { field: self.name(key), at: self.place(self.mark) };
        self.optional(key)?.ok_or(missing)
    }

    pub(super) fn flag(&self, key: &str) -> Result<bool, LockError> {
        let Some(node) = self.map.get(key) else {
            return Ok(false);
        };
        match node.as_scalar() {
            Some(scalar) if scalar.tag == Tag::Bool => Ok(&*scalar.text == "true"),
            _ => Err(wrong_type(&self.name(key), "`true` or `false`", node, self.path)),
        }
    }
}

pub(super) fn wrong_type(field: &str, wanted: &'static str, found: &Node, path: &str) -> LockError {
    let at = Place::new(path, found.mark.line);
    LockError::Type { field: field.into(), wanted, found: found.type_name(), at }
}

/// True when a word is another one with up to two letters wrong, or in another case.
pub(crate) fn is_slip(found: &str, known: &str) -> bool {
    let plain = |it: &str| it.to_ascii_lowercase().replace(['-', '_'], "");
    let (found, known) = (plain(found), plain(known));
    let allowed = if known.len() < 5 { 1 } else { 2 };
    distance(found.as_bytes(), known.as_bytes()) <= allowed
}

/// The number of letters to put in, take out or replace (Levenshtein).
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = corner + usize::from(x != y);
            corner = row[j + 1];
            row[j + 1] = replaced.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
