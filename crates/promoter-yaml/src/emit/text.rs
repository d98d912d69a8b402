//! The bytes of one text in its style: folding, escapes, literal blocks.

use std::borrow::Cow;
use std::fmt::Write;

use super::Rules;
use super::style::{Style, Wide};
use crate::{Mark, YamlError};

/// Where a text stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The column at which its further lines start.
    pub(super) indent: usize,
    /// Keys are never broken.
    pub(super) is_key: bool,
}

/// Appends a text.
pub(super) fn write(text: &str, style: Style, place: Place, rules: &Rules, out: &mut String) {
    let fold_after = if place.is_key { usize::MAX } else { rules.fold_after };
    // An upper bound of the columns: escapes make up to four of a byte, single quotes two.
    let growth = match style {
        Style::Plain | Style::Literal => 1,
        Style::SingleQuoted => 2,
        Style::DoubleQuoted => 4,
    };
    // Lines are short, so that looking back byte by byte is the fastest way to where this one starts.
    let bytes_before = || out.bytes().rev().take_while(|it| *it != b'\n').count();
    let fits = fold_after == usize::MAX || bytes_before() + growth * text.len() + 2 <= fold_after;
    let folding = Folding { after: if fits { usize::MAX } else { fold_after }, indent: place.indent };
    match style {
        Style::Plain if fits => out.push_str(text),
        Style::Plain => folded(text, &folding, false, out),
        Style::SingleQuoted => {
            out.push('\'');
            folded(text, &folding, true, out);
            out.push('\'');
        }
        Style::DoubleQuoted => {
            out.push('"');
            escaped(text, &folding, out);
            out.push('"');
        }
        Style::Literal => literal(text, place.indent, out),
    }
}

/// Appends a text in double quotes, on one line.
pub(crate) fn double_quoted(text: &str, out: &mut String) {
    out.push('"');
    escaped(text, &Folding { after: usize::MAX, indent: 0 }, out);
    out.push('"');
}

struct Folding {
    after: usize,
    indent: usize,
}

impl Folding {
    fn break_line(&self, out: &mut String) -> usize {
        out.push('\n');
        push_blanks(out, self.indent);
        self.indent
    }
}

/// Plain and single-quoted text: a line is broken at a single blank behind the last column.
fn folded(text: &str, folding: &Folding, is_quoted: bool, out: &mut String) {
    let bytes = text.as_bytes();
    let mut column = column(out);
    let mut after_break = false;
    let mut copied = 0;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let wide = (byte >= 0x80).then(|| Wide::at(bytes, at));
        let width = wide.map_or(1, |it| it.width);
        if wide.is_some_and(|it| it.is_break) {
            // LS and PS are written as they are and start a line.
            (column, after_break) = (0, true);
            at += width;
            continue;
        }
        if after_break && byte != b' ' {
            out.push_str(&text[copied..at]);
            copied = at;
            push_blanks(out, folding.indent);
            (column, after_break) = (folding.indent, false);
        }
        let may_break = byte == b' '
            && column > folding.after
            && at > 0
            && bytes[at - 1] != b' '
            && bytes.get(at + 1).is_some_and(|next| *next != b' ');
        if may_break {
            out.push_str(&text[copied..at]);
            copied = at + 1;
            column = folding.break_line(out);
        } else {
            if byte == b'\'' && is_quoted {
                out.push_str(&text[copied..=at]);
                copied = at;
                column += 1;
            }
            column += 1;
        }
        at += width;
    }
    out.push_str(&text[copied..]);
}

/// Double-quoted text.
fn escaped(text: &str, folding: &Folding, out: &mut String) {
    let bytes = text.as_bytes();
    // go-yaml asks whether the text, not the character, is a byte order mark, and escapes all of such a text.
    let escapes_all = text.starts_with('\u{feff}');
    let mut column = column(out);
    let mut after_space = false;
    for (at, character) in text.char_indices() {
        let printable = match character {
            '"' | '\\' => false,
            ' '..='~' => true,
            _ if character.is_ascii() => false,
            _ => {
                let wide = Wide::at(bytes, at);
                wide.printable && !wide.is_break
            }
        };
        if escapes_all || !printable {
            let start = out.len();
            escape(character, out);
            column += out.len() - start;
            after_space = false;
        } else if character == ' ' {
            let may_break = !after_space && column > folding.after && at > 0 && at + 1 < bytes.len();
            after_space = true;
            if !may_break {
                out.push(' ');
                column += 1;
                continue;
            }
            column = folding.break_line(out);
            if bytes[at + 1] == b' ' {
                out.push('\\');
                column += 1;
            }
        } else {
            out.push(character);
            column += 1;
            after_space = false;
        }
    }
}

