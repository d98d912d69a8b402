//! Reads mappings of promoter's own files by hand: every key known, every type right, every message with its place.
//!
//! A `FieldError` says what is wrong; each file's own error type puts it into its words and gives it a code.

use crate::Place;
use promoter_yaml::{Map, Mark, Node, Tag};
use std::fmt::Display;
use std::str::FromStr;

/// The version of every format but the lock's, which has its own.
pub(crate) const API_VERSION: &str = "promoter.dev/v1alpha1";

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldError {
    /// With its parents, like `spec.environments[1].name`; empty for the document.
    pub(crate) field: String,
    /// What.
    pub(crate) problem: Problem,
    /// Where.
    pub(crate) at: Place,
}

/// The kinds of wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem {
    /// The place has no such field.
    Unknown {
        /// The field that was probably meant.
        near: Option<String>,
        /// The fields that the place knows.
        known: Vec<String>,
    },
    /// It must be there.
    Missing {
        /// Its name without parents.
        key: String,
    },
    /// It holds another kind of value than it takes.
    Type {
        /// What it takes.
        wanted: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// Its value makes no sense.
    Value {
        /// The type's words.
        reason: String,
        /// The next thing to do.
        hint: String,
    },
}

impl FieldError {
    /// Cause first, values in backticks.
    pub(crate) fn message(&self) -> String {
        let name = quoted(&self.field);
        match &self.problem {
            Problem::Unknown { .. } => format!("{name} is unknown"),
            Problem::Missing { .. } => format!("{name} is missing"),
            Problem::Type { wanted, found } => format!("{name} must be {wanted}, not {found}"),
            Problem::Value { reason, .. } => format!("{name}: {reason}"),
        }
    }

    /// The next thing to do.
    pub(crate) fn hint(&self) -> String {
        match &self.problem {
            Problem::Unknown { near: Some(near), .. } => format!("did you mean `{near}`"),
            Problem::Unknown { known, .. } if known.is_empty() => "nothing may stand here".into(),
            Problem::Unknown { known, .. } => format!("known here: {}", list(known)),
            Problem::Missing { key } => format!("write `{key}: …` here"),
            Problem::Type { wanted: "a mapping", .. } => "write `key: value` lines".into(),
            Problem::Type { wanted, .. } => format!("write {wanted}"),
            Problem::Value { hint, .. } => hint.clone(),
        }
    }
}

/// A mapping whose keys are all known.
#[derive(Debug, Clone)]
pub(crate) struct Fields<'a> {
    map: &'a Map,
    mark: Mark,
    parent: String,
    path: &'a str,
}

impl<'a> Fields<'a> {
    /// Takes a mapping; `parent` is its path of keys (`spec.environments[1]`), empty for a document.
    pub(crate) fn open(
        node: &'a Node,
        parent: impl Into<String>,
        known: &[&str],
        path: &'a str,
    ) -> Result<Self, FieldError> {
        let fields = Self::open_any(node, parent, path)?;
        fields.only(known)?;
        Ok(fields)
    }

    /// Takes a mapping whose keys the caller looks through.
    pub(crate) fn open_any(
        node: &'a Node,
        parent: impl Into<String>,
        path: &'a str,
    ) -> Result<Self, FieldError> {
        let parent = parent.into();
        match node.as_map() {
            Some(map) => Ok(Self { map, mark: node.mark, parent, path }),
            None => Err(wrong_type(parent, "a mapping", node, path)),
        }
    }

