//! Why a patch does not fit a resource, and where in the patch.

use promoter_yaml::Mark;

/// Why a patch does not fit a resource.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.line())]
pub(crate) struct MergeError {
    /// The way from the resource to the value, innermost step first.
    steps: Vec<String>,
    reason: String,
    mark: Mark,
}

impl MergeError {
    pub(super) fn new(reason: String, mark: Mark) -> Self {
        Self { steps: Vec::new(), reason, mark }
    }

    pub(super) fn below(mut self, step: &str) -> Self {
        self.steps.push(step.to_owned());
        self
    }

    fn line(&self) -> String {
        let path: Vec<&str> = self.steps.iter().rev().map(String::as_str).collect();
        if path.is_empty() { self.reason.clone() } else { format!("`{}`: {}", path.join("."), self.reason) }
    }

    /// Where in the patch.
    pub(crate) fn mark(&self) -> Mark {
        self.mark
    }
}
