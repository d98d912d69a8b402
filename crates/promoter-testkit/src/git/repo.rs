//! A bare repository in a directory of its own, written by the git program.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A bare repository that serves everything over every transport. It goes away with the value.
#[derive(Debug)]
pub struct TestRepo {
    root: TempDir,
    path: PathBuf,
}

impl TestRepo {
    /// An empty repository whose default branch is `main`.
    pub fn new() -> Self {
        let root = TempDir::new().expect("a temporary directory");
        let path = root.path().join("repo.git");
        let made = Self { root, path };
        std::fs::create_dir(&made.path).expect("a directory for the repository");
        made.git(&["init", "--quiet", "--bare", "--initial-branch=main", "."]);
        for setting in ["http.receivepack", "uploadpack.allowAnySHA1InWant", "uploadpack.allowFilter"] {
            made.git(&["config", setting, "true"]);
        }
        made
    }

    /// Its directory (`…/repo.git`).
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The directory that holds it, for servers that serve whole directories.
    pub fn parent(&self) -> &Path {
        self.root.path()
    }

    /// Its `file://` URL.
    pub fn url(&self) -> String {
        format!("file://{}", self.path.display())
    }

    /// Runs git in it and gives its stdout without the last line end. Panics when git fails.
    pub fn git(&self, arguments: &[&str]) -> String {
        self.git_with_input(arguments, b"")
    }

    /// The same with something on its stdin.
    pub fn git_with_input(&self, arguments: &[&str], input: &[u8]) -> String {
        let output = self.try_git(arguments, input);
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?} failed: {words}");
        String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned()
    }

    /// Runs git in it, whatever comes of it.
    pub fn try_git(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut command = Command::new("git");
        command
            .current_dir(&self.path)
            .args(arguments)
            .env_clear()
            .env("HOME", self.root.path())
            .env("LC_ALL", "C");
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("GIT_CONFIG_NOSYSTEM", "1");
        for role in ["AUTHOR", "COMMITTER"] {
            command
                .env(format!("GIT_{role}_NAME"), "Test")
                .env(format!("GIT_{role}_EMAIL"), "test@example.com");
            command.env(format!("GIT_{role}_DATE"), "1700000000 +0000");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("git starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        let input = input.to_owned();
        // A program that does not read its input closes the pipe, which is no failure.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().expect("git ends");
        writer.join().expect("the writer ends");
        output
    }

    /// Commits files (path, content) on top of a branch, making it if need be, and gives the commit's id.
    pub fn commit(&self, branch: &str, files: &[(&str, &str)]) -> String {
        let start = self.on(branch);
        files.iter().fold(start, |commit, (path, content)| commit.file(path, content.as_bytes())).commit()
    }

    /// Makes so many commits on a new branch, a second apart, each writing its number to the file `step`. Oldest first.
    pub fn commits(&self, branch: &str, count: usize) -> Vec<String> {
        let mut input = String::new();
        for step in 0..count {
            let person = format!("Test <test@example.com> {} +0000", 1_700_000_000 + step);
            let _ = write!(input, "commit refs/heads/{branch}\nauthor {person}\ncommitter {person}\n");
            let number = step.to_string();
            let _ = write!(input, "data 6\nchange\nM 100644 inline step\ndata {}\n{number}\n", number.len());
        }
        self.git_with_input(&["fast-import", "--quiet", "--done"], format!("{input}done\n").as_bytes());
        let listed = self.git(&["rev-list", "--reverse", &format!("refs/heads/{branch}")]);
        listed.lines().map(Into::into).collect()
    }

    /// Begins a commit on top of a branch.
    pub fn on<'a>(&'a self, branch: &'a str) -> CommitBuilder<'a> {
        CommitBuilder {
            repo: self,
            branch,
            changes: Vec::new(),
            message: "change",
            seconds: 1_700_000_000,
            parents: &[],
        }
    }

    /// The id that a revision names; `None` when there is none.
    pub fn id(&self, revision: &str) -> Option<String> {
        let output = self.try_git(&["rev-parse", "--verify", "--quiet", revision], b"");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Makes a hook of a shell script (without its first line).
    pub fn hook(&self, name: &str, script: &str) {
        let path = self.path.join("hooks").join(name);
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("a directory for hooks");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a hook");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, mode).expect("an executable hook");
    }

    /// Panics unless `git fsck --strict` finds nothing wrong.
    pub fn fsck(&self) {
        self.git(&["fsck", "--strict", "--no-dangling"]);
    }
}

impl Default for TestRepo {
    fn default() -> Self {
        Self::new()
    }
}

/// A commit that is being made.
#[derive(Debug)]
#[must_use]
pub struct CommitBuilder<'a> {
    repo: &'a TestRepo,
    branch: &'a str,
    changes: Vec<u8>,
    message: &'a str,
    seconds: i64,
    parents: &'a [&'a str],
}

impl<'a> CommitBuilder<'a> {
    /// Writes a file.
    pub fn file(self, path: &str, content: &[u8]) -> Self {
        self.entry("100644", path, content)
    }

    /// Writes an executable file.
    pub fn executable(self, path: &str, content: &[u8]) -> Self {
        self.entry("100755", path, content)
    }

    /// Writes a symbolic link.
    pub fn link(self, path: &str, target: &str) -> Self {
        self.entry("120000", path, target.as_bytes())
    }

    /// Puts a commit of another repository in the place of a directory.
    pub fn submodule(mut self, path: &str, commit: &str) -> Self {
        self.changes.extend_from_slice(format!("M 160000 {commit} {path}\n").as_bytes());
        self
    }

    /// Removes a file or a directory.
    pub fn remove(mut self, path: &str) -> Self {
        self.changes.extend_from_slice(format!("D {path}\n").as_bytes());
        self
    }

    /// The message.
    pub fn message(mut self, message: &'a str) -> Self {
        self.message = message;
        self
    }

    /// The time of author and committer.
    pub fn at(mut self, seconds: i64) -> Self {
        self.seconds = seconds;
        self
    }

    /// Further parents, for a merge.
    pub fn merging(mut self, parents: &'a [&'a str]) -> Self {
        self.parents = parents;
        self
    }

    /// Makes the commit and gives its id.
    pub fn commit(self) -> String {
        let name = format!("refs/heads/{}", self.branch);
        let person = format!("Test <test@example.com> {} +0000", self.seconds);
        let mut head = format!("commit {name}\nauthor {person}\ncommitter {person}\n");
        let _ = write!(head, "data {}\n{}\n", self.message.len(), self.message);
        if let Some(parent) = self.repo.id(&name) {
            let _ = writeln!(head, "from {parent}");
        }
        for parent in self.parents {
            let _ = writeln!(head, "merge {parent}");
        }
        let mut input = head.into_bytes();
        input.extend_from_slice(&self.changes);
        input.extend_from_slice(b"\ndone\n");
        self.repo.git_with_input(&["fast-import", "--quiet", "--done"], &input);
        self.repo.id(&name).expect("the branch was made")
    }

    fn entry(mut self, mode: &str, path: &str, content: &[u8]) -> Self {
        let head = format!("M {mode} inline {path}\ndata {}\n", content.len());
        self.changes.extend_from_slice(head.as_bytes());
        self.changes.extend_from_slice(content);
        self.changes.push(b'\n');
        self
    }
}
