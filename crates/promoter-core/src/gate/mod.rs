//! Gates: rules that must be open before a proposal is merged, one file each.

use crate::UnixSeconds;

/// A gate's answer about one proposed commit. Ordered: the greatest of several decides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The rule is met; the words say how.
    Open(String),
    /// Not yet.
    Waiting {
        /// When time alone opens it; `None` when something else has to happen.
        until: Option<UnixSeconds>,
        /// For what.
        what: String,
    },
    /// It will not open for this freight unless a person acts.
    Closed {
        /// Why.
        why: String,
    },
}
