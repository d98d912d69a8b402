//! Tokens to a tree, with each comment at the value to which go-yaml gives it.

use std::borrow::Cow;

use crate::read::scalars;
use crate::{Limits, YamlError};

use super::cursor::Place;
use super::scan::{Placed, Scanner, Token};
use super::{Comments, Document, Styled, What, unsupported};

/// Characters that end a line for go-yaml, or that it treats in ways of its own.
const UNUSUAL: [char; 5] = ['\r', '\u{85}', '\u{2028}', '\u{2029}', '\u{feff}'];

/// The first document of a text.
pub(super) fn document(text: &str) -> Result<Document, YamlError> {
    // Where go-yaml looks for comments, it sees two line breaks in one of these.
    let text = match text.contains('#') {
        true => Cow::Borrowed(text),
        false => Cow::Owned(text.replace("\r\n", "\n")),
    };
    if text.contains(UNUSUAL) {
        return Err(unsupported("an unusual line break", Place::default().mark()));
    }
    let scanner = Scanner::new(&text, scalars(&text, &Limits::default()));
    let mut parser = Parser { scanner, comments: Comments::default(), stem: None };
    parser.take()?;
    let mut head = String::new();
    match parser.look()? {
        Token::DocumentStart => drop(parser.take()?),
        _ => head = parser.split_head(),
    }
    let root = parser.node(false)?;
    parser.look()?;
    let mut comments = std::mem::take(&mut parser.comments);
    if comments.foot.is_empty() {
        comments.foot = comments.head;
    }
    Ok(Document { head, root, foot: comments.foot })
}

struct Parser<'a> {
    scanner: Scanner<'a>,
    /// What was met and belongs to no value yet.
    comments: Comments,
    /// A comment above a collection that is an item of a list.
    stem: Option<String>,
}

