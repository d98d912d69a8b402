//! Lines, blanks and comments of what is written.

use crate::styled::Comments;

use super::Writer;

/// Comments that wait for a place.
#[derive(Default)]
pub(super) struct Waiting {
    pub(super) head: String,
    pub(super) line: String,
    pub(super) foot: String,
    /// One below the value of the key before.
    pub(super) tail: String,
    /// One behind a key.
    pub(super) key_line: String,
}

impl Waiting {
    pub(super) fn load(&mut self, comments: Comments) {
        let Comments { head, line, foot } = comments;
        for (to, from) in [(&mut self.head, head), (&mut self.line, line), (&mut self.foot, foot)] {
            if !from.is_empty() {
                *to = from;
            }
        }
    }
}

impl Writer {
    pub(super) fn head(&mut self) {
        let tail = std::mem::take(&mut self.waiting.tail);
        if !tail.is_empty() {
            self.start_line();
            self.comment(&tail);
            self.foot_indent = Some(self.indent.unwrap_or(0));
        }
        let head = std::mem::take(&mut self.waiting.head);
        if !head.is_empty() {
            self.start_line();
            self.comment(&head);
        }
    }

    /// True when there was a comment, which ends the line.
    pub(super) fn line(&mut self) -> bool {
        let line = std::mem::take(&mut self.waiting.line);
        if line.is_empty() {
            return false;
        }
        if !self.after_blank {
            self.push(" ");
        }
        self.comment(&line);
        true
    }

    pub(super) fn foot(&mut self) {
        let foot = std::mem::take(&mut self.waiting.foot);
        if !foot.is_empty() {
            self.start_line();
            self.comment(&foot);
            self.foot_indent = Some(self.indent.unwrap_or(0));
        }
    }

    fn comment(&mut self, text: &str) {
        for line in text.split_inclusive('\n') {
            let content = line.trim_end_matches('\n');
            if !content.is_empty() {
                if self.column == 0 {
                    self.start_line();
                }
                self.push(content);
                self.in_indent = false;
            }
            if line.ends_with('\n') {
                self.end_line();
            }
        }
        if !text.ends_with('\n') {
            self.end_line();
        }
        self.after_blank = true;
    }

    /// Appends what holds no line break.
    pub(super) fn push(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    pub(super) fn end_line(&mut self) {
        self.out.push('\n');
        self.column = 0;
        self.in_indent = true;
    }

    /// Goes to the indentation, on a new line if need be.
    pub(super) fn start_line(&mut self) {
        let indent = self.indent.unwrap_or(0);
        if !self.in_indent || self.column > indent || (self.column == indent && !self.after_blank) {
            self.end_line();
        }
        if self.foot_indent == Some(indent) {
            self.end_line();
        }
        while self.column < indent {
            self.push(" ");
        }
        self.after_blank = true;
        self.foot_indent = None;
    }

    pub(super) fn indicator(&mut self, text: &str, sides: Sides) {
        if sides.before && !self.after_blank {
            self.push(" ");
        }
        self.push(text);
        self.after_blank = sides.is_blank;
        self.in_indent &= sides.keeps_indent;
    }
}

/// What stands around a token.
#[derive(Clone, Copy)]
pub(super) struct Sides {
    /// A blank stands before it.
    pub(super) before: bool,
    /// It counts as a blank for what follows.
    pub(super) is_blank: bool,
    /// It counts as indentation.
    pub(super) keeps_indent: bool,
}

impl Sides {
    pub(super) const SPACED: Self = Self { before: true, is_blank: false, keeps_indent: false };
    pub(super) const TIGHT: Self = Self { before: false, is_blank: false, keeps_indent: false };
}
