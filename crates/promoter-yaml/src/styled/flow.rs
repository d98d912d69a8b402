//! Collections in flow style. A comment inside of one is refused.

use crate::YamlError;

use super::cursor::Cursor;
use super::scan::text_of;
use super::{Styled, What, unsupported};

/// How deep collections may be, which the readers check first.
const DEPTH_MAX: usize = 1_000;

impl Cursor<'_> {
    /// The collection whose opening bracket stands here, and where its closing one does.
    pub(super) fn flow(&mut self, depth: usize) -> Result<(Styled, usize), YamlError> {
        let mark = self.place.mark();
        if depth > DEPTH_MAX {
            return Err(unsupported("a list that is nested too deep", mark));
        }
        let is_map = self.byte() == b'{';
        let closing = if is_map { b'}' } else { b']' };
        let (mut items, mut entries) = (Vec::new(), Vec::new());
        self.step();
        loop {
            self.flow_gap()?;
            if self.byte() == closing {
                break;
            }
            let value = self.flow_value(depth)?;
            self.flow_gap()?;
            match is_map {
                true => entries.push(self.flow_entry(value, depth)?),
                false => items.push(value),
            }
            self.flow_gap()?;
            match self.byte() {
                b',' => self.step(),
                byte if byte == closing => {}
                _ => return Err(unsupported("a list in brackets that is unusual", self.place.mark())),
            }
        }
        let end = self.place.at;
        self.step();
        let what = match is_map {
            true => What::Map { entries, is_flow: true },
            false => What::Seq { items, is_flow: true },
        };
        Ok((Styled::new(what, mark), end))
    }

    fn flow_entry(&mut self, key: Styled, depth: usize) -> Result<(Styled, Styled), YamlError> {
        if !matches!(key.what, What::Scalar(_)) {
            return Err(unsupported("a key that is no text", key.mark));
        }
        let missing = Styled::missing(self.place.mark());
        if self.byte() != b':' {
            return Ok((key, missing));
        }
        self.step();
        self.flow_gap()?;
        match self.byte() {
            b',' | b'}' => Ok((key, missing)),
            _ => Ok((key, self.flow_value(depth)?)),
        }
    }

    fn flow_value(&mut self, depth: usize) -> Result<Styled, YamlError> {
        let place = self.place;
        let (mut anchor, mut tag) = (None, None);
        loop {
            match self.byte() {
                b'&' => {
                    self.step();
                    anchor = Some(self.take_name(false)?.into());
                }
                b'!' => tag = Some(self.take_name(true)?.into()),
                _ => break,
            }
            if !self.is_gap(0) {
                return Err(unsupported("an unusual tag or anchor", place.mark()));
            }
            self.flow_gap()?;
        }
        let value = match self.byte() {
            b'*' => {
                self.step();
                Styled::new(What::Alias(self.take_name(false)?.into()), place.mark())
            }
            b'[' | b'{' => self.flow(depth + 1)?.0,
            _ => {
                let scalar = self.scalar();
                let scalar =
                    scalar.ok_or_else(|| unsupported("a missing value in brackets", place.mark()))?;
                self.move_to(scalar.end);
                Styled::new(What::Scalar(text_of(scalar)), place.mark())
            }
        };
        Ok(value.with(anchor, tag))
    }

    fn flow_gap(&mut self) -> Result<(), YamlError> {
        self.skip_while(|it| matches!(it, b' ' | b'\t' | b'\n'));
        match self.byte() {
            b'#' => Err(unsupported("a comment between brackets", self.place.mark())),
            _ => Ok(()),
        }
    }
}
