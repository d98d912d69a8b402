//! YAML text with some of its values changed, as go-yaml v3 writes it: comments and styles stay, the layout is its own.
//!
//! kustomize treats YAML that is the text of a field so. Apart from the readers of this crate, which lose comments and
//! styles on purpose: nothing else needs them, and every other document would pay. `scan` makes tokens and finds the
//! comments, `parse` makes a tree of them, `apply` changes its values, `write` writes it. What the tree does not hold
//! is refused.

mod apply;
mod block;
mod comments;
mod cursor;
mod flow;
mod parse;
mod scan;
mod write;

use crate::read::WrittenStyle;
use crate::{Mark, Node, Tag, YamlError};

/// The first document of a text, with its comments and styles.
pub struct StyledText {
    document: Document,
}

impl StyledText {
    /// Reads a text that [`parse_first`](crate::parse_first) has read as a resource.
    ///
    /// Errors: something in the text of which it is not certain how go-yaml writes it.
    pub fn parse(text: &str) -> Result<Self, YamlError> {
        Ok(Self { document: parse::document(text)? })
    }

    /// Items of lists, or the values below a key of such items, that have comments of their own: as go-yaml writes each
    /// alone, with the comments and without. With an empty key the items themselves.
    ///
    /// Errors: an item that is an alias or merges others, so that its values stand elsewhere.
    pub fn commented(&self, key: &str) -> Result<Vec<[String; 2]>, YamlError> {
        let mut found = Vec::new();
        commented(&self.document.root, key, &mut found)?;
        Ok(found)
    }

    /// The text with `after` instead of `before`, which is what was read from it, without blanks around it.
    ///
    /// Errors: something in the change, or in the text, of which it is not certain how go-yaml writes it.
    pub fn write(mut self, before: &Node, after: &Node) -> Result<String, YamlError> {
        apply::apply(&mut self.document.root, before, after)?;
        let written = write::document(self.document)?;
        Ok(written.trim().to_owned())
    }
}

fn commented(value: &Styled, key: &str, found: &mut Vec<[String; 2]>) -> Result<(), YamlError> {
    let items = match &value.what {
        What::Scalar(_) | What::Alias(_) => return Ok(()),
        What::Map { entries, .. } => return entries.iter().try_for_each(|(_, it)| commented(it, key, found)),
        What::Seq { items, .. } => items,
    };
    for item in items {
        let named = match &item.what {
            What::Alias(_) => return Err(unsupported("an alias in a list", item.mark)),
            _ if key.is_empty() => Some(item),
            What::Map { entries, .. } => {
                if entries.iter().any(|(key, _)| key.tag.as_deref() == Some("!!merge")) {
                    return Err(unsupported("a merge key in a list", item.mark));
                }
                entries.iter().find(|(it, _)| it.is_text(key)).map(|(_, it)| it)
            }
            _ => None,
        };
        found.extend(named.and_then(write::alone));
        commented(item, key, found)?;
    }
    Ok(())
}

/// A document with the comments that belong to none of its values.
struct Document {
    head: String,
    root: Styled,
    foot: String,
}

/// A value with all that is seen of it.
struct Styled {
    what: What,
    anchor: Option<Box<str>>,
    /// A tag that stands there, with its exclamation marks.
    tag: Option<Box<str>>,
    comments: Comments,
    mark: Mark,
}

enum What {
    Scalar(Text),
    Alias(Box<str>),
    Seq { items: Vec<Styled>, is_flow: bool },
    Map { entries: Vec<(Styled, Styled)>, is_flow: bool },
}

#[derive(Clone)]
struct Text {
    text: Box<str>,
    style: WrittenStyle,
    /// What the scalar is without a tag; `None` for one that was just made, which go-yaml leaves to the reader.
    implied: Option<Tag>,
}

/// Comments with their `#`, above a value, behind it and below it; empty when there are none.
#[derive(Clone, Default)]
struct Comments {
    head: String,
    line: String,
    foot: String,
}

impl Styled {
    fn new(what: What, mark: Mark) -> Self {
        Self { what, anchor: None, tag: None, comments: Comments::default(), mark }
    }

    fn is_text(&self, text: &str) -> bool {
        matches!(&self.what, What::Scalar(it) if *it.text == *text)
    }

