//! The tree that every YAML reader and writer of promoter shares.
//!
//! A [`Node`] keeps what a decision may need and nothing else: the text of a scalar with the type that the
//! dialect gave it and whether it was quoted, the order of mapping keys, and where it stood. Comments and anchors are
//! gone after parsing, and of flow style only collections of resources know. Changing trees is plain field access; what the text of a scalar means as a
//! number is decided in `scalar`, how a tree is written in `emit`.

use crate::Map;

/// Where a value stood in its file. Lines and columns count from 1; `Mark::default()` (0, 0) means "made by code".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Mark {
    /// Line, from 1.
    pub line: u32,
    /// Column in code points, from 1.
    pub column: u32,
}

/// The type that a dialect's rules gave a scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// `null`, `~` or nothing. Empty text means nothing in a flow collection of a resource, which all writers show as
    /// empty text because kustomize does; nothing elsewhere has the text `null`.
    Null,
    /// A boolean; the text is kept as written.
    Bool,
    /// An integer in any spelling the dialect knows (`0644`, `0x1F`, `1_000`).
    Int,
    /// A floating point number.
    Float,
    /// A date or time that stood there without quotes.
    Timestamp,
    /// Text: quoted, a block scalar, or plain text that is nothing else.
    Str,
}

/// How a scalar stood in its file, as far as later changes ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// Without quotes, or made by code.
    #[default]
    Plain,
    /// In quotes or as a literal block. kustomize keeps the quotes when it sets another value, which so becomes text.
    Quoted,
    /// As a folded block (`>`) of a resource: quoted, and [changed a little](Scalar::written) when it is written.
    Folded,
    /// Made by code, without quotes and without a type: it is what it looks like, until kustomize writes it anew and takes
    /// it for text.
    Untyped,
    /// Like `Untyped`, and nothing is left to look at. It is shown as a null, but merges take it for a value.
    Emptied,
    /// Not at all: a key or an element without a value. A strategic merge drops such a key, but keeps a written null.
    Missing,
}

/// One scalar: its text after unquoting, and its type. Equality ignores the form.
#[derive(Debug, Clone)]
pub struct Scalar {
    /// The text, unquoted and unescaped.
    pub text: Box<str>,
    /// What the text is.
    pub tag: Tag,
    /// How it stood in its file.
    pub form: Form,
}

impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.tag == other.tag
    }
}

impl Eq for Scalar {}

/// What a node holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// A scalar.
    Scalar(Scalar),
    /// A sequence.
    Seq(Vec<Node>),
    /// A mapping in the order of the file.
    Map(Map),
}

/// A value of a YAML or JSON document with its place. Equality ignores the place and the style.
#[derive(Debug, Clone)]
pub struct Node {
    /// What it holds.
    pub data: Data,
    /// Where it stood.
    pub mark: Mark,
    /// True for a mapping or sequence in braces or brackets of a resource: see [`Node::put_in_flow`].
    pub is_flow: bool,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.data == other.data
    }
}

impl Eq for Node {}

impl From<Data> for Node {
    fn from(data: Data) -> Self {
        Self { data, mark: Mark::default(), is_flow: false }
    }
}

impl Node {
    fn scalar(text: impl Into<Box<str>>, tag: Tag) -> Self {
        Data::Scalar(Scalar { text: text.into(), tag, form: Form::Plain }).into()
    }

    /// Makes a null.
    pub fn null() -> Self {
        Self::scalar("null", Tag::Null)
    }

    /// Makes a string, whatever the text looks like.
    pub fn str(text: impl Into<Box<str>>) -> Self {
        Self::scalar(text, Tag::Str)
    }

    /// Makes what `text` is when it stands in a resource without quotes: a number, a date, null, text…
    pub fn plain(text: impl Into<Box<str>>) -> Self {
        let text = text.into();
        let tag = crate::scalar::resolve(&text, crate::Dialect::Resource);
        Self::scalar(text, tag)
    }

