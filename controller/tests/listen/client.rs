//! A listener with its directory of secrets, and clients that speak HTTP by hand.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use base64::Engine as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use promoter_controller::listen::{ListenLimits, Listening, Receivers};
use promoter_controller::signal::{Receiver, Signal, signals};
use promoter_controller::watch::Watch;
use sha2::Sha256;
use tempfile::TempDir;

/// The secret of every receiver here.
pub(crate) const SECRET: &str = "user:correct-horse-battery-staple";
/// Longer than anything here takes; only a test that fails waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(100);

/// A listener without a loop: signals stay where the test sees them.
pub(crate) struct Door {
    pub(crate) directory: TempDir,
    pub(crate) listening: Listening,
    pub(crate) signals: Receiver,
    pub(crate) watch: Watch,
}

impl Door {
    /// One with these receivers, as `NAME.TYPE`.
    pub(crate) fn with(receivers: &[&str], limits: ListenLimits) -> Self {
        let directory = TempDir::new().unwrap();
        for file in receivers {
            std::fs::write(directory.path().join(file), format!("{SECRET}\n")).unwrap();
        }
        let (sender, signals) = signals();
        let watch = Watch::new([], Duration::from_secs(60));
        let receivers = Receivers::open(directory.path()).unwrap();
        let address = "127.0.0.1:0".parse().unwrap();
        let listening = Listening::start(address, Some(receivers), limits, watch.clone(), sender).unwrap();
        Self { directory, listening, signals, watch }
    }

    /// What the loop would hear now; `-` for nothing.
    pub(crate) fn heard(&self) -> String {
        match self.signals.wait(Duration::ZERO) {
            None => "-".into(),
            Some(Signal::Look(sooner)) => sooner.words(),
            Some(Signal::Stop) => panic!("nobody stops it"),
        }
    }

    /// Posts a message that proves itself as its type asks for.
    pub(crate) fn post(
        &self,
        name: &str,
        kind: &str,
        secret: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Reply {
        let (query, proof) = proof(kind, secret, body);
        let headers: Vec<(&str, &str)> =
            headers.iter().chain(&proof).map(|(name, value)| (name.as_str(), value.as_str())).collect();
        ask(&self.listening, "POST", &format!("/webhook/{name}{query}"), &headers, body)
    }

    /// The value of a metric.
    pub(crate) fn counted(&self, series: &str) -> u64 {
        let text = ask(&self.listening, "GET", "/metrics", &[], b"").body;
        let line = text.lines().find_map(|it| it.strip_prefix(series)?.strip_prefix(' '));
        line.map_or(0, |it| it.parse().unwrap())
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Asks once, on a connection of its own.
pub(crate) fn ask(at: &Listening, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let mut stream = connect(at);
    stream.write_all(&request(method, path, headers, body)).unwrap();
    reply(&mut stream)
}

pub(crate) fn connect(at: &Listening) -> TcpStream {
    let stream = TcpStream::connect(at.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// The bytes of a request after which the connection closes.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: promoter.example.com\r\nconnection: close\r\n");
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    write!(head, "content-length: {}\r\n\r\n", body.len()).unwrap();
    [head.as_bytes(), body].concat()
}

/// Reads an answer to the end of the connection.
pub(crate) fn reply(stream: &mut TcpStream) -> Reply {
    let mut bytes = Vec::new();
    // A server that closes before it has read everything may reset; what it said came before.
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).map_or(0, |it| it.parse().unwrap());
    Reply { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

/// What a sender of a type adds: to the address, and as headers.
fn proof(kind: &str, secret: &str, body: &[u8]) -> (String, Vec<(String, String)>) {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    let hex: String = mac.finalize().into_bytes().iter().map(|it| format!("{it:02x}")).collect();
    let header = |name: &str, value: String| (String::new(), vec![(name.to_owned(), value)]);
    match kind {
        "github" => header("X-Hub-Signature-256", format!("sha256={hex}")),
        "bitbucket" => header("X-Hub-Signature", format!("sha256={hex}")),
        "gitea" => header("X-Gitea-Signature", hex),
        "forgejo" => header("X-Forgejo-Signature", hex),
        "generic" => header("X-Promoter-Signature", format!("sha256={hex}")),
        "gitlab" => header("X-Gitlab-Token", secret.into()),
        "acr" | "harbor" | "oci" => header("Authorization", secret.into()),
        "azure" => {
            let basic = base64::engine::general_purpose::STANDARD.encode(secret);
            header("Authorization", format!("Basic {basic}"))
        }
        "dockerhub" | "quay" => (format!("?secret={}", secret.replace(':', "%3A")), Vec::new()),
        _ => panic!("no type {kind}"),
    }
}
