//! The programs that `make tools` installs for tests to compare with.

use std::path::PathBuf;

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

fn tools() -> Option<PathBuf> {
    let named = std::env::var_os("PROMOTER_TOOLS").map(PathBuf::from);
    named.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/promoter-tools")))
}

#[expect(clippy::print_stderr, reason = "who reads the output of tests learns what they did not do")]
fn say_skipped(name: &str) {
    eprintln!("skipped: {name} is not installed, run make tools");
}
