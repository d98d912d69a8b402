//! Any text through every reader, and what they read through every writer.
//!
//! Nothing panics; the quick way of reading gives what the parser gives; the first document is the first of all; a tree that is written reads back as the same value.

#![no_main]

use libfuzzer_sys::fuzz_target;
use promoter_yaml::{
    Data, Dialect, Limits, Node, StyledText, YamlError, emit_hydrated, emit_json, emit_kustomize, is_plain_text,
    parse_all, parse_first, parse_json,
};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    promoter_yaml::assert_ways_agree(text);
    let limits = Limits::default();
    for dialect in [Dialect::Resource, Dialect::Config, Dialect::Own] {
        let first = parse_first(text, dialect, &limits);
        let Ok(documents) = parse_all(text, dialect, &limits) else {
            continue;
        };
        let agrees = match &first {
            Ok(Some(first)) => documents.first() == Some(first),
            // Of all documents those that say nothing are left out; to Go the first one is the first.
            Ok(None) => documents.is_empty() || dialect == Dialect::Config,
            // A later document is refused.
            Err(_) => dialect == Dialect::Own,
        };
        assert!(agrees, "{first:?}");
        documents.iter().for_each(written_and_read_again);
        if let (Dialect::Resource, Ok(Some(first))) = (dialect, &first) {
            changed_in_place(text, first);
        }
    }
    if let Ok(node) = parse_json(text, &limits) {
        written_and_read_again(&node);
    }
});

fn written_and_read_again(node: &Node) {
    let mut json = String::new();
    if emit_json(node, true, &mut json).is_err() {
        // A number that JSON lacks: no writer takes it. Too deep a tree cannot be read.
        let mut out = String::new();
        assert!(emit_kustomize(node, &mut out).is_err() && out.is_empty());
        return;
    }
    let back = parse_json(&json, &Limits::default()).unwrap_or_else(|error| panic!("{error}: {json}"));
    assert_eq!(canonical(&back), json);
    if is_mangled(&json) {
        return;
    }
    if let Some(back) = read_again(node, emit_kustomize) {
        assert_eq!(canonical(&back), json);
    }
    // This writer rounds integers beyond 63 bits, so what it wrote once is what has to come back.
    if let Some(back) =
        read_again(node, emit_hydrated).and_then(|it| read_again(&it, emit_hydrated).map(|again| (it, again)))
    {
        assert_eq!(canonical(&back.0), canonical(&back.1));
    }
}

/// What a reader of resources makes of a written tree; `None` when it cannot be written.
fn read_again(node: &Node, emit: impl Fn(&Node, &mut String) -> Result<(), YamlError>) -> Option<Node> {
    let mut written = String::new();
    emit(node, &mut written).ok()?;
    let back = parse_first(&written, Dialect::Resource, &Limits::default());
    Some(back.unwrap_or_else(|error| panic!("{error}: {written:?}")).unwrap_or_else(Node::null))
}

/// A text with one value changed, comments and styles kept, is a document that has the value.
fn changed_in_place(text: &str, before: &Node) {
    const NEW: &str = "changed: # by us";
    let mut after = before.clone();
    // Another type would be kept as a tag, as kustomize keeps it, which the new text does not fit: a time in braces is text
    // to a tree, and a time to the writer.
    let Some(found) = first(&mut after, |it| is_plain_text(it, Dialect::Resource)) else {
        return;
    };
    *found = Node::str(NEW);
    let Ok(written) = StyledText::parse(text).and_then(|it| it.write(before, &after)) else {
        return;
    };
    let back = parse_first(&written, Dialect::Resource, &Limits::default());
    let mut back = back.unwrap_or_else(|error| panic!("{error}: {written:?}")).unwrap_or_else(Node::null);
    assert!(first(&mut back, |it| it == NEW).is_some(), "{written:?}");
}

/// The first string that passes the test.
fn first(node: &mut Node, test: fn(&str) -> bool) -> Option<&mut Node> {
    if node.as_str().is_some_and(test) {
        return Some(node);
    }
    match &mut node.data {
        Data::Scalar(_) => None,
        Data::Seq(items) => items.iter_mut().find_map(|it| first(it, test)),
        Data::Map(map) => map.iter_mut().find_map(|(_, value)| first(value, test)),
    }
}

fn canonical(node: &Node) -> String {
    let mut json = String::new();
    emit_json(node, true, &mut json).unwrap_or_else(|error| panic!("{error}"));
    json
}

/// True for texts that kustomize itself does not bring through: what YAML 1.1 takes for line breaks, and characters
/// that no YAML text may hold.
fn is_mangled(json: &str) -> bool {
    json.contains(['\u{85}', '\u{feff}', '\u{7f}']) || json.contains("\\u2028") || json.contains("\\u2029")
}
