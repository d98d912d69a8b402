//! Strict JSON to trees, as Go's encoding/json reads it: the last of two equal keys wins, a lone surrogate becomes
//! U+FFFD. Unlike JSON read as YAML it knows every escape.

use std::collections::BTreeMap;

use super::mark_of;
use crate::{Entry, Form, Limits, Map, Mark, Node, Scalar, Tag, YamlError};

/// Reads one value; nothing but blanks may follow.
pub(crate) fn json(text: &str, limits: &Limits) -> Result<Node, YamlError> {
    if text.len() > limits.bytes_max {
        let message = format!("the text is larger than {} bytes", limits.bytes_max);
        return Err(YamlError::new(message, mark_of(text, 0)));
    }
    let mut reader = Reader { text, at: 0, line: 1, line_start: 0, limits, depth: 0, nodes: 0 };
    let value = reader.value()?;
    match reader.peek() {
        None => Ok(value),
        Some(_) => Err(reader.error("expected the end of the text")),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    line: u32,
    line_start: usize,
    limits: &'a Limits,
    depth: usize,
    nodes: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self) -> Result<Node, YamlError> {
        let first = self.peek();
        let mark = self.mark();
        self.nodes += 1;
        if self.nodes > self.limits.nodes_max {
            return Err(self.error("too many values"));
        }
        let node = match first {
            Some(b'{') => Node::map(self.nested(Self::object)?),
            Some(b'[') => Node::seq(self.nested(Self::array)?),
            Some(b'"') => Node::str(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        };
        Ok(node.at(mark))
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, YamlError>) -> Result<T, YamlError> {
        if self.depth >= self.limits.depth_max {
            return Err(self.error(&format!("nested deeper than {} levels", self.limits.depth_max)));
        }
        self.depth += 1;
        self.at += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn array(&mut self) -> Result<Vec<Node>, YamlError> {
        let mut items = Vec::new();
        if self.take(b']') {
            return Ok(items);
        }
        loop {
            items.push(self.value()?);
            if self.take(b']') {
                return Ok(items);
            }
            self.expect(b',', "expected `,` or `]`")?;
        }
    }

    fn object(&mut self) -> Result<Map, YamlError> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut places: BTreeMap<Box<str>, usize> = BTreeMap::new();
        if self.take(b'}') {
            return Ok(Map::new());
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.error("expected a key in double quotes"));
            }
            let key_mark = self.mark();
            let key = self.string()?.into_boxed_str();
            self.expect(b':', "expected `:`")?;
            let entry = Entry { key: key.clone(), key_mark, value: self.value()? };
            match places.get(&key) {
                Some(place) => entries[*place] = entry,
                None => {
                    places.insert(key, entries.len());
                    entries.push(entry);
                }
            }
            if self.take(b'}') {
                return Ok(Map::from_unique(entries));
            }
            self.expect(b',', "expected `,` or `}`")?;
        }
    }

    fn string(&mut self) -> Result<String, YamlError> {
        let start = self.at;
        self.at += 1;
        let mut value = String::new();
        loop {
            let rest = &self.text[self.at..];
            let Some(length) = rest.bytes().position(|it| matches!(it, b'"' | b'\\' | 0x00..=0x1f)) else {
                self.at = start;
                return Err(self.error("a string without its closing quote"));
            };
            value.push_str(&rest[..length]);
            self.at += length + 1;
            match rest.as_bytes()[length] {
                b'"' => return Ok(value),
                b'\\' => value.push(self.escape()?),
                _ => {
                    self.at -= 1;
                    return Err(self.error("a control character in a string: escape it"));
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, YamlError> {
        let escape = self.text.as_bytes().get(self.at).copied();
        self.at += usize::from(escape.is_some_and(|it| it.is_ascii()));
        match escape {
            Some(character @ (b'"' | b'\\' | b'/')) => Ok(char::from(character)),
            Some(b'b') => Ok('\u{8}'),
            Some(b'f') => Ok('\u{c}'),
            Some(b'n') => Ok('\n'),
            Some(b'r') => Ok('\r'),
            Some(b't') => Ok('\t'),
            Some(b'u') => self.unicode_escape(),
            _ => Err(self.error("an escape that JSON does not know")),
        }
    }

    fn unicode_escape(&mut self) -> Result<char, YamlError> {
        let first = self.code_unit()?;
        let is_high = (0xd800..0xdc00).contains(&first);
        if is_high && self.text[self.at..].starts_with("\\u") {
            let before = self.at;
            self.at += 2;
            let second = self.code_unit()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = before;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn code_unit(&mut self) -> Result<u32, YamlError> {
        let digits =
            self.text.get(self.at..self.at + 4).filter(|it| it.bytes().all(|it| it.is_ascii_hexdigit()));
        let Some(code) = digits.and_then(|it| u32::from_str_radix(it, 16).ok()) else {
            return Err(self.error("expected four hexadecimal digits behind `\\u`"));
        };
        self.at += 4;
        Ok(code)
    }

    fn number(&mut self) -> Result<Node, YamlError> {
        let start = self.at;
        self.at += usize::from(self.byte() == Some(b'-'));
        let whole = self.digits();
        let leading_zero = whole.len() > 1 && whole.starts_with('0');
        let mut is_complete = !whole.is_empty() && !leading_zero;
        let mut tag = Tag::Int;
        if self.byte() == Some(b'.') {
            self.at += 1;
            is_complete &= !self.digits().is_empty();
            tag = Tag::Float;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            is_complete &= !self.digits().is_empty();
            tag = Tag::Float;
        }
        let scalar = Scalar { text: self.text[start..self.at].into(), tag, form: Form::Plain };
        if !is_complete || scalar.number().is_none() {
            self.at = start;
            return Err(self.error("a number that JSON does not allow"));
        }
        Ok(crate::Data::Scalar(scalar).into())
    }

    fn digits(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        self.at += length;
        &rest[..length]
    }

    fn word(&mut self) -> Result<Node, YamlError> {
        let words = [("null", Node::null()), ("true", Node::bool(true)), ("false", Node::bool(false))];
        for (word, node) in words {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(node);
            }
        }
        Err(self.error("expected a JSON value"))
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no blank.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.byte()? {
                b'\n' => {
                    self.at += 1;
                    self.line = self.line.saturating_add(1);
                    self.line_start = self.at;
                }
                b' ' | b'\t' | b'\r' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8, message: &str) -> Result<(), YamlError> {
        match self.take(byte) {
            true => Ok(()),
            false => Err(self.error(message)),
        }
    }

    fn mark(&self) -> Mark {
        let column = self.text[self.line_start..self.at].chars().count() + 1;
        Mark { line: self.line, column: u32::try_from(column).unwrap_or(u32::MAX) }
    }

    fn error(&self, message: &str) -> YamlError {
        YamlError::new(message, self.mark())
    }
}
