//! Quoted texts of several lines that are not indented as YAML asks.
//!
//! libyaml, and so Go, lets the further lines of a quoted text begin at any column; old generators of CRDs count on it.
//! The parser does not. Blanks at the start of such a line mean nothing, so they are put there and the text is read
//! again. Only texts that the parser refused come here.

use granit_parser::{ErrorKind, Options, Parser, ScanError};

/// How often a text is read again, and how many bytes in all, before it counts as broken after all.
const REREADS_MAX: usize = 400;
const REREAD_BYTES_MAX: usize = 64 << 20;

/// True for the error that [`indented`] may mend.
pub(super) fn may_help(error: &ScanError) -> bool {
    *error.kind() == ErrorKind::InvalidQuotedScalarIndent
}

/// The text with all quoted texts indented; `None` when there is none to indent, or too much.
pub(super) fn indented(text: &str, options: &Options) -> Option<String> {
    let mut text = text.to_owned();
    let mut left = REREAD_BYTES_MAX.min(REREADS_MAX * text.len());
    while let Some(error) = first_error(&text, options).filter(may_help) {
        left = left.checked_sub(2 * text.len())?;
        let at = error.marker().byte_offset()?;
        let before = text[..at].trim_end_matches(|it: char| it.is_ascii_whitespace() || it == '\\');
        // Cut off before the line, the text tells where the quotes were opened.
        let cut = first_error(before, options)?;
        let start = cut.marker().byte_offset().filter(|_| *cut.kind() == ErrorKind::UnclosedQuotedScalar)?;
        text = with_indent(&text, start, cut.marker().col() + 1)?;
    }
    Some(text)
}

fn first_error(text: &str, options: &Options) -> Option<ScanError> {
    Parser::new_from_str_with_options(text, options.clone()).find_map(Result::err)
}

/// The text with blanks before each further line of the quoted text that starts at a byte.
fn with_indent(text: &str, start: usize, blanks: usize) -> Option<String> {
    let end = start + quoted_len(&text[start..])?;
    let mut out = String::with_capacity(text.len() + 256);
    out.push_str(&text[..start]);
    for (number, line) in text[start..end].split('\n').enumerate() {
        if number > 0 {
            out.push('\n');
            // Here libyaml sees the end of the document.
            if line.starts_with("---") || line.starts_with("...") {
                return None;
            }
            out.extend(std::iter::repeat_n(' ', blanks));
        }
        out.push_str(line);
    }
    out.push_str(&text[end..]);
    Some(out)
}

/// The length of a quoted text with its quotes.
fn quoted_len(text: &str) -> Option<usize> {
    let quote = text.chars().next()?;
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, next)) = chars.next() {
        let doubled = quote == '\'' && chars.peek().is_some_and(|it| it.1 == quote);
        match next {
            '\\' if quote == '"' => drop(chars.next()),
            _ if next != quote => {}
            _ if doubled => drop(chars.next()),
            _ => return Some(at + 1),
        }
    }
    None
}
