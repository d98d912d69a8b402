//! Values as YAML text, each node in the style that it asks for.

use crate::value::{Scalar, Style, Value};

/// How a file is written, besides the styles of its nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Look {
    /// Lines end in CR LF.
    pub(crate) crlf: bool,
    /// Comments stand between the lines and behind values.
    pub(crate) comments: bool,
    /// Sequences in mappings are indented.
    pub(crate) indented: bool,
    /// The file begins with `---`.
    pub(crate) separator: bool,
}

/// A stream of documents.
pub(crate) fn stream(documents: &[Value], look: Look) -> String {
    let mut out = String::new();
    for (number, document) in documents.iter().enumerate() {
        if number > 0 || look.separator {
            out.push_str("---\n");
        }
        if look.comments {
            out.push_str("# A comment: with [signs]\n");
        }
        Printer { look }.block(document, 0, &mut out);
    }
    if look.crlf { out.replace('\n', "\r\n") } else { out }
}

struct Printer {
    look: Look,
}

impl Printer {
    /// A node on lines of its own.
    fn block(&self, value: &Value, indent: usize, out: &mut String) {
        let pad = " ".repeat(indent);
        match value {
            Value::Map { entries, flow: false } if !entries.is_empty() => {
                for (number, (key, value)) in entries.iter().enumerate() {
                    if self.look.comments && number % 3 == 1 {
                        out.push_str(&format!("{pad}# more\n"));
                    }
                    out.push_str(&format!("{pad}{}:", self.key(key)));
                    let step =
                        if matches!(value.bare(), Value::Seq { .. }) && !self.look.indented { 0 } else { 2 };
                    self.after(value, indent, step, out);
                }
            }
            Value::Seq { items, flow: false } if !items.is_empty() => {
                for item in items {
                    match item {
                        Value::Anchored(..) => {
                            out.push_str(&format!("{pad}-"));
                            self.after(item, indent, 2, out);
                        }
                        _ => {
                            let mut text = String::new();
                            self.block(item, indent + 2, &mut text);
                            out.push_str(&format!("{pad}- {}", text.trim_start_matches(' ')));
                        }
                    }
                }
            }
            Value::Anchored(name, inner) => {
                out.push_str(&format!("{pad}&{name}"));
                self.after(inner, indent, 0, out);
            }
            _ => {
                out.push_str(&pad);
                out.push_str(&self.inline(value, indent));
                out.push('\n');
            }
        }
    }

    /// A node behind `key:`, `-` or an anchor that stands at `indent`.
    fn after(&self, value: &Value, indent: usize, step: usize, out: &mut String) {
        match value {
            Value::Anchored(name, inner) => {
                out.push_str(&format!(" &{name}"));
                self.after(inner, indent, step, out);
            }
            _ if value.is_block() => {
                out.push('\n');
                self.block(value, indent + step, out);
            }
            _ => {
                let text = self.inline(value, indent);
                let comment = self.look.comments && !text.contains('\n') && text.len().is_multiple_of(3);
                out.push_str(&format!("{}{text}", if text.is_empty() { "" } else { " " }));
                out.push_str(if comment { " # behind\n" } else { "\n" });
            }
        }
    }

    /// A node that begins on the line it stands on.
    fn inline(&self, value: &Value, indent: usize) -> String {
        match value {
            Value::Scalar(scalar) => match scalar.style {
                Style::Literal => {
                    block_scalar('|', &scalar.text, indent + 2).unwrap_or_else(|| double(&scalar.text))
                }
                Style::Folded => {
                    let folded = scalar.text.replace('\n', "\n\n");
                    block_scalar('>', &folded, indent + 2).unwrap_or_else(|| double(&scalar.text))
                }
                Style::DoubleLines => lines(&double(&scalar.text), indent + 2),
                Style::PlainLines if is_safe(&scalar.text) => lines(&scalar.text, indent + 2),
                _ => one_line(scalar, false),
            },
            Value::Embedded(documents) => {
                let text = stream(documents, Look::default());
                block_scalar('|', &text, indent + 2).unwrap_or_else(|| double(&text))
            }
            _ => self.flow(value),
        }
    }

