//! Typed values out of trees, through serde.
//!
//! An error says what is wrong, the path of keys that leads there, and the place: that of the key for a field that is
//! not known, of the mapping for one that is missing, else of the value. A list or map may be null, meaning empty, as
//! `resources:` with nothing below it often is.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, Visitor};

use crate::{Data, Entry, Mark, Node, Number, Scalar, Tag, YamlError};

/// Reads a typed value out of a tree.
pub(crate) fn from_node<T: DeserializeOwned>(node: &Node) -> Result<T, YamlError> {
    T::deserialize(Reader(node)).map_err(|it| it.or_at(node.mark).into())
}

/// An error on its way up, collecting the path backwards.
#[derive(Debug)]
struct TypeError {
    message: String,
    mark: Option<Mark>,
    steps: Vec<Step>,
}

#[derive(Debug)]
enum Step {
    Key(String),
    Index(usize),
}

impl TypeError {
    /// Gives it a place unless it has one.
    fn or_at(mut self, mark: Mark) -> Self {
        self.mark.get_or_insert(mark);
        self
    }

    fn below(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}

impl From<TypeError> for YamlError {
    fn from(error: TypeError) -> Self {
        let TypeError { message, mark, steps } = error;
        let mut path = String::new();
        for step in steps.iter().rev() {
            match step {
                Step::Index(index) => path.push_str(&format!("[{index}]")),
                Step::Key(key) if path.is_empty() => path.push_str(key),
                Step::Key(key) => path.push_str(&format!(".{key}")),
            }
        }
        let message = if path.is_empty() { message } else { format!("{message} in `{path}`") };
        Self::new(message, mark.unwrap_or_default())
    }
}

impl fmt::Display for TypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TypeError {}

impl de::Error for TypeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { message: message.to_string(), mark: None, steps: Vec::new() }
    }
}

struct Reader<'a>(&'a Node);

impl Reader<'_> {
    fn scalar<'de, V: Visitor<'de>>(scalar: &Scalar, visitor: V) -> Result<V::Value, TypeError> {
        match scalar.tag {
            Tag::Null => visitor.visit_unit(),
            Tag::Bool => visitor.visit_bool(scalar.as_bool().unwrap_or_default()),
            Tag::Str | Tag::Timestamp => visitor.visit_str(&scalar.text),
            Tag::Int | Tag::Float => match scalar.number() {
                Some(Number::Int(value)) => visitor.visit_i64(value),
                Some(Number::UInt(value)) => visitor.visit_u64(value),
                Some(Number::Float(value)) => visitor.visit_f64(value),
                None => visitor.visit_str(&scalar.text),
            },
        }
    }
}

impl<'de> de::Deserializer<'de> for Reader<'_> {
    type Error = TypeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        match &self.0.data {
            Data::Scalar(scalar) => Self::scalar(scalar, visitor),
            Data::Seq(items) => visitor.visit_seq(Items { items: items.iter().enumerate() }),
            Data::Map(map) => visitor.visit_map(Entries { entries: map.entries().iter(), current: None }),
        }
        .map_err(|it| it.or_at(self.0.mark))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        match self.0.is_null() {
            true => visitor.visit_none(),
            false => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        match self.0.is_null() {
            true => visitor.visit_seq(Items { items: [].iter().enumerate() }),
            false => self.deserialize_any(visitor),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        match self.0.is_null() {
            true => visitor.visit_map(Entries { entries: [].iter(), current: None }),
            false => self.deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        let mark = self.0.mark;
        let variant = match &self.0.data {
            Data::Scalar(Scalar { text, tag: Tag::Str, .. }) => Variant { name: text, mark, content: None },
            Data::Map(map) if map.len() == 1 => {
                let Entry { key, key_mark, value } = &map.entries()[0];
                Variant { name: key, mark: *key_mark, content: Some(value) }
            }
            _ => {
                let message =
                    format!("expected a word or a mapping with one key, found {}", self.0.type_name());
                return Err(<TypeError as de::Error>::custom(message).or_at(mark));
            }
        };
        visitor.visit_enum(variant).map_err(|it| it.or_at(mark))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple
        tuple_struct struct identifier ignored_any
    }
}

struct Items<'a> {
    items: std::iter::Enumerate<std::slice::Iter<'a, Node>>,
}

impl<'de> de::SeqAccess<'de> for Items<'_> {
    type Error = TypeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, TypeError> {
        let Some((index, node)) = self.items.next() else {
            return Ok(None);
        };
        let value = seed.deserialize(Reader(node));
        value.map(Some).map_err(|it| it.or_at(node.mark).below(Step::Index(index)))
    }
}

struct Entries<'a> {
    entries: std::slice::Iter<'a, Entry>,
    current: Option<&'a Entry>,
}

impl<'de> de::MapAccess<'de> for Entries<'_> {
    type Error = TypeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, TypeError> {
        self.current = self.entries.next();
        let Some(entry) = self.current else {
            return Ok(None);
        };
        let key: StrDeserializer<'_, TypeError> = (*entry.key).into_deserializer();
        seed.deserialize(key).map(Some).map_err(|it| it.or_at(entry.key_mark))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, TypeError> {
        let Some(entry) = self.current else {
            return Err(de::Error::custom("a value was asked for before its key"));
        };
        let value = seed.deserialize(Reader(&entry.value));
        value.map_err(|it| it.or_at(entry.value.mark).below(Step::Key(entry.key.to_string())))
    }
}

/// An enum: a word, or a mapping from the word to its content.
struct Variant<'a> {
    name: &'a str,
    mark: Mark,
    content: Option<&'a Node>,
}

impl Variant<'_> {
    fn with_content<T>(self, read: impl FnOnce(&Node) -> Result<T, TypeError>) -> Result<T, TypeError> {
        let Some(content) = self.content else {
            return Err(
                <TypeError as de::Error>::custom(format!("`{}` needs a value", self.name)).or_at(self.mark)
            );
        };
        read(content).map_err(|it| it.or_at(content.mark).below(Step::Key(self.name.to_owned())))
    }
}

impl<'de> de::EnumAccess<'de> for Variant<'_> {
    type Error = TypeError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), TypeError> {
        let name: StrDeserializer<'_, TypeError> = self.name.into_deserializer();
        let value = seed.deserialize(name).map_err(|it| it.or_at(self.mark))?;
        Ok((value, self))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'_> {
    type Error = TypeError;

    fn unit_variant(self) -> Result<(), TypeError> {
        match self.content {
            Some(content) if !content.is_null() => {
                Err(<TypeError as de::Error>::custom(format!("`{}` takes no value", self.name))
                    .or_at(content.mark))
            }
            _ => Ok(()),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, TypeError> {
        self.with_content(|content| seed.deserialize(Reader(content)))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, TypeError> {
        self.with_content(|content| de::Deserializer::deserialize_seq(Reader(content), visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        self.with_content(|content| de::Deserializer::deserialize_any(Reader(content), visitor))
    }
}
