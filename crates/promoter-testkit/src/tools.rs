//! The programs that `make tools` installs for tests to compare with.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The real kustomize.
#[derive(Debug)]
pub struct Kustomize(PathBuf);

impl Kustomize {
    /// The installed one; `None`, said on stderr, when there is none.
    pub fn installed() -> Option<Self> {
        tool("kustomize-v5.8.1", "kustomize").map(Self)
    }

    /// What it prints for a directory, or what it says when it fails.
    pub fn build(&self, directory: &Path) -> Result<String, String> {
        let output = Command::new(&self.0).arg("build").arg(directory).output().expect("kustomize runs");
        match output.status.success() {
            true => Ok(String::from_utf8(output.stdout).expect("kustomize prints UTF-8")),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }
}

/// Finds an installed program, like `tool("kustomize-v5.8.1", "kustomize")`.
///
/// Looks for `<directory>/<name>` below `PROMOTER_TOOLS`, by default `$HOME/.cache/promoter-tools`. `None` when it
/// is not there: stderr then says that a test is skipped, and the test returns.
pub fn tool(directory: &str, name: &str) -> Option<PathBuf> {
    let program = tools().map(|it| it.join(directory).join(name)).filter(|it| it.is_file());
    if program.is_none() {
        say_skipped(name);
    }
    program
}

/// A command that makes a directory a disk of so many KiB and then runs the program that its further arguments name.
/// The disk is seen by that program alone. `None`, said on stderr, where the system lets nobody do so.
pub fn on_small_disk(directory: &Path, kib: u32) -> Option<Command> {
    let with = |mount: &str| {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", &format!("{mount} && exec \"$@\"")]);
        command.arg(directory);
        command
    };
    let mount = format!("mount -t tmpfs -o size={kib}k,mode=700 tmpfs \"$0\"");
    let works = with(&mount).arg("true").output().is_ok_and(|it| it.status.success());
    if !works {
        say_skipped("a disk of its own (unshare, tmpfs)");
        return None;
    }
    Some(with(&mount))
}

fn tools() -> Option<PathBuf> {
    let named = std::env::var_os("PROMOTER_TOOLS").map(PathBuf::from);
    named.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/promoter-tools")))
}

/// Says on stderr that a test is skipped for want of something.
#[expect(clippy::print_stderr, reason = "who reads the output of tests learns what they did not do")]
pub fn say_skipped(name: &str) {
    eprintln!("skipped: {name} is not there, run make tools");
}
