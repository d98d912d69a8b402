//! How many requests were made, by host and kind.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestKind {
    /// A page of tags.
    Tags,
    /// Which digest a tag has now.
    Digest,
    /// A manifest or an index.
    Manifest,
    /// A configuration or other content.
    Blob,
    /// What refers to a manifest.
    Referrers,
    /// A token.
    Token,
    /// An index or archive of charts on a web server.
    File,
}

impl RequestKind {
    /// Its name in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tags => "tags",
            Self::Digest => "digest",
            Self::Manifest => "manifest",
            Self::Blob => "blob",
            Self::Referrers => "referrers",
            Self::Token => "token",
            Self::File => "file",
        }
    }
}

/// Requests so far, by the host that was asked (`registry-1.docker.io`) and what for. Redirects and repeated attempts
/// count again; what the caches answered does not.
pub type Counters = BTreeMap<(String, RequestKind), u64>;

/// Beyond so many hosts (registries send us on to many) further ones count together, as ``.
const HOSTS_MAX: usize = 1_000;

#[derive(Debug, Default)]
pub(super) struct Counting(Mutex<Counters>);

impl Counting {
    pub(super) fn count(&self, host: &str, kind: RequestKind) {
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counters.get_mut(&(host.to_owned(), kind)) {
            *count += 1;
            return;
        }
        let host = if counters.len() < HOSTS_MAX { host } else { "" };
        *counters.entry((host.to_owned(), kind)).or_default() += 1;
    }

    pub(super) fn so_far(&self) -> Counters {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
