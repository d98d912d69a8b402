//! One running registry.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::TokenServer;
use super::client::Line;
use crate::{say_skipped, tool};

/// Who is let in by password.
pub const USER: &str = "ada";
/// Their password.
pub const PASSWORD: &str = "s3cret";
/// The same as `htpasswd -B` writes it.
const HTPASSWD: &str = "ada:$2y$05$abcdefghijklmnopqrstuuLK7U1u6pVRmL7L1BBM2aS35PSZnDXlK\n";

/// Which registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavor {
    /// Debian's package `docker-registry`, 2.8.2.
    Debian,
    /// distribution v3.1.1.
    V3,
}

impl Flavor {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Debian, Self::V3];

    fn program(self) -> Option<PathBuf> {
        match self {
            Self::V3 => tool("registry-v3.1.1", "registry"),
            Self::Debian => {
                let program = PathBuf::from("/usr/bin/docker-registry");
                if program.is_file() {
                    return Some(program);
                }
                say_skipped("docker-registry");
                None
            }
        }
    }
}

/// Who is let in.
#[derive(Debug, Clone, Copy)]
pub enum Entrance<'a> {
    /// Everybody.
    Open,
    /// [`USER`] with [`PASSWORD`], by basic authentication.
    Password,
    /// Whoever has a token of this server.
    Token(&'a TokenServer),
}

/// A running registry with nothing in it, which keeps all in memory. Ends with the value.
#[derive(Debug)]
pub struct RegistryServer {
    child: Child,
    host: String,
    authorization: Option<String>,
    tokens: Option<TokenServer>,
    _directory: TempDir,
}

impl RegistryServer {
    /// Starts it and waits until it answers. `None`, said on stderr, when it is not installed.
    pub fn start(flavor: Flavor, entrance: Entrance<'_>) -> Option<Self> {
        let program = flavor.program()?;
        let directory = tempfile::tempdir().expect("a directory");
        // The port is free now and the registry takes a number only; another process may be faster.
        for _ in 0..20 {
            let port =
                TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a free port").port();
            let host = format!("127.0.0.1:{port}");
            let config = directory.path().join("config.yml");
            let auth = auth(entrance, &directory);
            let text = format!(
                "version: 0.1\nlog: {{ level: error, accesslog: {{ disabled: true }} }}\nstorage:\n  inmemory: {{}}\n  delete: {{ enabled: true }}\nhttp: {{ addr: \"{host}\", secret: test, relativeurls: true }}\n{auth}"
            );
            std::fs::write(&config, text).expect("a file that can be written");
            let child = Command::new(&program)
                .arg("serve")
                .arg(&config)
                .env("OTEL_TRACES_EXPORTER", "none")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("the registry starts");
            let (authorization, tokens) = match entrance {
                Entrance::Open => (None, None),
                Entrance::Password => (Some(super::token::basic(USER, PASSWORD)), None),
                Entrance::Token(tokens) => (None, Some(tokens.clone())),
            };
            let mut server = Self {
                child,
                host,
                authorization,
                tokens,
                _directory: tempfile::tempdir().expect("a directory"),
            };
            while server.child.try_wait().expect("the state of the registry").is_none() {
                if TcpStream::connect(&server.host).is_ok() {
                    server._directory = directory;
                    return Some(server);
                }
                std::thread::yield_now();
            }
        }
        panic!("the registry does not start");
    }

    /// An open one of v3.
    pub fn open() -> Option<Self> {
        Self::start(Flavor::V3, Entrance::Open)
    }

    /// Its address, as images name it: `127.0.0.1:4711`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// A connection that may write to a repository.
    pub(super) fn line(&self, repository: &str) -> Line {
        let token = self
            .tokens
            .as_ref()
            .map(|it| format!("Bearer {}", it.issue(repository, &["pull", "push", "delete"])));
        Line::open(&self.host, self.authorization.clone().or(token))
    }
}

impl Drop for RegistryServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn auth(entrance: Entrance<'_>, directory: &TempDir) -> String {
    match entrance {
        Entrance::Open => String::new(),
        Entrance::Password => {
            let file = directory.path().join("htpasswd");
            std::fs::write(&file, HTPASSWD).expect("a file that can be written");
            format!("auth: {{ htpasswd: {{ realm: test, path: \"{}\" }} }}\n", file.display())
        }
        Entrance::Token(tokens) => {
            let file = directory.path().join("roots.pem");
            std::fs::write(&file, tokens.certificate()).expect("a file that can be written");
            format!(
                "auth: {{ token: {{ realm: \"{}\", service: {}, issuer: {}, rootcertbundle: \"{}\" }} }}\n",
                tokens.realm(),
                super::token::SERVICE,
                super::token::ISSUER,
                file.display()
            )
        }
    }
}
