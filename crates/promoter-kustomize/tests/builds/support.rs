//! The two sides that are compared.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use promoter_kustomize::{MemoryFiles, NoExternals, Options, build};
use promoter_testkit::tool;

/// The installed kustomize.
pub(crate) struct Kustomize(PathBuf);

impl Kustomize {
    /// `None`, said on stderr, when it is not there.
    pub(crate) fn installed() -> Option<Self> {
        tool("kustomize-v5.8.1", "kustomize").map(Self)
    }

    /// What it prints for a directory; `None` when it fails.
    pub(crate) fn build(&self, directory: &Path) -> Option<String> {
        let output = Command::new(&self.0).arg("build").arg(directory).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
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
