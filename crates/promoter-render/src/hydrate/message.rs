//! The message of a hydrated commit, and its note.

use std::borrow::Cow;
use std::fmt;

use promoter_core::{FreightId, one_line};

use super::Metadata;

/// A line that tools read: `Promoter-freight: sha256:…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trailer {
    /// The key, without colon.
    pub key: Cow<'static, str>,
    /// The value; shown on one line.
    pub value: String,
}

impl Trailer {
    /// The freight's id.
    pub const FREIGHT: &str = "Promoter-freight";
    /// The environment.
    pub const ENVIRONMENT: &str = "Promoter-environment";
    /// The pipeline.
    pub const PIPELINE: &str = "Promoter-pipeline";
    /// The person who asked for it.
    pub const BY: &str = "Promoter-by";
    /// Why, as they said.
    pub const REASON: &str = "Promoter-reason";

    /// A trailer.
    pub fn new(key: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        Self { key: key.into(), value: value.into() }
    }
}

/// The trailers of a commit that are about one pipeline, as `key`, `value`.
///
/// A commit that promotes several pipelines at once has a block for each, which begins with the freight; a commit of one
/// is one block. Empty when the commit is about others only, or about nobody.
pub fn trailers_of<'a>(message: &'a str, pipeline: &str) -> Vec<(&'a str, &'a str)> {
    let trailers = message.trim_end().rsplit("\n\n").next().unwrap_or_default();
    let mut blocks: Vec<Vec<(&str, &str)>> = vec![Vec::new()];
    for (key, value) in trailers.lines().filter_map(|it| it.split_once(": ")) {
        if key == Trailer::FREIGHT {
            blocks.push(Vec::new());
        }
        if let Some(block) = blocks.last_mut() {
            block.push((key, value));
        }
    }
    let is_own = |it: &Vec<(&str, &str)>| it.contains(&(Trailer::PIPELINE, pipeline));
    blocks.into_iter().rev().find(is_own).unwrap_or_default()
}

impl fmt::Display for Trailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, one_line(&self.value))
    }
}

/// The message of a hydrated commit: Argo CD's default message, after git's clean-up, with more trailers at its end.
pub fn commit_message(metadata: &Metadata, trailers: &[Trailer]) -> String {
    let mut message = cleaned(&default_message(metadata));
    if trailers.is_empty() {
        return message;
    }
    // The lines at the end of the message are trailers only if authors were named.
    if co_authors(metadata).next().is_none() {
        message.push('\n');
    }
    for trailer in trailers {
        message.push_str(&format!("{trailer}\n"));
    }
    message
}

/// The text of the note on a hydrated commit, in `refs/notes/hydrator.metadata`.
pub fn note(freight: &FreightId) -> String {
    format!("{{\"drySha\":\"{}\"}}", freight.hex())
}

/// Argo CD's default template, filled in.
fn default_message(metadata: &Metadata) -> String {
    let short = metadata.dry_sha.get(..7).unwrap_or(&metadata.dry_sha);
    // What Go's templates print for a missing key.
    let subject = if metadata.subject.is_empty() { "<no value>" } else { &metadata.subject };
    let mut text = format!("{short}: {subject}\n");
    if !metadata.body.is_empty() {
        text.push_str(&format!("\n{}\n", metadata.body));
    }
    text.push('\n');
    for author in co_authors(metadata) {
        text.push_str(&format!("Co-authored-by: {}\n", one_line(author)));
    }
    text
}

fn co_authors(metadata: &Metadata) -> impl Iterator<Item = &str> {
    let references = metadata.references.iter().map(|it| it.commit.author.as_str());
    references.chain([metadata.author.as_str()]).filter(|it| !it.is_empty())
}

/// git's clean-up of a message: no blanks at the end of lines, no blank line twice or at the ends, one final newline.
fn cleaned(text: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim_end) {
        if !line.is_empty() || lines.last().is_some_and(|it| !it.is_empty()) {
            lines.push(line);
        }
    }
    let mut cleaned = lines.join("\n");
    cleaned.truncate(cleaned.trim_end().len());
    cleaned.push('\n');
    cleaned
}
