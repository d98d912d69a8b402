//! What the dialects refuse, and where every error points.

#![expect(clippy::unwrap_used, reason = "a failed unwrap here is a failed test")]

use std::fmt::Write;

use promoter_yaml::{Dialect, Limits, Node, Tag, emit_json, parse_all, parse_first};

fn read(text: &str, dialect: Dialect) -> Result<Vec<Node>, String> {
    let nodes = parse_all(text, dialect, &Limits::default());
    nodes.map_err(|it| it.to_string())
}

fn json(text: &str, dialect: Dialect) -> String {
    let mut out = String::new();
    for node in read(text, dialect).unwrap() {
        emit_json(&node, false, &mut out).unwrap();
    }
    out
}

fn error(text: &str, dialect: Dialect) -> String {
    read(text, dialect).unwrap_err()
}

use Dialect::{Config, Own, Resource};

#[test]
fn places_count_lines_of_the_whole_file() {
    let text =
        "# head\na: 1\n---\n# two\n\nb: {c: [1, é, x: 2]}\n--- # three\nd:\n  - e\n  - f: 1\n    f: 2\n";
    assert_eq!(error(text, Resource), "11:5: the key `f` occurs twice (first in line 10)");
    assert_eq!(
        error(&text.replace('\n', "\r\n"), Resource),
        "11:5: the key `f` occurs twice (first in line 10)"
    );
    assert_eq!(error(text, Own), "11:5: the key `f` occurs twice (first in line 10)");

    let fixed = text.replace("    f: 2\n", "    g: 2\n");
    let documents = read(&fixed, Resource).unwrap();
    let item = &documents[1].path(&["b", "c"]).unwrap().as_seq().unwrap()[1];
    assert_eq!((item.mark.line, item.mark.column), (6, 12));
    let entry = documents[2].get("d").unwrap().as_seq().unwrap()[1].as_map().unwrap().entry("g").unwrap();
    assert_eq!((entry.key_mark.line, entry.key_mark.column), (11, 5));
    assert_eq!((entry.value.mark.line, entry.value.mark.column), (11, 8));
}

#[test]
fn syntax_errors_have_places() {
    assert_eq!(error("a: 1\n---\nb: [1,\nc: 2\n", Resource).split(':').next(), Some("3"));
    assert_eq!(error("a: 'x\n", Own).split(": ").next(), Some("2:1"));
    assert_eq!(error("a: x\u{7}\n", Config), "1:5: the control character U+0007 is not allowed");
    assert_eq!(error("a: é\u{9f}\n", Resource), "1:5: the control character U+009F is not allowed");
    let far = format!("a: {}\nb: {}\n", "é".repeat(1000), '\u{fffe}');
    assert_eq!(error(&far, Own), "2:4: the control character U+FFFE is not allowed");
    assert_eq!(
        error("a: 1\n--- b\nc: 2\n", Resource),
        "2:1: only a comment may follow the `---` of a separator, not `b`"
    );
}

