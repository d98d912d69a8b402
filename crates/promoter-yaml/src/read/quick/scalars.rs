//! Keys and values: which kind of text begins, plain texts, and literal blocks.

use std::borrow::Cow;

use super::Quick;
use super::quoted::fold;
use crate::Mark;
use crate::read::WrittenStyle;

/// Keys this long are left to the parser, which refuses longer ones.
const KEY_BYTES_MAX: usize = 1000;

/// What the first thing in a line is.
pub(super) enum Beginning<'t> {
    /// A key, which a colon follows.
    Key(Cow<'t, str>, WrittenStyle),
    /// A quoted text.
    Quoted(Cow<'t, str>, WrittenStyle),
    /// Nothing of the kind.
    Other,
}

/// Where the plain text of a line ends.
enum End {
    /// At the line break, or with the text.
    Line,
    /// At a comment.
    Comment,
    /// At a colon: it is a key.
    Colon,
}

impl<'t> Quick<'t, '_> {
    /// Reads the key that begins here, up to its colon, or else a quoted text; of anything else nothing.
    pub(super) fn beginning(&mut self) -> Option<Beginning<'t>> {
        let (start, line) = (self.at, self.line);
        let (key, style) = match self.byte()? {
            b'"' | b'\'' => {
                let (text, style) = self.quoted()?;
                let end = self.at;
                self.blanks();
                if self.byte() != Some(b':') {
                    self.at = end;
                    return Some(Beginning::Quoted(text, style));
                }
                (text, style)
            }
            b'|' | b'[' | b'{' => return Some(Beginning::Other),
            _ => match self.plain()? {
                (key, End::Colon) => (Cow::Borrowed(key), WrittenStyle::Plain),
                _ => {
                    self.at = start;
                    return Some(Beginning::Other);
                }
            },
        };
        let ends = matches!(self.bytes[self.at..], [b':'] | [b':', b' ' | b'\n', ..]);
        if !ends || self.line != line || self.at - start > KEY_BYTES_MAX {
            return None;
        }
        Some(Beginning::Key(key, style))
    }

    /// Reads the value that begins here, to the end of its last line.
    pub(super) fn value(&mut self) -> Option<()> {
        let mark = self.mark();
        let (text, style) = match self.byte()? {
            b'|' => return self.literal(),
            b'"' | b'\'' => {
                let (text, style) = self.quoted()?;
                return self.quoted_value(text, style, mark);
            }
            b'[' | b'{' => {
                self.flow()?;
                return self.is_line_over()?.then_some(());
            }
            _ => (self.plain_lines()?, WrittenStyle::Plain),
        };
        self.builder.scalar(text, style, 0, None, mark).ok()
    }

    /// Takes a quoted text that was read as a value, with what is left of its last line.
    pub(super) fn quoted_value(&mut self, text: Cow<'t, str>, style: WrittenStyle, mark: Mark) -> Option<()> {
        if !self.is_line_over()? {
            return None;
        }
        self.builder.scalar(text, style, 0, None, mark).ok()
    }

    /// Reads plain text up to the end of the line, a comment, or the colon of a key.
    fn plain(&mut self) -> Option<(&'t str, End)> {
        if !self.starts_plain() {
            return None;
        }
        self.plain_rest()
    }

    /// True at what can begin a plain text, as far as its first byte and a blank after it tell.
    pub(super) fn starts_plain(&self) -> bool {
        match self.bytes[self.at..] {
            [b'-', b' ' | b'\n', ..] | [b'-'] | [] => false,
            [b'-', ..] => true,
            [first, ..] => !b"?:,[]{}#&*!|>'\"%@`".contains(&first),
        }
    }

    fn plain_rest(&mut self) -> Option<(&'t str, End)> {
        let start = self.at;
        let end = loop {
            match memchr::memchr3(b'\n', b':', b'#', &self.bytes[self.at..]) {
                None => {
                    self.at = self.bytes.len();
                    break End::Line;
                }
                Some(length) => self.at += length,
            }
            match self.bytes[self.at..] {
                [b'\n', ..] => break End::Line,
                [b':'] | [b':', b' ' | b'\n', ..] => break End::Colon,
                [b'#', ..] if self.bytes[self.at - 1] == b' ' => break End::Comment,
                _ => self.at += 1,
            }
        };
        let text = &self.text[start..self.at];
        if self.has_tabs && text.contains('\t') {
            return None;
        }
        Some((text.trim_end_matches(' '), end))
    }

    /// Reads plain text and the lines with which it goes on: those that are indented deeper than what holds it.
    fn plain_lines(&mut self) -> Option<Cow<'t, str>> {
        let parent = self.frames.last()?.indent;
        let (first, mut end) = self.plain()?;
        let mut text = Cow::Borrowed(first);
        loop {
            match end {
                End::Colon => return None,
                End::Comment => {
                    self.skip_line();
                    return Some(text);
                }
                End::Line => {}
            }
            let Some(breaks) = self.line_breaks(parent) else {
                return Some(text);
            };
            let more;
            (more, end) = self.plain_rest()?;
            let text = text.to_mut();
            fold(text, breaks);
            text.push_str(more);
        }
    }

    /// Goes to the next line that is indented deeper than `parent`, over blank ones, and says how many line breaks lie
    /// between. `None`, and no further than to the next line, where the text ends before.
    fn line_breaks(&mut self, parent: usize) -> Option<usize> {
        let (breaks, line_start, content) = self.next_text();
        if content - line_start <= parent || matches!(self.bytes.get(content), None | Some(b'#')) {
            if self.byte().is_some() {
                self.next_line();
            }
            return None;
        }
        self.go_on(breaks, line_start, content);
        Some(breaks)
    }

    /// Reads a literal block whose indentation its first line tells.
    fn literal(&mut self) -> Option<()> {
        let parent = self.frames.last()?.indent;
        self.at += 1;
        let strips = self.byte() == Some(b'-');
        self.at += usize::from(strips);
        if !self.is_line_over()? || self.at == self.bytes.len() {
            return None;
        }
        let first = self.bytes[self.at..].iter().take_while(|it| **it == b' ').count();
        if first <= parent || matches!(self.bytes.get(self.at + first), None | Some(b'\n' | b'\t')) {
            return None;
        }
        // The parser says of a block that it stands where its text begins.
        let mark = Mark { line: self.line, column: u32::try_from(first + 1).unwrap_or(u32::MAX) };
        let mut text = String::new();
        loop {
            let line = &self.bytes[self.at..];
            let blanks = line.iter().take(first).take_while(|it| **it == b' ').count();
            match line.get(blanks) {
                // Without a line break at the end the parser has its own opinion.
                None if blanks > 0 => return None,
                None => break,
                Some(b'\n') => {
                    self.at += blanks;
                    text.push('\n');
                }
                Some(b'\t') if blanks < first => return None,
                Some(_) if blanks < first => break,
                Some(_) => {
                    let length = memchr::memchr(b'\n', line)?;
                    text.push_str(&self.text[self.at + first..=self.at + length]);
                    self.at += length;
                }
            }
            self.next_line();
        }
        text.truncate(text.trim_end_matches('\n').len());
        if !strips {
            text.push('\n');
        }
        self.builder.scalar(text.into(), WrittenStyle::Literal, 0, None, mark).ok()
    }
}
