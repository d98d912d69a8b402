//! The dry commit as its author wrote it, with the references that Argo CD's trailers carry.

use promoter_core::{NotA, UnixSeconds};
use serde::{Deserialize, Serialize};

/// What is known of a dry commit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DryCommit {
    /// `Name <mail>`.
    pub author: String,
    /// The message up to the first blank line, on one line.
    pub subject: String,
    /// The rest without the trailers that became references; every line ends in a newline.
    pub body: String,
    /// The commit that it refers to, at most one today.
    pub references: Vec<Reference>,
}

/// A commit of another repository, such as the code that an image was built from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Reference {
    /// An address as Go prints it: `"Name" <mail>`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub author: String,
    /// RFC 3339.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub date: String,
    /// Subject.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// Body.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// 5 to 40 hexadecimal digits.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sha: String,
    /// Repository. Argo CD writes `repoUrl` here and `repoURL` at the top; both are read.
    #[serde(rename = "repoUrl", alias = "repoURL", skip_serializing_if = "String::is_empty")]
    pub repo_url: String,
}

const PREFIX: &str = "Argocd-reference-commit-";

impl DryCommit {
    /// Reads a commit's message. A trailer whose value is not valid stays in the body, and of two the last one wins.
    pub fn read(author: &str, message: &str) -> Self {
        let message = message.replace("\r\n", "\n");
        let (subject, rest) = match message.trim_start_matches('\n').split_once("\n\n") {
            Some((subject, rest)) => (subject.to_owned(), rest.trim_start_matches('\n').to_owned()),
            None => (message.trim().to_owned(), String::new()),
        };
        let lines: Vec<&str> = rest.trim_end().lines().collect();
        // Trailers are lines of the last paragraph.
        let block = lines.iter().rposition(|it| it.trim().is_empty()).map_or(0, |it| it + 1);
        let mut reference = Reference::default();
        let mut body = String::new();
        for (index, line) in lines.iter().enumerate() {
            let taken = index >= block && take(line, &mut reference).is_some();
            if !taken {
                body.push_str(line);
                body.push('\n');
            }
        }
        let references = if reference == Reference::default() { Vec::new() } else { vec![reference] };
        let subject = subject.split('\n').map(str::trim).collect::<Vec<_>>().join(" ");
        Self { author: author.into(), subject, body, references }
    }
}

/// Takes one trailer into the reference; `None` when the line is none or its value is not valid.
fn take(line: &str, reference: &mut Reference) -> Option<()> {
    let (key, value) = line.strip_prefix(PREFIX)?.split_once(':')?;
    let value = value.trim();
    match key {
        "author" => reference.author = address(value)?,
        "sha" => {
            let is_hex = value.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
            reference.sha = ((5..=40).contains(&value.len()) && is_hex).then(|| value.into())?;
        }
        "subject" => reference.subject = value.into(),
        "body" => reference.body = serde_json::from_str(value).ok()?,
        "repourl" => {
            let is_url = value.split_once("://").is_some_and(|(_, rest)| !rest.is_empty());
            reference.repo_url = (is_url && !value.contains(char::is_whitespace)).then(|| value.into())?;
        }
        "date" => {
            let read: Result<UnixSeconds, NotA> = value.parse();
            reference.date = read.ok().map(|_| value.into())?;
        }
        _ => return None,
    }
    Some(())
}

/// `Name <mail>` as Go's `mail.Address` prints it: the name quoted, or as an RFC 2047 word when it is not ASCII.
fn address(text: &str) -> Option<String> {
    let (name, mail) = match text.strip_suffix('>').and_then(|it| it.rsplit_once('<')) {
        Some((name, mail)) => (name.trim(), mail),
        None => ("", text),
    };
    let (local, host) = mail.rsplit_once('@')?;
    if local.is_empty() || host.is_empty() || mail.contains(|it: char| it.is_whitespace() || it.is_control())
    {
        return None;
    }
    let name = match name.strip_prefix('"').and_then(|it| it.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\\\"", "\"").replace("\\\\", "\\"),
        None => name.to_owned(),
    };
    if name.is_empty() {
        return Some(format!("<{mail}>"));
    }
    if name.is_ascii() {
        return Some(format!("\"{}\" <{mail}>", name.replace('\\', "\\\\").replace('"', "\\\"")));
    }
    let word: String = name.bytes().map(encoded).collect();
    Some(format!("=?utf-8?q?{word}?= <{mail}>"))
}

/// One byte in the Q encoding.
fn encoded(byte: u8) -> String {
    match byte {
        b' ' => "_".into(),
        b'!'..=b'~' if !matches!(byte, b'=' | b'?' | b'_') => char::from(byte).into(),
        _ => format!("={byte:02X}"),
    }
}
