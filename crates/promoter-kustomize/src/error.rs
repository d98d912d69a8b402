//! The one error of the engine: what is wrong, where, and what to do about it.
//!
//! Decides the words and the one line that they make. A caller that shows faults in its own way takes the fields;
//! `code` is the stable name under which docs/errors.md explains it.

use std::fmt;

use promoter_yaml::YamlError;

use crate::files::FileError;

/// Why a build failed. `Display` is one line: `message (path:line); hint: … [code]`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BuildError {
    /// Stable name, a heading of docs/errors.md, such as `kustomize-unknown-field`.
    pub code: &'static str,
    /// What is wrong, cause first, values in backticks.
    pub message: String,
    /// The file in the tree, if one is to blame.
    pub path: Option<String>,
    /// Its line from 1, or 0.
    pub line: u32,
    /// What to do.
    pub hint: Option<String>,
    /// True when what lies behind the tree failed (a disk, a server), so that trying again may help.
    pub upstream: bool,
    /// Where the path of a field begins in the message, once it names one.
    pub(crate) field_at: Option<usize>,
}

/// Characters of a line that a message shows.
const LINE_SHOWN_MAX: usize = 60;
/// A message or hint longer than this loses its middle.
const MESSAGE_BYTES_MAX: usize = 1_000;

/// What every step of the engine returns.
pub(crate) type Result<T, E = BuildError> = std::result::Result<T, E>;

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match (&self.path, self.line) {
            (None, 0) => {}
            (None, line) => write!(f, " (line {line})")?,
            (Some(path), 0) => write!(f, " ({path})")?,
            (Some(path), line) => write!(f, " ({path}:{line})")?,
        }
        if let Some(hint) = &self.hint {
            write!(f, "; hint: {hint}")?;
        }
        write!(f, " [{}]", self.code)
    }
}

impl std::error::Error for BuildError {}

impl BuildError {
    /// An error without a place, also for what [`Externals`](crate::Externals) could not give.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            path: None,
            line: 0,
            hint: None,
            upstream: false,
            field_at: None,
        }
    }

    /// The same, said of something for which trying again may help, or not.
    #[must_use]
    pub fn with_upstream(mut self, upstream: bool) -> Self {
        self.upstream = upstream;
        self
    }

    /// The same for a text that stands in its file behind so many lines.
    #[must_use]
    pub(crate) fn behind(self, lines: u32) -> Self {
        let line = if self.line == 0 { 0 } else { self.line + lines };
        Self { line, ..self }
    }

    /// The same with a line, for code that does not know the file. A line that is there already stays.
    #[must_use]
    pub(crate) fn line(mut self, line: u32) -> Self {
        if self.line == 0 {
            self.line = line;
        }
        self
    }

    /// The same in a file, at a line (0 for none). The innermost place wins: a file that is there already stays.
    #[must_use]
    pub(crate) fn at(mut self, path: &str, line: u32) -> Self {
        if self.path.is_none() {
            self.path = Some(path.to_owned());
            if self.line == 0 {
                self.line = line;
            }
        }
        self
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same below a field or an element (`[0]`) of the file, which the message names: whoever reads a file adds a step
    /// on each level of the way out.
    #[must_use]
    pub(crate) fn below(mut self, step: &str) -> Self {
        match self.field_at {
            Some(at) => {
                let dot = if self.message[at..].starts_with('[') { "" } else { "." };
                self.message.insert_str(at, &format!("{step}{dot}"));
            }
            None => {
                self.message += if self.code == "kustomize-unknown-field" { " in `" } else { ", at field `" };
                self.field_at = Some(self.message.len());
                self.message += &format!("{step}`");
            }
        }
        self
    }

    /// The same with texts that a person can read: what they quote of the input may be of any length.
    pub(crate) fn clipped(mut self) -> Self {
        clip(&mut self.message);
        self.hint.iter_mut().for_each(clip);
        self
    }

    /// A text that is no YAML, or YAML that kustomize refuses. Shows the line.
    pub(crate) fn syntax(path: &str, text: &str, error: &YamlError) -> Self {
        let number = usize::try_from(error.mark.line).unwrap_or(usize::MAX);
        let line = number.checked_sub(1).and_then(|above| text.lines().nth(above)).unwrap_or_default();
        let shown: String = line.trim().chars().filter(|it| !it.is_control()).take(LINE_SHOWN_MAX).collect();
        let message = match shown.as_str() {
            "" => error.message.clone(),
            shown => format!("{}, at `{shown}`", error.message),
        };
        let this = Self::new("kustomize-syntax", message).at(path, error.mark.line);
        let indentation = &line[..line.len() - line.trim_start().len()];
        if indentation.contains('\t') {
            return this.hint("indent with spaces, YAML takes no tabs there");
        }
        let is_layout = ["did not find expected", "are not allowed in this context"];
        if is_layout.iter().any(|it| error.message.contains(it)) {
            return this.hint("look at the indentation of this line and of those above it");
        }
        this
    }

    /// A file that cannot be read; `named_in` is the kustomization that names it, and the line where.
    pub(crate) fn file(error: &FileError, named_in: (&str, u32)) -> Self {
        let code = match error {
            FileError::Missing(_) => "kustomize-missing",
            FileError::WrongKind(..) | FileError::Loop(_) => "kustomize-not-a-file",
            FileError::Outside(_) => "kustomize-outside",
            FileError::TooLarge(..) => "kustomize-limit",
            FileError::Store(..) => "kustomize-store",
        };
        let upstream = matches!(error, FileError::Store(..));
        Self { upstream, ..Self::new(code, error.to_string()) }.at(named_in.0, named_in.1)
    }
}

/// Takes the middle out of a long text.
fn clip(text: &mut String) {
    if text.len() > MESSAGE_BYTES_MAX {
        let head = text.floor_char_boundary(MESSAGE_BYTES_MAX / 4 * 3);
        let tail = text.ceil_char_boundary(text.len() - MESSAGE_BYTES_MAX / 4);
        text.replace_range(head..tail, "…");
    }
}
