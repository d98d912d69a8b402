//! Text to [`Node`] trees: bounds, forbidden characters, the split into documents, and the parser's events.
//!
//! Owns the parser crate: nothing outside this module knows its types. What a scalar is, `scalar` decides; how events
//! become trees, `build`. Most files need no parser: `quick` reads them.

mod build;
mod indent;
mod json;
mod keys;
mod quick;
mod scalars;
mod split;
mod tag;

use std::borrow::Cow;

use granit_parser::{
    ErrorKind, Event, Marker, Options, Parser, ScalarStyle, ScanError, Span, StrInput, StructureStyle,
    options,
};

use crate::{Dialect, Limits, Mark, Node, YamlError};
use build::Builder;
pub(crate) use granit_parser::ScalarStyle as WrittenStyle;
pub(crate) use json::json;
pub(crate) use keys::last_wins;
#[cfg(fuzzing)]
pub(crate) use quick::agrees as quick_agrees;
pub(crate) use scalars::{Written, scalars};

/// Reads the documents of a text, at most `documents_max` of them.
pub(crate) fn documents(
    text: &str,
    dialect: Dialect,
    limits: &Limits,
    documents_max: usize,
) -> Result<Vec<Node>, YamlError> {
    if text.len() > limits.bytes_max {
        return Err(YamlError::new(format!("the text is larger than {} bytes", limits.bytes_max), start()));
    }
    refuse_control_characters(text)?;
    let mut reader = Reader { dialect, limits, nodes_left: limits.nodes_max, found: Vec::new() };
    if dialect != Dialect::Resource {
        reader.piece(without_bom(text), 0, documents_max)?;
        return Ok(reader.found);
    }
    let text = unix_line_ends(text);
    for piece in split::pieces(&text)? {
        if reader.found.len() >= documents_max {
            break;
        }
        reader.piece(without_bom(piece.text), piece.lines_before, 1)?;
    }
    Ok(reader.found)
}

struct Reader<'a> {
    dialect: Dialect,
    limits: &'a Limits,
    nodes_left: usize,
    found: Vec<Node>,
}

