//! The split of a resource file at its `---` lines, before any parsing, as kustomize does it.
//!
//! A separator is a line that starts with `---`, is not the first one, and ends with a line break, even where YAML
//! would read it otherwise. After the dashes only a comment may follow.

use super::mark_of;
use crate::YamlError;

/// A part of a file between two separators.
pub(super) struct Piece<'a> {
    /// Its text, with the line break before the separator.
    pub(super) text: &'a str,
    /// How many lines of the file stand before it.
    pub(super) lines_before: u32,
}

/// Splits a text with Unix line ends.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece<'_>>, YamlError> {
    let mut pieces = Vec::new();
    let (mut start, mut lines_before) = (0, 0);
    let separator = memchr::memmem::Finder::new("\n---");
    while let Some(at) = separator.find(&text.as_bytes()[start..]).map(|it| start + it) {
        let Some(length) = text[at + 1..].find('\n') else {
            break;
        };
        let separator = &text[at + 1..at + 1 + length];
        let rest = separator[3..].trim();
        if !rest.is_empty() && !rest.starts_with('#') {
            let message = format!("only a comment may follow the `---` of a separator, not `{rest}`");
            return Err(YamlError::new(message, mark_of(text, at + 1)));
        }
        pieces.push(Piece { text: &text[start..=at], lines_before });
        lines_before += lines(&text[start..=at]) + 1;
        start = at + 1 + length + 1;
    }
    pieces.push(Piece { text: &text[start..], lines_before });
    Ok(pieces)
}

fn lines(text: &str) -> u32 {
    u32::try_from(text.bytes().filter(|it| *it == b'\n').count()).unwrap_or(u32::MAX)
}
