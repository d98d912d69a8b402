//! Which resources a patch or a replacement is for.

use promoter_yaml::Map;

use super::labels::LabelSelector;
use crate::pattern::Pattern;

/// A selector as written: every field may be empty, which selects everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SelectorSpec {
    /// API group, a regular expression anchored at both ends.
    pub(crate) group: String,
    /// API version, likewise.
    pub(crate) version: String,
    /// Kind, likewise.
    pub(crate) kind: String,
    /// Name, likewise.
    pub(crate) name: String,
    /// Namespace, likewise.
    pub(crate) namespace: String,
    /// Labels, in the syntax of `kubectl get -l`.
    pub(crate) label_selector: String,
    /// Annotations, in the same syntax.
    pub(crate) annotation_selector: String,
}

/// What a selector looks at in a resource. Namespaces are effective ones: `default` when the resource names none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate<'a> {
    /// API group, empty for the core group.
    pub(crate) group: &'a str,
    /// API version.
    pub(crate) version: &'a str,
    /// Kind.
    pub(crate) kind: &'a str,
    /// Current name.
    pub(crate) name: &'a str,
    /// Current namespace.
    pub(crate) namespace: &'a str,
    /// Name in the file it came from.
    pub(crate) original_name: &'a str,
    /// Namespace in the file it came from.
    pub(crate) original_namespace: &'a str,
    /// `metadata.labels`.
    pub(crate) labels: Option<&'a Map>,
    /// `metadata.annotations`.
    pub(crate) annotations: Option<&'a Map>,
}

/// Why a selector cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SelectorError {
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
pub(crate) struct Selector {
    group: Option<Pattern>,
    version: Option<Pattern>,
    kind: Option<Pattern>,
    name: Option<Pattern>,
    namespace: Option<Pattern>,
    labels: LabelSelector,
    annotations: LabelSelector,
}

impl Selector {
    /// Compiles a selector.
    ///
    /// Errors: a regular expression or a label selector that cannot be read.
    pub(crate) fn compile(spec: &SelectorSpec) -> Result<Self, SelectorError> {
        let labels = |field, text: &str| {
            LabelSelector::parse(text).map_err(|reason| SelectorError::Labels {
                field,
                text: text.to_owned(),
                reason,
            })
        };
        Ok(Self {
            group: anchored("group", &spec.group)?,
            version: anchored("version", &spec.version)?,
            kind: anchored("kind", &spec.kind)?,
            name: anchored("name", &spec.name)?,
            namespace: anchored("namespace", &spec.namespace)?,
            labels: labels("labelSelector", &spec.label_selector)?,
            annotations: labels("annotationSelector", &spec.annotation_selector)?,
        })
    }

    /// True when the selector selects the resource. Name and namespace may each be the current or the original one.
    pub(crate) fn matches(&self, candidate: &Candidate<'_>) -> bool {
        let fits = |pattern: &Option<Pattern>, text: &str| pattern.as_ref().is_none_or(|it| it.fits(text));
        let either = |pattern, one, other| fits(pattern, one) || fits(pattern, other);
        either(&self.namespace, candidate.original_namespace, candidate.namespace)
            && either(&self.name, candidate.original_name, candidate.name)
            && fits(&self.group, candidate.group)
            && fits(&self.version, candidate.version)
            && fits(&self.kind, candidate.kind)
            && self.labels.matches(candidate.labels)
            && self.annotations.matches(candidate.annotations)
    }
}

/// A pattern that has to fit a whole text; `None` for the empty one, which fits everything.
fn anchored(field: &'static str, pattern: &str) -> Result<Option<Pattern>, SelectorError> {
    if pattern.is_empty() {
        return Ok(None);
    }
    Pattern::whole(pattern).map(Some).map_err(|reason| SelectorError::Pattern {
        field,
        pattern: pattern.to_owned(),
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEB: Candidate<'_> = Candidate {
        group: "apps",
        version: "v1",
        kind: "Deployment",
        name: "prod-web",
        namespace: "prod",
        original_name: "web",
        original_namespace: "default",
        labels: None,
        annotations: None,
    };

    fn selects(change: impl FnOnce(&mut SelectorSpec)) -> bool {
        let mut spec = SelectorSpec::default();
        change(&mut spec);
        Selector::compile(&spec).unwrap().matches(&WEB)
    }

    #[test]
    fn patterns_are_anchored_at_both_ends() {
        assert!(selects(|_| {}));
        assert!(selects(|it| it.kind = "Deploy.*".into()));
        assert!(!selects(|it| it.kind = "Deploy".into()));
        assert!(selects(|it| it.kind = "StatefulSet|Deployment".into()));
        assert!(!selects(|it| it.group = "app".into()));
    }

    #[test]
    fn current_and_original_identity_both_count() {
        assert!(selects(|it| it.name = "web".into()));
        assert!(selects(|it| it.name = "prod-web".into()));
        assert!(selects(|it| {
            it.name = "web".into();
            it.namespace = "prod".into();
        }));
        assert!(!selects(|it| it.namespace = "staging".into()));
    }

    #[test]
    fn errors_name_the_field() {
        let spec = SelectorSpec { name: "a(".into(), ..SelectorSpec::default() };
        let error = Selector::compile(&spec).unwrap_err();
        assert_eq!(error.to_string(), "`name: a(` of a selector is no regular expression: unclosed group");
        let spec = SelectorSpec { label_selector: "a in b".into(), ..SelectorSpec::default() };
        let error = Selector::compile(&spec).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`labelSelector: a in b` is no label selector: a list of values has to begin with `(`"
        );
    }
}
