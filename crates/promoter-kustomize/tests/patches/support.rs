//! The two sides that are compared.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use promoter_kustomize::{MemoryFiles, NoExternals, Options, build};
use promoter_testkit::tool;
use promoter_yaml::emit_kustomize;

/// The installed kustomize.
pub(crate) struct Kustomize(PathBuf);

impl Kustomize {
    /// `None`, said on stderr, when it is not there.
    pub(crate) fn installed() -> Option<Self> {
        tool("kustomize-v5.8.1", "kustomize").map(Self)
    }

    /// What it prints for a directory, or what it says.
    pub(crate) fn build(&self, directory: &Path) -> Result<String, String> {
        let output = Command::new(&self.0).arg("build").arg(directory).output().unwrap();
        match output.status.success() {
            true => Ok(String::from_utf8(output.stdout).unwrap()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }
}

/// The files below a directory.
pub(crate) fn tree(directory: &Path) -> MemoryFiles {
    let mut files = MemoryFiles::new();
    add(&mut files, directory, "");
    files
}

fn add(files: &mut MemoryFiles, directory: &Path, prefix: &str) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            add(files, &path, &format!("{name}/"));
        } else {
            files.insert(&name, fs::read(&path).unwrap()).unwrap();
        }
    }
}

/// What promoter prints for the root of a tree, or what it says.
pub(crate) fn ours(files: &MemoryFiles) -> Result<String, String> {
    let built = build(files, "", &Options::default(), &NoExternals).map_err(|error| error.to_string())?;
    let mut documents = Vec::new();
    for resource in &built.resources {
        let mut text = String::new();
        emit_kustomize(resource, &mut text).map_err(|error| error.to_string())?;
        documents.push(text);
    }
    Ok(documents.join("---\n"))
}
