//! A quick way through the YAML that most files consist of, beside the parser, which is the judge.
//!
//! Block mappings and sequences, plain and quoted texts, literal blocks and comments are read here, straight into the
//! [`Builder`]. Whatever is more than that, or might be wrong, is left to the parser: then nothing of this reading is
//! kept, so a fault costs time but never another answer. Tests and fuzzing hold both ways against each other.

#[cfg(any(test, fuzzing))]
mod agree;
mod flow;
mod quoted;
mod scalars;
#[cfg(test)]
mod tests;

#[cfg(any(test, fuzzing))]
pub(crate) use agree::agrees;
use scalars::Beginning;

use super::build::Builder;
use super::{Mark, WrittenStyle};
use crate::Node;

/// Reads the one document of a text; `None` leaves it to the parser. The outer `Some` holds `None` for an empty one.
pub(super) fn document(text: &str, lines_before: u32, builder: &mut Builder) -> Option<Option<Node>> {
    let is_odd = |it: char| matches!(it, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}');
    if memchr::memchr(b'\r', text.as_bytes()).is_some() || (!text.is_ascii() && text.contains(is_odd)) {
        return None;
    }
    let mut reader = Quick {
        text,
        bytes: text.as_bytes(),
        at: 0,
        line: lines_before.saturating_add(1),
        line_start: 0,
        counted: (0, 0),
        has_tabs: memchr::memchr(b'\t', text.as_bytes()).is_some(),
        frames: Vec::new(),
        has_begun: false,
        builder,
    };
    reader.lines()?;
    Some(reader.builder.finish())
}

struct Quick<'t, 'b> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    line: u32,
    /// The byte at which the line starts.
    line_start: usize,
    /// A byte, and how many characters stand before it in its line: in a long line nothing is counted twice.
    counted: (usize, usize),
    has_tabs: bool,
    frames: Vec<Frame>,
    has_begun: bool,
    builder: &'b mut Builder,
}

/// A mapping or sequence that is open.
struct Frame {
    /// Where its keys or dashes stand: how many bytes from the start of the line.
    indent: usize,
    is_map: bool,
    /// Where a value is missing so far: the last key or dash had none in its line.
    awaiting: Option<Mark>,
}

impl Quick<'_, '_> {
    fn lines(&mut self) -> Option<()> {
        while let Some(indent) = self.next_content() {
            if indent == 0 && matches!(self.bytes[self.at..], [b'-', b'-', b'-', ..] | [b'.', b'.', b'.', ..])
            {
                self.document_start()?;
                continue;
            }
            let is_new = self.is_new_node(indent, self.is_dash())?;
            self.has_begun = true;
            self.entry(indent, is_new)?;
        }
        while let Some(frame) = self.frames.pop() {
            self.close(&frame)?;
        }
        // To the parser nothing after `---` is a null.
        (!self.has_begun || !self.builder.is_empty()).then_some(())
    }

    /// Skips blank lines and comments; the indentation of the line in which something stands.
    fn next_content(&mut self) -> Option<usize> {
        loop {
            let blanks = self.blanks();
            match self.byte() {
                None => return None,
                Some(b'\n') => self.next_line(),
                Some(b'#') => self.skip_line(),
                Some(_) => return Some(blanks),
            }
        }
    }

    /// `---` before everything else, alone in its line. A second document is the parser's.
    fn document_start(&mut self) -> Option<()> {
        if self.has_begun || !matches!(self.bytes[self.at..], [b'-', b'-', b'-', b'\n', ..]) {
            return None;
        }
        self.has_begun = true;
        self.skip_line();
        Some(())
    }

    /// Closes what a line at this indentation ends. True when it begins a node, false when it goes on with one.
    fn is_new_node(&mut self, indent: usize, is_dash: bool) -> Option<bool> {
        loop {
            let Some(mut top) = self.frames.pop() else {
                // What comes after the root node is the parser's to refuse.
                return self.builder.is_empty().then_some(true);
            };
            // The dashes of a key's sequence may stand right below the key.
            if indent > top.indent || (indent == top.indent && is_dash && top.is_map) {
                let is_awaited = top.awaiting.take().is_some();
                self.frames.push(top);
                return is_awaited.then_some(true);
            }
            if indent == top.indent && is_dash != top.is_map {
                self.nothing(top.awaiting.take())?;
                self.frames.push(top);
                return Some(false);
            }
            self.close(&top)?;
        }
    }