    /// Refuses every key but the known ones.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), FieldError> {
        match self.map.entries().iter().find(|it| !known.contains(&&*it.key)) {
            None => Ok(()),
            Some(entry) => Err(self.unknown(&entry.key, known)),
        }
    }

    /// The mapping below a key.
    pub(crate) fn inner(&self, key: &str, known: &[&str]) -> Result<Self, FieldError> {
        Self::open(self.node(key)?, self.name(key), known, self.path)
    }

    /// The keys in the order of the file.
    pub(crate) fn keys(&self) -> Vec<&'a str> {
        self.map.iter().map(|(key, _)| key).collect()
    }

    pub(crate) fn path(&self) -> &'a str {
        self.path
    }

    /// An error about a key that should not be there.
    pub(crate) fn unknown(&self, key: &str, known: &[&str]) -> FieldError {
        let near = known.iter().find(|it| is_slip(key, it)).map(|&it| it.into());
        let known = known.iter().map(|&it| it.into()).collect();
        let mark = self.map.entry(key).map_or(self.mark, |it| it.key_mark);
        FieldError { field: self.name(key), problem: Problem::Unknown { near, known }, at: self.place(mark) }
    }

    /// The path of a key.
    pub(crate) fn name(&self, key: &str) -> String {
        if self.parent.is_empty() { key.into() } else { format!("{}.{key}", self.parent) }
    }

    pub(crate) fn place(&self, mark: Mark) -> Place {
        Place::new(self.path, mark.line)
    }

    /// Where the mapping stands.
    pub(crate) fn at(&self) -> Place {
        self.place(self.mark)
    }

    /// Where a key's value stands; the mapping's place when it is not there.
    pub(crate) fn at_key(&self, key: &str) -> Place {
        self.place(self.map.get(key).map_or(self.mark, |it| it.mark))
    }

    pub(crate) fn get(&self, key: &str) -> Option<&'a Node> {
        self.map.get(key)
    }

    pub(crate) fn node(&self, key: &str) -> Result<&'a Node, FieldError> {
        self.map.get(key).ok_or_else(|| FieldError {
            field: self.name(key),
            problem: Problem::Missing { key: key.into() },
            at: self.at(),
        })
    }

    /// An error about the value of a key.
    pub(crate) fn wrong(&self, key: &str, reason: impl Display, hint: impl Into<String>) -> FieldError {
        let problem = Problem::Value { reason: reason.to_string(), hint: hint.into() };
        FieldError { field: self.name(key), problem, at: self.at_key(key) }
    }

    /// An error about the type of a key's value, or of one of its items.
    pub(crate) fn wrong_type(&self, key: &str, wanted: &'static str, found: &Node) -> FieldError {
        wrong_type(self.name(key), wanted, found, self.path)
    }

    /// The text of a scalar, also of one that looks like a number or a date.
    pub(crate) fn text(&self, key: &str) -> Result<Option<&'a str>, FieldError> {
        match self.map.get(key) {
            None => Ok(None),
            Some(node) => node.text().map(Some).ok_or_else(|| self.wrong_type(key, "text", node)),
        }
    }

    pub(crate) fn optional<T: FromStr<Err: Display>>(&self, key: &str) -> Result<Option<T>, FieldError> {
        let wrong = |it: T::Err| self.wrong(key, it, format!("write another value for `{key}`"));
        self.text(key)?.map(|it| it.parse().map_err(wrong)).transpose()
    }

    pub(crate) fn require<T: FromStr<Err: Display>>(&self, key: &str) -> Result<T, FieldError> {
        let node = self.node(key)?;
        self.optional(key)?.ok_or_else(|| self.wrong_type(key, "text", node))
    }

    pub(crate) fn flag(&self, key: &str) -> Result<bool, FieldError> {
        match self.map.get(key) {
            None => Ok(false),
            Some(node) => match node.as_scalar() {
                Some(scalar) if scalar.tag == Tag::Bool => Ok(&*scalar.text == "true"),
                _ => Err(self.wrong_type(key, "`true` or `false`", node)),
            },
        }
    }

    /// A whole number between two bounds.
    pub(crate) fn number(&self, key: &str, min: u32, max: u32) -> Result<Option<u32>, FieldError> {
        let Some(node) = self.map.get(key) else {
            return Ok(None);
        };
        let number = node.as_scalar().filter(|it| it.tag == Tag::Int).and_then(|it| it.text.parse().ok());
        match number.filter(|it| (min..=max).contains(it)) {
            Some(number) => Ok(Some(number)),
            None => {
                let found = node.text().map_or(node.type_name().into(), |it| format!("`{it}`"));
                let message = format!("{found} is no whole number from {min} to {max}");
                Err(self.wrong(key, message, format!("write one, like `{key}: {}`", min.max(2))))
            }
        }
    }

    /// One of a few words.
    pub(crate) fn word<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Result<Option<T>, FieldError> {
        let Some(text) = self.text(key)? else {
            return Ok(None);
        };
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Ok(Some(*value));
        }
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let hint = match names.iter().find(|it| is_slip(text, it)) {
            Some(near) => format!("did you mean `{near}`"),
            None if names.len() == 1 => format!("write {}", list(&names)),
            None => format!("write one of {}", list(&names)),
        };
        Err(self.wrong(key, format!("`{text}` is unknown"), hint))
    }

    /// The items of a sequence; none when the key is not there.
    pub(crate) fn items(&self, key: &str) -> Result<&'a [Node], FieldError> {
        match self.map.get(key) {
            None => Ok(&[]),
            Some(node) => node.as_seq().ok_or_else(|| {
                let message = format!("it must be a sequence, not {}", node.type_name());
                self.wrong(key, message, format!("write `{key}: [ … ]`"))
            }),
        }
    }

    /// A sequence of texts.
    pub(crate) fn texts(&self, key: &str) -> Result<Vec<&'a str>, FieldError> {
        let text = |it: &'a Node| it.text().ok_or_else(|| self.wrong_type(key, "a sequence of texts", it));
        self.items(key)?.iter().map(text).collect()
    }
}

/// Text on one line, not empty.
pub(crate) struct OneLine(pub(crate) String);

impl FromStr for OneLine {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text.trim().is_empty() || text.chars().any(char::is_control) {
            true => Err("it must be one line of text"),
            false => Ok(Self(text.into())),
        }
    }
}

/// True when a word is another one with up to two letters wrong, or in another case.
pub(crate) fn is_slip(found: &str, known: &str) -> bool {
    let plain = |it: &str| it.to_ascii_lowercase().replace(['-', '_'], "");
    let (found, known) = (plain(found), plain(known));
    let allowed = if known.len() < 5 { 1 } else { 2 };
    distance(found.as_bytes(), known.as_bytes()) <= allowed
}

/// Words for people: `` `a`, `b` ``.
fn list(words: &[impl Display]) -> String {
    words.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ")
}

fn quoted(field: &str) -> String {
    if field.is_empty() { "the document".into() } else { format!("`{field}`") }
}

fn wrong_type(field: String, wanted: &'static str, found: &Node, path: &str) -> FieldError {
    let problem = Problem::Type { wanted, found: found.type_name() };
    FieldError { field, problem, at: Place::new(path, found.mark.line) }
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
