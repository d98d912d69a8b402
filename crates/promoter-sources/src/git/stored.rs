//! Credentials that lie in a file in the form of git's credential store: lines like `https://user:token@host/path`.
//!
//! Decides for which repositories a line is meant: its owner says host and path, and nobody else gets it.

use std::path::Path;

use super::{Credentials, GitError, RepoUrl};

impl Credentials {
    /// Those that a file has for a repository; none when it has none.
    ///
    /// Errors: `CredentialsFile`, a file that cannot be read or a line that is malformed. It is named and not shown.
    pub fn stored(file: &Path, url: &RepoUrl) -> Result<Self, GitError> {
        let fault = |why: String| GitError::CredentialsFile { path: file.display().to_string(), why };
        let text = std::fs::read_to_string(file).map_err(|error| fault(error.to_string()))?;
        let found =
            stored_credentials(&text, url).map_err(|line| fault(format!("line {line} is malformed")))?;
        Ok(found.unwrap_or_default())
    }
}

/// The first line of a credential store that is for a repository: same scheme, host and port, and a path that it lies
/// at or below. The error is the number of a line that cannot be read; its words stay unsaid.
fn stored_credentials(text: &str, url: &RepoUrl) -> Result<Option<Credentials>, usize> {
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let stored = parse_stored(line).ok_or(index + 1)?;
        let below = url.path().strip_prefix(stored.path.as_str());
        let at_or_below = below.is_some_and(|rest| matches!(rest, "" | ".git") || rest.starts_with('/'));
        if stored.place.scheme() == url.scheme()
            && stored.place.host() == url.host()
            && stored.place.port() == url.port()
            && at_or_below
        {
            return Ok(Some(stored.credentials));
        }
    }
    Ok(None)
}

struct Stored {
    place: RepoUrl,
    path: String,
    credentials: Credentials,
}

fn parse_stored(line: &str) -> Option<Stored> {
    let (scheme, rest) = line.split_once("://")?;
    let (secret, place) = rest.rsplit_once('@')?;
    let (username, password) = secret.split_once(':')?;
    let (host, path) = place.split_once('/').unwrap_or((place, ""));
    let path = path.trim_end_matches('/');
    // A place has a path; for a whole host any will do.
    let place = format!("{scheme}://{host}/{}", if path.is_empty() { "any" } else { path }).parse().ok()?;
    Some(Stored {
        place,
        path: if path.is_empty() { String::new() } else { format!("/{path}") },
        credentials: Credentials::basic(percent_decoded(username)?, percent_decoded(password)?),
    })
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first == b'%' {
            let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &rest[2..];
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORE: &str =
        "# mounted\nhttps://ada:a%40b@git.example.com/acme\n\nhttps://bot:t@git.example.com:8443\n";

    fn found(url: &str) -> Option<Credentials> {
        stored_credentials(STORE, &url.parse().unwrap()).unwrap()
    }

    #[test]
    fn credentials_go_only_where_their_line_says() {
        let ada = Some(Credentials::basic("ada", "a@b"));
        assert_eq!(found("https://git.example.com/acme/deploy.git"), ada);
        assert_eq!(found("https://git.example.com/acme"), ada);
        assert_eq!(found("https://git.example.com:8443/x/y"), Some(Credentials::basic("bot", "t")));
        for elsewhere in [
            "https://git.example.com/acme-evil/deploy",
            "https://git.example.com/acme.gitevil/deploy",
            "https://git.example.com/acme.git/deploy",
            "https://git.example.com/other",
            "https://evil.example/acme/deploy",
            "http://git.example.com/acme/deploy",
            "ssh://git@git.example.com/acme/deploy",
        ] {
            assert_eq!(found(elsewhere), None, "{elsewhere}");
        }
    }

    #[test]
    fn a_malformed_line_is_named_and_not_shown() {
        let url = "https://git.example.com/acme/x".parse().unwrap();
        assert_eq!(stored_credentials("\nhttps://token@git.example.com\n", &url), Err(2));
        assert_eq!(stored_credentials("https://u:%zz@git.example.com\n", &url), Err(1));
    }
}
