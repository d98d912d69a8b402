//! A tree to text, as the emitter of go-yaml v3 writes it with an indentation of two and lists in the column of their key.
//!
//! A comment is written when the emitter comes to a place for one, which is not always at the value that it was read
//! with; so comments wait in `waiting`, as they do there.

mod lines;
mod text;

use crate::YamlError;
use crate::emit::double_quoted;

use super::{Comments, Document, Styled, What, unsupported};
use lines::{Sides, Waiting};
use text::{Form, Shown};

/// Keys that are longer need a form of their own.
const KEY_MAX: usize = 128;

/// Writes a document.
///
/// Errors: a key that does not fit on one line.
pub(super) fn document(document: Document) -> Result<String, YamlError> {
    let mut writer = Writer::default();
    let Document { head, root, foot } = document;
    if !head.is_empty() {
        writer.waiting.head = head;
        writer.head();
        writer.end_line();
    }
    writer.load(&root, String::new());
    writer.head();
    writer.value(&root, Parent::Document)?;
    writer.waiting.load(Comments { foot, ..Comments::default() });
    writer.foot_indent = Some(0);
    writer.foot();
    writer.foot_indent = None;
    writer.indent = None;
    writer.start_line();
    Ok(writer.out)
}

/// A scalar with comments, written alone, and the same without them; `None` for anything else.
pub(super) fn alone(value: &Styled) -> Option<[String; 2]> {
    let What::Scalar(text) = &value.what else {
        return None;
    };
    let Comments { head, line, foot } = &value.comments;
    if head.len() + line.len() + foot.len() == 0 {
        return None;
    }
    let written = |comments: Comments| {
        let root = Styled {
            anchor: value.anchor.clone(),
            tag: value.tag.clone(),
            comments,
            ..Styled::new(What::Scalar(text.clone()), value.mark)
        };
        document(Document { head: String::new(), root, foot: String::new() }).map(|it| it.trim().to_owned())
    };
    Some([written(value.comments.clone()).ok()?, written(Comments::default()).ok()?])
}

/// What a value belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Parent {
    Document,
    Seq,
    Map,
    /// A value that is a key.
    Key,
}

struct Writer {
    out: String,
    column: usize,
    /// The last character was a blank, or there is none.
    after_blank: bool,
    /// Only indentation stands on the line so far.
    in_indent: bool,
    /// Where a comment below a value stood, from which a blank line parts what follows.
    foot_indent: Option<usize>,
    indent: Option<usize>,
    flow_depth: usize,
    waiting: Waiting,
}

impl Default for Writer {
    fn default() -> Self {
        Self {
            out: String::new(),
            column: 0,
            after_blank: true,
            in_indent: true,
            foot_indent: None,
            indent: None,
            flow_depth: 0,
            waiting: Waiting::default(),
        }
    }
}

impl Writer {
    /// Comments of the value that comes next. Those of a collection that stand behind or below it come at its end.
    fn load(&mut self, value: &Styled, tail: String) {
        let Comments { head, line, foot } = &value.comments;
        let is_collection = matches!(value.what, What::Seq { .. } | What::Map { .. });
        let at_start = |it: &String| if is_collection { String::new() } else { it.clone() };
        self.waiting.load(Comments { head: head.clone(), line: at_start(line), foot: at_start(foot) });
        if !tail.is_empty() {
            self.waiting.tail = tail;
        }
    }

    /// Comments behind and below a collection.
    fn load_end(&mut self, value: &Styled) {
        let Comments { line, foot, .. } = &value.comments;
        self.waiting.load(Comments { head: String::new(), line: line.clone(), foot: foot.clone() });
    }

    fn value(&mut self, value: &Styled, parent: Parent) -> Result<(), YamlError> {
        self.properties(value);
        self.leaf(value, parent);
        self.line();
        self.foot();
        let in_flow = self.flow_depth > 0;
        match &value.what {
            What::Scalar(_) | What::Alias(_) => Ok(()),
            What::Seq { items, is_flow } if *is_flow || in_flow || items.is_empty() => {
                self.flow_seq(value, items, parent)
            }
            What::Map { entries, is_flow } if *is_flow || in_flow || entries.is_empty() => {
                self.flow_map(value, entries, parent)
            }
            What::Seq { items, .. } => self.seq(value, items, parent),
            What::Map { entries, .. } => self.map(value, entries, parent),
        }
    }

    fn properties(&mut self, value: &Styled) {
        if let Some(anchor) = &value.anchor {
            self.indicator("&", Sides::SPACED);
            self.push(anchor);
        }
        if let Some(tag) = &value.tag {
            self.indicator(tag, Sides::SPACED);
        }
    }

    /// Writes a scalar or an alias; nothing of a collection.
    fn leaf(&mut self, value: &Styled, parent: Parent) {
        let text = match &value.what {
            What::Scalar(text) => text,
            What::Alias(name) => {
                self.indicator("*", Sides::SPACED);
                self.push(name);
                return;
            }
            What::Seq { .. } | What::Map { .. } => return,
        };
        let shown = Shown::of(text, value.tag.is_some(), parent == Parent::Key, self.flow_depth > 0);
        if let Some(tag) = shown.tag {
            self.indicator(tag, Sides::SPACED);
        }
        let outer = self.deeper(parent, true, false);
        self.scalar(&text.text, shown.form);
        self.indent = outer;
    }

    fn scalar(&mut self, text: &str, form: Form) {
        match form {
            Form::Plain if text.is_empty() => self.in_indent = false,
            Form::Plain => self.indicator(text, Sides::SPACED),
            Form::DoubleQuoted => {
                let mut quoted = String::with_capacity(text.len() + 2);
                double_quoted(text, &mut quoted);
                self.indicator(&quoted, Sides::SPACED);
            }
            Form::SingleQuoted => self.single_quoted(text),
            Form::Literal => self.literal(text),
            Form::Folded => self.folded(text),
        }
    }

    /// Goes one level deeper, and gives the indentation to come back to.
    fn deeper(&mut self, parent: Parent, is_flow: bool, is_compact: bool) -> Option<usize> {
        let outer = self.indent;
        self.indent = Some(match outer {
            None if is_flow => 2,
            None => 0,
            Some(indent) if parent == Parent::Seq && self.flow_depth == 0 => indent + 2,
            Some(indent) => (indent + 2) / 2 * 2 - if is_compact { 2 } else { 0 },
        });
        outer
    }

    fn flow_seq(&mut self, value: &Styled, items: &[Styled], parent: Parent) -> Result<(), YamlError> {
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

    fn flow_map(
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

    fn seq(&mut self, value: &Styled, items: &[Styled], parent: Parent) -> Result<(), YamlError> {
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

    fn map(&mut self, value: &Styled, entries: &[(Styled, Styled)], parent: Parent) -> Result<(), YamlError> {
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
}
