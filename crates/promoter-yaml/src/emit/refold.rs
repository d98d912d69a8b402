//! The change that kustomize makes to the text of a folded block (`>`).
//!
//! Before kustomize turns a resource into JSON it writes it as YAML once more and reads that, and go-yaml v3 does not
//! write every folded block so that it reads back the same: lines with leading blanks gain a line break before them, and
//! in a text that starts with a blank, ordinary line breaks are lost. Manifests depend on the outcome.

use std::borrow::Cow;

/// The text of a folded block after go-yaml v3 wrote and read it.
pub(crate) fn refold(text: &str) -> Cow<'_, str> {
    match survives(text) || !is_written_folded(text) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(refolded(text)),
    }
}

/// True for most texts: no line starts with a blank, and at most one line break ends it.
fn survives(text: &str) -> bool {
    !text.starts_with([' ', '\t', '\n'])
        && !text.contains("\n ")
        && !text.contains("\n\t")
        && !text.ends_with("\n\n")
}

/// Texts that go-yaml cannot write as a block are written in double quotes, which is exact.
fn is_written_folded(text: &str) -> bool {
    let printable =
        |it: char| matches!(it, ' '..='~' | '\t' | '\n' | '\u{a0}'..='\u{fffd}') && it != '\u{feff}';
    !text.is_empty() && !text.ends_with(' ') && !text.contains(" \n") && text.chars().all(printable)
}

fn refolded(text: &str) -> String {
    let is_blank = |line: &str| line.starts_with([' ', '\t']);
    // The writer means to ask about the line that follows, but asks about the first one.
    let adds_breaks = !is_blank(text.trim_start_matches('\n'));
    let mut result = String::with_capacity(text.len() + 8);
    let mut rest = text.trim_start_matches('\n');
    result.push_str(&text[..text.len() - rest.len()]);
    while !rest.is_empty() {
        let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
        let after = &rest[line.len()..];
        let next = after.trim_start_matches('\n');
        let breaks = after.len() - next.len();
        let written = breaks + usize::from(breaks > 0 && adds_breaks && !is_blank(line));
        result.push_str(line);
        let is_folded = !next.is_empty() && !is_blank(line) && !is_blank(next);
        match written {
            1 if is_folded => result.push(' '),
            _ if is_folded => result.extend(std::iter::repeat_n('\n', written.saturating_sub(1))),
            // One line break at the end is kept as it is, without the one added.
            _ if next.is_empty() && breaks == 1 => result.push('\n'),
            _ => result.extend(std::iter::repeat_n('\n', written)),
        }
        rest = next;
    }
    result
}
