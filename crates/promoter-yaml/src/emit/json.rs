//! Compact JSON as Go's encoding/json prints it: keys in byte order, numbers canonical, its own escapes.

use std::fmt::Write;

use super::{check_depth, finite_number};
use crate::scalar::float;
use crate::{Data, Node, Number, Tag, YamlError};

/// Appends one value, whole or not at all.
pub(crate) fn json(node: &Node, escape_html: bool, out: &mut String) -> Result<(), YamlError> {
    let start = out.len();
    let done = value(node, escape_html, 0, out);
    if done.is_err() {
        out.truncate(start);
    }
    done
}

fn value(node: &Node, escape_html: bool, depth: usize, out: &mut String) -> Result<(), YamlError> {
    check_depth(depth, node)?;
    match &node.data {
        Data::Seq(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                value(item, escape_html, depth + 1, out)?;
            }
            out.push(']');
        }
        Data::Map(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (index, (key, item)) in entries.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                string(key, escape_html, out);
                out.push(':');
                value(item, escape_html, depth + 1, out)?;
            }
            out.push('}');
        }
        Data::Scalar(scalar) => match scalar.tag {
            Tag::Null => out.push_str(if scalar.text.is_empty() { "\"\"" } else { "null" }),
            Tag::Bool => out.push_str(if scalar.as_bool() == Some(true) { "true" } else { "false" }),
            Tag::Str => string(&scalar.written(), escape_html, out),
            Tag::Timestamp => string(scalar.rfc3339().as_deref().unwrap_or(&scalar.text), escape_html, out),
            Tag::Int | Tag::Float => {
                let _ = match finite_number(scalar, node.mark)? {
                    Number::Int(value) => write!(out, "{value}"),
                    Number::UInt(value) => write!(out, "{value}"),
                    Number::Float(value) => {
                        float::write_json(value, out);
                        Ok(())
                    }
                };
            }
        },
    }
    Ok(())
}

fn string(text: &str, escape_html: bool, out: &mut String) {
    out.push('"');
    let mut copied = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escaped = match byte {
            b'"' | b'\\' | 0x00..=0x1f => true,
            b'<' | b'>' | b'&' => escape_html,
            // LS and PS, which JavaScript once took for line breaks.
            0xe2 => matches!(&text.as_bytes()[at..], [_, 0x80, 0xa8 | 0xa9, ..]),
            _ => false,
        };
        if !escaped {
            continue;
        }
        out.push_str(&text[copied..at]);
        copied = at + 1;
        let _ = match byte {
            b'"' => out.write_str("\\\""),
            b'\\' => out.write_str("\\\\"),
            b'\n' => out.write_str("\\n"),
            b'\r' => out.write_str("\\r"),
            b'\t' => out.write_str("\\t"),
            0x08 => out.write_str("\\b"),
            0x0c => out.write_str("\\f"),
            0xe2 => {
                copied = at + 3;
                write!(out, "\\u202{:x}", text.as_bytes()[at + 2] & 0xf)
            }
            byte => write!(out, "\\u{byte:04x}"),
        };
    }
    out.push_str(&text[copied..]);
    out.push('"');
}
