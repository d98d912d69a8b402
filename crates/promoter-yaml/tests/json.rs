//! Holds `parse_json` and `emit_json` against Go's encoding/json (testdata/json/), and shows where errors point.

use promoter_yaml::{Dialect, Limits, emit_json, parse_first, parse_json};
use serde_json::Value;

const GOLDEN: &str = include_str!("../../../testdata/json/go.json");

fn json(text: &str, escape_html: bool) -> Result<String, String> {
    let node = parse_json(text, &Limits::default()).map_err(|it| it.to_string())?;
    let mut out = String::new();
    emit_json(&node, escape_html, &mut out).map_err(|it| it.message)?;
    Ok(out)
}

/// But for `-0`: Go decodes every number into a float, which can be that; here it is the integer 0.
#[test]
fn as_go_reads_and_writes() {
    let cases: Vec<Value> = serde_json::from_str(GOLDEN).unwrap();
    for case in cases.iter().filter(|it| it["in"] != "-0") {
        let text = case["in"].as_str().unwrap();
        if case["html"] == "" {
            assert!(json(text, true).is_err(), "{text:?}");
            continue;
        }
        assert_eq!(json(text, true).as_deref(), Ok(case["html"].as_str().unwrap()), "{text:?}");
        assert_eq!(json(text, false).as_deref(), Ok(case["raw"].as_str().unwrap()), "{text:?}");
    }
}

#[test]
fn errors_have_places() {
    assert_eq!(json("{\n \"é\": [1,\n 2}\n", true), Err("3:3: expected `,` or `]`".into()));
    assert_eq!(json("{\"a\": \"x", true), Err("1:7: a string without its closing quote".into()));
    assert_eq!(json("[1] 2", true), Err("1:5: expected the end of the text".into()));
    assert_eq!(json(&"[".repeat(100_000), true), Err("1:201: nested deeper than 200 levels".into()));
}

#[test]
fn every_spelling_has_one_form() {
    let text = "[0644, 0x1F, 1_000, 18446744073709551615, 18446744073709551616, 1.0, 1e3, -0.0, 2001-12-14, 2001-12-14 1:2:3]";
    let node = parse_first(text, Dialect::Own, &Limits::default()).unwrap().unwrap();
    let mut out = String::new();
    emit_json(&node, true, &mut out).unwrap();
    let expected = r#"[420,31,1000,18446744073709551615,18446744073709552000,1,1000,0,"2001-12-14T00:00:00Z","2001-12-14T01:02:03Z"]"#;
    assert_eq!(out, expected);
    let infinite = parse_first("a: .inf", Dialect::Resource, &Limits::default()).unwrap().unwrap();
    assert_eq!(emit_json(&infinite, true, &mut out).unwrap_err().message, "JSON has no number `.inf`");
    assert_eq!(out, expected, "nothing is written on error");
}
