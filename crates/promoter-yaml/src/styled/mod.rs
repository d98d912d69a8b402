//! YAML text with some of its values changed, as go-yaml v3 writes it: comments and styles stay, the layout is its own.
//!
//! kustomize treats YAML that is the text of a field so. Apart from the readers of this crate, which lose comments and
//! styles on purpose: nothing else needs them, and every other document would pay. `scan` makes tokens and finds the
//! comments, `parse` makes a tree of them, `apply` changes its values, `write` writes it. What the tree does not hold
//! is refused.

mod apply;
mod comments;
mod cursor;
mod flow;
mod parse;
mod scan;
mod text;
mod write;

use crate::read::WrittenStyle;
use crate::{Mark, Node, Tag, YamlError};

/// The first document of a text with `after` instead of `before`, without blanks around it. `before` is what
/// [`parse_first`](crate::parse_first) read from the text, for a resource.
///
/// Errors: something in the text, or in the change, of which it is not certain how go-yaml writes it.
pub fn rewrite(text: &str, before: &Node, after: &Node) -> Result<String, YamlError> {
    let mut document = parse::document(text)?;
    apply::apply(&mut document.root, before, after)?;
    let written = write::document(document)?;
    Ok(written.trim().to_owned())
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

struct Text {
    text: Box<str>,
    style: WrittenStyle,
    /// What the scalar is without a tag; `None` for one that was just made, which go-yaml leaves to the reader.
    implied: Option<Tag>,
}

/// Comments with their `#`, above a value, behind it and below it; empty when there are none.
#[derive(Default)]
struct Comments {
    head: String,
    line: String,
    foot: String,
}

impl Styled {
    fn new(what: What, mark: Mark) -> Self {
        Self { what, anchor: None, tag: None, comments: Comments::default(), mark }
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
