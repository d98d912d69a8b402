//! A tree to text, as the emitter of go-yaml v3 writes it with an indentation of two and lists in the column of their key.
//!
//! A comment is written when the emitter comes to a place for one, which is not always at the value that it was read
//! with; so comments wait in `waiting`, as they do there. Leaves to `collections` what is in lists and mappings, to
//! `text` the form of a scalar, and to `lines` where blanks and breaks go.

mod collections;
mod lines;
mod text;

use crate::YamlError;
use crate::emit::double_quoted;

use super::{Comments, Document, Styled, What};
use lines::{Sides, Waiting};
use text::{Form, Shown};

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
}
