//! Trees to text: YAML as kustomize and as Argo CD's hydrator print it, and JSON as Go prints it.
//!
//! Both YAML forms come from libyaml's algorithm in two versions of go-yaml; [`Rules`] holds what differs. Block layout
//! is decided here, the style of one text in `style`, its bytes in `text`, the order of keys in `order`.

mod json;
mod letters;
mod order;
mod refold;
mod style;
mod text;

use std::fmt::Write;

pub(crate) use json::json;
pub(crate) use refold::refold;
pub(crate) use style::Allowed;
pub(crate) use text::double_quoted;

use crate::scalar::float;
use crate::{Data, Dialect, Mark, Node, Number, Scalar, Tag, YamlError};
use order::KeyOrder;
use style::{Shape, Style};

/// How deep a tree may be; deeper ones would overflow the stack of the thread that writes them.
const DEPTH_MAX: usize = 1_000;

/// What differs between the two YAML forms.
pub(super) struct Rules {
    /// Whose plain scalars must not be mistaken for something else than text.
    pub(super) dialect: Dialect,
    /// Column behind which a text is broken at its next blank.
    pub(super) fold_after: usize,
    /// Sequences below a key stand two columns to the right of it.
    pub(super) indents_sequences: bool,
    /// A tab may stand in a literal block.
    pub(super) tab_in_blocks: bool,
    /// The order of keys.
    order: KeyOrder,
    /// Integers beyond 63 bits are floats.
    wide_integers: bool,
    /// Text went through JSON and a YAML reader on its way.
    rereads_json: bool,
}

const KUSTOMIZE: Rules = Rules {
    dialect: Dialect::Config,
    fold_after: 80,
    indents_sequences: false,
    tab_in_blocks: false,
    order: KeyOrder::V2,
    wide_integers: true,
    rereads_json: true,
};

const HYDRATED: Rules = Rules {
    dialect: Dialect::Resource,
    fold_after: usize::MAX,
    indents_sequences: true,
    tab_in_blocks: true,
    order: KeyOrder::V3,
    wide_integers: false,
    rereads_json: false,
};

/// One document as kustomize prints it.
pub(crate) fn kustomize(node: &Node, out: &mut String) -> Result<(), YamlError> {
    document(node, &KUSTOMIZE, out)
}

/// One document as Argo CD's hydrator writes it.
pub(crate) fn hydrated(node: &Node, out: &mut String) -> Result<(), YamlError> {
    document(node, &HYDRATED, out)
}

/// The styles in which go-yaml v3 can write a text.
pub(crate) fn allowed_styles(text: &str) -> Allowed {
    Shape::of(text, &HYDRATED).allowed()
}

/// True for a text that the hydrator writes as it is: without quotes, and not as a block.
pub(crate) fn is_written_plain(text: &str) -> bool {
    Style::of(text, &Shape::of(text, &HYDRATED), &HYDRATED, false) == Style::Plain
}

/// A document is written whole or not at all.
fn document(node: &Node, rules: &'static Rules, out: &mut String) -> Result<(), YamlError> {
    let start = out.len();
    let mut writer = Writer { rules, out, depth: 0 };
    let done = writer.root(node);
    if done.is_err() {
        out.truncate(start);
    }
    done
}

struct Writer<'a> {
    rules: &'static Rules,
    out: &'a mut String,
    depth: usize,
}

