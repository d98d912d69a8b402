//! Tokens of a text, in the order and at the moment in which go-yaml's scanner makes them.
//!
//! What a scalar says is known before: it comes from the parser of all documents. Here only what stands between scalars
//! is looked at. Which value gets a comment depends on how far the scanner is ahead of the parser, so that it is driven
//! as go-yaml drives it: two tokens ahead, and further where a key may begin.

use crate::YamlError;
use crate::read::{Written, WrittenStyle};
use crate::{Dialect, Tag, scalar};

use super::comments::{Before, Comment, behind, between};
use super::cursor::{Cursor, Place};
use super::{Styled, Text, unsupported};

/// How deep blocks may be, which the readers check first.
const DEPTH_MAX: usize = 1_000;

pub(super) enum Token {
    Start,
    End,
    DocumentStart,
    DocumentEnd,
    SeqStart,
    MapStart,
    BlockEnd,
    Entry,
    Key,
    Value,
    Alias(Box<str>),
    Anchor(Box<str>),
    Tag(Box<str>),
    Scalar(Text),
    /// A whole collection in flow style, and where its closing bracket stands.
    Flow(Styled, usize),
    /// One that was handed out.
    Taken,
}

pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) place: Place,
}

/// Where a key begins, if a colon follows.
pub(super) struct PossibleKey {
    token: usize,
    place: Place,
    is_possible: bool,
}

