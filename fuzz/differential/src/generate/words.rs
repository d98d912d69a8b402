//! The words and scalars that cases are made of.

use crate::dice::Dice;
use crate::value::{Scalar, Style, Value, plain, text};

/// Names of objects, one of them like a number.
pub(super) const NAMES: [&str; 11] =
    ["web", "api", "db", "cache", "worker", "front", "web-api", "queue", "mail", "auth", "1e3"];
/// Namespaces, one of them like a number.
pub(super) const NAMESPACES: [&str; 5] = ["shop", "prod", "stage", "default", "2026"];
/// Images, as objects name them.
pub(super) const IMAGES: [&str; 9] = [
    "nginx",
    "nginx:1.25",
    "ghcr.io/acme/web:v1.4.2",
    "registry.example.com:5000/team/api",
    "registry.example.com:5000/team/api:2.0",
    "redis@sha256:24a0c4b4a4c0eb97a1aabb8e29f18e917d05abfe1b7a7c07857230879ce7d3d3",
    "busybox:latest@sha256:24a0c4b4a4c0eb97a1aabb8e29f18e917d05abfe1b7a7c07857230879ce7d3d3",
    "postgres:16",
    "app",
];
/// Keys of labels and annotations.
pub(super) const KEYS: [&str; 9] = [
    "app",
    "tier",
    "team",
    "env",
    "app.kubernetes.io/name",
    "app.kubernetes.io/part-of",
    "example.com/long-key",
    "version",
    "note",
];

/// Plain scalars whose meaning is worth a look. Times with colons are left out: whether they are text depends on the braces
/// around them, where kustomize writes them and not where they were read.
const PLAIN: [&str; 60] = [
    "true",
    "false",
    "True",
    "yes",
    "no",
    "on",
    "Off",
    "y",
    "N",
    "null",
    "~",
    "Null",
    "0",
    "1",
    "-1",
    "+1",
    "8080",
    "0777",
    "0o17",
    "0x1F",
    "0b101",
    "1_000",
    "1e3",
    "1.0",
    "1.50",
    ".5",
    "5.",
    "-0.0",
    "1e21",
    "1E-7",
    "0.00001",
    "1000000.5",
    "123456789012345678",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "08",
    "0o8",
    "1:30",
    "12:30:45",
    "2001-01-01",
    "2001-13-40",
    "1.2.3",
    "v1",
    "1e",
    "e1",
    "0x",
    "1__0",
    "=",
    "<",
    "a",
    "a b",
    "a: b",
    "1,000",
    "1 2",
    "-",
    "+",
    ".",
    "_1",
    "NO",
];

/// Texts that are hard to write.
const TEXTS: [&str; 45] = [
    "",
    " ",
    " leading",
    "trailing ",
    "true",
    "yes",
    "null",
    "~",
    "0777",
    "1e3",
    "1.0",
    "2001-01-01",
    "# no comment",
    "a #b",
    "a # b",
    "key: value",
    "ends:",
    "- item",
    "-",
    "? x",
    "{a: b}",
    "[a, b]",
    "%x",
    "@x",
    "`x`",
    "!tag",
    "&anchor",
    "*alias",
    "|",
    ">",
    "it's",
    "say \"hi\"",
    "back\\slash",
    "tab\there",
    "line one\nline two",
    "line one\nline two\n",
    "ends twice\n\n",
    "\nbegins",
    "  indented\nless",
    "blank \nbefore the break",
    "grün, 日本, é",
    "emoji 😀",
    "a\u{a0}b",
    "{\"json\": [1, 2.50, true], \"deep\": {\"a\": \"b\"}}",
    "a: 1\nb:\n  - c\n  - d: e\n",
];

const LONG: &str = "the quick brown fox jumps over the lazy dog and then runs along the river bank until it finds a \
    bridge which it crosses without looking back at the hunters who stand there";

/// A text, mostly a simple one, in any style.
pub(super) fn any_text(dice: &mut Dice) -> Value {
    let word = match dice.number(0, 9) {
        0..=4 => {
            return text(*dice.pick(&[
                "a",
                "b",
                "plain words",
                "/path/to",
                "v1.2.3",
                "x-y_z",
                "example.com",
            ]));
        }
        5..=7 => (*dice.pick(&TEXTS)).to_owned(),
        8 => LONG[..dice.number(60, LONG.len())].trim_end().to_owned(),
        _ => match dice.number(0, 3) {
            0 => format!("{}://example.com/?a=b&c=<d>", LONG.split(' ').collect::<String>()),
            1 => format!("{LONG}\n{LONG}\n"),
            2 => "before $(FOO) and $(BAR) $$(FOO) $(NONE)".to_owned(),
            _ => "$(FOO)".to_owned(),
        },
    };
    let style = *dice.pick(&[
        Style::Text,
        Style::Text,
        Style::Single,
        Style::Double,
        Style::DoubleLines,
        Style::PlainLines,
        Style::Literal,
        Style::Folded,
    ]);
    Value::Scalar(Scalar::new(word, style))
}

/// A scalar of any type.
pub(super) fn any_scalar(dice: &mut Dice) -> Value {
    if dice.chance(60) { plain(*dice.pick(&PLAIN)) } else { any_text(dice) }
}

/// A small number.
pub(super) fn small_number(dice: &mut Dice) -> Value {
    plain(dice.number(0, 12).to_string())
}

/// Labels or annotations: values that are text.
pub(super) fn pairs(dice: &mut Dice) -> Value {
    let mut entries = Vec::new();
    for _ in 0..dice.number(1, 3) {
        let key = *dice.pick(&KEYS);
        let value = if dice.chance(85) {
            text(*dice.pick(&["web", "api", "blue", "true", "1"]))
        } else {
            any_text(dice)
        };
        if !entries.iter().any(|(it, _)| *it == key) {
            entries.push((key, value));
        }
    }
    let flow = dice.chance(40);
    with_flow(crate::value::map(entries), flow)
}

/// The same node, written in braces or brackets or not.
pub(super) fn with_flow(mut value: Value, on: bool) -> Value {
    if let Value::Map { flow, .. } | Value::Seq { flow, .. } = &mut value {
        *flow = on;
    }
    value
}
