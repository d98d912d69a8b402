//! YAML that is the text of a field, with some of its words replaced.
//!
//! kustomize reads such text and writes it anew, with comments, quotes and flow style kept. Here the words are replaced
//! where they stand, which comes to the same for text that is laid out as kustomize does it, and keeps the layout of
//! any other. What is more than one word for another is left to the caller to refuse.

use promoter_yaml::{Form, Mark, Node, Scalar, Tag, emit_hydrated};

use crate::field_path::untyped;

/// A scalar of the text, before and after.
pub(super) struct Word {
    /// Where it stands.
    pub(super) mark: Mark,
    /// What stands there.
    pub(super) before: Scalar,
    /// What shall stand there.
    pub(super) after: Scalar,
}

/// The text with the words replaced, without blank lines around it; `None` when one does not stand on one line.
pub(super) fn replace_words(text: &str, words: &[Word]) -> Option<String> {
    let mut edits = words.iter().map(|it| edit(text, it)).collect::<Option<Vec<_>>>()?;
    edits.sort();
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for (start, end, word) in edits {
        out.push_str(text.get(done..start)?);
        out.push_str(&word);
        done = end;
    }
    out.push_str(&text[done..]);
    Some(out.trim().to_owned())
}

/// From which byte to which a word stands, and what comes there.
fn edit(text: &str, word: &Word) -> Option<(usize, usize, String)> {
    let start = offset(text, word.mark)?;
    let rest = &text[start..];
    let end = start + written_len(rest, &word.before)?;
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let quote = rest.chars().next().filter(|_| word.before.form == Form::Quoted);
    Some((start, end, written(&word.after, quote, is_in_flow(&text[line_start..start]))?))
}

/// The byte at which a mark stands.
fn offset(text: &str, mark: Mark) -> Option<usize> {
    let line = usize::try_from(mark.line).ok()?.checked_sub(1)?;
    let column = usize::try_from(mark.column).ok()?.checked_sub(1)?;
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let (inside, _) = text[start..].char_indices().nth(column)?;
    Some(start + inside)
}

/// How many bytes a scalar takes where it stands; `None` when it does not end on its line.
fn written_len(rest: &str, scalar: &Scalar) -> Option<usize> {
    let line = rest.lines().next()?;
    match (scalar.form, line.chars().next()?) {
        (Form::Plain, _) => line.starts_with(&*scalar.text).then_some(scalar.text.len()),
        (Form::Quoted, '"') => {
            let mut escaped = false;
            let end = line.char_indices().skip(1).find(|(_, it)| {
                let ends = *it == '"' && !escaped;
                escaped = *it == '\\' && !escaped;
                ends
            });
            end.map(|(at, _)| at + 1)
        }
        (Form::Quoted, '\'') => line[1..].replace("''", "  ").find('\'').map(|at| at + 2),
        _ => None,
    }
}

/// True when a collection in flow style is open at the end of the line so far.
fn is_in_flow(line: &str) -> bool {
    let count = |chars: [char; 2]| line.matches(chars).count();
    count(['{', '[']) > count(['}', ']'])
}

/// A scalar as go-yaml writes it: in the quotes that stood there, or in those it needs.
fn written(scalar: &Scalar, quote: Option<char>, in_flow: bool) -> Option<String> {
    let text = &*scalar.text;
    if text.chars().any(|it| it.is_control() || u32::from(it) > 0xffff) {
        return None;
    }
    let double = || format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let single = || format!("'{}'", text.replace('\'', "''"));
    match quote {
        Some('\'') => return Some(single()),
        Some(_) => return Some(double()),
        None if scalar.tag != Tag::Str => return Some(text.to_owned()),
        None if text.is_empty() || untyped(text).as_str().is_none() => return Some(double()),
        None if in_flow && text.contains([',', '?', '[', ']', '{', '}', ':']) => return Some(single()),
        None => {}
    }
    let mut out = String::new();
    emit_hydrated(&Node::str(text), &mut out).ok()?;
    let out = out.trim_end_matches('\n');
    // Text that only YAML 1.1 takes for something else needs no quotes here.
    Some(if out.starts_with('"') { text.to_owned() } else { out.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use promoter_yaml::{Dialect, Limits, parse_first};

    fn replaced(text: &str, path: &[&str], value: &str) -> Option<String> {
        let document = parse_first(text, Dialect::Resource, &Limits::default()).unwrap().unwrap();
        let node = document.path(path).unwrap();
        let before = node.as_scalar().unwrap().clone();
        let after = Scalar { text: value.into(), tag: before.tag, form: before.form };
        replace_words(text, &[Word { mark: node.mark, before, after }])
    }

    #[test]
    fn words_change_where_they_stand() {
        let text =
            "# top\n\na:\n  b: word # note\n  c: {d: \"x\\\"y\", e: 'it''s', f: [g, ß, word]}\n  n: 1\n";
        let with = |path: &[&str], value: &str| replaced(text, path, value).unwrap();
        assert_eq!(
            with(&["a", "b"], "x: y"),
            "# top\n\na:\n  b: 'x: y' # note\n  c: {d: \"x\\\"y\", e: 'it''s', f: [g, ß, word]}\n  n: 1"
        );
        assert!(with(&["a", "c", "d"], "q\"r").contains("d: \"q\\\"r\","));
        assert!(with(&["a", "c", "e"], "don't").contains("e: 'don''t',"));
        assert!(with(&["a", "n"], "20").ends_with("n: 20"));
    }

    #[test]
    fn plain_words_get_the_quotes_they_need() {
        for (value, written) in [
            ("other", "other"),
            ("5", "\"5\""),
            ("", "\"\""),
            ("yes", "yes"),
            ("12:30", "12:30"),
            ("a #b", "'a #b'"),
            ("it's", "it's"),
            ("- a", "'- a'"),
            ("trailing:", "'trailing:'"),
            ("null", "\"null\""),
            ("a,b", "a,b"),
            ("http://a.b/c?d=e", "http://a.b/c?d=e"),
            ("2001-01-01", "\"2001-01-01\""),
            ("&a", "'&a'"),
        ] {
            assert_eq!(replaced("a: word\n", &["a"], value).unwrap(), format!("a: {written}"), "{value}");
        }
        for (value, written) in
            [("other", "other"), ("a,b", "'a,b'"), ("http://a.b", "'http://a.b'"), ("-a", "-a")]
        {
            assert_eq!(
                replaced("{a: word}\n", &["a"], value).unwrap(),
                format!("{{a: {written}}}"),
                "{value}"
            );
        }
    }

    #[test]
    fn what_is_no_word_on_one_line_is_left_to_the_caller() {
        assert_eq!(replaced("a: |\n  block\n", &["a"], "x"), None);
        assert_eq!(replaced("a: one\n  two\n", &["a"], "x"), None);
        assert_eq!(replaced("a: word\n", &["a"], "two\nlines"), None);
    }
}
