//! Cases that are folders: the whole of one is built, by promoter and by the real kustomize.
//!
//! `input/` is built, `expected.yaml` is what kustomize v5.8.1 prints, or `refused.txt` what promoter says where kustomize
//! fails too; `warned.txt` is what goes to stderr besides. `PROMOTER_ORACLE=1` asks kustomize anew, `PROMOTER_BLESS=1`
//! accepts our messages.

use std::fs;
use std::path::{Path, PathBuf};

use promoter_kustomize::{MemoryFiles, NoExternals, Options, build};
use promoter_testkit::Kustomize;

/// Builds every case of a folder of testdata/. What promoter says must be what is stored.
pub(crate) fn built_as_stored(cases: &str) {
    let asked = |name: &str| std::env::var_os(name).is_some();
    let kustomize = Kustomize::installed().filter(|_| asked("PROMOTER_ORACLE"));
    let mut wrong = Vec::new();
    for case in folders(cases) {
        let [expected, refused, warned] =
            ["expected.yaml", "refused.txt", "warned.txt"].map(|it| case.join(it));
        if let Some(kustomize) = &kustomize {
            store(&expected, kustomize.build(&case.join("input")).ok());
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

/// Puts every case of a folder of testdata/ to kustomize. What it prints must be what is stored.
pub(crate) fn stored_as_kustomize_prints(cases: &str) {
    let Some(kustomize) = Kustomize::installed() else {
        return;
    };
    for case in folders(cases) {
        let stored = fs::read_to_string(case.join("expected.yaml")).ok();
        assert_eq!(kustomize.build(&case.join("input")).ok(), stored, "{}", case.display());
    }
}

/// The cases of a folder of testdata/.
pub(crate) fn folders(cases: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(cases);
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

/// A directory with everything below it, links as links.
pub(crate) fn tree(directory: &Path) -> MemoryFiles {
    let mut files = MemoryFiles::new();
    add(&mut files, directory, "");
    files
}

/// Adds everything below a directory of the disk to a tree; `below` is its path there, with `/` at its end.
pub(crate) fn add(files: &mut MemoryFiles, directory: &Path, below: &str) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{below}{}", entry.file_name().to_str().unwrap());
        let kind = entry.file_type().unwrap();
        if kind.is_symlink() {
            let target = fs::read_link(entry.path()).unwrap();
            files.insert_link(&path, target.to_str().unwrap()).unwrap();
        } else if kind.is_dir() {
            add(files, &entry.path(), &format!("{path}/"));
        } else {
            files.insert(&path, fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}

/// Everything that a build says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// The manifests.
    pub(crate) printed: Option<String>,
    /// The error, as one line.
    pub(crate) refused: Option<String>,
    /// Lines for stderr.
    pub(crate) warned: Option<String>,
}

/// What promoter says to a directory of a tree.
pub(crate) fn ours(files: &MemoryFiles, directory: &str) -> Said {
    let built = build(files, directory, &Options::default(), &NoExternals);
    match built.and_then(|it| Ok((it.to_yaml()?, it.warnings))) {
        Ok((printed, warnings)) => {
            let warned = (!warnings.is_empty()).then(|| warnings.join("\n") + "\n");
            Said { printed: Some(printed), refused: None, warned }
        }
        Err(error) => Said { printed: None, refused: Some(format!("{error}\n")), warned: None },
    }
}
