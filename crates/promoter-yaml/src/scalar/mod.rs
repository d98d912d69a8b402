//! What the text of a scalar means: its type by a dialect's rules, its number, its time.
//!
//! go-yaml v2 and v3 share these rules but for the words that are booleans. Decides nothing about quoting or layout.

pub(crate) mod float;
mod number;
mod timestamp;

pub use number::Number;

use std::borrow::Cow;

use crate::emit::refold;
use crate::{Dialect, Form, Scalar, Tag};

impl Scalar {
    /// The text as every writer shows it. It differs from the text itself in some folded blocks, see [`Form::Folded`].
    pub fn written(&self) -> Cow<'_, str> {
        match self.form {
            Form::Folded => refold(&self.text),
            _ => Cow::Borrowed(&self.text),
        }
    }

    /// True when nothing stands there, whatever the text shows.
    pub fn is_nothing(&self) -> bool {
        matches!(self.form, Form::Missing | Form::Emptied)
    }

    /// What [`crate::Node::put_in_flow`] does to a scalar.
    pub(crate) fn put_in_flow(&mut self) {
        match (self.tag, self.form) {
            // To merges it stays a null.
            (Tag::Null, Form::Missing | Form::Emptied) => self.text = "".into(),
            (Tag::Timestamp, Form::Plain | Form::Untyped) if self.text.contains(':') => self.tag = Tag::Str,
            (Tag::Str, Form::Folded) => self.form = Form::Quoted,
            _ => {}
        }
    }

    /// The number that Go computes from an `Int` or `Float`; `None` for every other type.
    ///
    /// It is the number after a journey through JSON, as both kustomize and Argo CD make it: `0644` is 420, `1.0` is
    /// the integer 1, `1e20` stays a float because it does not fit 64 bits.
    pub fn number(&self) -> Option<Number> {
        match self.tag {
            Tag::Int => number::parse(&self.text).map(Number::canonical),
            Tag::Float => number::parse(&self.text).map(|it| Number::Float(it.to_f64()).canonical()),
            _ => None,
        }
    }

    /// The integer, when the number is one that fits 64 bits with a sign.
    pub fn as_i64(&self) -> Option<i64> {
        match self.number()? {
            Number::Int(value) => Some(value),
            _ => None,
        }
    }

    /// The boolean that a `Bool` spells.
    pub fn as_bool(&self) -> Option<bool> {
        let no = ["false", "False", "FALSE", "n", "N", "no", "No", "NO", "off", "Off", "OFF"];
        (self.tag == Tag::Bool).then(|| !no.contains(&&*self.text))
    }

    /// A `Timestamp` as RFC 3339 text, the form in which it reaches JSON.
    pub fn rfc3339(&self) -> Option<String> {
        (self.tag == Tag::Timestamp).then(|| timestamp::to_rfc3339(&self.text)).flatten()
    }
}

/// Whether a text is text without quotes, to the readers of a dialect.
pub fn is_plain_text(text: &str, dialect: Dialect) -> bool {
    resolve(text, dialect) == Tag::Str
}

/// The type of a plain (unquoted, untagged) scalar.
pub(crate) fn resolve(text: &str, dialect: Dialect) -> Tag {
    let Some(&first) = text.as_bytes().first() else {
        return Tag::Null;
    };
    match first {
        b'~' if text.len() == 1 => Tag::Null,
        b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'y' | b'Y' | b'o' | b'O' => word(text, dialect),
        b'.' => match is_special_float(text) || number::is_dot_float(text) {
            true => Tag::Float,
            false => Tag::Str,
        },
        b'+' | b'-' if is_special_float(&text[1..]) => Tag::Float,
        b'0'..=b'9' if timestamp::to_rfc3339(text).is_some() => Tag::Timestamp,
        b'0' if dialect == Dialect::Config && number::has_inner_sign(text, "0o") => Tag::Str,
        b'0'..=b'9' | b'+' | b'-' => match number::parse_signed(text) {
            Some(Number::Float(_)) => Tag::Float,
            Some(_) => Tag::Int,
            None => Tag::Str,
        },
        _ => Tag::Str,
    }
}

fn word(text: &str, dialect: Dialect) -> Tag {
    match text {
        "null" | "Null" | "NULL" => Tag::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Tag::Bool,
        _ if dialect == Dialect::Config && is_yaml11_bool(text) => Tag::Bool,
        _ => Tag::Str,
    }
}

/// True for the further booleans of YAML 1.1, which go-yaml v3 reads as text.
pub(crate) fn is_yaml11_bool(text: &str) -> bool {
    text.len() <= 3
        && matches!(
            text,
            "y" | "Y"
                | "yes"
                | "Yes"
                | "YES"
                | "on"
                | "On"
                | "ON"
                | "n"
                | "N"
                | "no"
                | "No"
                | "NO"
                | "off"
                | "Off"
                | "OFF"
        )
}

/// True for numbers in base 60 (`12:30`): go-yaml reads them as text and writes them quoted.
pub(crate) fn is_base60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((whole, fraction)) => (whole, fraction),
        None => (unsigned, ""),
    };
    let digits = |part: &str| part.bytes().all(|it| it.is_ascii_digit() || it == b'_');
    let mut groups = whole.split(':');
    let head = groups.next().unwrap_or_default();
    let sixtieth = |part: &str| match part.as_bytes() {
        [digit] => digit.is_ascii_digit(),
        [ten, digit] => (b'0'..=b'5').contains(ten) && digit.is_ascii_digit(),
        _ => false,
    };
    head.starts_with(|it: char| it.is_ascii_digit())
        && digits(head)
        && digits(fraction)
        && whole.contains(':')
        && groups.all(sixtieth)
}

fn is_special_float(text: &str) -> bool {
    matches!(text, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN")
}
