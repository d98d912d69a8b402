//! As much of an HTTP client as pushing takes: one connection, one request after the other.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// One connection to a registry.
pub(super) struct Line {
    stream: BufReader<TcpStream>,
    host: String,
    authorization: Option<String>,
}

/// An answer.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Reply {
    /// A header by its name in small letters.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl Line {
    pub(super) fn open(host: &str, authorization: Option<String>) -> Self {
        let stream = TcpStream::connect(host).expect("the registry answers");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        stream.set_nodelay(true).expect("an option");
        Self { stream: BufReader::new(stream), host: host.to_owned(), authorization }
    }

    /// Sends one request and takes its answer.
    pub(super) fn ask(&mut self, method: &str, target: &str, kind: &str, body: &[u8]) -> Reply {
        // Registries say some places by their own full address.
        let path = match target.strip_prefix("http://") {
            Some(rest) => &rest[rest.find('/').expect("a path")..],
            None => target,
        };
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n", self.host, body.len());
        head.push_str(
            "Accept: application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, */*\r\n",
        );
        if !kind.is_empty() {
            head.push_str(&format!("Content-Type: {kind}\r\n"));
        }
        if let Some(authorization) = &self.authorization {
            head.push_str(&format!("Authorization: {authorization}\r\n"));
        }
        let mut message = format!("{head}\r\n").into_bytes();
        message.extend_from_slice(body);
        self.stream.get_mut().write_all(&message).expect("a request is sent");
        self.reply()
    }

    fn reply(&mut self) -> Reply {
        let mut line = || {
            let mut text = String::new();
            self.stream.read_line(&mut text).expect("an answer");
            text.trim_end().to_owned()
        };
        let status = line().split(' ').nth(1).and_then(|it| it.parse().ok()).expect("a status");
        let headers: Vec<(String, String)> = std::iter::from_fn(|| Some(line()).filter(|it| !it.is_empty()))
            .filter_map(|it| {
                it.split_once(": ").map(|(key, value)| (key.to_ascii_lowercase(), value.to_owned()))
            })
            .collect();
        let mut reply = Reply { status, headers, body: Vec::new() };
        let length = reply.header("content-length").map_or(0, |it| it.parse().expect("a length"));
        reply.body = vec![0; length];
        self.stream.read_exact(&mut reply.body).expect("a body");
        reply
    }
}
