//! `tinyproxy` on the loopback.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::tools::say_skipped;

/// A running proxy. Ends with the value.
#[derive(Debug)]
pub struct Proxy {
    child: Child,
    directory: TempDir,
    port: u16,
}

impl Proxy {
    /// Starts it for those who know a user's name and password; `None`, said on stderr, where none is installed.
    pub fn start(user: &str, password: &str) -> Option<Self> {
        let paths = std::env::var_os("PATH").unwrap_or_default();
        let mut programs = std::env::split_paths(&paths).map(|it| it.join("tinyproxy"));
        let Some(program) = programs.find(|it| it.is_file()) else {
            say_skipped("tinyproxy");
            return None;
        };
        let directory = TempDir::new().expect("a temporary directory");
        for _ in 0..20 {
            let port =
                TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a free port").port();
            let (log, file) = (directory.path().join("log"), directory.path().join("conf"));
            let text = format!(
                "Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\nLogLevel Connect\n\
                 LogFile \"{}\"\nBasicAuth {user} {password}\n",
                log.display()
            );
            std::fs::write(&file, text).expect("a file");
            let mut child = spawn(&program, &file);
            while child.try_wait().expect("the state of tinyproxy").is_none() {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return Some(Self { child, directory, port });
                }
                std::thread::yield_now();
            }
        }
        panic!("tinyproxy does not start");
    }

    /// Its URL, with what stands before `@` (`user:password`) if anything.
    pub fn url(&self, login: &str) -> String {
        let at = if login.is_empty() { "" } else { "@" };
        format!("http://{login}{at}127.0.0.1:{}", self.port)
    }

    /// The requests that it was asked for, such as `CONNECT localhost:443 HTTP/1.1`.
    pub fn requests(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
        let lines = log.lines().filter_map(|it| it.split_once("Request (file descriptor"));
        lines.filter_map(|(_, it)| Some(it.split_once("): ")?.1.to_owned())).collect()
    }
}

fn spawn(program: &PathBuf, configuration: &PathBuf) -> Child {
    let mut command = Command::new(program);
    command.arg("-d").arg("-c").arg(configuration);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("tinyproxy starts")
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