    /// A node on one line.
    fn flow(&self, value: &Value) -> String {
        match value {
            Value::Scalar(scalar) => one_line(scalar, true),
            Value::Embedded(documents) => double(&stream(documents, Look::default())),
            Value::Alias(name) => format!("*{name} "),
            Value::Anchored(name, inner) => format!("&{name} {}", self.flow(inner)),
            Value::Seq { items, .. } => {
                let items: Vec<String> = items.iter().map(|it| self.flow(it)).collect();
                format!("[{}]", items.join(", "))
            }
            Value::Map { entries, .. } => {
                let entry =
                    |(key, value): &(Scalar, Value)| format!("{}: {}", self.key(key), self.flow(value));
                format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
            }
        }
    }

    fn key(&self, key: &Scalar) -> String {
        if key.text == "<<" { "<<".to_owned() } else { one_line(key, true) }
    }
}

impl Value {
    /// The node without its anchor.
    fn bare(&self) -> &Self {
        if let Self::Anchored(_, inner) = self { inner.bare() } else { self }
    }

    fn is_block(&self) -> bool {
        match self {
            Self::Map { entries, flow } => !flow && !entries.is_empty(),
            Self::Seq { items, flow } => !flow && !items.is_empty(),
            _ => false,
        }
    }
}

fn one_line(scalar: &Scalar, in_flow: bool) -> String {
    let text = &scalar.text;
    match scalar.style {
        Style::Text | Style::PlainLines if is_surely_text(text) => text.clone(),
        Style::Plain if in_flow && text.is_empty() => "null".to_owned(),
        Style::Plain if text.is_empty() || is_safe(text) => text.clone(),
        Style::Single if text.chars().all(|it| it >= ' ' && it != '\u{7f}') => {
            format!("'{}'", text.replace('\'', "''"))
        }
        _ => double(text),
    }
}

/// Whether a text stands without quotes anywhere, whatever it means then.
fn is_safe(text: &str) -> bool {
    let first = text.chars().next();
    let starts =
        |it: char| it.is_alphanumeric() || matches!(it, '.' | '_' | '/' | '+' | '~' | '$' | '(' | '=' | '<');
    let number = text.len() > 1
        && text.starts_with('-')
        && text[1..].starts_with(|it: char| it.is_ascii_digit() || it == '.');
    (number || first.is_some_and(starts))
        && !text.starts_with("...")
        && !text.ends_with([':', ' '])
        && !text.contains(": ")
        && !text.contains(" #")
        && text.chars().all(|it| it.is_alphanumeric() || " ._/+-~$()=<>:;@%^\\'\"*&!|#?".contains(it))
}

/// Whether a text is text without quotes, for both dialects.
fn is_surely_text(text: &str) -> bool {
    const WORDS: [&str; 11] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "e", "nan"];
    is_safe(text)
        && text.starts_with(|it: char| it.is_ascii_alphabetic() || it == '/' || it == '$')
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}

/// A text in double quotes.
fn double(text: &str) -> String {
    let mut out = String::from("\"");
    for sign in text.chars() {
        match sign {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            it if (it as u32) < 0x20 || it == '\u{7f}' => out.push_str(&format!("\\x{:02x}", it as u32)),
            it => out.push(it),
        }
    }
    out.push('"');
    out
}

/// A text with line breaks in place of some single blanks, which reading turns into blanks again.
fn lines(text: &str, indent: usize) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let mut out = String::new();
    for (number, word) in words.iter().enumerate() {
        let single = number > 0 && !word.is_empty() && !words[number - 1].is_empty();
        if number > 0 {
            let breaks = single
                && number % 4 == 0
                && !word.starts_with(['#', '-', '?'])
                && !words[number - 1].ends_with('\\');
            out.push_str(&if breaks { format!("\n{}", " ".repeat(indent)) } else { " ".to_owned() });
        }
        out.push_str(word);
    }
    out
}

/// A literal or folded block, unless the text cannot be one.
fn block_scalar(sign: char, text: &str, indent: usize) -> Option<String> {
    let body = text.trim_end_matches('\n');
    if body.is_empty() || text.chars().any(|it| (it < ' ' && it != '\n' && it != '\t') || it == '\u{7f}') {
        return None;
    }
    let digit = if body.starts_with([' ', '\n', '\t']) { "2" } else { "" };
    let ends = text.len() - body.len();
    let chomp = match ends {
        0 => "-",
        1 => "",
        _ => "+",
    };
    let pad = " ".repeat(indent);
    let lines = body.split('\n').map(|it| if it.is_empty() { String::new() } else { format!("{pad}{it}") });
    let body: Vec<String> = lines.collect();
    Some(format!("{sign}{digit}{chomp}\n{}{}", body.join("\n"), "\n".repeat(ends.saturating_sub(1))))
}
