//! Patches, held against the real kustomize: stored cases below testdata/kustomize-patch/, and random merges that are put
//! to the installed kustomize.
//!
//! A case is a folder: `input/` is built, `expected.yaml` is what kustomize v5.8.1 prints, or `refused.txt` what promoter
//! says where kustomize fails too. `PROMOTER_ORACLE=1` asks kustomize anew, `PROMOTER_BLESS=1` accepts our messages.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap here is a failed test")]

mod limits;
mod merges;
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::{Kustomize, ours, tree};

#[test]
fn cases() {
    let asked = |name: &str| std::env::var_os(name).is_some();
    let kustomize = Kustomize::installed();
    let mut wrong = Vec::new();
    for case in folders() {
        let input = case.join("input");
        if let Some(kustomize) = kustomize.as_ref().filter(|_| asked("PROMOTER_ORACLE")) {
            store(&case.join("expected.yaml"), kustomize.build(&input).ok());
        }
        let (printed, said) = match ours(&tree(&input)) {
            Ok(printed) => (Some(printed), None),
            Err(message) => (None, Some(format!("{message}\n"))),
        };
        let (expected, refused) = (case.join("expected.yaml"), case.join("refused.txt"));
        if asked("PROMOTER_BLESS") && !expected.exists() {
            store(&refused, said.clone());
        }
        let read = |path: &Path| fs::read_to_string(path).ok();
        if (&printed, &said) != (&read(&expected), &read(&refused)) {
            wrong.push(format!("{}:\n{}", case.display(), printed.or(said).unwrap_or_default()));
        }
    }
    assert!(wrong.is_empty(), "not as stored:\n{}", wrong.join("\n"));
}

#[test]
fn kustomize_agrees_with_the_stored_answers() {
    let Some(kustomize) = Kustomize::installed() else {
        return;
    };
    for case in folders() {
        let stored = fs::read_to_string(case.join("expected.yaml")).ok();
        assert_eq!(kustomize.build(&case.join("input")).ok(), stored, "{}", case.display());
    }
}

fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/kustomize-patch");
    let entries = fs::read_dir(root).unwrap().map(|it| it.unwrap().path());
    let mut folders: Vec<PathBuf> = entries.filter(|it| it.is_dir()).collect();
    folders.sort();
    assert!(!folders.is_empty());
    folders
}

fn store(path: &Path, text: Option<String>) {
    match text {
        Some(text) => fs::write(path, text).unwrap(),
        None => drop(fs::remove_file(path)),
    }
}