fn escape(character: char, out: &mut String) {
    let short = match character {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        _ => {
            let _ = match u32::from(character) {
                code @ ..=0xff => write!(out, "\\x{code:02X}"),
                code @ ..=0xffff => write!(out, "\\u{code:04X}"),
                code => write!(out, "\\U{code:08X}"),
            };
            return;
        }
    };
    out.push('\\');
    out.push(short);
}

/// A literal block: header, then each line at its indentation.
fn literal(text: &str, indent: usize, out: &mut String) {
    out.push('|');
    let is_break = |it: char| matches!(it, '\n' | '\u{85}' | '\u{2028}' | '\u{2029}');
    if text.starts_with(|it: char| it == ' ' || is_break(it)) {
        out.push('2');
    }
    let mut backwards = text.chars().rev();
    match (backwards.next().is_some_and(is_break), backwards.next().is_none_or(is_break)) {
        (false, _) => out.push('-'),
        (true, true) => out.push('+'),
        (true, false) => {}
    }
    out.push('\n');
    let has_wide_breaks = text.contains(['\u{2028}', '\u{2029}', '\u{85}']);
    if has_wide_breaks {
        literal_lines(text.split_inclusive(is_break), indent, out);
    } else {
        literal_lines(text.split_inclusive('\n'), indent, out);
    }
}

fn literal_lines<'a>(lines: impl Iterator<Item = &'a str>, indent: usize, out: &mut String) {
    for line in lines {
        if !line.starts_with(['\n', '\u{85}', '\u{2028}', '\u{2029}']) {
            push_blanks(out, indent);
        }
        out.push_str(line);
    }
}

/// The text that arrives after kustomize wrote it as JSON and read that as YAML.
///
/// Go's JSON leaves NEL as it is, which is a line break to a YAML reader: blanks around it go, one break becomes a
/// space, of several one is lost. Characters that the reader refuses are an error.
pub(super) fn reread(text: &str, rereads_json: bool, mark: Mark) -> Result<Cow<'_, str>, YamlError> {
    if !rereads_json || text.is_ascii() && !text.contains('\u{7f}') {
        return Ok(Cow::Borrowed(text));
    }
    let refused =
        |it: char| matches!(it, '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}');
    if let Some(character) = text.chars().find(|it| refused(*it)) {
        let message = format!("the character U+{:04X} cannot be written", u32::from(character));
        return Err(YamlError::new(message, mark));
    }
    if !text.contains('\u{85}') {
        return Ok(Cow::Borrowed(text));
    }
    if text.match_indices('\u{85}').any(|(at, it)| is_document_mark(&text[at + it.len()..])) {
        let message = "a line that begins with `---` or `...` behind U+0085 cannot be written";
        return Err(YamlError::new(message, mark));
    }
    Ok(Cow::Owned(fold_next_lines(text)))
}

/// True where a YAML reader sees a document begin or end, even between quotes.
fn is_document_mark(line: &str) -> bool {
    let rest = line.strip_prefix("---").or_else(|| line.strip_prefix("..."));
    rest.is_some_and(|it| it.starts_with([' ', '\u{85}']))
}

fn fold_next_lines(text: &str) -> String {
    let mut parts = text.split('\u{85}');
    let mut folded = parts.next().unwrap_or_default().to_owned();
    let mut breaks = 0;
    for part in parts {
        breaks += 1;
        let trimmed = part.trim_start_matches(' ');
        if trimmed.is_empty() {
            continue;
        }
        fold(&mut folded, breaks);
        breaks = 0;
        folded.push_str(trimmed);
    }
    if breaks > 0 {
        fold(&mut folded, breaks);
    }
    folded
}

fn fold(folded: &mut String, breaks: usize) {
    folded.truncate(folded.trim_end_matches(' ').len());
    match breaks {
        1 => folded.push(' '),
        _ => folded.extend(std::iter::repeat_n('\n', breaks - 1)),
    }
}

/// Appends blanks.
pub(super) fn push_blanks(out: &mut String, mut count: usize) {
    const BLANKS: &str = "                                                                ";
    while count > 0 {
        let step = count.min(BLANKS.len());
        out.push_str(&BLANKS[..step]);
        count -= step;
    }
}

/// The column at which the next character lands.
fn column(out: &str) -> usize {
    let line = out.rfind(['\n', '\u{2028}', '\u{2029}']).map_or(0, |it| it + 1);
    out.as_bytes()[line..].iter().filter(|it| **it & 0xc0 != 0x80).count()
}
