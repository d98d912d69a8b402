//! A place in a text that moves forward, and the scalars that are known to stand there.

use crate::read::Written;
use crate::{Mark, YamlError};

use super::unsupported;

/// Byte, line and column, all from 0; columns count characters.
#[derive(Clone, Copy, Default)]
pub(super) struct Place {
    pub(super) at: usize,
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Place {
    pub(super) fn mark(self) -> Mark {
        let number = |it: usize| u32::try_from(it).unwrap_or(u32::MAX).saturating_add(1);
        Mark { line: number(self.line), column: number(self.column) }
    }
}

pub(super) struct Cursor<'a> {
    pub(super) text: &'a str,
    pub(super) place: Place,
    /// How many lines ended since the last character that is no blank.
    pub(super) line_ends: usize,
    scalars: std::iter::Peekable<std::vec::IntoIter<Written>>,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str, scalars: Vec<Written>) -> Self {
        Self { text, place: Place::default(), line_ends: 0, scalars: scalars.into_iter().peekable() }
    }

    /// The byte so far ahead; 0 behind the end.
    pub(super) fn ahead(&self, offset: usize) -> u8 {
        self.text.as_bytes().get(self.place.at + offset).copied().unwrap_or(0)
    }

    /// The byte here.
    pub(super) fn byte(&self) -> u8 {
        self.ahead(0)
    }

    /// True when what is so far ahead is a blank, a line break or the end.
    pub(super) fn is_gap(&self, offset: usize) -> bool {
        matches!(self.ahead(offset), b' ' | b'\t' | b'\n' | 0)
    }

    pub(super) fn move_to(&mut self, end: usize) {
        while self.place.at < end.min(self.text.len()) {
            match self.byte() {
                b'\n' => {
                    self.place.line += 1;
                    self.place.column = 0;
                    self.line_ends += 1;
                }
                byte => {
                    // Further bytes of one character count no column.
                    self.place.column += usize::from(byte & 0xc0 != 0x80);
                    if !matches!(byte, b' ' | b'\t') {
                        self.line_ends = 0;
                    }
                }
            }
            self.place.at += 1;
        }
    }

    pub(super) fn step(&mut self) {
        self.move_to(self.place.at + 1);
    }

    pub(super) fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) {
        while self.place.at < self.text.len() && wanted(self.byte()) {
            self.step();
        }
    }

    /// The rest of the line, which is passed.
    pub(super) fn take_line(&mut self) -> &'a str {
        let rest = &self.text[self.place.at..];
        let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
        self.move_to(self.place.at + line.len());
        line
    }

    /// A name of an anchor or a tag, behind its first character.
    pub(super) fn take_name(&mut self, is_tag: bool) -> Result<&'a str, YamlError> {
        let start = self.place;
        let others: &[u8] = if is_tag { b"_-!./:" } else { b"_-" };
        self.skip_while(|it| it.is_ascii_alphanumeric() || others.contains(&it));
        let name = &self.text[start.at..self.place.at];
        let is_odd = is_tag && name[1..].trim_start_matches('!').contains('!');
        match name.trim_matches('!').is_empty() || is_odd {
            true => Err(unsupported("an unusual tag or anchor", start.mark())),
            false => Ok(name),
        }
    }

    /// The scalar that starts here, if one does.
    pub(super) fn scalar(&mut self) -> Option<Written> {
        let at = self.place.at;
        self.scalars.next_if(|it| it.start == at)
    }

    /// The block whose header starts here: the parser knows where its text starts.
    pub(super) fn block(&mut self) -> Option<Written> {
        let at = self.place.at;
        self.scalars.next_if(|it| it.start > at)
    }
}
