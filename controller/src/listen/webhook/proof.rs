//! How a message of each type proves that it comes from somebody who knows the secret.
//!
//! Everything is compared in constant time, and each proof does the same work whatever its type: how long an answer
//! takes says nothing of which receivers there are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use promoter_sources::git::Secret;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::Message;

/// Where the proof lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// HMAC-SHA256 of the body with the secret as key, in hex, in one of these headers; `sha256=` may stand before it.
    Signature(&'static [&'static str]),
    /// The secret itself in a header.
    Header(&'static str),
    /// The secret, which is `user:password`, by basic authentication.
    Basic,
    /// The secret itself as `secret=` in the query, where a sender can neither sign nor set headers.
    Query,
}

impl Proof {
    /// How a type proves itself.
    ///
    /// Source: the documentation of each provider; docs/webhooks.md says where its users set the secret.
    pub(super) fn of(kind: &str) -> Self {
        match kind {
            "github" => Self::Signature(&["x-hub-signature-256"]),
            "bitbucket" => Self::Signature(&["x-hub-signature"]),
            "gitea" => Self::Signature(&["x-gitea-signature"]),
            "forgejo" => Self::Signature(&["x-forgejo-signature", "x-gitea-signature"]),
            "gitlab" => Self::Header("x-gitlab-token"),
            "azure" => Self::Basic,
            "acr" | "harbor" | "oci" => Self::Header("authorization"),
            "dockerhub" | "quay" => Self::Query,
            _ => Self::Signature(&["x-promoter-signature"]),
        }
    }

    /// True when a message gives the proof.
    pub(super) fn is_given(self, message: &Message<'_>, secret: &Secret) -> bool {
        let signature = signature(secret, message.body);
        let secret = secret.expose().as_bytes();
        match self {
            Self::Signature(headers) => headers.iter().any(|it| {
                let given = message.header(it);
                let given = given.strip_prefix("sha256=").unwrap_or(given).to_ascii_lowercase();
                same(given.as_bytes(), signature.as_bytes())
            }),
            Self::Header(name) => {
                message.headers.get(name).is_some_and(|given| same(given.as_bytes(), secret))
            }
            Self::Basic => {
                let given = message.header("authorization");
                let given = given.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
                let given = given.and_then(|(_, it)| STANDARD.decode(it.trim()).ok());
                given.is_some_and(|it| same(&it, secret))
            }
            Self::Query => {
                let mut parts = form_urlencoded::parse(message.query.as_bytes());
                let given = parts.find(|(key, _)| key == "secret");
                given.is_some_and(|(_, it)| same(it.as_bytes(), secret))
            }
        }
    }
}

/// HMAC-SHA256 in lower-case hex.
fn signature(secret: &Secret, body: &[u8]) -> String {
    // A key of any length is taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) else {
        return String::new();
    };
    mac.update(body);
    mac.finalize().into_bytes().iter().map(|it| format!("{it:02x}")).collect()
}

/// Compares by hashes, so that not even the length shows. Nothing is the same as an empty text.
fn same(given: &[u8], expected: &[u8]) -> bool {
    let is_same: bool = Sha256::digest(given).as_slice().ct_eq(Sha256::digest(expected).as_slice()).into();
    is_same && !expected.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of GitHub's "Validating webhook deliveries".
    #[test]
    fn signatures_are_those_of_github() {
        let secret = Secret::new("It's a Secret to Everybody");
        let expected = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert_eq!(signature(&secret, b"Hello, World!"), expected);
    }

    #[test]
    fn nothing_is_the_same_as_an_empty_text() {
        assert!(same(b"a", b"a") && !same(b"a", b"b") && !same(b"a", b"aa"));
        assert!(!same(b"", b""));
    }
}
