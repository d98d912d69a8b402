//! A YAML document as a value that also says how it is written: what is generated, shrunk and printed.

use promoter_yaml::{Data, Form, Node, Tag};

/// A node of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// Text, number, boolean, null.
    Scalar(Scalar),
    /// A sequence; `flow` when written in brackets.
    Seq {
        /// The elements.
        items: Vec<Value>,
        /// Written in brackets.
        flow: bool,
    },
    /// A mapping; `flow` when written in braces.
    Map {
        /// Keys and values in order.
        entries: Vec<(Scalar, Value)>,
        /// Written in braces.
        flow: bool,
    },
    /// A node with an anchor.
    Anchored(String, Box<Value>),
    /// An alias.
    Alias(String),
    /// Text that is a YAML stream itself, such as an inline patch.
    Embedded(Vec<Value>),
}

/// A scalar and how it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scalar {
    /// The text between the quotes, unescaped.
    pub(crate) text: String,
    /// How it is written.
    pub(crate) style: Style,
}

/// How a scalar is written. Where a style cannot hold a text, double quotes do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Without quotes if it is text even so, else in double quotes.
    Text,
    /// Without quotes, whatever it means.
    Plain,
    /// Without quotes, broken into lines.
    PlainLines,
    /// `'…'`
    Single,
    /// `"…"`
    Double,
    /// `"…"`, broken into lines.
    DoubleLines,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

impl Scalar {
    pub(crate) fn new(text: impl Into<String>, style: Style) -> Self {
        Self { text: text.into(), style }
    }
}

/// Text.
pub(crate) fn text(text: impl Into<String>) -> Value {
    Value::Scalar(Scalar::new(text, Style::Text))
}

/// A scalar without quotes.
pub(crate) fn plain(text: impl Into<String>) -> Value {
    Value::Scalar(Scalar::new(text, Style::Plain))
}

/// A sequence.
pub(crate) fn seq(items: impl IntoIterator<Item = Value>) -> Value {
    Value::Seq { items: items.into_iter().collect(), flow: false }
}

/// A mapping.
pub(crate) fn map<K: Into<String>>(entries: impl IntoIterator<Item = (K, Value)>) -> Value {
    let entry = |(key, value): (K, Value)| (Scalar::new(key, Style::Text), value);
    Value::Map { entries: entries.into_iter().map(entry).collect(), flow: false }
}

impl Value {
    /// The entries of a mapping; none for anything else.
    pub(crate) fn entries(&self) -> &[(Scalar, Value)] {
        match self {
            Self::Map { entries, .. } => entries,
            Self::Anchored(_, inner) => inner.entries(),
            _ => &[],
        }
    }

    /// The elements of a sequence; none for anything else.
    pub(crate) fn items(&self) -> &[Value] {
        match self {
            Self::Seq { items, .. } => items,
            Self::Anchored(_, inner) => inner.items(),
            _ => &[],
        }
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.entries().iter().find(|(it, _)| it.text == key).map(|(_, value)| value)
    }

    /// The text of a scalar below some keys.
    pub(crate) fn text_at(&self, keys: &[&str]) -> Option<&str> {
        let mut here = self;
        for key in keys {
            here = here.get(key)?;
        }
        here.as_text()
    }

    /// The text of a scalar.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Scalar(scalar) => Some(&scalar.text),
            Self::Anchored(_, inner) => inner.as_text(),
            _ => None,
        }
    }

    /// Sets a key of a mapping; does nothing to anything else.
    pub(crate) fn set(&mut self, key: &str, value: Value) {
        let Self::Map { entries, .. } = self else { return };
        match entries.iter_mut().find(|(it, _)| it.text == key) {
            Some((_, old)) => *old = value,
            None => entries.push((Scalar::new(key, Style::Text), value)),
        }
    }

    /// Takes a key out of a mapping.
    pub(crate) fn remove(&mut self, key: &str) {
        if let Self::Map { entries, .. } = self {
            entries.retain(|(it, _)| it.text != key);
        }
    }

    /// The nodes directly below, embedded documents included.
    pub(crate) fn children_mut(&mut self) -> Vec<&mut Value> {
        match self {
            Self::Seq { items, .. } | Self::Embedded(items) => items.iter_mut().collect(),
            Self::Map { entries, .. } => entries.iter_mut().map(|(_, value)| value).collect(),
            Self::Anchored(_, inner) => vec![inner],
            Self::Scalar(_) | Self::Alias(_) => Vec::new(),
        }
    }

    /// What a parsed document says, written as plainly as it can be.
    pub(crate) fn from_node(node: &Node) -> Self {
        match &node.data {
            Data::Scalar(scalar) => {
                let style = match (scalar.tag, scalar.form) {
                    (Tag::Str, Form::Quoted) if scalar.text.trim_end().contains('\n') => Style::Literal,
                    (Tag::Str, Form::Quoted) => Style::Double,
                    (Tag::Str, _) => Style::Text,
                    _ => Style::Plain,
                };
                let text = if scalar.tag == Tag::Null { "null" } else { &*scalar.text };
                Self::Scalar(Scalar::new(text, style))
            }
            Data::Seq(items) => seq(items.iter().map(Self::from_node)),
            Data::Map(map) => self::map(map.iter().map(|(key, value)| (key, Self::from_node(value)))),
        }
    }
}
