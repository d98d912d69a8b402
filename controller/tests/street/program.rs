//! The built `promoter-controller`, run once.

use std::path::Path;
use std::process::{Command, Output};

/// What came of a run.
pub(crate) struct Ran {
    /// The exit code; `None` when it was killed.
    pub(crate) code: Option<i32>,
    /// Its log.
    pub(crate) log: String,
}

/// `promoter-controller --once` with a text log and an environment of its own.
pub(crate) fn once(repos: &[&str], cache: &Path) -> Ran {
    ran(command(repos, cache).output().expect("the built program"))
}

/// The same without any program that it could start.
pub(crate) fn once_alone(repos: &[&str], cache: &Path) -> Ran {
    ran(command(repos, cache).env("PATH", "/nonexistent").output().expect("the built program"))
}

/// The same with further arguments and variables, and no repository but one of theirs.
pub(crate) fn once_with(arguments: &[&str], variables: &[(&str, &str)], cache: &Path) -> Ran {
    let mut command = command(&[], cache);
    command.args(arguments).envs(variables.iter().copied());
    ran(command.output().expect("the built program"))
}

fn command(repos: &[&str], cache: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_promoter-controller"));
    command.arg("--once").arg("--log-format=text").arg("--cache-dir").arg(cache);
    command.args(repos.iter().flat_map(|it| ["--repo", it]));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", cache);
    command
}

fn ran(output: Output) -> Ran {
    assert!(output.stdout.is_empty(), "the log goes to stderr");
    Ran { code: output.status.code(), log: String::from_utf8(output.stderr).unwrap() }
}
