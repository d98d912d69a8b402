//! What commands print, as transcripts: `testdata/cli/*.txt` is replayed with the built binary in an empty directory.
//!
//! `=== FILE` starts a file (until the next `===` or `$` line); `$ promoter …` runs the command, `$ cat FILE` prints a
//! file, `$ git …` runs git. Stdin comes from a file: `$ promoter lock show - < FILE`. In the answer stdout
//! stands as it is, stderr behind `! `, and an exit code other than 0 in brackets.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what fails here fails the test")]

use promoter_testkit::{golden_text, words};
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn commands_print_what_their_transcripts_say() {
    golden_text("cli/*.txt", |_, case| {
        let directory = tempfile::tempdir().unwrap();
        let mut answer = String::new();
        let mut lines = case.lines().peekable();
        while let Some(line) = lines.next() {
            if let Some(path) = line.strip_prefix("=== ") {
                let mut text = String::new();
                while let Some(line) = lines.next_if(|it| !it.starts_with("=== ") && !it.starts_with("$ ")) {
                    text.push_str(&format!("{line}\n"));
                }
                let path = directory.path().join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            } else if let Some(command) = line.strip_prefix("$ ") {
                answer.push_str(&format!("{line}\n{}", run(command, directory.path())));
            } else {
                answer.push_str(&format!("{line}\n"));
            }
        }
        answer
    });
}

fn run(command: &str, directory: &Path) -> String {
    let (command, stdin) = match command.split_once(" < ") {
        Some((command, file)) => (command, std::fs::File::open(directory.join(file)).unwrap().into()),
        None => (command, Stdio::null()),
    };
    let words = words(command);
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["cat", file] => std::fs::read_to_string(directory.join(file)).unwrap(),
        ["promoter", arguments @ ..] => {
            let output = Command::new(env!("CARGO_BIN_EXE_promoter"))
                .args(arguments)
                .current_dir(directory)
                .env_clear()
                .env("PATH", std::env::var_os("PATH").unwrap_or_default())
                .env("HOME", directory)
                .stdin(stdin)
                .output()
                .expect("the built command");
            let mut answer = String::from_utf8(output.stdout).unwrap();
            for line in String::from_utf8(output.stderr).unwrap().lines() {
                answer.push_str(&format!("! {line}\n"));
            }
            match output.status.code() {
                Some(0) => {}
                code => answer.push_str(&format!("[{code:?}]\n").replace("Some(", "").replace(')', "")),
            }
            answer
        }
        ["git", arguments @ ..] => git(arguments, directory),
        other => panic!("a transcript knows `promoter`, `git` and `cat`, not {other:?}"),
    }
}

/// Runs the real git as a person who never changes and at a time that stands still, so that commit ids repeat.
fn git(arguments: &[&str], directory: &Path) -> String {
    let mut command = Command::new("git");
    command.args(arguments).current_dir(directory).env("HOME", directory).env("GIT_CONFIG_NOSYSTEM", "1");
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "Ada");
        command.env(format!("GIT_{role}_EMAIL"), "ada@example.com");
        command.env(format!("GIT_{role}_DATE"), "2026-11-20T09:00:00Z");
    }
    let output = command.output().expect("git is installed");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
