//! Places in a lock's text: where a value of the tree starts and ends.
//!
//! The reader gives starts. Ends are found for the spellings that locks use; `None` means another spelling.

use promoter_yaml::{Data, Mark, Node};
use std::ops::Range;

/// A text in which places are found.
pub(super) struct Text<'a> {
    pub(super) text: &'a str,
    line_starts: Vec<usize>,
}

impl<'a> Text<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, it)| *it == b'\n').map(|(at, _)| at + 1);
        Self { text, line_starts: std::iter::once(0).chain(breaks).collect() }
    }

    pub(super) fn eol(&self) -> &'static str {
        if self.text.contains("\r\n") { "\r\n" } else { "\n" }
    }

    /// The offset of a place.
    pub(super) fn start(&self, mark: Mark) -> Option<usize> {
        let line = *self.line_starts.get((mark.line as usize).checked_sub(1)?)?;
        let column = (mark.column as usize).checked_sub(1)?;
        let rest = &self.text[line..];
        let offset = rest.char_indices().map(|(at, _)| at).chain([rest.len()]).nth(column)?;
        Some(line + offset)
    }

    pub(super) fn is_flow(&self, node: &Node) -> Option<bool> {
        Some(self.text[self.start(node.mark)?..].starts_with(['{', '[']))
    }

    /// The offset behind a value.
    pub(super) fn end(&self, node: &Node) -> Option<usize> {
        let start = self.start(node.mark)?;
        let flow = self.is_flow(node)?;
        match &node.data {
            Data::Scalar(scalar) => self.scalar_end(start, &scalar.text),
            Data::Map(map) => match (map.entries().last(), flow) {
                (Some(last), true) => self.closing(self.end(&last.value)?, '}'),
                (Some(last), false) => self.end(&last.value),
                (None, _) => self.closing(start + 1, '}'),
            },
            Data::Seq(items) => match (items.last(), flow) {
                (Some(last), true) => self.closing(self.end(last)?, ']'),
                (Some(last), false) => self.end(last),
                (None, _) => self.closing(start + 1, ']'),
            },
        }
    }

    /// Behind the bracket that follows, if nothing but blanks and a last comma stand before it.
    fn closing(&self, from: usize, bracket: char) -> Option<usize> {
        let rest = &self.text[from..];
        let at = rest.find(|it: char| !it.is_whitespace() && it != ',')?;
        rest[at..].starts_with(bracket).then_some(from + at + 1)
    }

    fn scalar_end(&self, start: usize, text: &str) -> Option<usize> {
        let rest = &self.text[start..];
        let length = match rest.chars().next()? {
            '"' => {
                let mut escaped = false;
                let closing = |it: char| {
                    let closes = it == '"' && !escaped;
                    escaped = it == '\\' && !escaped;
                    closes
                };
                rest[1..].find(closing)? + 2
            }
            '\'' => {
                let inner = text.replace('\'', "''");
                rest[1..].starts_with(&inner).then_some(inner.len() + 2)?
            }
            // A plain scalar stands there as it reads; a folded one or a block scalar does not.
            _ => rest.starts_with(text).then_some(text.len())?,
        };
        Some(start + length)
    }

    /// The dash before the item of a block sequence.
    pub(super) fn dash(&self, mark: Mark) -> Option<usize> {
        let start = self.start(mark)?;
        let before = self.text[self.line_start(start)..start].trim_end();
        before.ends_with('-').then(|| self.line_start(start) + before.len() - 1)
    }

    /// The line, counted from 0, and the column in bytes of an offset.
    pub(super) fn line_and_column(&self, at: usize) -> (usize, usize) {
        let line = self.line_starts.partition_point(|it| *it <= at) - 1;
        (line, at - self.line_starts[line])
    }

    pub(super) fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |it| it + 1)
    }

    /// Before the line break, or the end of the text.
    pub(super) fn line_end(&self, at: usize) -> usize {
        let end = self.text[at..].find('\n').map_or(self.text.len(), |it| at + it);
        if self.text[..end].ends_with('\r') { end - 1 } else { end }
    }

    /// Whole lines, with the last one's break.
    pub(super) fn lines(&self, range: Range<usize>) -> Range<usize> {
        let end = self.text[range.end..].find('\n').map_or(self.text.len(), |it| range.end + it + 1);
        self.line_start(range.start)..end
    }
}
