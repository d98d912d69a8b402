//! Texts of several lines: where their tokens end, which is where the look for comments begins.

use crate::YamlError;
use crate::read::WrittenStyle;

use super::comments::behind;
use super::cursor::Place;
use super::scan::{Scanner, Token, text_of};
use super::unsupported;

impl Scanner<'_> {
    /// A literal or folded block.
    pub(super) fn block(&mut self, place: Place) -> Result<(), YamlError> {
        let scalar = self.cursor.block().ok_or_else(|| unsupported("an unusual block", place.mark()))?;
        if !matches!(scalar.style, WrittenStyle::Literal | WrittenStyle::Folded) {
            return Err(unsupported("an unusual block", place.mark()));
        }
        self.key = None;
        self.allows_key = true;
        self.cursor.step();
        let mut increment = 0;
        while matches!(self.cursor.byte(), b'+' | b'-' | b'0'..=b'9') {
            if self.cursor.byte().is_ascii_digit() {
                increment = usize::from(self.cursor.byte() - b'0');
            }
            self.cursor.step();
        }
        self.cursor.skip_while(|it| matches!(it, b' ' | b'\t'));
        if self.cursor.byte() == b'#' {
            behind(&mut self.cursor, place.at, &mut self.comments);
        }
        self.cursor.take_line();
        self.cursor.step();
        let mut indent = match increment {
            0 => None,
            _ => Some(self.indent.unwrap_or(0) + increment),
        };
        self.block_gap(&mut indent);
        while Some(self.cursor.place.column) == indent && self.cursor.byte() != 0 {
            self.cursor.take_line();
            self.cursor.step();
            self.block_gap(&mut indent);
        }
        self.push(Token::Scalar(text_of(scalar)), place);
        Ok(())
    }

    /// Passes the blank lines and the indentation before a line of a block, whose first line tells the indentation.
    fn block_gap(&mut self, indent: &mut Option<usize>) {
        let mut widest = 0;
        loop {
            while self.cursor.byte() == b' ' && indent.is_none_or(|it| self.cursor.place.column < it) {
                self.cursor.step();
            }
            widest = widest.max(self.cursor.place.column);
            if self.cursor.byte() != b'\n' {
                break;
            }
            self.cursor.step();
        }
        let least = self.indent.map_or(1, |it| it + 1);
        indent.get_or_insert(widest.max(least));
    }

    /// Passes what stands between the words of a plain text, in which no tab may be indentation.
    pub(super) fn skip_to_words(&mut self) -> Result<(), YamlError> {
        let start = self.cursor.place.line;
        let least = self.indent.map_or(0, |it| it + 1);
        while matches!(self.cursor.byte(), b' ' | b'\t' | b'\n') {
            let place = self.cursor.place;
            if self.cursor.byte() == b'\t' && place.line > start && place.column < least {
                return Err(unsupported("a tab in the indentation", place.mark()));
            }
            self.cursor.step();
        }
        Ok(())
    }
}
