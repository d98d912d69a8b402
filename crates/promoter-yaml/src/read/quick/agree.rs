//! The quick way held against the parser, for tests and fuzzing.

use crate::read::build::Builder;
use crate::read::{Reader, refuse_control_characters};
use crate::{Dialect, Limits};

/// True when the quick way is gone for a resource of this text.
///
/// Panics: it shows, in a value, its place or its form, or in what is left of the budget.
pub(crate) fn agrees(text: &str) -> bool {
    if refuse_control_characters(text).is_err() {
        return false;
    }
    let mut is_quick = false;
    for dialect in [Dialect::Resource, Dialect::Config, Dialect::Own] {
        let Some(quick) = quickly(text, dialect) else {
            continue;
        };
        let slow = slowly(text, dialect);
        let same = quick.bytes().zip(slow.bytes()).take_while(|(quick, slow)| quick == slow).count();
        let around = |it: &str| it.chars().skip(same.saturating_sub(150)).take(300).collect::<String>();
        assert!(quick == slow, "{dialect:?} {text:?}\nquickly {}\n slowly {}", around(&quick), around(&slow));
        is_quick |= dialect == Dialect::Resource;
    }
    is_quick
}

/// The lines before a text do not count.
const LINES_BEFORE: u32 = 3;

fn quickly(text: &str, dialect: Dialect) -> Option<String> {
    let limits = Limits::default();
    let mut builder = Builder::new(dialect, &limits, limits.nodes_max);
    let found = super::document(text, LINES_BEFORE, &mut builder)?;
    let found: Vec<_> = found.into_iter().filter(|it| !it.is_null()).collect();
    Some(format!("{found:?} {}", builder.nodes_left()))
}

fn slowly(text: &str, dialect: Dialect) -> String {
    let limits = Limits::default();
    let mut reader = Reader { dialect, limits: &limits, nodes_left: limits.nodes_max, found: Vec::new() };
    match reader.parse(text, LINES_BEFORE, 1) {
        Ok(()) => format!("{:?} {}", reader.found, reader.nodes_left),
        Err(error) => error.to_string(),
    }
}
