//! What a resource is called: group, version, kind, namespace and name, and when two of them are the same.
//!
//! An [`Id`] borrows from the resource, so looking is free. "Effective" namespaces make `default` and an empty one
//! equal and give cluster-scoped kinds a namespace of their own; which kinds those are is a table of facts.

use std::fmt;

use crate::tables::scope::is_cluster_scoped;

/// The namespace that cluster-scoped resources share in comparisons.
pub(crate) const NOT_A_NAMESPACE: &str = "_non_namespaceable_";

/// Group, version and kind. As a pattern, an empty part matches everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Gvk<'a> {
    /// API group; empty for the core group.
    pub(crate) group: &'a str,
    /// API version.
    pub(crate) version: &'a str,
    /// Kind.
    pub(crate) kind: &'a str,
}

impl<'a> Gvk<'a> {
    /// From the two fields of a manifest.
    pub(crate) fn new(api_version: &'a str, kind: &'a str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self { group, version, kind }
    }

    /// True when every part that `pattern` names is equal.
    pub(crate) fn matches(self, pattern: Gvk<'_>) -> bool {
        let part = |mine: &str, wanted: &str| wanted.is_empty() || mine == wanted;
        part(self.kind, pattern.kind)
            && part(self.group, pattern.group)
            && part(self.version, pattern.version)
    }

    /// True for kinds that are known to live outside namespaces.
    pub(crate) fn is_cluster_scoped(self) -> bool {
        is_cluster_scoped(self)
    }
}

/// The name by which a resource is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Id<'a> {
    /// Group, version, kind.
    pub(crate) gvk: Gvk<'a>,
    /// `metadata.name`.
    pub(crate) name: &'a str,
    /// `metadata.namespace` as written; for an earlier id the effective one.
    pub(crate) namespace: &'a str,
    /// Known to live outside namespaces (an earlier id never is: its namespace says so already).
    pub(crate) cluster_scoped: bool,
}

/// What two ids must share to be equal.
pub(crate) type Key<'a> = (Gvk<'a>, &'a str, &'a str);

impl<'a> Id<'a> {
    /// The namespace for comparisons.
    pub(crate) fn effective_namespace(&self) -> &'a str {
        match self.namespace {
            _ if self.cluster_scoped => NOT_A_NAMESPACE,
            "" => "default",
            namespace => namespace,
        }
    }

    /// The parts that decide equality, fit for a hash set.
    pub(crate) fn key(&self) -> Key<'a> {
        (self.gvk, self.effective_namespace(), self.name)
    }

    /// True when both name the same object.
    pub(crate) fn equals(&self, other: &Id<'_>) -> bool {
        self.key() == other.key()
    }
}

impl fmt::Display for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace {
            "" | NOT_A_NAMESPACE => write!(f, "{}/{}", self.gvk.kind, self.name),
            namespace => write!(f, "{}/{namespace}/{}", self.gvk.kind, self.name),
        }
    }
}