    /// The same with an anchor and a tag. go-yaml gives merge keys one that it writes.
    fn with(mut self, anchor: Option<Box<str>>, tag: Option<Box<str>>) -> Self {
        let is_merge =
            matches!(&self.what, What::Scalar(it) if &*it.text == "<<" && it.style == WrittenStyle::Plain);
        self.tag = tag.or_else(|| is_merge.then(|| "!!merge".into()));
        self.anchor = anchor;
        self
    }

    /// A value that is not there.
    fn missing(mark: Mark) -> Self {
        let text = Text { text: "".into(), style: WrittenStyle::Plain, implied: Some(Tag::Null) };
        Self::new(What::Scalar(text), mark)
    }
}

fn unsupported(what: &str, mark: Mark) -> YamlError {
    YamlError::new(what, mark)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dialect, Limits, parse_first};

    fn rewritten(text: &str, key: &str, value: &str) -> Result<String, YamlError> {
        let before = parse_first(text, Dialect::Resource, &Limits::default())?.unwrap();
        let mut after = before.clone();
        after.as_map_mut().unwrap().insert(key, Node::str(value));
        StyledText::parse(text)?.write(&before, &after)
    }

    #[test]
    fn layout_is_go_yamls_and_the_rest_stays() {
        for (text, written) in [
            ("a:   old   # why\n\n\nb: 'q'\n", "a: new # why\nb: 'q'"),
            ("# top\n\n# of a\na: old\n# foot\n\n# end\n", "# top\n\n# of a\na: new\n# foot\n\n# end"),
            ("l:\n    - x\n    -   k: {p: 1,q: }\na: old\n", "l:\n- x\n- k: {p: 1, q: ''}\na: new"),
            ("a: \"old\"\nb: |+\n   t\n\n", "a: \"new\"\nb: |+\n  t"),
            ("b: &x 1\nc: *x\na: !!str old\n", "b: &x 1\nc: *x\na: !!str new"),
            ("k: # of k\n  # of v\n  v: 1\n", "k: # of k\n  # of v\n  v: 1\na: new"),
            ("---\na: old\n---\nb: 1\n", "a: new"),
        ] {
            assert_eq!(rewritten(text, "a", "new").as_deref(), Ok(written), "{text}");
        }
    }

    #[test]
    fn another_kind_of_value_is_quoted_or_tagged() {
        for (text, value, written) in [
            ("a: old\n", "5", "a: \"5\""),
            ("a: 5\n", "new", "a: !!int new"),
            ("a: 5\n", "6", "a: 6"),
            ("a:\n", "new", "a: !!null new"),
            ("b: 1\n", "5", "b: 1\na: 5"),
            ("a: old\n", "x: y", "a: 'x: y'"),
            ("a: old\n", "two\nlines", "a: |-\n  two\n  lines"),
        ] {
            assert_eq!(rewritten(text, "a", value).as_deref(), Ok(written), "{text}");
        }
    }

    #[test]
    fn what_is_not_certain_is_refused_with_its_line() {
        for (text, message) in [
            ("a: old\nb: [1, # one\n  2]\n", "2:8: a comment between brackets"),
            ("a: old\nb: [c: d]\n", "2:6: a list in brackets that is unusual"),
            ("a: old\nb: ! c\n", "2:4: an unusual tag or anchor"),
            ("a: old\n\t\nb: c\n", "2:1: a tab in the indentation"),
            ("a: old # why\r\nb: c\r\n", "1:1: an unusual line break"),
            ("a: !!int '5'\n", "1:4: a value that does not fit the tag before it"),
        ] {
            let error = rewritten(text, "a", "new").unwrap_err();
            assert_eq!(error.to_string(), message, "{text}");
        }
        assert_eq!(rewritten("a: old\r\nb: c\r\n", "a", "new").as_deref(), Ok("a: new\nb: c"));
    }

    #[test]
    fn comments_of_items_are_shown() {
        let text = StyledText::parse("l:\n- n: x # one\n- n: y\n# of z\n- z\n").unwrap();
        assert_eq!(text.commented("n"), Ok(vec![["x # one".to_owned(), "x".to_owned()]]));
        assert_eq!(text.commented(""), Ok(vec![["# of z\nz".to_owned(), "z".to_owned()]]));
        for hidden in ["b: &b {n: x}\nl:\n- <<: *b\n", "b: &b {n: x}\nl: [*b]\n"] {
            assert!(StyledText::parse(hidden).unwrap().commented("n").is_err(), "{hidden}");
        }
    }
}
