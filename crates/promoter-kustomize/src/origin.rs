//! Where a resource came from and what changed it, as `buildMetadata` shows it in annotations.

use std::fmt::Write as _;

use promoter_yaml::{Node, emit_kustomize};

use crate::repository::Repository;

/// The annotation that holds a resource's origin.
pub(crate) const ORIGIN: &str = "config.kubernetes.io/origin";
/// The annotation that holds what changed a resource.
pub(crate) const TRANSFORMATIONS: &str = "alpha.config.kubernetes.io/transformations";

/// A file, or the entry of a file that made or changed a resource.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Origin {
    /// The file it was read from, relative to the top kustomization, or to the root of the repository.
    pub(crate) path: String,
    /// The repository, empty for the tree of the top kustomization.
    pub(crate) repo: String,
    /// What the entry that named the repository says behind `?ref=`.
    pub(crate) reference: String,
    /// The kustomization or plugin file that made or changed it, likewise.
    pub(crate) configured_in: String,
    /// What made or changed it: API version, kind, name, namespace; empty parts are left out.
    pub(crate) configured_by: [String; 4],
}

/// What kustomize calls the root of a repository here: the name of a directory that it has not made yet.
const REPOSITORY_ROOT: &str = "notCloned";

impl Origin {
    /// The place that an entry of a kustomization at this place names.
    pub(crate) fn append(&self, entry: &str) -> Self {
        let Some(repository) = Repository::parse(entry) else {
            return Self { path: joined(&self.path, entry), ..self.clone() };
        };
        let path = match repository.directory.as_str() {
            "" => REPOSITORY_ROOT.to_owned(),
            _ => repository.directory,
        };
        Self { path, repo: repository.url, reference: repository.reference, ..Self::default() }
    }

    /// The text of the origin annotation.
    pub(crate) fn annotation(&self) -> String {
        self.lines().into_iter().fold(String::new(), |text, line| text + &line + "\n")
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let fields = [
            ("path", &self.path),
            ("repo", &self.repo),
            ("ref", &self.reference),
            ("configuredIn", &self.configured_in),
        ];
        let fields = fields.iter().filter(|(_, value)| !value.is_empty());
        lines.extend(fields.map(|(key, value)| format!("{key}: {}", scalar(value))));
        if self.configured_by.iter().any(|it| !it.is_empty()) {
            lines.push("configuredBy:".to_owned());
            let keys = ["apiVersion", "kind", "name", "namespace"];
            let by = keys.iter().zip(&self.configured_by).filter(|(_, value)| !value.is_empty());
            lines.extend(by.map(|(key, value)| format!("  {key}: {}", scalar(value))));
        }
        lines
    }
}

/// The text of the transformations annotation.
pub(crate) fn transformations_annotation(list: &[Origin]) -> String {
    let mut text = String::new();
    for origin in list {
        for (number, line) in origin.lines().iter().enumerate() {
            let lead = if number == 0 { "- " } else { "  " };
            let _ = writeln!(text, "{lead}{line}");
        }
    }
    text
}

/// A text as YAML: the id of a commit can look like a number.
fn scalar(text: &str) -> String {
    let mut out = String::new();
    match emit_kustomize(&Node::str(text), &mut out) {
        Ok(()) => out.trim_end().to_owned(),
        Err(_) => text.to_owned(),
    }
}

/// Joins two paths and takes out what leads nowhere.
fn joined(directory: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in directory.split('/').chain(path.split('/')) {
        match (part, parts.last()) {
            ("" | ".", _) => {}
            ("..", Some(last)) if *last != ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_look_like_numbers_stay_text() {
        for (id, wanted) in
            [("1".repeat(40), format!("\"{}\"", "1".repeat(40))), ("a".repeat(40), "a".repeat(40))]
        {
            let origin = Origin::default().append(&format!("git@h.example.com:a/b.git?ref={id}"));
            let repo = "git@h.example.com:a/b.git";
            assert_eq!(origin.annotation(), format!("path: notCloned\nrepo: {repo}\nref: {wanted}\n"));
        }
    }
}
