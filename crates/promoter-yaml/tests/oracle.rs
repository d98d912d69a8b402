//! Holds reader and `emit_kustomize` against the real kustomize: stored answers in testdata/yaml/, and random texts and
//! numbers that are put to the installed kustomize. `PROMOTER_ORACLE=1` writes the stored answers anew.

#![expect(clippy::unwrap_used, reason = "a failed unwrap here is a failed test")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use promoter_testkit::Kustomize;
use promoter_yaml::{Dialect, Limits, emit_kustomize, parse_all, parse_first};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use support::pieces_and_breaks;

const KUSTOMIZATION: &str = "resources: [r.yaml]\n";

/// What kustomize builds from one resource file.
fn theirs(kustomize: &Kustomize, name: &str, kustomization: &str, resource: &str) -> Result<String, String> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("yaml-oracle").join(name);
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("kustomization.yaml"), kustomization).unwrap();
    fs::write(directory.join("r.yaml"), resource).unwrap();
    // kustomize quotes all of the resource before it says what is wrong.
    kustomize.build(&directory).map_err(|it| it.rsplit("}: ").next().unwrap_or_default().to_owned())
}

fn ours(text: &str) -> Result<String, String> {
    let documents = parse_all(text, Dialect::Resource, &Limits::default()).map_err(|it| it.to_string())?;
    let mut written = String::new();
    for (index, document) in documents.iter().enumerate() {
        if index > 0 {
            written.push_str("---\n");
        }
        emit_kustomize(document, &mut written).map_err(|it| it.message)?;
    }
    Ok(written)
}

#[test]
fn stored_answers() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/yaml");
    let remakes = std::env::var_os("PROMOTER_ORACLE").is_some();
    let mut cases: Vec<PathBuf> = fs::read_dir(&directory).unwrap().map(|it| it.unwrap().path()).collect();
    cases.retain(|it| it.to_string_lossy().ends_with(".in.yaml"));
    cases.sort();
    assert!(!cases.is_empty());
    for case in cases {
        let input = fs::read_to_string(&case).unwrap();
        let name = case.file_name().unwrap_or_default().to_string_lossy().replace(".in.yaml", "");
        let (wanted, refused) =
            (directory.join(format!("{name}.out.yaml")), directory.join(format!("{name}.refused")));
        if remakes {
            let Some(kustomize) = Kustomize::installed() else { return };
            let _ = fs::remove_file(&wanted);
            let _ = fs::remove_file(&refused);
            match theirs(&kustomize, &name, KUSTOMIZATION, &input) {
                Ok(output) => fs::write(&wanted, output).unwrap(),
                // The words are ours; that kustomize refuses it is the fact.
                Err(_) => fs::write(&refused, format!("{}\n", ours(&input).unwrap_err())).unwrap(),
            }
        }
        match wanted.is_file() {
            true => assert_eq!(ours(&input), Ok(fs::read_to_string(&wanted).unwrap()), "{name}"),
            false => assert_eq!(
                format!("{}\n", ours(&input).unwrap_err()),
                fs::read_to_string(&refused).unwrap(),
                "{name}"
            ),
        }
    }
}

const NUMBER_PARTS: &[&str] = &[
    "0",
    "1",
    "7",
    "8",
    "9",
    "12",
    "00",
    "_",
    ".",
    "e",
    "E",
    "+",
    "-",
    "x",
    "o",
    "b",
    "0x",
    "0o",
    "0b",
    "F",
    ":",
    "-01",
    "-1-1",
    "2001",
    "T",
    "t",
    "Z",
    "12:30:00",
    "+01:00",
    "99999999999999999999",
    "400",
];

