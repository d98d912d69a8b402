//! Which resources a patch or a replacement is for.

use promoter_yaml::Map;

/// A selector as written: every field may be empty, which selects everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SelectorSpec {
    /// API group, a regular expression anchored at both ends.
    pub group: String,
    /// API version, likewise.
    pub version: String,
    /// Kind, likewise.
    pub kind: String,
    /// Name, likewise.
    pub name: String,
    /// Namespace, likewise.
    pub namespace: String,
    /// Labels, in the syntax of `kubectl get -l`.
    pub label_selector: String,
    /// Annotations, in the same syntax.
    pub annotation_selector: String,
}

/// What a selector looks at in a resource. Namespaces are effective ones: `default` when the resource names none.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// API group, empty for the core group.
    pub group: &'a str,
    /// API version.
    pub version: &'a str,
    /// Kind.
    pub kind: &'a str,
    /// Current name.
    pub name: &'a str,
    /// Current namespace.
    pub namespace: &'a str,
    /// Name in the file it came from.
    pub original_name: &'a str,
    /// Namespace in the file it came from.
    pub original_namespace: &'a str,
    /// `metadata.labels`.
    pub labels: Option<&'a Map>,
    /// `metadata.annotations`.
    pub annotations: Option<&'a Map>,
}

/// Why a selector cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// A field is no regular expression.
    #[error("`{field}: {pattern}` of a selector is no regular expression: {reason}")]
    Pattern {
        /// The field of the selector.
        field: &'static str,
        /// What stood there.
        pattern: String,
        /// One line of the parser.
        reason: String,
    },
    /// A label or annotation selector cannot be read.
    #[error("`{field}: {text}` is no label selector: {reason}")]
    Labels {
        /// The field of the selector.
        field: &'static str,
        /// What stood there.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// A selector ready to be asked, compiled once.
#[derive(Debug, Clone)]
pub struct Selector {}

impl Selector {
    /// Compiles a selector.
    ///
    /// Errors: a regular expression or a label selector that cannot be read.
    pub fn compile(spec: &SelectorSpec) -> Result<Self, SelectorError> {
        let _ = spec;
        todo!("selector")
    }

    /// True when the selector selects the resource.
    pub fn matches(&self, candidate: &Candidate<'_>) -> bool {
        let _ = candidate;
        todo!("selector")
    }
}
