//! Laws for random input: what is written reads back as the same value, and no text makes the reader panic.

mod support;

use promoter_yaml::{
    Dialect, Limits, Map, Node, StyledText, emit_hydrated, emit_json, emit_kustomize, parse_all, parse_first,
};
use proptest::prelude::*;
use support::{PIECES, pieces_and_breaks};

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..20).prop_map(|it| it.concat())
}

fn key() -> impl Strategy<Value = String> {
    text().prop_filter("not a key in kustomize", |it| it != "<<")
}

fn scalar() -> impl Strategy<Value = Node> {
    prop_oneof![
        text().prop_map(Node::str),
        any::<i64>().prop_map(Node::int),
        any::<bool>().prop_map(Node::bool),
        Just(Node::null()),
        any::<f64>().prop_filter("finite", |it| it.is_finite()).prop_map(Node::float),
    ]
}

fn tree() -> impl Strategy<Value = Node> {
    scalar().prop_recursive(5, 60, 8, |inner| {
        let entry = (key().prop_map(String::into_boxed_str), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..8).prop_map(Node::seq),
            prop::collection::vec(entry, 0..8).prop_map(|it| Node::map(it.into_iter().collect::<Map>())),
        ]
    })
}

fn json(node: &Node) -> String {
    let mut out = String::new();
    emit_json(node, true, &mut out).unwrap_or_else(|it| out = it.message);
    out
}

/// The value that a written text reads back as, in its canonical form.
fn back(written: &str) -> Result<Option<String>, TestCaseError> {
    let node = parse_first(written, Dialect::Resource, &Limits::default());
    let node = node.map_err(|it| TestCaseError::fail(format!("{it}\n{written}")))?;
    Ok(node.as_ref().map(json))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn written_trees_read_back(tree in tree()) {
        let document = Node::map([(Box::from("k"), tree)].into_iter().collect());
        let value = json(&document);
        let (mut kustomize, mut hydrated) = (String::new(), String::new());
        prop_assert_eq!(emit_kustomize(&document, &mut kustomize), Ok(()));
        prop_assert_eq!(back(&kustomize)?, Some(value.clone()), "{}", kustomize);
        prop_assert_eq!(emit_hydrated(&document, &mut hydrated), Ok(()));
        prop_assert_eq!(back(&hydrated)?, Some(value.clone()), "{}", hydrated);
        prop_assert!(serde_json::from_str::<serde_json::Value>(&value).is_ok(), "{}", value);
    }

    #[test]
    fn no_text_makes_the_reader_panic(pieces in prop::collection::vec(prop::sample::select(pieces_and_breaks()), 0..60), other in ".{0,40}") {
        for text in [pieces.concat(), format!("{}{other}", pieces.concat()), other] {
            let before = parse_first(&text, Dialect::Resource, &Limits::default()).ok().flatten().unwrap_or(Node::null());
            if let Ok(styled) = StyledText::parse(&text) {
                let _ = styled.commented("a");
                let _ = styled.write(&before, &before);
            }
            for dialect in [Dialect::Resource, Dialect::Config, Dialect::Own] {
                for node in parse_all(&text, dialect, &Limits::default()).unwrap_or_default() {
                    let mut out = String::new();
                    let _ = emit_kustomize(&node, &mut out);
                    let _ = emit_hydrated(&node, &mut out);
                }
            }
        }
    }
}

/// Patches can nest deeper than the reader allows; writing must then fail instead of overflowing the stack.
#[test]
fn deep_trees_are_refused_by_the_writers() {
    let nested = |depth: usize| {
        (0..depth).fold(Node::null(), |inner, level| match level % 2 {
            0 => Node::seq(vec![inner]),
            _ => Node::map([(Box::from("k"), inner)].into_iter().collect()),
        })
    };
    let mut out = String::new();
    for emit in [emit_kustomize, emit_hydrated, |node: &Node, out: &mut String| emit_json(node, true, out)] {
        assert_eq!(emit(&nested(999), &mut out), Ok(()));
        out.clear();
        assert!(emit(&nested(2_000), &mut out).is_err());
        assert_eq!(out, "", "nothing is written on error");
    }
}