impl Writer<'_> {
    fn root(&mut self, node: &Node) -> Result<(), YamlError> {
        match &node.data {
            Data::Map(map) if !map.is_empty() => self.mapping(node, 0),
            Data::Seq(items) if !items.is_empty() => self.sequence(items, 0),
            _ => self.inline(node, 0),
        }?;
        self.end_line();
        Ok(())
    }

    /// Writes the entries of a mapping. The cursor stands at column `indent` already.
    fn mapping(&mut self, node: &Node, indent: usize) -> Result<(), YamlError> {
        self.enter(node)?;
        let Data::Map(map) = &node.data else {
            return Ok(());
        };
        for (index, entry) in order::sorted(map, self.rules.order).into_iter().enumerate() {
            if index > 0 {
                self.start_line(indent);
            }
            let is_simple = self.key(&entry.key, entry.key_mark, indent)?;
            self.out.push(':');
            match &entry.value.data {
                Data::Map(map) if !is_simple && !map.is_empty() => {
                    self.out.push(' ');
                    self.mapping(&entry.value, indent + 2)?;
                }
                Data::Seq(items) if !is_simple && !items.is_empty() => {
                    self.out.push(' ');
                    self.nested_sequence(&entry.value, items, indent + 2)?;
                }
                _ => self.value(&entry.value, indent)?,
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Writes a key; false when it stands behind `? `, on lines of its own.
    fn key(&mut self, key: &str, mark: Mark, indent: usize) -> Result<bool, YamlError> {
        let key = text::reread(key, self.rules.rereads_json, mark)?;
        let shape = Shape::of(&key, self.rules);
        if key.len() <= 128 && !shape.multiline {
            let style = Style::of(&key, &shape, self.rules, true);
            text::write(&key, style, text::Place { indent, is_key: true }, self.rules, self.out);
            return Ok(true);
        }
        self.out.push_str("? ");
        let style = Style::of(&key, &shape, self.rules, false);
        text::write(&key, style, text::Place { indent: indent + 2, is_key: false }, self.rules, self.out);
        self.start_line(indent);
        Ok(false)
    }

    /// Writes what follows the colon of a key at column `indent`.
    fn value(&mut self, value: &Node, indent: usize) -> Result<(), YamlError> {
        match &value.data {
            Data::Map(map) if !map.is_empty() => {
                self.start_line(indent + 2);
                self.mapping(value, indent + 2)
            }
            Data::Seq(items) if !items.is_empty() => {
                let indent = if self.rules.indents_sequences { indent + 2 } else { indent };
                self.start_line(indent);
                self.nested_sequence(value, items, indent)
            }
            _ => {
                self.out.push(' ');
                self.inline(value, indent)
            }
        }
    }

    fn nested_sequence(&mut self, node: &Node, items: &[Node], indent: usize) -> Result<(), YamlError> {
        self.enter(node)?;
        self.sequence(items, indent)?;
        self.depth -= 1;
        Ok(())
    }

    /// Writes the items of a sequence whose dashes stand at column `indent`.
    fn sequence(&mut self, items: &[Node], indent: usize) -> Result<(), YamlError> {
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.start_line(indent);
            }
            self.out.push_str("- ");
            match &item.data {
                Data::Map(map) if !map.is_empty() => self.mapping(item, indent + 2)?,
                Data::Seq(items) if !items.is_empty() => self.nested_sequence(item, items, indent + 2)?,
                _ => self.inline(item, indent)?,
            }
        }
        Ok(())
    }

    /// Writes a scalar or an empty collection that belongs to an indentation of `indent`.
    fn inline(&mut self, node: &Node, indent: usize) -> Result<(), YamlError> {
        let scalar = match &node.data {
            Data::Map(_) => {
                self.out.push_str("{}");
                return Ok(());
            }
            Data::Seq(_) => {
                self.out.push_str("[]");
                return Ok(());
            }
            Data::Scalar(scalar) => scalar,
        };
        match scalar.tag {
            Tag::Null => self.out.push_str(if scalar.text.is_empty() { "\"\"" } else { "null" }),
            Tag::Bool => self.out.push_str(if scalar.as_bool() == Some(true) { "true" } else { "false" }),
            Tag::Int | Tag::Float => self.number(scalar, node.mark)?,
            Tag::Str => self.text(&scalar.written(), node.mark, indent)?,
            Tag::Timestamp => {
                let time = scalar.rfc3339();
                self.text(time.as_deref().unwrap_or(&scalar.text), node.mark, indent)?;
            }
        }
        Ok(())
    }

    fn text(&mut self, value: &str, mark: Mark, indent: usize) -> Result<(), YamlError> {
        let value = text::reread(value, self.rules.rereads_json, mark)?;
        let shape = Shape::of(&value, self.rules);
        let style = Style::of(&value, &shape, self.rules, false);
        text::write(&value, style, text::Place { indent: indent + 2, is_key: false }, self.rules, self.out);
        Ok(())
    }

    fn number(&mut self, scalar: &Scalar, mark: Mark) -> Result<(), YamlError> {
        let number = finite_number(scalar, mark)?;
        let _ = match number {
            Number::Int(value) => write!(self.out, "{value}"),
            Number::UInt(value) if self.rules.wide_integers => write!(self.out, "{value}"),
            Number::UInt(_) | Number::Float(_) => {
                float::write_shortest(number.to_f64(), self.out);
                Ok(())
            }
        };
        Ok(())
    }

    fn enter(&mut self, node: &Node) -> Result<(), YamlError> {
        self.depth += 1;
        check_depth(self.depth, node)
    }

    fn start_line(&mut self, indent: usize) {
        self.end_line();
        text::push_blanks(self.out, indent);
    }

    /// A literal block has ended its line itself, perhaps with a break that only YAML 1.1 knows.
    fn end_line(&mut self) {
        if !self.out.ends_with(['\n', '\u{85}', '\u{2028}', '\u{2029}']) {
            self.out.push('\n');
        }
    }
}

fn check_depth(depth: usize, node: &Node) -> Result<(), YamlError> {
    match depth > DEPTH_MAX {
        true => Err(YamlError::new(format!("nested deeper than {DEPTH_MAX} levels"), node.mark)),
        false => Ok(()),
    }
}

fn finite_number(scalar: &Scalar, mark: Mark) -> Result<Number, YamlError> {
    let number =
        scalar.number().ok_or_else(|| YamlError::new(format!("`{}` is not a number", scalar.text), mark))?;
    match number {
        Number::Float(value) if !value.is_finite() => {
            Err(YamlError::new(format!("JSON has no number `{}`", scalar.text), mark))
        }
        number => Ok(number),
    }
}