impl Reader<'_> {
    /// Reads one text for the parser. In a piece of a resource file the first document is all there may be.
    fn piece(&mut self, text: &str, lines_before: u32, documents_max: usize) -> Result<(), YamlError> {
        let mut builder = Builder::new(self.dialect, self.limits, self.nodes_left);
        if let Some(found) = quick::document(text, lines_before, &mut builder) {
            self.found.extend(found.filter(|it| !it.is_null()));
            self.nodes_left = builder.nodes_left();
            return Ok(());
        }
        self.parse(text, lines_before, documents_max)
    }

    /// What [`Self::piece`] does, by the parser alone.
    fn parse(&mut self, text: &str, lines_before: u32, documents_max: usize) -> Result<(), YamlError> {
        let options = parser_options(self.dialect, self.limits);
        let mut parser = Parser::new_from_str_with_options(text, options.clone());
        let mut builder = Builder::new(self.dialect, self.limits, self.nodes_left);
        let mut documents = 0;
        let found_before = self.found.len();
        while let Some(next) = parser.next_event() {
            let (event, span) = match next {
                Ok(next) => next,
                Err(error) if self.dialect != Dialect::Own && indent::may_help(&error) => {
                    let again = indent::indented(text, &options);
                    let again = again.ok_or_else(|| self.syntax_error(&error, lines_before))?;
                    self.found.truncate(found_before);
                    return self.parse(&again, lines_before, documents_max);
                }
                Err(error) => return Err(self.syntax_error(&error, lines_before)),
            };
            let at = mark(&span.start, lines_before);
            match event {
                Event::DocumentStart(_, Some(_)) if self.dialect != Dialect::Config => {
                    return Err(YamlError::new("a %YAML directive is not supported", at));
                }
                Event::DocumentStart(..) if documents == documents_max => match self.dialect {
                    Dialect::Config => return Ok(()),
                    _ => return self.refuse_more(&mut parser, lines_before),
                },
                Event::DocumentEnd => {
                    documents += 1;
                    self.found.extend(builder.finish().filter(|it| !it.is_null()));
                }
                Event::Scalar(value, style, anchor, tag) => {
                    let value = self.scalar_text(text, value, style, span, at)?;
                    builder.scalar(value, style, anchor, tag.as_deref(), at)?;
                }
                Event::SequenceStart(style, anchor, tag) => {
                    builder.open(false, style == StructureStyle::Flow, anchor, tag.as_deref(), at)?;
                }
                Event::MappingStart(style, anchor, tag) => {
                    builder.open(true, style == StructureStyle::Flow, anchor, tag.as_deref(), at)?;
                }
                Event::SequenceEnd | Event::MappingEnd => builder.close()?,
                Event::Alias(id) => builder.alias(id, at)?,
                _ => {}
            }
        }
        self.nodes_left = builder.nodes_left();
        Ok(())
    }

    fn syntax_error(&self, error: &ScanError, lines_before: u32) -> YamlError {
        let message = match error.kind() {
            // The scanner looks ahead in flow collections, so that it may meet the depth before the builder does.
            ErrorKind::RecursionLimitExceeded => {
                format!("nested deeper than {} levels", self.limits.depth_max)
            }
            _ => error.info(),
        };
        YamlError::new(message, mark(error.marker(), lines_before))
    }

    /// The text of a scalar as Go's parser would give it.
    fn scalar_text<'a>(
        &self,
        text: &str,
        value: Cow<'a, str>,
        style: ScalarStyle,
        span: Span,
        at: Mark,
    ) -> Result<Cow<'a, str>, YamlError> {
        match style {
            // The parser writes `~` for a value that is not there.
            ScalarStyle::Plain if span.start.byte_offset() == span.end.byte_offset() => Ok(Cow::Borrowed("")),
            ScalarStyle::DoubleQuoted if self.dialect != Dialect::Own => {
                refuse_json_escapes(span.slice(text).unwrap_or_default(), at)?;
                Ok(value)
            }
            ScalarStyle::Literal | ScalarStyle::Folded => {
                let value = match is_cut_block(text, &value, span.end.byte_offset()) {
                    true => Cow::Owned(value[..value.len() - 1].to_owned()),
                    false => value,
                };
                Ok(value)
            }
            _ => Ok(value),
        }
    }

    /// A further document may only be empty: what stands there would be lost without a word.
    fn refuse_more<'a>(
        &self,
        parser: &mut Parser<'a, StrInput<'a>>,
        lines_before: u32,
    ) -> Result<(), YamlError> {
        while let Some(next) = parser.next_event() {
            let (event, span) = next.map_err(|it| self.syntax_error(&it, lines_before))?;
            let empty = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, ..) if text.is_empty() || text == "~");
            if event.is_node() && !empty {
                let message = match self.dialect {
                    Dialect::Resource => "a second document starts here without a `---` line before it",
                    _ => "only one document is allowed here",
                };
                return Err(YamlError::new(message, mark(&span.start, lines_before)));
            }
        }
        Ok(())
    }
}

fn parser_options(dialect: Dialect, limits: &Limits) -> Options {
    // The builder counts depth itself, with a better message; the parser's own cap stands just behind it.
    let depth = limits.depth_max.saturating_add(2);
    options! {
        disallow_directives: dialect == Dialect::Own,
        flow_nesting_limit: depth,
        block_nesting_limit: depth,
    }
}

