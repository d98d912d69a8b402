//! Lists and mappings, in blocks and in brackets: in which order comments, marks and values come.

use crate::YamlError;
use crate::styled::{Comments, Styled, What, unsupported};

use super::lines::{Sides, Waiting};
use super::{Parent, Writer};

/// Keys that are longer need a form of their own.
const KEY_MAX: usize = 128;

impl Writer {
    pub(super) fn flow_seq(
        &mut self,
        value: &Styled,
        items: &[Styled],
        parent: Parent,
    ) -> Result<(), YamlError> {
        self.indicator("[", Sides { before: true, is_blank: true, keeps_indent: false });
        let outer = self.deeper(parent, true, false);
        self.flow_depth += 1;
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.indicator(",", Sides::TIGHT);
            }
            self.load(item, String::new());
            self.flow_head();
            self.value(item, Parent::Seq)?;
        }
        self.load_end(value);
        self.flow_depth -= 1;
        self.indent = outer;
        if self.column == 0 {
            self.start_line();
        }
        self.indicator("]", Sides::TIGHT);
        self.line();
        self.foot();
        Ok(())
    }

    pub(super) fn flow_map(
        &mut self,
        value: &Styled,
        entries: &[(Styled, Styled)],
        parent: Parent,
    ) -> Result<(), YamlError> {
        self.indicator("{", Sides { before: true, is_blank: true, keeps_indent: false });
        let outer = self.deeper(parent, true, false);
        self.flow_depth += 1;
        for (index, (key, value)) in entries.iter().enumerate() {
            if index > 0 {
                self.indicator(",", Sides::TIGHT);
            }
            self.load(key, String::new());
            self.flow_head();
            self.key(key)?;
            self.load(value, String::new());
            self.indicator(":", Sides::TIGHT);
            self.value(value, Parent::Map)?;
        }
        self.load_end(value);
        let Waiting { head, foot, tail, .. } = &self.waiting;
        if !entries.is_empty() && head.len() + foot.len() + tail.len() > 0 {
            self.indicator(",", Sides::TIGHT);
        }
        self.head();
        self.flow_depth -= 1;
        self.indent = outer;
        self.indicator("}", Sides::TIGHT);
        self.line();
        self.foot();
        Ok(())
    }

    fn flow_head(&mut self) {
        self.head();
        if self.column == 0 {
            self.start_line();
        }
    }

    pub(super) fn seq(&mut self, value: &Styled, items: &[Styled], parent: Parent) -> Result<(), YamlError> {
        let is_compact = parent == Parent::Map && (self.column == 0 || !self.in_indent);
        let outer = self.deeper(parent, false, is_compact);
        for item in items {
            self.load(item, String::new());
            self.head();
            self.start_line();
            self.indicator("-", Sides { before: true, is_blank: false, keeps_indent: true });
            self.value(item, Parent::Seq)?;
        }
        self.load_end(value);
        self.indent = outer;
        Ok(())
    }

    pub(super) fn map(
        &mut self,
        value: &Styled,
        entries: &[(Styled, Styled)],
        parent: Parent,
    ) -> Result<(), YamlError> {
        let outer = self.deeper(parent, false, false);
        let mut tail = String::new();
        for (key, value) in entries {
            let Comments { head, line, foot } = &key.comments;
            self.waiting.load(Comments { head: head.clone(), line: line.clone(), foot: String::new() });
            if !tail.is_empty() {
                self.waiting.tail = tail;
            }
            tail = foot.clone();
            self.head();
            self.start_line();
            if !self.waiting.line.is_empty() {
                self.waiting.key_line = std::mem::take(&mut self.waiting.line);
            }
            self.key(key)?;
            self.load(value, String::new());
            self.indicator(":", Sides::TIGHT);
            self.key_line(value);
            self.value(value, Parent::Map)?;
        }
        if !tail.is_empty() {
            self.waiting.tail = tail;
        }
        self.load_end(value);
        self.head();
        self.indent = outer;
        Ok(())
    }

    fn key(&mut self, key: &Styled) -> Result<(), YamlError> {
        let What::Scalar(text) = &key.what else {
            return Err(unsupported("a key that is no text", key.mark));
        };
        let length = |it: &Option<Box<str>>| it.as_ref().map_or(0, |it| it.len());
        if text.text.contains('\n') || text.text.len() + length(&key.anchor) + length(&key.tag) > KEY_MAX {
            return Err(unsupported("a key that is too long for one line", key.mark));
        }
        self.properties(key);
        self.leaf(key, Parent::Key);
        Ok(())
    }

    /// A comment behind a key stays there when a block follows, and else comes behind the value.
    fn key_line(&mut self, value: &Styled) {
        if self.waiting.key_line.is_empty() {
            return;
        }
        match &value.what {
            What::Scalar(_) if self.waiting.line.is_empty() => {
                self.waiting.line = std::mem::take(&mut self.waiting.key_line);
            }
            What::Seq { is_flow: false, .. } | What::Map { is_flow: false, .. } => {
                let line = std::mem::take(&mut self.waiting.key_line);
                self.waiting.key_line = std::mem::replace(&mut self.waiting.line, line);
                self.line();
                self.waiting.line = std::mem::take(&mut self.waiting.key_line);
            }
            _ => {}
        }
    }

    /// Comments behind and below a collection.
    fn load_end(&mut self, value: &Styled) {
        let Comments { line, foot, .. } = &value.comments;
        self.waiting.load(Comments { head: String::new(), line: line.clone(), foot: foot.clone() });
    }
}
