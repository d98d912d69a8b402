//! Requirements in words: `a signature of key cosign.pub`.

use super::{Accepted, ImageGate, Images, KeySource, Keyless, Requirement, Signer, Wanted};
use std::fmt;

impl fmt::Display for Requirement {
    /// `signature of key cosign.pub`, `attestation https://slsa.dev/provenance/v1 of …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.wanted, self.signer)
    }
}

impl fmt::Display for ImageGate {
    /// `attestation https://slsa.dev/provenance/v1 of key cosign.pub for web`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.about {
            Images::Artifact(name) => write!(f, "{} for {name}", self.requirement),
            Images::Of(repositories) => write!(f, "{} for {}", self.requirement, list(repositories)),
        }
    }
}

impl ImageGate {
    /// Its name in trailers and reports.
    pub(crate) fn name(&self) -> String {
        match (&self.requirement.wanted, &self.about) {
            (Wanted::Attestation { .. }, Images::Artifact(name)) => format!("attestation-{name}"),
            (Wanted::Attestation { .. }, Images::Of(_)) => "attestation".into(),
            (Wanted::Signature, _) => "signature".into(),
        }
    }
}

fn list(patterns: &[crate::policy::Pattern]) -> String {
    patterns.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signature => f.write_str("signature"),
            Self::Attestation { predicate_type, .. } => write!(f, "attestation {predicate_type}"),
        }
    }
}

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(source) => write!(f, "key {source}"),
            Self::Keyless(keyless) => write!(f, "{keyless}"),
        }
    }
}

impl fmt::Display for KeySource {
    /// The file's name, or the last letters of a key that is written out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.write_str(path.as_str()),
            Self::Inline(pem) => {
                let body: Vec<char> =
                    pem.lines().filter(|it| !it.starts_with('-')).flat_map(str::chars).collect();
                let last: String = body.iter().skip(body.len().saturating_sub(12)).collect();
                write!(f, "…{last}")
            }
        }
    }
}

impl fmt::Display for Keyless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {}", self.identity, self.issuer)
    }
}

impl fmt::Display for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}