/// As YAML in double quotes, all beyond ASCII escaped so that no reader takes a break out of it.
fn quoted(text: &str) -> String {
    let escaped = text.chars().map(|it| match it {
        '"' | '\\' => format!("\\{it}"),
        ' '..='~' => it.to_string(),
        _ => format!("\\U{:08X}", u32::from(it)),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

fn texts(parts: &[&'static str], parts_max: usize, count: usize) -> Vec<String> {
    let strategy =
        prop::collection::vec(prop::sample::select(parts.to_vec()), 0..parts_max).prop_map(|it| it.concat());
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

/// A key of letters only, so that the order of keys is certain.
fn key(index: usize) -> String {
    let letter = |it: usize| char::from(b'a' + u8::try_from(it % 26).unwrap());
    [letter(index / 676), letter(index / 26), letter(index)].iter().collect()
}

fn agree(name: &str, entries: &[String]) {
    let Some(kustomize) = Kustomize::installed() else { return };
    let mut resource = "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: thing}\nspec:\n".to_owned();
    for (index, entry) in entries.iter().enumerate() {
        resource.push_str(&format!("  {}: {entry}\n", key(index)));
    }
    let theirs = theirs(&kustomize, name, KUSTOMIZATION, &resource).unwrap();
    let ours = ours(&resource).unwrap();
    for (ours, theirs) in ours.lines().zip(theirs.lines()) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(ours, theirs);
}

#[test]
fn random_texts_agree() {
    let mut drawn = texts(&pieces_and_breaks(), 6, 1500);
    drawn.extend(texts(&pieces_and_breaks(), 40, 500));
    // kustomize takes what stands behind NEL for the end of its own JSON, and then refuses it.
    drawn.retain(|it| !it.contains("\u{85}...") && !it.contains("\u{85}---"));
    let entry = |text: &String| format!("[{0}, {{x: {0}}}]", quoted(text));
    agree("values", &drawn.iter().map(|it| quoted(it)).collect::<Vec<_>>());
    agree("items", &drawn.iter().map(entry).collect::<Vec<_>>());
}

#[test]
fn random_keys_agree() {
    let keys = texts(&pieces_and_breaks(), 8, 1500);
    // kustomize cannot read a key with NEL from its own JSON, and drops a quoted merge key.
    let fits = keys.iter().filter(|it| !it.contains('\u{85}') && *it != "<<");
    agree("keys", &fits.map(|it| format!("{{{}: v, zz: {{{0}: [w]}}}}", quoted(it))).collect::<Vec<_>>());
}

/// Two keys at a time, because kustomize's order of larger sets is not always certain.
#[test]
fn random_key_pairs_agree() {
    const PARTS: &[&str] = &[
        "a", "b", "B", "v", "1", "2", "10", "01", "0", "_", "-", ".", "/", "~", "é", "漢", "ª", "²", "٣",
        "Ⅷ", "\u{902}", "😀",
    ];
    let keys = texts(PARTS, 6, 6000);
    let pairs = keys.chunks(2).filter(|it| it[0] != it[1]);
    let pair = |it: &[String]| format!("{{{}: a, {}: b}}", quoted(&it[0]), quoted(&it[1]));
    agree("pairs", &pairs.map(pair).collect::<Vec<_>>());
}

/// Block scalars with lines that start and end in blanks, all headers.
#[test]
fn random_blocks_agree() {
    const LINES: &[&str] = &["\n", "\n", "    ", "  ", " ", "\t", "a", "b c", "# d", "- e", "f: g", "é"];
    let headers = ["|2", "|2-", "|2+", ">2", ">2-", ">2+"];
    let block = |(index, text): (usize, &String)| {
        let lines: String = text.split('\n').map(|it| format!("\n    {it}")).collect();
        format!("{}{lines}", headers[index % headers.len()])
    };
    // kustomize refuses a block that starts with a tab.
    let fits = |text: &&String| !text.trim_start_matches('\n').starts_with('\t');
    agree("blocks", &texts(LINES, 16, 3000).iter().filter(fits).enumerate().map(block).collect::<Vec<_>>());
}

/// What a JSON patch written in YAML says is read by other rules than the resource that it changes.
#[test]
fn random_config_scalars_agree() {
    const PARTS: &[&str] = &[
        "0", "1", "7", "8", "12", "_", ".", "e", "+", "-", "x", "o", "b", "0x", "0o", "0b", ":", "2001-1-2",
        "T", "Z", "1:2:3",
    ];
    const WORDS: &[&str] = &[
        "y", "Y", "yes", "No", "on", "OFF", "n", "N", "true", "False", "tRue", "~", "null", "Null", "<<",
        "=", "''",
    ];
    let Some(kustomize) = Kustomize::installed() else { return };
    let numbers = texts(PARTS, 6, 3000);
    let short = numbers.iter().map(String::as_str).filter(|it| is_plain(it) && it.len() < 16);
    let mut spec = String::new();
    for (index, scalar) in short.chain(WORDS.iter().copied()).enumerate() {
        spec.push_str(&format!("{}: {scalar}\n", key(index)));
    }
    let patch =
        format!("- op: add\n  path: /spec\n  value:\n    {}", spec.trim_end().replace('\n', "\n    "));
    let kustomization = format!(
        "resources: [r.yaml]\npatches:\n- target: {{kind: Thing}}\n  patch: |-\n    {}\n",
        patch.replace('\n', "\n    ")
    );
    let resource = "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: thing}\n";
    let theirs = theirs(&kustomize, "config", &kustomization, resource).unwrap();
    let mut ours = String::new();
    let spec = parse_first(&spec, Dialect::Config, &Limits::default()).unwrap().unwrap();
    emit_kustomize(&spec, &mut ours).unwrap();
    let theirs = theirs.split("spec:\n").nth(1).unwrap_or_default();
    let theirs: Vec<&str> = theirs.lines().map(str::trim_start).collect();
    for (ours, theirs) in ours.lines().zip(&theirs) {
        assert_eq!(ours, *theirs);
    }
    assert_eq!(ours.lines().count(), theirs.len());
}

fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(':')
        && !text.ends_with(':')
        && text != "-"
        && !text.starts_with("---")
}

#[test]
fn random_numbers_agree() {
    let numbers = texts(NUMBER_PARTS, 6, 6000);
    agree("numbers", &numbers.iter().filter(|it| is_plain(it)).cloned().collect::<Vec<_>>());
}
