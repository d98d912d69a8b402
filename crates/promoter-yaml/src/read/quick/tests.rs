use std::path::{Path, PathBuf};
use std::{env, fs};

use proptest::prelude::*;

use super::agrees;

/// Every YAML file below a directory.
fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files(&path, found),
            false if path.extension().is_some_and(|it| it == "yaml") => found.push(path),
            false => {}
        }
    }
}

/// The files are those of our test data, or any below `$PROMOTER_YAML_FILES`.
#[test]
fn reads_what_the_parser_reads_from_real_files() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata");
    let directory = env::var_os("PROMOTER_YAML_FILES").map_or(own, PathBuf::from);
    let mut found = Vec::new();
    files(&directory, &mut found);
    let (mut quick, mut all) = (0, 0);
    for text in found.iter().filter_map(|it| fs::read_to_string(it).ok()) {
        for piece in crate::read::split::pieces(&text).unwrap_or_default() {
            all += piece.text.len();
            quick += if agrees(piece.text) { piece.text.len() } else { 0 };
        }
    }
    println!("{quick} of {all} bytes the quick way");
    assert!(quick > all / 2, "the quick way is hardly ever gone: {quick} of {all} bytes");
}

/// Pieces of YAML from which lines are made.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "a", "b", "key", "1", "true", "null", "~", "a b", "é", "日本", "a:b", "a#b", "-1", "--x", "<<", "=",
    "1.5", "0x1F", "2020-01-01", ": ", ":", "- ", "-", "? ", "# c", " # c", "#", "\"", "'", "''", "\\\"",
    "\\n", "\\\\", "\\ ", "\\", "\"a\"", "'b'", "\"a b\"", "'it''s'", "\"q\\\"q\"", "|", "|-", "|+", "|2",
    ">", ">-", "[]", "{}", "[a, b]", "{a: b}", "[", "]", "{", "}", ",", ", ", "&x", "&x ", "*x", "!!str ",
    "!a", "%", "@", "`", "\t", " ", "  ", "---", "...", "?", "a?", "\u{85}", "\u{a0}", "\u{feff}",
    "\u{2028}", "key: ", "key:", "b: c", "- a", "- key: v", "a: 'x", "y'", "a: \"x",
];

fn word() -> impl Strategy<Value = &'static str> {
    prop::sample::select(WORDS)
}

/// Lines of a few words each, at indentations that often fit together.
fn text() -> impl Strategy<Value = String> {
    let line = (0_usize..5, prop::collection::vec(word(), 0..5))
        .prop_map(|(indent, words)| format!("{}{}\n", " ".repeat(indent), words.concat()));
    let tidy = (
        0_usize..4,
        word(),
        prop::sample::select(&["key: ", "- ", "key:", "- k: ", "", "'k': ", "\"k\": "][..]),
    )
        .prop_map(|(indent, word, start)| format!("{}{start}{word}\n", "  ".repeat(indent)));
    let lines = prop::collection::vec(prop_oneof![1 => line, 2 => tidy], 0..9);
    (lines, any::<bool>()).prop_map(|(lines, is_cut)| {
        let text = lines.concat();
        if is_cut { text.trim_end_matches('\n').to_owned() } else { text }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]
    #[test]
    fn never_differs_from_the_parser(text in text()) {
        // Most of them only begin well.
        agrees(&text);
    }
}