pub(super) struct Scanner<'a> {
    pub(super) cursor: Cursor<'a>,
    pub(super) tokens: Vec<Placed>,
    /// How many tokens were handed out.
    pub(super) taken: usize,
    pub(super) comments: Vec<Comment>,
    /// How many comments were handed out.
    pub(super) gathered: usize,
    pub(super) indent: Option<usize>,
    indents: Vec<Option<usize>>,
    pub(super) allows_key: bool,
    pub(super) key: Option<PossibleKey>,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str, scalars: Vec<Written>) -> Self {
        Self {
            cursor: Cursor::new(text, scalars),
            tokens: vec![Placed { token: Token::Start, place: Place::default() }],
            taken: 0,
            comments: Vec::new(),
            gathered: 0,
            indent: None,
            indents: Vec::new(),
            allows_key: true,
            key: None,
        }
    }

    /// Makes tokens until the next one is certain, and two more.
    pub(super) fn look_ahead(&mut self) -> Result<(), YamlError> {
        while self.taken + 2 >= self.tokens.len() || self.may_become_key() {
            self.fetch()?;
        }
        Ok(())
    }

    fn may_become_key(&mut self) -> bool {
        self.key.as_ref().is_some_and(|it| it.token == self.taken) && self.is_key_possible()
    }

    fn is_key_possible(&mut self) -> bool {
        let here = self.cursor.place;
        let Some(key) = self.key.as_mut() else {
            return false;
        };
        key.is_possible &= key.place.line == here.line && key.place.at + 1024 >= here.at;
        key.is_possible
    }

    fn fetch(&mut self) -> Result<(), YamlError> {
        let scan = self.cursor.place;
        self.skip_to_token(scan);
        let place = self.cursor.place;
        self.unroll(Some(place.column), scan.at);
        if self.indents.len() > DEPTH_MAX {
            return Err(unsupported("lists that are nested too deep", place.mark()));
        }
        let is_marker = |marker: &str| {
            place.column == 0 && self.cursor.text[place.at..].starts_with(marker) && self.cursor.is_gap(3)
        };
        match self.cursor.byte() {
            0 => {
                self.end_document(place);
                self.push(Token::End, place);
                return Ok(());
            }
            b'%' if place.column == 0 => return Err(unsupported("a directive", place.mark())),
            b'-' if is_marker("---") => return self.document_marker(Token::DocumentStart),
            b'.' if is_marker("...") => return self.document_marker(Token::DocumentEnd),
            _ => {}
        }
        let last = self.tokens.last().map_or(0, |it| it.last_at());
        let comment_at = match self.cursor.byte() {
            b':' => last,
            _ => place.at,
        };
        let comment_at = self.token(place, comment_at)?;
        // The comment behind a dash is one above what follows.
        if !matches!(self.tokens.last(), Some(Placed { token: Token::Entry, .. })) {
            behind(&mut self.cursor, comment_at, &mut self.comments);
        }
        Ok(())
    }

    /// Makes the token that starts here, and says which token the comment behind it belongs to.
    fn token(&mut self, place: Place, comment_at: usize) -> Result<usize, YamlError> {
        match self.cursor.byte() {
            b'-' if self.cursor.is_gap(1) => {
                self.roll(place, None, Token::SeqStart);
                self.key = None;
                self.allows_key = true;
                self.cursor.step();
                self.push(Token::Entry, place);
            }
            b'?' if self.cursor.is_gap(1) => {
                self.roll(place, None, Token::MapStart);
                self.key = None;
                self.allows_key = true;
                self.cursor.step();
                self.push(Token::Key, place);
            }
            b':' if self.cursor.is_gap(1) => self.value(place)?,
            b'[' | b'{' => {
                self.save_key(place);
                self.allows_key = false;
                let (value, closing) = self.cursor.flow(0)?;
                self.push(Token::Flow(value, closing), place);
                return Ok(closing);
            }
            byte @ (b'*' | b'&' | b'!') => {
                self.save_key(place);
                self.allows_key = false;
                if byte != b'!' {
                    self.cursor.step();
                }
                let name = self.cursor.take_name(byte == b'!')?.into();
                if !self.cursor.is_gap(0) {
                    return Err(unsupported("an unusual tag or anchor", place.mark()));
                }
                let token = match byte {
                    b'*' => Token::Alias(name),
                    b'&' => Token::Anchor(name),
                    _ => Token::Tag(name),
                };
                self.push(token, place);
            }
            b'|' | b'>' => self.block(place)?,
            _ => {
                self.save_key(place);
                self.allows_key = false;
                let scalar = self.cursor.scalar().ok_or_else(|| {
                    unsupported("something that is read in more than one way", place.mark())
                })?;
                self.cursor.move_to(scalar.end);
                if scalar.style == WrittenStyle::Plain {
                    // go-yaml looks for more words on the lines that follow.
                    let line = self.cursor.place.line;
                    self.skip_to_words()?;
                    self.allows_key = self.cursor.place.line > line;
                }
                self.push(Token::Scalar(text_of(scalar)), place);
            }
        }
        Ok(comment_at)
    }

    fn value(&mut self, place: Place) -> Result<(), YamlError> {
        let is_simple = self.is_key_possible();
        match self.key.take().filter(|_| is_simple) {
            Some(key) => {
                self.tokens.insert(key.token, Placed { token: Token::Key, place: key.place });
                self.roll(key.place, Some(key.token), Token::MapStart);
            }
            None if self.allows_key => self.roll(place, None, Token::MapStart),
            None => return Err(unsupported("a value without a key on its line", place.mark())),
        }
        self.allows_key = !is_simple;
        self.cursor.step();
        self.push(Token::Value, place);
        Ok(())
    }

    fn skip_to_token(&mut self, scan: Place) {
        loop {
            let allows_key = self.allows_key;
            self.cursor.skip_while(|it| it == b' ' || (it == b'\t' && !allows_key));
            self.lift_comment();
            if self.cursor.byte() == b'#' {
                let last = self.tokens.last();
                let is_value = matches!(last, Some(Placed { token: Token::Value, .. }));
                let before = Before { at: last.map_or(0, Placed::last_at), is_value };
                let indent = self.indent.unwrap_or(0);
                between(&mut self.cursor, before, scan, indent, &mut self.comments);
            }
            if self.cursor.byte() != b'\n' {
                return;
            }
            self.cursor.step();
            self.allows_key = true;
        }
    }

    /// The comment behind a key stands above the first item of its list.
    fn lift_comment(&mut self) {
        let [.., before, last] = self.tokens.as_slice() else {
            return;
        };
        if !matches!((&before.token, &last.token), (Token::SeqStart, Token::Entry))
            || self.cursor.byte() == b'\n'
        {
            return;
        }
        if let Some(comment) = self.comments.last_mut().filter(|it| !it.text.line.is_empty()) {
            comment.text.head = std::mem::take(&mut comment.text.line);
            if comment.start.line + 1 == self.cursor.place.line {
                comment.token_at = self.cursor.place.at;
            }
        }
    }

    fn document_marker(&mut self, token: Token) -> Result<(), YamlError> {
        let place = self.cursor.place;
        self.end_document(place);
        self.cursor.move_to(place.at + 3);
        self.push(token, place);
        Ok(())
    }

    fn end_document(&mut self, scan: Place) {
        self.unroll(None, scan.at);
        self.key = None;
        self.allows_key = false;
    }

    fn save_key(&mut self, place: Place) {
        if self.allows_key {
            self.key = Some(PossibleKey { token: self.tokens.len(), place, is_possible: true });
        }
    }

    pub(super) fn push(&mut self, token: Token, place: Place) {
        self.tokens.push(Placed { token, place });
    }

    /// Starts a block that stands further to the right than the one that is open.
    fn roll(&mut self, place: Place, before: Option<usize>, token: Token) {
        if self.indent < Some(place.column) {
            self.indents.push(self.indent);
            self.indent = Some(place.column);
            let index = before.unwrap_or(self.tokens.len());
            self.tokens.insert(index, Placed { token, place });
        }
    }

    /// Ends the blocks that stand further to the right than a column. Comments at the indentation of such a block stand
    /// behind its end, so that they go to what it belongs to.
    fn unroll(&mut self, column: Option<usize>, scan_at: usize) {
        let mut end_at = scan_at.saturating_sub(1);
        while self.indent > column {
            let mut stop_at = end_at;
            for comment in self.comments.iter().rev() {
                if comment.end_at < stop_at {
                    break;
                }
                if Some(comment.start.column) == self.indent.map(|it| it + 1) {
                    end_at = comment.start.at;
                }
                stop_at = comment.scan_at;
            }
            let place = Place { at: end_at, ..self.cursor.place };
            self.push(Token::BlockEnd, place);
            self.indent = self.indents.pop().flatten();
        }
    }
}

impl Placed {
    /// Where its last part starts.
    fn last_at(&self) -> usize {
        match &self.token {
            Token::Flow(_, closing) => *closing,
            _ => self.place.at,
        }
    }
}

/// A scalar with what it is without a tag.
pub(super) fn text_of(scalar: Written) -> Text {
    let implied = match scalar.style {
        WrittenStyle::Plain => scalar::resolve(&scalar.text, Dialect::Resource),
        _ => Tag::Str,
    };
    Text { text: scalar.text, style: scalar.style, implied: Some(implied) }
}
