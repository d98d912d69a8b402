//! Reads mappings of promoter's own files by hand: every key known, every type right, every message with its place.

use crate::Place;
use crate::lock::is_slip;
use promoter_yaml::{Map, Mark, Node, Tag};
use std::fmt::Display;
use std::str::FromStr;

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldError {
    /// Cause first, values in backticks.
    pub(crate) message: String,
    /// The next thing to do.
    pub(crate) hint: String,
    /// Where.
    pub(crate) at: Place,
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
        match fields.map.entries().iter().find(|it| !known.contains(&&*it.key)) {
            None => Ok(fields),
            Some(entry) => Err(fields.unknown(&entry.key, known)),
        }
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
            None => Err(FieldError {
                message: format!("{} must be a mapping, not {}", quoted(&parent), node.type_name()),
                hint: "write `key: value` lines".into(),
                at: Place::new(path, node.mark.line),
            }),
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
        let hint = match known.iter().find(|it| is_slip(key, it)) {
            Some(near) => format!("did you mean `{near}`"),
            None if known.is_empty() => "nothing may stand here".into(),
            None => format!("known here: {}", list(known)),
        };
        let mark = self.map.entry(key).map_or(self.mark, |it| it.key_mark);
        FieldError { message: format!("`{}` is unknown", self.name(key)), hint, at: self.place(mark) }
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
            message: format!("`{}` is missing", self.name(key)),
            hint: format!("write `{key}: …` here"),
            at: self.at(),
        })
    }

    /// An error about the value of a key.
    pub(crate) fn wrong(&self, key: &str, message: impl Display, hint: impl Into<String>) -> FieldError {
        FieldError {
            message: format!("`{}`: {message}", self.name(key)),
            hint: hint.into(),
            at: self.at_key(key),
        }
    }

    fn wrong_type(&self, key: &str, wanted: &str, found: &Node) -> FieldError {
        FieldError {
            message: format!("`{}` must be {wanted}, not {}", self.name(key), found.type_name()),
            hint: format!("write {wanted}"),
            at: self.place(found.mark),
        }
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

/// Words for people: `` `a`, `b` ``.
fn list(words: &[&str]) -> String {
    words.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ")
}

fn quoted(parent: &str) -> String {
    if parent.is_empty() { "the document".into() } else { format!("`{parent}`") }
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
