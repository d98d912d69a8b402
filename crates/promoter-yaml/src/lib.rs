//! The one YAML truth of promoter: text in, [`Node`] trees with places, and three ways out. Text whose comments and styles
//! must stay, which is a rare wish, goes by [`StyledText`].
//!
//! Decides what a scalar means in each dialect and how every byte is written. Leaves to others what a document
//! means. Pure: no files, no clock.
//!
//! ```
//! use promoter_yaml::{Dialect, Limits, emit_kustomize, parse_all};
//!
//! let text = "kind: ConfigMap   # comments go\ndata: {mode: 0644, on: yes, since: 2001-12-14}\n";
//! let mut out = String::new();
//! for document in parse_all(text, Dialect::Resource, &Limits::default())? {
//!     emit_kustomize(&document, &mut out)?;
//! }
//! assert_eq!(
//!     out,
//!     "data:\n  mode: 420\n  \"on\": \"yes\"\n  since: \"2001-12-14T00:00:00Z\"\nkind: ConfigMap\n"
//! );
//! # Ok::<(), promoter_yaml::YamlError>(())
//! ```
//!
//! Hostile input meets [`Limits`]: aliases are counted as they are written out, and no input makes it panic.

mod emit;
mod map;
mod node;
mod read;
mod scalar;
mod styled;
mod typed;

use std::fmt;

pub use map::{Entry, Map};
pub use node::{Data, Form, Mark, Node, Scalar, Tag};
pub use scalar::{Number, is_plain_text};
pub use styled::StyledText;

/// Whose rules decide what a scalar is, and what is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// Kubernetes resources and patches as kustomize's kyaml (go-yaml v3) reads them.
    Resource,
    /// kustomization.yaml, its configurations and JSON patches as sigs.k8s.io/yaml (go-yaml v2, YAML 1.1) reads them.
    Config,
    /// promoter's own files: like `Resource`, but duplicate keys, anchors, aliases, merge keys and directives are refused.
    Own,
}

/// Bounds that hostile input meets. Those of [`Limits::DEFAULT`] suit manifests, the largest of which are some MB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Size of one text in bytes.
    pub bytes_max: usize,
    /// Depth of nesting.
    pub depth_max: usize,
    /// Nodes of one text after anchors are expanded. A copy of a text counts one for every 64 bytes too.
    pub nodes_max: usize,
}

impl Limits {
    /// What [`Limits::default`] gives.
    pub const DEFAULT: Self = Self { bytes_max: 64 << 20, depth_max: 200, nodes_max: 4_000_000 };

    /// The same with another bound on bytes.
    #[must_use]
    pub const fn with_bytes(mut self, bytes_max: usize) -> Self {
        self.bytes_max = bytes_max;
        self
    }

    /// The same with another bound on depth.
    #[must_use]
    pub const fn with_depth(mut self, depth_max: usize) -> Self {
        self.depth_max = depth_max;
        self
    }

    /// The same with another bound on nodes.
    #[must_use]
    pub const fn with_nodes(mut self, nodes_max: usize) -> Self {
        self.nodes_max = nodes_max;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Why a text cannot be read or written. `Display` is one line, `3:5: message`, to be put behind the name of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct YamlError {
    /// One line, cause first, no place in it.
    pub message: String,
    /// Where.
    pub mark: Mark,
}

impl fmt::Display for YamlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mark { line, column } = self.mark;
        match (line, column) {
            (0, _) => f.write_str(&self.message),
            _ => write!(f, "{line}:{column}: {}", self.message),
        }
    }
}

impl std::error::Error for YamlError {}

impl YamlError {
    pub(crate) fn new(message: impl Into<String>, mark: Mark) -> Self {
        Self { message: message.into(), mark }
    }
}

/// Reads all documents of a text; empty documents are left out.
///
/// Errors name line and column in the whole text, also in later documents.
pub fn parse_all(text: &str, dialect: Dialect, limits: &Limits) -> Result<Vec<Node>, YamlError> {
    read::documents(text, dialect, limits, usize::MAX)
}

/// Panics when the two ways in which documents are read do not agree. For fuzzing.
#[cfg(fuzzing)]
pub fn assert_ways_agree(text: &str) {
    read::quick_agrees(text);
}

/// Reads the first document of a text; `Ok(None)` when it is empty or there is none.
///
/// What follows it is not read in `Resource` and `Config`, as in Go; in `Own` a further document is an error.
pub fn parse_first(text: &str, dialect: Dialect, limits: &Limits) -> Result<Option<Node>, YamlError> {
    read::documents(text, dialect, limits, 1).map(|found| found.into_iter().next())
}

/// Reads one value of strict JSON, as Go's encoding/json does; the last of two equal keys wins.
pub fn parse_json(text: &str, limits: &Limits) -> Result<Node, YamlError> {
    read::json(text, limits)
}

/// Reads a typed value out of a tree; errors carry the place and the path of keys (`spec.environments[1].name`).
pub fn from_node<T: serde::de::DeserializeOwned>(node: &Node) -> Result<T, YamlError> {
    typed::from_node(node)
}

/// Appends one document as kustomize prints it (JSON, then go-yaml v2: sorted keys, folding at 80, sequences not indented).
///
/// Errors: a number that JSON cannot hold (`.inf`), a character that kustomize refuses.
pub fn emit_kustomize(node: &Node, out: &mut String) -> Result<(), YamlError> {
    emit::kustomize(node, out)
}

/// Appends one document as Argo CD's hydrator writes manifest.yaml (go-yaml v3, indent 2, its own key order, no folding).
pub fn emit_hydrated(node: &Node, out: &mut String) -> Result<(), YamlError> {
    emit::hydrated(node, out)
}

/// True for a text that [`emit_hydrated`] writes as it is: without quotes, and not as a block.
pub fn is_written_plain(text: &str) -> bool {
    emit::is_written_plain(text)
}

/// Appends one value as compact JSON with keys in byte order; `escape_html` writes `<`, `>`, `&` as Go's encoding/json does by default.
pub fn emit_json(node: &Node, escape_html: bool, out: &mut String) -> Result<(), YamlError> {
    emit::json(node, escape_html, out)
}

/// The example of the README is compiled and run with the others.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