    /// Makes a boolean.
    pub fn bool(value: bool) -> Self {
        Self::scalar(if value { "true" } else { "false" }, Tag::Bool)
    }

    /// Makes an integer.
    pub fn int(value: i64) -> Self {
        Self::scalar(value.to_string(), Tag::Int)
    }

    /// Makes a floating point number; a whole one is an integer again once it is written.
    pub fn float(value: f64) -> Self {
        Self::scalar(format!("{value:?}"), Tag::Float)
    }

    /// Makes a sequence.
    pub fn seq(items: Vec<Self>) -> Self {
        Data::Seq(items).into()
    }

    /// Makes a mapping.
    pub fn map(map: Map) -> Self {
        Data::Map(map).into()
    }

    /// The same node with another place.
    #[must_use]
    pub fn at(mut self, mark: Mark) -> Self {
        self.mark = mark;
        self
    }

    /// The scalar, if it is one.
    pub fn as_scalar(&self) -> Option<&Scalar> {
        match &self.data {
            Data::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The text of a string; `None` for every other type.
    pub fn as_str(&self) -> Option<&str> {
        self.as_scalar().filter(|it| it.tag == Tag::Str).map(|it| &*it.text)
    }

    /// The text of any scalar that is not null, as kustomize reads names and selectors.
    pub fn text(&self) -> Option<&str> {
        self.as_scalar().filter(|it| it.tag != Tag::Null).map(|it| &*it.text)
    }

    /// The sequence, if it is one.
    pub fn as_seq(&self) -> Option<&[Self]> {
        match &self.data {
            Data::Seq(items) => Some(items),
            _ => None,
        }
    }

    /// The sequence for changing, if it is one.
    pub fn as_seq_mut(&mut self) -> Option<&mut Vec<Self>> {
        match &mut self.data {
            Data::Seq(items) => Some(items),
            _ => None,
        }
    }

    /// The mapping, if it is one.
    pub fn as_map(&self) -> Option<&Map> {
        match &self.data {
            Data::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The mapping for changing, if it is one.
    pub fn as_map_mut(&mut self) -> Option<&mut Map> {
        match &mut self.data {
            Data::Map(map) => Some(map),
            _ => None,
        }
    }

    /// True for a null scalar. What code made without a type is none, even if it is shown as one.
    pub fn is_null(&self) -> bool {
        self.as_scalar()
            .is_some_and(|it| it.tag == Tag::Null && !matches!(it.form, Form::Untyped | Form::Emptied))
    }

    /// The value below `key`, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?.get(key)
    }

    /// The value below `key` for changing.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        self.as_map_mut()?.get_mut(key)
    }

    /// The value at the end of a path of mapping keys.
    pub fn path(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// Makes of a value of a resource what kustomize makes of it in braces or brackets, which it writes as such once
    /// more before it makes JSON of them: nothing is shown as empty text, a time with a colon gets quotes and so is text,
    /// and a folded block stands in quotes.
    pub fn put_in_flow(&mut self) {
        match &mut self.data {
            Data::Map(map) => map.iter_mut().for_each(|(_, value)| value.put_in_flow()),
            Data::Seq(items) => items.iter_mut().for_each(Self::put_in_flow),
            Data::Scalar(scalar) => return scalar.put_in_flow(),
        }
        self.is_flow = true;
    }

    /// A word for messages: `a mapping`, `a string`, `null`…
    pub fn type_name(&self) -> &'static str {
        match &self.data {
            Data::Map(_) => "a mapping",
            Data::Seq(_) => "a sequence",
            Data::Scalar(scalar) => match scalar.tag {
                Tag::Null => "null",
                Tag::Bool => "a boolean",
                Tag::Int => "an integer",
                Tag::Float => "a number",
                Tag::Timestamp => "a date",
                Tag::Str => "a string",
            },
        }
    }
}