    /// Reads what begins in this line: `is_new` if a node does, else the next key or dash of the innermost frame.
    fn entry(&mut self, mut indent: usize, mut is_new: bool) -> Option<()> {
        while self.is_dash() {
            let dash = self.mark();
            self.at += 1;
            let mut after = self.mark();
            let blanks = self.blanks();
            // Of what is in the next line the parser has its own opinion where it stands.
            if self.byte() == Some(b'#') || (blanks > 0 && matches!(self.byte(), None | Some(b'\n'))) {
                return None;
            }
            let is_over = self.is_line_over()?;
            if !is_over {
                after = self.mark();
            }
            if is_new {
                // Of a sequence right below its key the parser says that it stands behind the first dash.
                let is_below_key = self.frames.last().is_some_and(|it| it.indent == indent);
                self.open(indent, false, if is_below_key { after } else { dash })?;
            }
            if is_over {
                return self.awaits(after);
            }
            (indent, is_new) = (self.at - self.line_start, true);
        }
        let mark = self.mark();
        match self.beginning()? {
            Beginning::Key(key, style) => {
                if is_new {
                    self.open(indent, true, mark)?;
                }
                self.builder.scalar(key, style, 0, None, mark).ok()?;
                let colon = self.mark();
                self.at += 1;
                if self.is_line_over()? { self.awaits(colon) } else { self.value() }
            }
            _ if !is_new || self.frames.is_empty() => None,
            Beginning::Quoted(text, style) => self.quoted_value(text, style, mark),
            Beginning::Other => self.value(),
        }
    }

    fn open(&mut self, indent: usize, is_map: bool, mark: Mark) -> Option<()> {
        self.builder.open(is_map, false, 0, None, mark).ok()?;
        self.frames.push(Frame { indent, is_map, awaiting: None });
        Some(())
    }

    fn close(&mut self, frame: &Frame) -> Option<()> {
        self.nothing(frame.awaiting)?;
        self.builder.close().ok()
    }

    /// The value that an awaiting key or dash turns out not to have.
    fn nothing(&mut self, awaiting: Option<Mark>) -> Option<()> {
        match awaiting {
            None => Some(()),
            Some(mark) => self.builder.scalar("".into(), WrittenStyle::Plain, 0, None, mark).ok(),
        }
    }

    fn awaits(&mut self, mark: Mark) -> Option<()> {
        self.frames.last_mut()?.awaiting = Some(mark);
        Some(())
    }

    /// Skips blanks, and a comment too when there are some; goes to the next line if that was all.
    fn is_line_over(&mut self) -> Option<bool> {
        let blanks = self.blanks();
        match self.byte() {
            None => Some(true),
            Some(b'\n') => {
                self.next_line();
                Some(true)
            }
            Some(b'#') if blanks > 0 => {
                self.skip_line();
                Some(true)
            }
            Some(_) => Some(false),
        }
    }

    fn byte(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// True at a dash that begins an element.
    fn is_dash(&self) -> bool {
        matches!(self.bytes[self.at..], [b'-'] | [b'-', b' ' | b'\n', ..])
    }

    /// Skips blanks and says how many.
    fn blanks(&mut self) -> usize {
        let start = self.at;
        while self.byte() == Some(b' ') {
            self.at += 1;
        }
        self.at - start
    }

    fn skip_line(&mut self) {
        match memchr::memchr(b'\n', &self.bytes[self.at..]) {
            None => self.at = self.bytes.len(),
            Some(length) => {
                self.at += length;
                self.next_line();
            }
        }
    }

    /// Goes behind the line break that stands here.
    fn next_line(&mut self) {
        self.at += 1;
        self.line = self.line.saturating_add(1);
        self.line_start = self.at;
    }

    /// Where this is. Columns count characters.
    fn mark(&mut self) -> Mark {
        let (from, before) = match self.counted {
            (from, before) if (self.line_start..=self.at).contains(&from) => (from, before),
            _ => (self.line_start, 0),
        };
        let characters = before + self.text[from..self.at].chars().count();
        self.counted = (self.at, characters);
        Mark { line: self.line, column: u32::try_from(characters).unwrap_or(u32::MAX).saturating_add(1) }
    }
}
