//! `promoter kustomize build` beside the installed kustomize: the same command line, the same bytes.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod charts;
mod output;
mod remote;

use promoter_testkit::tool;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a command printed and how it ended.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    code: i32,
    stdout: String,
    stderr: String,
}

/// Runs the built command in a directory that is its home too.
fn promoter(directory: &Path, arguments: &[&str]) -> Said {
    said(Command::new(env!("CARGO_BIN_EXE_promoter")).env_clear(), directory, arguments)
}

fn said(command: &mut Command, directory: &Path, arguments: &[&str]) -> Said {
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", directory);
    let output = command.args(arguments).current_dir(directory).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// What kustomize prints, if it is installed. It must not fail.
fn kustomize(directory: &Path, arguments: &[&str]) -> Option<String> {
    let said = said(&mut Command::new(tool("kustomize-v5.8.1", "kustomize")?), directory, arguments);
    assert_eq!(said.code, 0, "{said:?}");
    Some(said.stdout)
}

/// Writes files below a directory.
fn write(directory: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = directory.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

/// The files of a directory by name.
fn read(directory: PathBuf) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(directory).unwrap().map(|it| it.unwrap());
    let file = |it: std::fs::DirEntry| {
        (it.file_name().into_string().unwrap(), std::fs::read_to_string(it.path()).unwrap())
    };
    entries.map(file).collect()
}

/// Both print the same.
fn same(directory: &Path, arguments: &[&str]) -> String {
    let whole: Vec<&str> = ["kustomize", "build"].iter().chain(arguments).copied().collect();
    let ours = promoter(directory, &whole);
    assert_eq!(ours.code, 0, "{arguments:?}: {ours:?}");
    let whole: Vec<&str> = ["build"].iter().chain(arguments).copied().collect();
    if let Some(theirs) = kustomize(directory, &whole) {
        assert_eq!(ours.stdout, theirs, "{arguments:?}");
    }
    ours.stdout
}