/// Refuses two escapes of JSON that go-yaml does not know: `\/` and a pair of surrogates.
fn refuse_json_escapes(quoted: &str, at: Mark) -> Result<(), YamlError> {
    let mut rest = quoted;
    while let Some(backslash) = rest.find('\\') {
        let escape = &rest.as_bytes()[backslash + 1..];
        if let [b'/', ..] = escape {
            return Err(YamlError::new("the escape `\\/` is not known to YAML 1.1: write `/`", at));
        }
        if let [b'u', b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F', ..] = escape {
            return Err(YamlError::new(
                "a pair of surrogates is not allowed: write the character itself",
                at,
            ));
        }
        // What follows a backslash may be another one, or a character of several bytes.
        rest = rest[backslash + 1..].get(1..).unwrap_or(&rest[backslash + 1..]);
    }
    Ok(())
}

/// True for a block scalar that ends with the text itself, where no line break follows.
///
/// The parser then adds the line break that the last line lacks; libyaml and Go do not.
fn is_cut_block(text: &str, value: &str, end: Option<usize>) -> bool {
    if end.is_some_and(|it| it < text.len()) || text.ends_with('\n') {
        return false;
    }
    let (Some(source), Some(value)) = (text.rsplit('\n').next(), value.strip_suffix('\n')) else {
        return false;
    };
    let is_blank = |line: &str| line.bytes().all(|it| it == b' ');
    let last = value.rsplit('\n').next().unwrap_or_default();
    // A last line of blanks is content only as far as it is longer than the indentation.
    !is_blank(source) || (!last.is_empty() && is_blank(last) && last.len() < source.len())
}

fn mark(marker: &Marker, lines_before: u32) -> Mark {
    let number = |it: usize| u32::try_from(it).unwrap_or(u32::MAX);
    Mark {
        line: number(marker.line()).saturating_add(lines_before),
        column: number(marker.col()).saturating_add(1),
    }
}

fn start() -> Mark {
    Mark { line: 1, column: 1 }
}

fn without_bom(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

fn unix_line_ends(text: &str) -> Cow<'_, str> {
    match text.contains("\r\n") {
        true => Cow::Owned(text.replace("\r\n", "\n")),
        false => Cow::Borrowed(text),
    }
}

/// How many bytes are looked at in one go.
const BLOCK: usize = 256;

/// Refuses what YAML 1.1 does not count as text, as libyaml does: control characters, U+FFFE and U+FFFF.
fn refuse_control_characters(text: &str) -> Result<(), YamlError> {
    let bytes = text.as_bytes();
    let suspicious = |byte: u8| (byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r')) || byte == 0x7f;
    let forbidden = |at: usize| match bytes[at] {
        0xc2 => matches!(bytes[at + 1], 0x80..=0x84 | 0x86..=0x9f),
        0xef => bytes[at + 1] == 0xbf && bytes[at + 2] >= 0xbe,
        byte => suspicious(byte),
    };
    let candidate = |byte: u8| suspicious(byte) || byte == 0xc2 || byte == 0xef;
    for (number, block) in bytes.chunks(BLOCK).enumerate() {
        // Looking at all bytes of a block takes a few vector instructions; stopping at the first takes one step a byte.
        if !block.iter().fold(false, |seen, byte| seen | candidate(*byte)) {
            continue;
        }
        let start = number * BLOCK;
        if let Some(at) = (start..start + block.len()).find(|at| candidate(bytes[*at]) && forbidden(*at)) {
            let character = text[at..].chars().next().unwrap_or_default();
            let message = format!("the control character U+{:04X} is not allowed", u32::from(character));
            return Err(YamlError::new(message, mark_of(text, at)));
        }
    }
    Ok(())
}

/// The line and column of a byte.
pub(super) fn mark_of(text: &str, at: usize) -> Mark {
    let line_start = text[..at].rfind('\n').map_or(0, |it| it + 1);
    let line = text[..at].bytes().filter(|it| *it == b'\n').count() + 1;
    let column = text[line_start..at].chars().count() + 1;
    let number = |it: usize| u32::try_from(it).unwrap_or(u32::MAX);
    Mark { line: number(line), column: number(column) }
}
