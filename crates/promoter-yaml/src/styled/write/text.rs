//! The bytes of one scalar: which form its style becomes, and single quotes and blocks, which may hold line breaks.

use crate::emit::allowed_styles;
use crate::read::WrittenStyle;
use crate::styled::Text;
use crate::{Dialect, Tag, scalar};

use super::Writer;
use super::lines::Sides;

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Literal,
    Folded,
}

/// A scalar's form, and the tag that it needs in order to stay what it was.
pub(super) struct Shown {
    pub(super) form: Form,
    pub(super) tag: Option<&'static str>,
}

impl Shown {
    /// `is_tagged`: a tag stands there already.
    pub(super) fn of(text: &Text, is_tagged: bool, is_key: bool, in_flow: bool) -> Self {
        let is_plain = text.style == WrittenStyle::Plain;
        let changes = !is_tagged && is_plain && text.implied.is_some_and(|it| it != resolved(&text.text));
        let wanted = match text.style {
            WrittenStyle::Plain if text.text.contains('\n') => Form::Literal,
            WrittenStyle::Plain if changes && text.implied == Some(Tag::Str) => Form::DoubleQuoted,
            WrittenStyle::Plain => Form::Plain,
            WrittenStyle::SingleQuoted => Form::SingleQuoted,
            WrittenStyle::DoubleQuoted => Form::DoubleQuoted,
            WrittenStyle::Literal => Form::Literal,
            WrittenStyle::Folded => Form::Folded,
        };
        let tag = text.implied.filter(|_| changes).and_then(tag_of);
        Self { form: possible(wanted, &text.text, is_key, in_flow), tag }
    }
}

/// What go-yaml takes plain text for. A merge key is of no type that a replacement knows.
fn resolved(text: &str) -> Tag {
    if text == "<<" { Tag::Null } else { scalar::resolve(text, Dialect::Resource) }
}

fn tag_of(tag: Tag) -> Option<&'static str> {
    match tag {
        Tag::Null => Some("!!null"),
        Tag::Bool => Some("!!bool"),
        Tag::Int => Some("!!int"),
        Tag::Float => Some("!!float"),
        Tag::Timestamp => Some("!!timestamp"),
        Tag::Str => None,
    }
}

/// The form that a text can have.
fn possible(wanted: Form, text: &str, is_key: bool, in_flow: bool) -> Form {
    let allowed = allowed_styles(text);
    let mut form = wanted;
    if form == Form::Plain {
        let is_odd = match text.is_empty() {
            true => in_flow || is_key,
            false => !allowed.plain || (in_flow && text.contains([',', '?', '[', ']', '{', '}', ':'])),
        };
        if is_odd {
            form = Form::SingleQuoted;
        }
    }
    match form {
        Form::SingleQuoted if !allowed.single_quoted => Form::DoubleQuoted,
        Form::Literal | Form::Folded if !allowed.block || in_flow || is_key => Form::DoubleQuoted,
        form => form,
    }
}

impl Writer {
    pub(super) fn single_quoted(&mut self, text: &str) {
        self.indicator("'", Sides::SPACED);
        let mut after_break = false;
        for line in text.split_inclusive('\n') {
            let content = line.trim_end_matches('\n');
            if !content.is_empty() {
                if after_break {
                    self.start_line();
                }
                self.push(&content.replace('\'', "''"));
                (self.in_indent, after_break) = (false, false);
            }
            if line.ends_with('\n') {
                if !after_break {
                    self.end_line();
                }
                self.end_line();
                after_break = true;
            }
        }
        self.indicator("'", Sides::TIGHT);
    }

    pub(super) fn literal(&mut self, text: &str) {
        self.block_header("|", text);
        for line in text.split_inclusive('\n') {
            let content = line.trim_end_matches('\n');
            if !content.is_empty() {
                self.start_line();
                self.push(content);
                self.in_indent = false;
            }
            if line.ends_with('\n') {
                self.end_line();
            }
        }
    }

    pub(super) fn folded(&mut self, text: &str) {
        self.block_header(">", text);
        let is_blank = |it: &str| it.starts_with([' ', '\t']);
        // The emitter means to ask about the line that follows, but asks about the first one.
        let first = text.trim_start_matches('\n');
        let may_double = !first.is_empty() && !is_blank(first);
        let (mut after_break, mut leading_blanks) = (true, true);
        for line in text.split_inclusive('\n') {
            let content = line.trim_end_matches('\n');
            if !content.is_empty() {
                if after_break {
                    self.start_line();
                    leading_blanks = is_blank(content);
                }
                self.push(content);
                (self.in_indent, after_break) = (false, false);
            }
            if line.ends_with('\n') {
                if !after_break && !leading_blanks && may_double {
                    self.end_line();
                }
                self.end_line();
                after_break = true;
            }
        }
    }

    /// The header of a block, with the comment behind it and the end of its line.
    fn block_header(&mut self, indicator: &str, text: &str) {
        self.indicator(indicator, Sides::SPACED);
        if text.starts_with([' ', '\n']) {
            self.indicator("2", Sides::TIGHT);
        }
        let mut backwards = text.chars().rev();
        match (backwards.next() == Some('\n'), backwards.next().is_none_or(|it| it == '\n')) {
            (false, _) => self.indicator("-", Sides::TIGHT),
            (true, true) => self.indicator("+", Sides::TIGHT),
            (true, false) => {}
        }
        if !self.line() {
            self.end_line();
        }
        self.after_blank = true;
    }
}
