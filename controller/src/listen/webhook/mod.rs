//! Webhooks: who may send them, and what is taken from them.
//!
//! A receiver is a file `NAME.TYPE` in the directory of secrets; it is read anew at each message, since secrets are
//! renewed while we run. From a message that proves itself one thing is taken: what may have moved. A message that is
//! odd in any other way means that everything may have.

mod images;
mod json;
mod proof;
mod repositories;

use std::path::{Path, PathBuf};

use hyper::HeaderMap;
use promoter_core::Diagnosis;
use promoter_sources::checks::Secrets;
use promoter_sources::git::Secret;

use crate::signal::Sooner;
use proof::Proof;

/// Secrets that one receiver may have at the same time: the old and the new one while they are renewed.
const SECRETS_MAX: usize = 4;
/// The longest name of a receiver, in bytes.
const NAME_BYTES_MAX: usize = 100;
/// A secret that is shorter can be guessed.
const SECRET_BYTES_MIN: usize = 16;

/// The types of receivers, as they end file names.
pub const KINDS: [&str; 12] = [
    "acr",
    "azure",
    "bitbucket",
    "dockerhub",
    "forgejo",
    "generic",
    "gitea",
    "github",
    "gitlab",
    "harbor",
    "oci",
    "quay",
];

/// A message that came.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// What stands behind the `?` of its address.
    pub query: &'a str,
    /// Its body.
    pub body: &'a [u8],
}

impl<'a> Message<'a> {
    /// The text of a header; `""` when it is not there or no text.
    fn header(&self, name: &str) -> &'a str {
        self.headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default()
    }
}

/// What a message came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The type of the receiver; `None` when there is no receiver of that name.
    pub kind: Option<&'static str>,
    /// What may have moved, which may be nothing; `None` when the message did not prove itself.
    pub sooner: Option<Sooner>,
}

/// The receivers below a directory.
#[derive(Debug)]
pub struct Receivers {
    root: PathBuf,
    secrets: Secrets,
    /// Messages to nobody are held against it, so that they take as long as others.
    nobodys: Secret,
}

impl Receivers {
    /// Those of a directory.
    ///
    /// Errors: it cannot be read. What its files say is found out at each message.
    pub fn open(root: &Path) -> Result<Self, Diagnosis> {
        let wrong = |error| {
            let cause =
                format!("the directory of webhook secrets `{}` cannot be read: {error}", root.display());
            Diagnosis::input("webhook-secrets-dir", cause)
                .hint("mount the Secret there, or leave `--webhook-secrets-dir` out")
        };
        std::fs::read_dir(root).map_err(wrong)?;
        let (secrets, nobodys) = (Secrets::below(Some(root)), Secret::new("nobody's"));
        Ok(Self { root: root.to_owned(), secrets, nobodys })
    }

    /// The receivers that are there now, as `shop (github)`, and what is wrong with files that are none.
    pub fn inspect(&self) -> (Vec<String>, Vec<Diagnosis>) {
        let mut names: Vec<String> = std::fs::read_dir(&self.root)
            .into_iter()
            .flatten()
            .filter_map(|it| it.ok()?.file_name().into_string().ok())
            // Kubernetes' own links and directories begin with dots.
            .filter(|it| !it.starts_with('.'))
            .collect();
        names.sort_unstable();
        let (mut found, mut wrong) = (Vec::new(), Vec::new());
        for file in names {
            let parts = file.split_once('.').filter(|(name, _)| Self::is_name(name));
            let Some((name, kind)) = parts.filter(|(_, kind)| KINDS.contains(kind)) else {
                let cause = format!("`{file}` is no `NAME.TYPE` of a webhook");
                wrong.push(Diagnosis::input("webhook-receiver", cause).hint(format!(
                    "a name is of letters, digits, `-` and `_`; types are {}",
                    KINDS.map(|it| format!("`{it}`")).join(", ")
                )));
                continue;
            };
            let secrets = self.secrets_of(name, kind);
            if secrets.is_empty() || secrets.iter().any(|it| it.expose().len() < SECRET_BYTES_MIN) {
                let cause =
                    format!("`{file}` holds no secret, or one of fewer than {SECRET_BYTES_MIN} bytes");
                wrong.push(
                    Diagnosis::input("webhook-receiver", cause)
                        .hint("write a random one, one line: `openssl rand -hex 32`"),
                );
            }
            found.push(format!("{name} ({kind})"));
        }
        (found, wrong)
    }

    /// True for what can be the name of a receiver.
    pub fn is_name(text: &str) -> bool {
        let fits = |it: u8| it.is_ascii_alphanumeric() || it == b'-' || it == b'_';
        (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(fits)
    }

    /// Takes in a message to the receiver of a name. Does the same work whether there is one or not.
    pub fn receive(&self, name: &str, message: &Message<'_>) -> Received {
        let name = if Self::is_name(name) { name } else { "-" };
        let mut there = None;
        let mut proven = None;
        for kind in KINDS {
            let secrets = self.secrets_of(name, kind);
            if !secrets.is_empty() {
                there = Some(kind);
            }
            for secret in &secrets {
                if Proof::of(kind).is_given(message, secret) {
                    proven = Some(kind);
                }
            }
        }
        if there.is_none() {
            Proof::of(KINDS[0]).is_given(message, &self.nobodys);
        }
        Received { kind: proven.or(there), sooner: proven.map(|it| moved(it, message)) }
    }

    /// The secrets of a receiver, one a line; none when there is no such receiver.
    fn secrets_of(&self, name: &str, kind: &str) -> Vec<Secret> {
        let Ok(path) = format!("{name}.{kind}").parse() else { return Vec::new() };
        let Ok(bytes) = self.secrets.bytes(&path) else { return Vec::new() };
        let text = String::from_utf8_lossy(&bytes);
        let lines = text.lines().filter(|it| !it.trim().is_empty());
        lines.take(SECRETS_MAX).map(Secret::new).collect()
    }
}

/// What a message of a type says that may have moved.
fn moved(kind: &str, message: &Message<'_>) -> Sooner {
    let moved = match kind {
        "github" => repositories::github(message),
        "gitlab" => repositories::gitlab(message),
        "gitea" | "forgejo" => repositories::gitea(message),
        "bitbucket" => repositories::bitbucket(message),
        "azure" => repositories::azure(message),
        "acr" => images::acr(message),
        "dockerhub" => images::dockerhub(message),
        "harbor" => images::harbor(message),
        "oci" => images::oci(message),
        "quay" => images::quay(message),
        _ => repositories::generic(message),
    };
    moved.unwrap_or_else(Sooner::everything)
}
