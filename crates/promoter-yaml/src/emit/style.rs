//! Which style a text gets: plain, quoted or a literal block.
//!
//! libyaml's analysis of a text, with go-yaml's wishes on top. Breaks are LF, CR, NEL, LS and PS; blanks are space and
//! tab; everything outside the Basic Multilingual Plane counts as not printable.

use super::Rules;
use crate::Tag;
use crate::scalar::{is_base60, is_yaml11_bool, resolve};

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Literal,
}

/// What the characters of a text allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// It has line breaks.
    pub(super) multiline: bool,
    plain: bool,
    single_quoted: bool,
    block: bool,
}

impl Style {
    /// The style that go-yaml chooses. In a key there are no blocks.
    pub(super) fn of(text: &str, shape: &Shape, rules: &Rules, is_key: bool) -> Self {
        if shape.multiline && text.contains('\n') {
            return if shape.block && !is_key { Self::Literal } else { Self::DoubleQuoted };
        }
        if must_quote(text, rules) {
            return Self::DoubleQuoted;
        }
        match shape {
            Shape { plain: true, .. } => Self::Plain,
            Shape { single_quoted: true, .. } => Self::SingleQuoted,
            _ => Self::DoubleQuoted,
        }
    }
}

/// True for text that a reader would take for something else if it stood there plain.
fn must_quote(text: &str, rules: &Rules) -> bool {
    let Some(first) = text.bytes().next() else {
        return true;
    };
    match first {
        b'0'..=b'9' | b'+' | b'-' => resolve(text, rules.dialect) != Tag::Str || is_base60(text),
        b'.' | b'~' => resolve(text, rules.dialect) != Tag::Str,
        _ if text.len() <= 5 => resolve(text, rules.dialect) != Tag::Str || is_yaml11_bool(text),
        _ => false,
    }
}

/// What one byte means for the analysis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Nothing special anywhere.
    Normal,
    Space,
    Tab,
    LineFeed,
    CarriageReturn,
    Colon,
    Hash,
    /// Forbids plain text as the first character only.
    Leading,
    /// `?` and `-`: as the first character, before a blank.
    LeadingBeforeBlank,
    /// The first byte of a character beyond ASCII.
    Wide,
    /// Not printable.
    Special,
}

const CLASSES: [Class; 256] = {
    let mut classes = [Class::Normal; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b' ' => Class::Space,
            b'\t' => Class::Tab,
            b'\n' => Class::LineFeed,
            b'\r' => Class::CarriageReturn,
            b':' => Class::Colon,
            b'#' => Class::Hash,
            b',' | b'[' | b']' | b'{' | b'}' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' | b'"' | b'%'
            | b'@' | b'`' => Class::Leading,
            b'?' | b'-' => Class::LeadingBeforeBlank,
            0x00..=0x1f | 0x7f => Class::Special,
            0x80..=0xff => Class::Wide,
            _ => Class::Normal,
        };
        byte += 1;
    }
    classes
};

/// The styles that a text can have, outside of flow collections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowed {
    pub(crate) plain: bool,
    pub(crate) single_quoted: bool,
    pub(crate) block: bool,
}

impl Shape {
    pub(super) fn allowed(&self) -> Allowed {
        let Self { plain, single_quoted, block, .. } = *self;
        Allowed { plain, single_quoted, block }
    }

    pub(super) fn of(text: &str, rules: &Rules) -> Self {
        let bytes = text.as_bytes();
        let mut marks = Marks::default();
        if text.starts_with("---") || text.starts_with("...") {
            marks.indicator = true;
        }
        let blank_or_end = |at: usize| matches!(bytes.get(at), None | Some(b' ' | b'\t'));
        let (mut after_space, mut after_break, mut after_blank) = (false, false, true);
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let class = CLASSES[usize::from(byte)];
            if class == Class::Normal {
                (after_space, after_break, after_blank) = (false, false, false);
                at += 1;
                continue;
            }
            let wide = (class == Class::Wide).then(|| Wide::at(bytes, at));
            let width = wide.map_or(1, |it| it.width);
            let is_break = matches!(class, Class::LineFeed | Class::CarriageReturn)
                || wide.is_some_and(|it| it.is_break);
            match class {
                Class::Colon => marks.indicator |= blank_or_end(at + 1),
                Class::Hash => marks.indicator |= after_blank,
                Class::Leading => marks.indicator |= at == 0,
                Class::LeadingBeforeBlank => marks.indicator |= at == 0 && blank_or_end(1),
                Class::Tab => marks.tab = true,
                Class::Special | Class::CarriageReturn => marks.special = true,
                Class::Wide => marks.special |= wide.is_some_and(|it| !it.printable),
                Class::Normal | Class::Space | Class::LineFeed => {}
            }
            let is_edge = at == 0 || at + width == bytes.len();
            if class == Class::Space {
                marks.edge |= is_edge;
                marks.trailing_space |= at + 1 == bytes.len();
                marks.break_space |= after_break;
            } else if is_break {
                marks.breaks = true;
                marks.edge |= is_edge;
                marks.space_break |= after_space;
            }
            (after_space, after_break) = (class == Class::Space, is_break);
            after_blank = is_break || matches!(byte, b' ' | b'\t' | 0);
            at += width;
        }
        marks.shape(bytes.is_empty(), rules)
    }
}

/// What was seen in a text.
#[derive(Default)]
struct Marks {
    indicator: bool,
    /// A blank or break at the start or end.
    edge: bool,
    trailing_space: bool,
    breaks: bool,
    break_space: bool,
    space_break: bool,
    tab: bool,
    special: bool,
}

impl Marks {
    fn shape(&self, is_empty: bool, rules: &Rules) -> Shape {
        let unfit_for_block = self.special || (self.tab && !rules.tab_in_blocks) || self.space_break;
        let unfit_for_quotes = self.special || self.tab || self.space_break || self.break_space;
        Shape {
            multiline: self.breaks,
            plain: !(unfit_for_quotes || self.edge || self.breaks || self.indicator),
            single_quoted: !unfit_for_quotes,
            block: !(is_empty || unfit_for_block || self.trailing_space),
        }
    }
}

/// A character beyond ASCII.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wide {
    pub(super) width: usize,
    pub(super) printable: bool,
    pub(super) is_break: bool,
}

impl Wide {
    /// Looks at the character that starts at a byte; the bytes are valid UTF-8.
    pub(super) fn at(bytes: &[u8], at: usize) -> Self {
        let is_break = matches!(&bytes[at..], [0xc2, 0x85, ..] | [0xe2, 0x80, 0xa8 | 0xa9, ..]);
        let (width, printable) = match &bytes[at..] {
            [0xc2, next, ..] => (2, *next >= 0xa0),
            [0xc3..=0xdf, ..] => (2, true),
            [0xef, 0xbb, 0xbf, ..] | [0xef, 0xbf, 0xbe | 0xbf, ..] => (3, false),
            [0xe0..=0xef, ..] => (3, true),
            _ => (4, false),
        };
        Self { width, printable, is_break }
    }
}
