//! Quoted texts, and how the lines of a text become one.

use std::borrow::Cow;
use std::iter;

use super::Quick;
use crate::read::WrittenStyle;

impl<'t> Quick<'t, '_> {
    /// From a line break over blank lines to the next that is none: how many breaks lie between, where that line starts, and
    /// what is in it.
    pub(super) fn next_text(&self) -> (usize, usize, usize) {
        let (mut breaks, mut line_start, mut ahead) = (0, self.at, self.at);
        while self.bytes.get(ahead) == Some(&b'\n') {
            breaks += 1;
            line_start = ahead + 1;
            let blanks = self.bytes[line_start..].iter().take_while(|it| **it == b' ');
            ahead = line_start + blanks.count();
        }
        (breaks, line_start, ahead)
    }

    pub(super) fn go_on(&mut self, breaks: usize, line_start: usize, content: usize) {
        self.line = self.line.saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX));
        (self.at, self.line_start) = (content, line_start);
    }

    /// Reads a quoted text. Further lines are indented deeper than what holds it.
    pub(super) fn quoted(&mut self) -> Option<(Cow<'t, str>, WrittenStyle)> {
        let quote = self.byte()?;
        self.at += 1;
        let start = self.at;
        let mut text = String::new();
        let mut copied = start;
        loop {
            self.at += memchr::memchr3(quote, b'\\', b'\n', &self.bytes[self.at..])?;
            let replaced = match (quote, &self.bytes[self.at..]) {
                (_, [b'\n', ..]) => {
                    text.push_str(self.text[copied..self.at].trim_end_matches(' '));
                    let breaks = self.next_line_of_quoted()?;
                    fold(&mut text, breaks);
                    copied = self.at;
                    continue;
                }
                (b'\'', [b'\'', b'\'', ..]) => '\'',
                (b'"', [b'\\', b'\n', ..]) => {
                    text.push_str(&self.text[copied..self.at]);
                    self.at += 1;
                    let breaks = self.next_line_of_quoted()?;
                    text.extend(iter::repeat_n('\n', breaks - 1));
                    copied = self.at;
                    continue;
                }
                (b'"', [b'\\', b'n', ..]) => '\n',
                (b'"', [b'\\', b't', ..]) => '\t',
                (b'"', [b'\\', escaped @ (b'"' | b'\\' | b' '), ..]) => char::from(*escaped),
                (b'"', [b'\\', ..]) => return None,
                (b'\'', [b'\\', ..]) => {
                    self.at += 1;
                    continue;
                }
                _ => break,
            };
            text.push_str(&self.text[copied..self.at]);
            text.push(replaced);
            self.at += 2;
            copied = self.at;
        }
        if self.has_tabs && self.text[start..self.at].contains('\t') {
            return None;
        }
        let last = &self.text[copied..self.at];
        self.at += 1;
        let style = if quote == b'"' { WrittenStyle::DoubleQuoted } else { WrittenStyle::SingleQuoted };
        if copied == start {
            return Some((Cow::Borrowed(last), style));
        }
        text.push_str(last);
        Some((Cow::Owned(text), style))
    }

    fn next_line_of_quoted(&mut self) -> Option<usize> {
        let (breaks, line_start, content) = self.next_text();
        if content - line_start <= self.frames.last()?.indent {
            return None;
        }
        self.go_on(breaks, line_start, content);
        Some(breaks)
    }
}

/// What so many line breaks between two lines of a text say.
pub(super) fn fold(text: &mut String, breaks: usize) {
    match breaks {
        1 => text.push(' '),
        _ => text.extend(iter::repeat_n('\n', breaks - 1)),
    }
}
