//! The scalars of a text in their order, with where and in which style they stand there.

use granit_parser::{Event, Parser, ScalarStyle};

use super::{is_cut_block, parser_options};
use crate::{Dialect, Limits};

/// A scalar as it stands in a text.
pub(crate) struct Written {
    /// From which byte to which, for all but blocks with their quotes.
    pub(crate) start: usize,
    /// See `start`.
    pub(crate) end: usize,
    /// What it says.
    pub(crate) text: Box<str>,
    /// In which style.
    pub(crate) style: ScalarStyle,
}

/// The scalars of all documents, as far as they can be read. Values that are not there are left out.
pub(crate) fn scalars(text: &str, limits: &Limits) -> Vec<Written> {
    let options = parser_options(Dialect::Resource, limits);
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut found = Vec::new();
    while let Some(Ok((event, span))) = parser.next_event() {
        let Event::Scalar(value, style, ..) = event else {
            continue;
        };
        let (Some(start), Some(end)) = (span.start.byte_offset(), span.end.byte_offset()) else {
            continue;
        };
        if style == ScalarStyle::Plain && start == end {
            continue;
        }
        let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        let cut = usize::from(is_block && is_cut_block(text, &value, Some(end)));
        found.push(Written { start, end, text: value[..value.len() - cut].into(), style });
    }
    found
}