#[test]
fn booleans_differ_by_dialect() {
    let text = "a: [yes, No, ON, off, y, N, true, False, \"yes\"]";
    assert_eq!(json(text, Config), r#"{"a":[true,false,true,false,true,false,true,false,"yes"]}"#);
    assert_eq!(json(text, Resource), r#"{"a":["yes","No","ON","off","y","N",true,false,"yes"]}"#);
    assert_eq!(json(text, Own), json(text, Resource));
}

#[test]
fn duplicate_keys_are_errors_but_in_config() {
    assert_eq!(json("a: 1\nb: 2\na: 3\n", Config), r#"{"a":3,"b":2}"#);
    assert_eq!(error("a: 1\na: 3\n", Own), "2:1: the key `a` occurs twice (first in line 1)");
    let many: String = (0..40).map(|it| format!("k{it}: 1\n")).collect();
    assert_eq!(error(&format!("{many}k7: 2\n"), Own), "41:1: the key `k7` occurs twice (first in line 8)");
}

#[test]
fn own_files_have_no_anchors_tags_and_directives() {
    assert_eq!(error("a: &x 1\n", Own), "1:7: anchors and aliases are not allowed here");
    assert_eq!(error("a: &x {b: 1}\n", Own), "1:7: anchors and aliases are not allowed here");
    assert_eq!(error("a: {<<: {b: 1}}\n", Own), "1:5: merge keys are not allowed here");
    assert_eq!(error("a: !secret x\n", Own), "1:12: the tag `!secret` is not allowed here");
    assert!(error("%YAML 1.2\n---\na: 1\n", Own).starts_with("1:1: "));
    assert!(error("%YAML 1.2\n---\na: 1\n", Resource).starts_with("2:1: "));
}

#[test]
fn keys_are_text() {
    assert_eq!(error("a:\n  1: b\n", Resource), "2:3: the key `1` is an integer, not text: quote it");
    assert_eq!(error("~: b\n", Config), "1:1: the key `~` is null, not text: quote it");
    assert_eq!(json("{0x10: a, y: b, 1.5: c}\n", Config), r#"{"1.5":"c","16":"a","true":"b"}"#);
    assert_eq!(json("y: b\n", Own), r#"{"y":"b"}"#);
    assert_eq!(error("? [a]\n: b\n", Own), "1:3: a key must be text, not a collection");
    assert_eq!(error("a: &x [1]\n*x : 2\n", Resource), "2:1: a key must be text, not a sequence");
}

#[test]
fn first_document() {
    let first = |text, dialect| parse_first(text, dialect, &Limits::default());
    assert_eq!(first("", Own), Ok(None));
    assert_eq!(first("# nothing\n", Own), Ok(None));
    assert_eq!(first("---\n", Resource), Ok(None));
    assert!(first("a: 1\n---\nb: [\n", Config).unwrap().is_some(), "what follows is not read");
    let error = first("a: 1\n---\nb: 2\n", Own).unwrap_err();
    assert_eq!((error.mark.line, &*error.message), (3, "only one document is allowed here"));
    assert!(first("a: 1\n---\n# end\n", Own).unwrap().is_some());
}

#[test]
fn text_behind_a_document_is_not_lost_silently() {
    let message = "3:1: a second document starts here without a `---` line before it";
    assert_eq!(error("a: 1\n...\nb: 2\n", Resource), message);
    assert_eq!(json("a: 1\n...\n", Resource), r#"{"a":1}"#);
}

#[test]
fn merge_keys() {
    let text = "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz: {c: 3, <<: [*x, *y]}\n";
    assert_eq!(json(text, Resource), r#"{"x":{"a":1,"b":1},"y":{"b":2,"c":2},"z":{"a":1,"b":1,"c":3}}"#);
    assert_eq!(error("a: {<<: 1}\n", Resource), "1:5: a merge key takes a mapping or a list of mappings");
    assert_eq!(error("a: {<<: [1]}\n", Config), "1:10: a merge key takes mappings only");
}

#[test]
fn aliases_have_a_budget() {
    let mut laughs = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..30 {
        let before = level - 1;
        let aliases = vec![format!("*a{before}"); 9].join(", ");
        writeln!(laughs, "a{level}: &a{level} [{aliases}]").unwrap();
    }
    for dialect in [Resource, Config] {
        assert!(error(&laughs, dialect).ends_with("too many values, counted after aliases are written out"));
    }
    assert_eq!(error("a: &a [*a]\n", Resource), "1:8: the alias stands inside of what it names");
}

#[test]
fn a_long_text_that_is_named_often_has_a_budget() {
    let text = format!("x: &x {}\ny: [{}]\n", "x".repeat(64 << 10), "*x, ".repeat(5_000));
    assert!(error(&text, Resource).ends_with("too many values, counted after aliases are written out"));
}

#[test]
fn depth_has_a_limit() {
    let limits = Limits::default().with_depth(50);
    let open = |text: &str| parse_all(text, Resource, &limits).map(|it| it.len()).map_err(|it| it.message);
    assert_eq!(open(&format!("{}{}", "[".repeat(50), "]".repeat(50))), Ok(1));
    let too_deep = Err("nested deeper than 50 levels".to_owned());
    assert_eq!(open(&"[".repeat(100_000)), too_deep);
    assert_eq!(open(&"{a: ".repeat(100_000)), too_deep);
    assert_eq!(open(&"- ".repeat(100_000)), too_deep);
    let mut chain = "a0: &a0 [x]\n".to_owned();
    for level in 1..60 {
        writeln!(chain, "a{level}: &a{level} [*a{}]", level - 1).unwrap();
    }
    assert_eq!(open(&chain), too_deep);
}

#[test]
fn size_has_a_limit() {
    let limits = Limits::default().with_bytes(10).with_nodes(3);
    assert_eq!(
        parse_all("a: 0123456789", Own, &limits).unwrap_err().message,
        "the text is larger than 10 bytes"
    );
    assert!(parse_all("[1, 2]", Own, &limits).is_ok());
    assert!(parse_all("[1, 2, 3]", Own, &limits).is_err());
    assert!(parse_all("[1, 2]\n---\n1", Resource, &limits.with_bytes(99)).is_err(), "one text, one budget");
}

#[test]
fn missing_values_are_null() {
    let node = parse_first("a:\nb: {c: }\n", Resource, &Limits::default()).unwrap().unwrap();
    assert!(node.get("a").unwrap().is_null() && node.path(&["b", "c"]).unwrap().is_null());
    let config = parse_first("a: {b: , c: ~}\n", Config, &Limits::default()).unwrap().unwrap();
    assert_eq!(config.path(&["a", "b"]).unwrap().as_scalar().unwrap().tag, Tag::Null);
    assert_eq!(json("a: {b: , c: ~}\n", Config), r#"{"a":{"b":null,"c":null}}"#);
}
