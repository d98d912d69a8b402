//! `git daemon` on the loopback.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::TestRepo;

/// A running `git daemon` that serves one repository for reading and writing. Ends with the value.
#[derive(Debug)]
pub struct GitDaemon {
    child: Child,
    port: u16,
}

impl GitDaemon {
    /// Starts it and waits until it answers.
    pub fn start(repo: &TestRepo) -> Self {
        Self::start_in(repo.parent())
    }

    /// The same for a directory that holds a `repo.git`.
    pub fn start_in(directory: &Path) -> Self {
        // The port is free now and git takes a number only; another process may be faster, so several are tried.
        for _ in 0..20 {
            let port =
                TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a free port").port();
            let child = Command::new("git")
                .args([
                    "daemon",
                    "--reuseaddr",
                    "--listen=127.0.0.1",
                    "--export-all",
                    "--enable=receive-pack",
                ])
                .arg(format!("--port={port}"))
                .arg(format!("--base-path={}", directory.display()))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("git daemon starts");
            let mut daemon = Self { child, port };
            while daemon.child.try_wait().expect("the state of git daemon").is_none() {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return daemon;
                }
                std::thread::yield_now();
            }
        }
        panic!("git daemon does not start");
    }

    /// The URL of the repository.
    pub fn url(&self) -> String {
        format!("git://127.0.0.1:{}/repo.git", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for GitDaemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
