//! Addresses of git repositories and charts: what may stand in a lock, and when two of them are one.
//!
//! Decides the normal form that goes into a freight's id. Leaves reaching the address to the sources.

use std::fmt;
use std::str::FromStr;

/// The address of a git repository as it was written. [`GitUrl::normal`] says when two are one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GitUrl(String);

impl GitUrl {
    /// The address as written, for fetching.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The repository's identity: `host[:port]/path`, or `/path` for one on this machine.
    ///
    /// The rule: the way in (scheme, user, default port of the scheme) is left out, the host is in lower case, and
    /// slashes and one `.git` at the end of the path are dropped. So `git@git.example.com:acme/deploy.git` and
    /// `https://git.example.com/acme/deploy` are one repository. The case of the path is kept.
    pub fn normal(&self) -> String {
        let (host, path) = git_parts(&self.0).unwrap_or(("", &self.0));
        let path = path.trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path).trim_end_matches('/');
        format!("{}/{path}", host.to_ascii_lowercase())
    }
}

impl FromStr for GitUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        check_word(text)?;
        let (_, path) = git_parts(text).ok_or_else(|| UrlError::NotGit(text.into()))?;
        if path.trim_matches('/').is_empty() || text.contains(['?', '#']) {
            return Err(UrlError::NotGit(text.into()));
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for GitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The address of one chart: that of its repository with the chart's name behind it, or an `oci://` reference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChartUrl(String);

impl ChartUrl {
    /// The address as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The chart's identity: scheme and host in lower case, no default port, no slash at the end.
    pub fn normal(&self) -> String {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("https", &self.0));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let scheme = scheme.to_ascii_lowercase();
        let host = without_default_port(&scheme, authority).to_ascii_lowercase();
        format!("{scheme}://{host}/{}", path.trim_matches('/'))
    }

    /// The repository's address and the chart's name in it.
    pub fn repository_and_name(&self) -> (&str, &str) {
        let text = self.0.trim_end_matches('/');
        text.rsplit_once('/').unwrap_or((text, ""))
    }
}

impl FromStr for ChartUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        check_word(text)?;
        let refuse = || UrlError::NotChart(text.into());
        let (scheme, rest) = text.split_once("://").ok_or_else(refuse)?;
        let (authority, path) = rest.split_once('/').ok_or_else(refuse)?;
        let known = ["https", "http", "oci"].iter().any(|it| scheme.eq_ignore_ascii_case(it));
        let whole = !authority.is_empty() && !path.trim_matches('/').is_empty();
        if !known || !whole || authority.contains('@') || path.contains(['?', '#', '@']) {
            return Err(refuse());
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for ChartUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no address for a lock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not one word of printable ASCII characters.
    #[error("address `{0}` is not one word of printable ASCII characters")]
    NotAWord(String),
    /// It carries a password or an access token; the text is left out of the message.
    #[error("the address of `{0}` carries a password or token")]
    Password(String),
    /// No git address.
    #[error(
        "`{0}` is no git address (`https://host/path`, `ssh://host/path`, `user@host:path`, `file:///path` or an absolute path)"
    )]
    NotGit(String),
    /// No chart address.
    #[error(
        "`{0}` is no chart address (`https://host/path/name` or `oci://host/path/name`, without user or query)"
    )]
    NotChart(String),
}

/// How forges' access tokens begin; people paste them where the user's name belongs.
const TOKENS: [&str; 6] = ["ghp_", "gho_", "ghs_", "ghu_", "github_pat_", "glpat-"];

/// Refuses what would break the one-word rule of the canonical text, and addresses that carry a password.
fn check_word(text: &str) -> Result<(), UrlError> {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    if let Some((user, host)) = authority.rsplit_once('@')
        && (user.contains(':') || TOKENS.iter().any(|it| user.starts_with(it)))
    {
        return Err(UrlError::Password(host.into()));
    }
    if text.is_empty() || !text.bytes().all(|it| it.is_ascii_graphic()) {
        return Err(UrlError::NotAWord(text.escape_debug().to_string()));
    }
    Ok(())
}

/// Host (with a port that is not the scheme's own) and path; the host of a local path is empty.
fn git_parts(text: &str) -> Option<(&str, &str)> {
    if text.starts_with('/') {
        return Some(("", text));
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        let scheme = scheme.to_ascii_lowercase();
        let (authority, path) = rest.split_once('/')?;
        return match scheme.as_str() {
            "file" if authority.is_empty() => Some(("", path)),
            "https" | "http" | "ssh" | "git" => {
                let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
                let host = without_default_port(&scheme, host);
                (!host.is_empty()).then_some((host, path))
            }
            _ => None,
        };
    }
    // The form of scp: `[user@]host:path`, where no slash stands before the colon.
    let (authority, path) = text.split_once(':')?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    (!host.is_empty() && !host.contains('/')).then_some((host, path))
}

fn without_default_port<'a>(scheme: &str, authority: &'a str) -> &'a str {
    let port = match scheme {
        "https" | "oci" => ":443",
        "http" => ":80",
        "ssh" => ":22",
        "git" => ":9418",
        _ => return authority,
    };
    authority.strip_suffix(port).unwrap_or(authority)
}
