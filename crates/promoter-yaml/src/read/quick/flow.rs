//! Brackets and braces that end in the line in which they begin.

use std::borrow::Cow;

use super::Quick;
use crate::read::WrittenStyle;

impl<'t> Quick<'t, '_> {
    /// Reads the collection that begins here.
    pub(super) fn flow(&mut self) -> Option<()> {
        let is_map = self.byte() == Some(b'{');
        let end = if is_map { b'}' } else { b']' };
        let mark = self.mark();
        self.builder.open(is_map, true, 0, None, mark).ok()?;
        self.at += 1;
        self.blanks();
        let mut is_over = self.byte() == Some(end);
        while !is_over {
            if is_map {
                self.flow_scalar()?;
                if !matches!(self.bytes[self.at..], [b':', b' ', ..]) {
                    return None;
                }
                self.at += 1;
                self.blanks();
            }
            match self.byte()? {
                b'[' | b'{' => self.flow()?,
                _ => self.flow_scalar()?,
            }
            self.blanks();
            is_over = match self.byte()? {
                b',' => false,
                byte if byte == end => true,
                _ => return None,
            };
            if !is_over {
                self.at += 1;
                self.blanks();
            }
        }
        self.at += 1;
        self.builder.close().ok()
    }

    fn flow_scalar(&mut self) -> Option<()> {
        let (mark, line) = (self.mark(), self.line);
        let (text, style) = match self.byte()? {
            b'"' | b'\'' => self.quoted()?,
            _ => (Cow::Borrowed(self.flow_plain()?), WrittenStyle::Plain),
        };
        if self.line != line {
            return None;
        }
        self.builder.scalar(text, style, 0, None, mark).ok()
    }

    fn flow_plain(&mut self) -> Option<&'t str> {
        let start = self.at;
        if !self.starts_plain() || matches!(self.bytes[start..], [b'-', b',' | b'[' | b']' | b'{' | b'}', ..])
        {
            return None;
        }
        loop {
            match self.bytes[self.at..] {
                [b',' | b'[' | b']' | b'{' | b'}', ..] | [b':', b' ', ..] => break,
                [b':', b',' | b'[' | b']' | b'{' | b'}' | b'\n', ..] | [] | [b'\n' | b'\t', ..] => {
                    return None;
                }
                [b' ', b'#', ..] => return None,
                _ => self.at += 1,
            }
        }
        Some(self.text[start..self.at].trim_end_matches(' '))
    }
}
