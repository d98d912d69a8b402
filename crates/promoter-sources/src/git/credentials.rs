//! What proves to a git server who asks: a value, or where it is to be had. It is never printed.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::helper::CredentialHelper;
use super::{GitError, RepoUrl};

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

    /// Takes the text as it is, line ends and all.
    pub(super) fn verbatim(text: impl Into<String>) -> Self {
        Self(text.into())
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
    /// A password or token in a file. It is read for each conversation, since such files are renewed while we run.
    TokenFile {
        /// User name.
        username: String,
        /// The file.
        path: PathBuf,
    },
    /// The line for the repository in a file in the form of git's credential store, read for each conversation.
    Store(PathBuf),
    /// What git's credential helpers know, asked when a server wants credentials.
    Helper(CredentialHelper),
}

impl Credentials {
    /// User name and password.
    pub fn basic(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self::Basic { username: username.into(), password: Secret::new(password) }
    }

    /// An access token as GitHub, GitLab and Gitea take it over git: the password of any user name.
    pub fn token(token: impl Into<String>) -> Self {
        Self::basic(TOKEN_USERNAME, token)
    }

    /// Those of a line `Authorization: Basic …`, as Argo CD hands them out; `None` for another line.
    pub fn from_basic_header(line: &str) -> Option<Self> {
        let text = BASE64.decode(line.strip_prefix("Authorization: Basic ")?.trim()).ok()?;
        let text = String::from_utf8(text).ok()?;
        let (username, password) = text.split_once(':')?;
        Some(Self::basic(username, password))
    }

    /// The value of the `Authorization` header that is sent unasked; `None` for nothing.
    ///
    /// Errors: `TokenFile`, `CredentialsFile`.
    pub(super) fn header(&self, url: &RepoUrl) -> Result<Option<Secret>, GitError> {
        Ok(match self {
            Self::None => None,
            Self::Basic { username, password } => Some(basic_header(username, password.expose())),
            Self::Bearer(token) => Some(Secret::new(format!("Bearer {}", token.expose()))),
            Self::TokenFile { username, path } => Some(basic_header(username, read_token(path)?.expose())),
            Self::Store(path) => Self::stored(path, url)?.header(url)?,
            Self::Helper(helper) => helper.known(),
        })
    }
}

/// The user name beside an access token where the person gave none.
pub const TOKEN_USERNAME: &str = "x-access-token";

/// Reads a file with a password or token. Errors: `TokenFile`.
pub fn read_token(path: &Path) -> Result<Secret, GitError> {
    let fault = |why: String| GitError::TokenFile { path: path.display().to_string(), why };
    let text = std::fs::read_to_string(path).map_err(|error| fault(error.to_string()))?;
    // What no header can hold is no token, and must not come back in an error of the HTTP library.
    match Secret::new(text) {
        token if token.expose().is_empty() => Err(fault("it is empty".into())),
        token if token.expose().contains(char::is_control) => Err(fault("it is more than one line".into())),
        token => Ok(token),
    }
}

/// The header of RFC 7617.
pub(super) fn basic_header(username: &str, password: &str) -> Secret {
    Secret::new(format!("Basic {}", BASE64.encode(format!("{username}:{password}"))))
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
        let sent = |credentials: Credentials| {
            let header = credentials.header(&"https://example.com/a".parse().unwrap()).unwrap();
            header.map(|it| it.expose().to_owned())
        };
        let basic = sent(Credentials::basic("Aladdin", "open sesame\n"));
        assert_eq!(basic.as_deref(), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        assert_eq!(sent(Credentials::Bearer(Secret::new("t"))).as_deref(), Some("Bearer t"));
    }

    #[test]
    fn files_are_read_each_time() {
        let directory = tempfile::tempdir().unwrap();
        let (path, url) = (directory.path().join("token"), "https://example.com/a".parse().unwrap());
        let credentials = Credentials::TokenFile { username: "u".into(), path: path.clone() };
        for (text, expected) in [("one\n", Some("one")), ("two", Some("two")), ("", None), ("a\nb\n", None)] {
            std::fs::write(&path, text).unwrap();
            match (credentials.header(&url), expected) {
                (Ok(header), expected) => assert_eq!(header, expected.map(|it| basic_header("u", it))),
                (Err(error), None) => assert_eq!(error.diagnosis().code, "token-file", "{error}"),
                (Err(error), _) => panic!("{error}"),
            }
        }
    }
}
