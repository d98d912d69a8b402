//! `sshd` on the loopback, with keys of its own, as the user who runs the tests.

use std::fmt::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::TestRepo;
use crate::tools::say_skipped;

/// A running `sshd` that lets one key in, to git's programs only. Ends with the value.
#[derive(Debug)]
pub struct GitSsh {
    child: Child,
    directory: TempDir,
    port: u16,
    user: String,
    repo: PathBuf,
}

impl GitSsh {
    /// Starts it and waits until it answers; `None`, said on stderr, where no `sshd` is installed. Without `asks_version`
    /// it drops the variable by which clients ask for the newer protocol, as many servers do.
    pub fn start(repo: &TestRepo, asks_version: bool) -> Option<Self> {
        let program = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"];
        let Some(program) = program.iter().find(|it| Path::new(it).is_file()) else {
            say_skipped("sshd");
            return None;
        };
        if said(Command::new("id").arg("-u")) == "0" {
            // Debian makes it when the service starts, which it does not where tests run.
            let _ = std::fs::create_dir_all("/run/sshd");
        }
        let directory = TempDir::new().expect("a temporary directory");
        make_keys(directory.path());
        let user = said(Command::new("id").arg("-un"));
        for _ in 0..20 {
            let port =
                TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a free port").port();
            let configuration = directory.path().join("sshd_config");
            std::fs::write(&configuration, configured(directory.path(), port, asks_version)).expect("a file");
            let mut child = Command::new(program)
                .args(["-D", "-e", "-f"])
                .arg(&configuration)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("sshd starts");
            while child.try_wait().expect("the state of sshd").is_none() {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    let server = Self { child, directory, port, user, repo: repo.path().to_owned() };
                    server.know("known_hosts", "host.pub");
                    server.know("wrong_hosts", "user.pub");
                    std::fs::write(server.file("no_hosts"), "").expect("a file");
                    return Some(server);
                }
                std::thread::yield_now();
            }
        }
        panic!("sshd does not start");
    }

    /// The URL of the repository.
    pub fn url(&self) -> String {
        self.url_at(self.port)
    }

    /// The URL of the repository behind another port of this machine.
    pub fn url_at(&self, port: u16) -> String {
        format!("ssh://{}@127.0.0.1:{port}{}", self.user, self.repo.display())
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A file by name: the keys `user` (which is let in), `stranger` and `broken` (which are not), and for the server
    /// `known_hosts`, `wrong_hosts` (with another key) and `no_hosts` (without any).
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Makes the server's key known for another port too.
    pub fn know_at(&self, port: u16) {
        let known = std::fs::read_to_string(self.file("known_hosts")).expect("a file");
        let more = known.replace(&format!(":{}", self.port), &format!(":{port}"));
        std::fs::write(self.file("known_hosts"), known + &more).expect("a file");
    }

    fn know(&self, name: &str, key: &str) {
        let key = std::fs::read_to_string(self.file(key)).expect("a key");
        std::fs::write(self.file(name), format!("[127.0.0.1]:{} {key}", self.port)).expect("a file");
    }
}

impl Drop for GitSsh {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn make_keys(directory: &Path) {
    for name in ["host", "user", "stranger"] {
        said(
            Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(directory.join(name)),
        );
    }
    std::fs::copy(directory.join("stranger"), directory.join("broken")).expect("a copy keeps the mode");
    std::fs::write(directory.join("broken"), "no key\n").expect("a file");
    let key = std::fs::read_to_string(directory.join("user.pub")).expect("a key");
    let line = format!("restrict,command=\"git-shell -c \\\"$SSH_ORIGINAL_COMMAND\\\"\" {key}");
    std::fs::write(directory.join("authorized_keys"), line).expect("a file");
}

fn configured(directory: &Path, port: u16, asks_version: bool) -> String {
    let place = |name: &str| directory.join(name).display().to_string();
    let mut text = format!("Port {port}\nListenAddress 127.0.0.1\nUsePAM no\nStrictModes no\n");
    let _ = writeln!(text, "HostKey {}\nAuthorizedKeysFile {}", place("host"), place("authorized_keys"));
    let _ = writeln!(text, "PidFile {}\nPasswordAuthentication no", place("pid"));
    let _ = writeln!(text, "KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password");
    if asks_version {
        text.push_str("AcceptEnv GIT_PROTOCOL\n");
    }
    text
}

fn said(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().expect("a program that starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
