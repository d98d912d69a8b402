//! What proves to a git server who asks. Callers read it from files or the environment; it is never printed.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// A text that must not reach logs: `Debug` prints `***`, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the text, without the line end that files put behind it.
    pub fn new(text: impl Into<String>) -> Self {
        let mut text = text.into();
        text.truncate(text.trim_end_matches(['\r', '\n']).len());
        Self(text)
    }

    /// The text itself, for the header or the process that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// How a request proves who asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Credentials {
    /// Nothing is sent; ssh uses its agent and its own configuration.
    #[default]
    None,
    /// User name and password (or personal access token).
    Basic {
        /// User name.
        username: String,
        /// Password or token.
        password: Secret,
    },
    /// A token in an `Authorization: Bearer` header.
    Bearer(Secret),
}

impl Credentials {
    /// User name and password.
    pub fn basic(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self::Basic { username: username.into(), password: Secret::new(password) }
    }

    /// An access token as GitHub, GitLab and Gitea take it over git: the password of any user name.
    pub fn token(token: impl Into<String>) -> Self {
        Self::basic("x-access-token", token)
    }

    /// The value of the `Authorization` header.
    pub(super) fn header(&self) -> Option<String> {
        match self {
            Self::None => None,
            Self::Basic { username, password } => {
                Some(format!("Basic {}", BASE64.encode(format!("{username}:{}", password.expose()))))
            }
            Self::Bearer(token) => Some(format!("Bearer {}", token.expose())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_printed() {
        let printed = format!("{:?}", Credentials::basic("ada", "s3cret"));
        assert!(
            printed.contains("ada") && printed.contains("***") && !printed.contains("s3cret"),
            "{printed}"
        );
    }

    #[test]
    fn headers_follow_the_http_rules() {
        // RFC 7617 §2 gives this example.
        let header = Credentials::basic("Aladdin", "open sesame\n").header();
        assert_eq!(header.as_deref(), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        assert_eq!(Credentials::Bearer(Secret::new("t")).header().as_deref(), Some("Bearer t"));
    }
}
