//! Signatures against the real git, ssh-keygen and gpg: theirs judged by us, ours judged by them.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod bytes;
mod openpgp;
mod ssh;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use promoter_core::UnixSeconds;
use promoter_signatures::{SigningKey, Trusted, Verdict};
use promoter_testkit::git::TestRepo;

/// The date of all commits: 2026-11-20T09:00:00Z.
const AT: UnixSeconds = UnixSeconds(1_795_165_200);

/// A repository, and a home in which keys are made.
struct Stage {
    repo: TestRepo,
    tree: String,
}

impl Stage {
    fn new() -> Self {
        let repo = TestRepo::new();
        let tree = repo.git_with_input(&["mktree"], b"");
        Self { repo, tree }
    }

    fn home(&self) -> &Path {
        self.repo.parent()
    }

    /// A file of the home.
    fn file(&self, name: &str) -> PathBuf {
        self.home().join(name)
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap()
    }

    /// Runs a program in the home and gives its stdout. Panics when it fails.
    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.attempt(program, arguments);
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {arguments:?}: {words}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn attempt(&self, program: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(program);
        command.current_dir(self.home()).args(arguments).env_clear().env("HOME", self.home());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("LC_ALL", "C").env("TZ", "UTC");
        command.stdin(std::process::Stdio::null()).output().unwrap()
    }

    /// The text of a commit that promoter could write.
    fn commit(&self, message: &str) -> String {
        let person = format!("Ada <ada@example.com> {} +0000", AT.0);
        format!("tree {}\nauthor {person}\ncommitter {person}\n\n{message}\n", self.tree)
    }

    /// The same, signed.
    fn signed(&self, key: &SigningKey, message: &str) -> String {
        key.sign(&self.commit(message), AT).unwrap()
    }

    /// What the real git says of a commit; the error holds its words.
    fn git_says(&self, commit: &str) -> Result<(), String> {
        let id =
            self.repo.git_with_input(&["hash-object", "-t", "commit", "-w", "--stdin"], commit.as_bytes());
        let signers = self.file("signers").display().to_string();
        let setting = format!("gpg.ssh.allowedSignersFile={signers}");
        let output = self.repo.try_git(&["-c", &setting, "verify-commit", "--raw", &id], b"");
        match output.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    /// A commit that the real git makes and signs; its bytes.
    fn by_git(&self, settings: &[&str], message: &str) -> String {
        let mut arguments: Vec<&str> = settings.iter().flat_map(|it| ["-c", it]).collect();
        arguments.extend(["commit-tree", "-S", "-m", message, &self.tree]);
        let id = self.repo.git(&arguments);
        let output = self.repo.try_git(&["cat-file", "commit", &id], b"");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Judges by the keys of an `allowed_signers` file and of a keyring.
fn judge(commit: &str, signers: &str, keyring: &str) -> Verdict {
    let mut trusted = Trusted::default();
    trusted.add_allowed_signers(signers, "signers").unwrap();
    if !keyring.is_empty() {
        trusted.add_keyring(keyring, "keyring").unwrap();
    }
    trusted.judge(commit.as_bytes(), AT)
}

/// State and reason of a verdict on one line.
fn line(verdict: &Verdict) -> String {
    format!("{} {}", verdict.state.as_str(), verdict.why).trim_end().to_owned()
}
