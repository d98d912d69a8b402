//! Whole builds, held against the real kustomize: the cases below testdata/kustomize/.
//!
//! A case is a folder: `input/` is built, `expected.yaml` is what kustomize v5.8.1 prints, or `refused.txt` what promoter
//! says where kustomize fails too; `warned.txt` is what goes to stderr besides. `PROMOTER_ORACLE=1` asks kustomize
//! anew, `PROMOTER_BLESS=1` accepts our messages.

#![expect(clippy::unwrap_used, reason = "a failed unwrap here is a failed test")]

mod charts;
mod hostile;
mod remote;
mod shipped;
mod slips;
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::{Kustomize, Said, ours, tree};

#[test]
fn cases() {
    let asked = |name: &str| std::env::var_os(name).is_some();
    let kustomize = Kustomize::installed().filter(|_| asked("PROMOTER_ORACLE"));
    let mut wrong = Vec::new();
    for case in folders() {
        let [expected, refused, warned] =
            ["expected.yaml", "refused.txt", "warned.txt"].map(|it| case.join(it));
        if let Some(kustomize) = &kustomize {
            store(&expected, kustomize.build(&case.join("input")));
        }
        let said = ours(&tree(&case.join("input")), "");
        if asked("PROMOTER_BLESS") {
            store(&refused, said.refused.clone().filter(|_| !expected.exists()));
            store(&warned, said.warned.clone());
        }
        let read = |path: &Path| fs::read_to_string(path).ok();
        let stored = Said { printed: read(&expected), refused: read(&refused), warned: read(&warned) };
        if said != stored {
            wrong.push(format!("{}:\n{said:#?}", case.display()));
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
        assert_eq!(kustomize.build(&case.join("input")), stored, "{}", case.display());
    }
}

fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/kustomize");
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
