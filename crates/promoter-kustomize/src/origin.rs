//! Where a resource came from and what changed it, as `buildMetadata` shows it in annotations.

use std::fmt::Write as _;

/// The annotation that holds a resource's origin.
pub(crate) const ORIGIN: &str = "config.kubernetes.io/origin";
/// The annotation that holds what changed a resource.
pub(crate) const TRANSFORMATIONS: &str = "alpha.config.kubernetes.io/transformations";

/// A file, or the entry of a file that made or changed a resource.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Origin {
    /// The file it was read from, relative to the top kustomization.
    pub(crate) path: String,
    /// The kustomization or plugin file that made or changed it, likewise.
    pub(crate) configured_in: String,
    /// What made or changed it: API version, kind, name, namespace; empty parts are left out.
    pub(crate) configured_by: [String; 4],
}

impl Origin {
    /// The text of the origin annotation.
    pub(crate) fn annotation(&self) -> String {
        self.lines().into_iter().fold(String::new(), |text, line| text + &line + "\n")
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (key, value) in [("path", &self.path), ("configuredIn", &self.configured_in)] {
            if !value.is_empty() {
                lines.push(format!("{key}: {value}"));
            }
        }
        if self.configured_by.iter().any(|it| !it.is_empty()) {
            lines.push("configuredBy:".to_owned());
            let keys = ["apiVersion", "kind", "name", "namespace"];
            let by = keys.iter().zip(&self.configured_by).filter(|(_, value)| !value.is_empty());
            lines.extend(by.map(|(key, value)| format!("  {key}: {value}")));
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