impl Parser<'_> {
    /// The next token; comments that belong to it or to what was before it are gathered.
    fn look(&mut self) -> Result<&Token, YamlError> {
        self.scanner.look_ahead()?;
        let Placed { token, place } = &self.scanner.tokens[self.scanner.taken];
        let is_end = matches!(token, Token::BlockEnd);
        self.gather(place.at, is_end);
        Ok(&self.scanner.tokens[self.scanner.taken].token)
    }

    /// Gathers the comments up to a byte. A comment above something is not above the end of a block.
    fn gather(&mut self, at: usize, is_end: bool) {
        let add = |to: &mut String, text: &str| {
            if !to.is_empty() && !text.is_empty() {
                to.push('\n');
            }
            to.push_str(text);
        };
        while let Some(comment) = self.scanner.comments.get_mut(self.scanner.gathered) {
            if comment.token_at > at || (is_end && !comment.text.head.is_empty()) {
                break;
            }
            let text = comment.take();
            add(&mut self.comments.head, &text.head);
            add(&mut self.comments.foot, &text.foot);
            add(&mut self.comments.line, &text.line);
            self.scanner.gathered += 1;
        }
    }

    /// Takes the next token.
    fn take(&mut self) -> Result<Placed, YamlError> {
        self.look()?;
        let placed = &mut self.scanner.tokens[self.scanner.taken];
        self.scanner.taken += 1;
        Ok(Placed { token: std::mem::replace(&mut placed.token, Token::Taken), place: placed.place })
    }

    fn take_comments(&mut self) -> Comments {
        self.stem = None;
        std::mem::take(&mut self.comments)
    }

    /// What stands above the last blank line of the first comment belongs to the document.
    fn split_head(&mut self) -> String {
        let head = &mut self.comments.head;
        if let Some(first) = head.strip_suffix('\n').filter(|it| !it.is_empty()) {
            let first = first.to_owned();
            head.clear();
            return first;
        }
        let Some(end) = head.rfind("\n\n") else {
            return String::new();
        };
        let rest = head.split_off(end + 2);
        let mut first = std::mem::replace(head, rest);
        first.truncate(end);
        first
    }

    /// A value. Below a key, a list may stand in the column of the key.
    fn node(&mut self, below_key: bool) -> Result<Styled, YamlError> {
        let (mut anchor, mut tag) = (None, None);
        self.look()?;
        let place = self.scanner.tokens[self.scanner.taken].place;
        let odd = |what| Err(unsupported(what, place.mark()));
        loop {
            match self.look()? {
                Token::Anchor(_) if anchor.is_none() => {
                    if let Token::Anchor(name) = self.take()?.token {
                        anchor = Some(name);
                    }
                }
                Token::Tag(_) if tag.is_none() => {
                    if let Token::Tag(name) = self.take()?.token {
                        tag = Some(name);
                    }
                }
                _ => break,
            }
        }
        let value = match self.look()? {
            Token::Entry if below_key => self.list(place, true)?,
            Token::SeqStart => self.list(place, false)?,
            Token::MapStart => self.map(place)?,
            Token::Scalar(_) | Token::Alias(_) | Token::Flow(..) => self.leaf(place)?,
            _ if anchor.is_none() && tag.is_none() => return odd("a missing value"),
            _ => Styled::missing(place.mark()),
        };
        if matches!(value.what, What::Alias(_)) && (anchor.is_some() || tag.is_some()) {
            return odd("an alias with a tag or an anchor");
        }
        Ok(value.with(anchor, tag))
    }

    fn leaf(&mut self, place: Place) -> Result<Styled, YamlError> {
        let comments = self.take_comments();
        let (what, comments) = match self.take()?.token {
            Token::Scalar(text) => (What::Scalar(text), comments),
            Token::Alias(name) => (What::Alias(name), comments),
            Token::Flow(value, closing) => {
                self.gather(closing, false);
                let Comments { line, foot, .. } = self.take_comments();
                (value.what, Comments { head: comments.head, line, foot })
            }
            _ => return Err(unsupported("a missing value", place.mark())),
        };
        Ok(Styled { comments, ..Styled::new(what, place.mark()) })
    }

    fn list(&mut self, place: Place, is_indentless: bool) -> Result<Styled, YamlError> {
        let mut list = Styled::new(What::Seq { items: Vec::new(), is_flow: false }, place.mark());
        if !is_indentless {
            list.comments.head = self.stem.take().unwrap_or_default();
            self.take()?;
        }
        let mut items = Vec::new();
        while matches!(self.look()?, Token::Entry) {
            let stem = self.comments.head.len();
            let dash = self.take()?.place;
            self.split_stem(stem)?;
            let is_missing = match self.look()? {
                Token::Entry | Token::BlockEnd => true,
                Token::Key | Token::Value => is_indentless,
                _ => false,
            };
            items.push(if is_missing { Styled::missing(dash.mark()) } else { self.node(false)? });
        }
        if !is_indentless {
            self.end_block(place)?;
        }
        list.what = What::Seq { items, is_flow: false };
        Ok(list)
    }

    fn end_block(&mut self, start: Place) -> Result<(), YamlError> {
        match self.take()?.token {
            Token::BlockEnd => Ok(()),
            _ => Err(unsupported("something that is read in more than one way", start.mark())),
        }
    }

    /// A comment above a dash belongs to the collection behind it as a whole.
    fn split_stem(&mut self, stem: usize) -> Result<(), YamlError> {
        if stem == 0 || !matches!(self.look()?, Token::SeqStart | Token::MapStart) {
            return Ok(());
        }
        let rest = self.comments.head.split_off(stem);
        let rest = rest.strip_prefix('\n').unwrap_or(&rest).to_owned();
        self.stem = Some(std::mem::replace(&mut self.comments.head, rest));
        Ok(())
    }

    fn map(&mut self, place: Place) -> Result<Styled, YamlError> {
        let mut map = Styled::new(What::Map { entries: Vec::new(), is_flow: false }, place.mark());
        map.comments.head = self.stem.take().unwrap_or_default();
        self.take()?;
        let mut entries: Vec<(Styled, Styled)> = Vec::new();
        while matches!(self.look()?, Token::Key) {
            let start = self.take()?.place;
            let mut key = match self.look()? {
                Token::Key | Token::Value | Token::BlockEnd => Styled::missing(start.mark()),
                _ => self.node(true)?,
            };
            if !matches!(key.what, What::Scalar(_)) {
                return Err(unsupported("a key that is no text", key.mark));
            }
            if let Some((before, _)) = entries.last_mut().filter(|_| !key.comments.foot.is_empty()) {
                before.comments.foot = std::mem::take(&mut key.comments.foot);
            }
            let mut value = self.map_value()?;
            if key.comments.foot.is_empty() {
                key.comments.foot = std::mem::take(&mut value.comments.foot);
            }
            entries.push((key, value));
        }
        let Comments { line, foot, .. } = match self.look()? {
            Token::BlockEnd => self.take_comments(),
            _ => Comments::default(),
        };
        self.end_block(place)?;
        map.comments.line = line;
        match entries.last_mut().filter(|_| !foot.is_empty()) {
            Some((last, _)) => last.comments.foot = foot,
            None => map.comments.foot = foot,
        }
        map.what = What::Map { entries, is_flow: false };
        Ok(map)
    }

    fn map_value(&mut self) -> Result<Styled, YamlError> {
        if !matches!(self.look()?, Token::Value) {
            return Ok(Styled::missing(self.scanner.cursor.place.mark()));
        }
        let colon = self.take()?.place;
        match self.look()? {
            Token::Key | Token::Value | Token::BlockEnd => Ok(Styled::missing(colon.mark())),
            _ => self.node(true),
        }
    }
}
