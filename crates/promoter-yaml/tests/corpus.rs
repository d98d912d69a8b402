//! Holds the reader and `emit_kustomize` against every output of a conformance corpus: what kustomize printed, read and
//! written again, must be the same bytes. `PROMOTER_CORPUS` names the directory.

#![expect(clippy::unwrap_used, reason = "a failed unwrap here is a failed test")]

use std::fs;
use std::path::{Path, PathBuf};

use promoter_yaml::{Dialect, Limits, emit_kustomize, parse_all};

#[test]
fn kustomize_output_is_reproduced() {
    let Some(corpus) = std::env::var_os("PROMOTER_CORPUS") else {
        eprintln!("skipped: PROMOTER_CORPUS names no corpus directory");
        return;
    };
    let mut files = Vec::new();
    outputs_below(Path::new(&corpus), &mut files);
    files.sort();
    assert!(!files.is_empty(), "no expected*.yaml below {}", corpus.display());
    let failures: Vec<String> = files.iter().filter_map(|it| difference(it).err()).collect();
    assert!(failures.is_empty(), "{} of {} differ:\n{}", failures.len(), files.len(), failures.join("\n"));
    eprintln!("{} outputs reproduced", files.len());
}

fn outputs_below(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "input" {
            outputs_below(&path, files);
        } else if name.starts_with("expected") && name.ends_with(".yaml") {
            files.push(path);
        }
    }
}

fn difference(path: &Path) -> Result<(), String> {
    let name = path.display();
    let expected = fs::read_to_string(path).map_err(|it| format!("{name}: {it}"))?;
    // Line breaks to YAML 1.1 that the parser, being one of YAML 1.2, takes for ordinary characters.
    if expected.contains(['\u{2028}', '\u{2029}']) {
        return Ok(());
    }
    let documents =
        parse_all(&expected, Dialect::Resource, &Limits::default()).map_err(|it| format!("{name}:{it}"))?;
    let mut written = String::new();
    for (index, document) in documents.iter().enumerate() {
        if index > 0 {
            written.push_str("---\n");
        }
        emit_kustomize(document, &mut written).map_err(|it| format!("{name}: {it}"))?;
    }
    if written == expected {
        return Ok(());
    }
    let lines = written.lines().zip(expected.lines()).enumerate();
    let first = lines.filter(|(_, (ours, theirs))| ours != theirs).map(|it| it.0).next();
    let line = first.unwrap_or_default();
    let pick = |text: &str| text.lines().nth(line).unwrap_or_default().to_owned();
    Err(format!("{name}:{}\n  ours:   {:?}\n  theirs: {:?}", line + 1, pick(&written), pick(&expected)))
}
