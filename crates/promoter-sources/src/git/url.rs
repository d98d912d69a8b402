//! Where a repository lives: parses what people write, keeps secrets out, and gives one text per place.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::GitError;

/// How the repository is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// `https://`.
    Https,
    /// `http://`, in clear text.
    Http,
    /// `ssh://` and `user@host:path`, through the `ssh` program.
    Ssh,
    /// `git://`, in clear text, without credentials.
    Git,
    /// `file://` and plain absolute paths.
    File,
}

/// The URL of a repository, without credentials.
///
/// Two spellings that differ only in the case of the host, a default port, a final `/`, or scp style against `ssh://`
/// are one value. `Display` prints it in full; it never holds a password.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoUrl {
    scheme: Scheme,
    user: Option<String>,
    host: String,
    port: Option<u16>,
    path: String,
}

impl RepoUrl {
    /// How it is reached.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The name before `@`, for ssh.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Lower-case host name or address; empty for [`Scheme::File`].
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, where it is not the default.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The path on the server, with its leading `/` unless scp style named a relative one.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The directory, for [`Scheme::File`].
    pub fn local_path(&self) -> Option<PathBuf> {
        (self.scheme == Scheme::File).then(|| PathBuf::from(&self.path))
    }

    /// True where credentials may travel: an encrypted way, or one that stays on this machine.
    pub fn keeps_secrets(&self) -> bool {
        match self.scheme {
            Scheme::Https | Scheme::Ssh | Scheme::File => true,
            Scheme::Http | Scheme::Git => self.is_loopback(),
        }
    }

    pub(super) fn is_loopback(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|it| it.is_loopback())
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() || text.chars().any(|it| it.is_control() || it == ' ') {
            return Err("is empty or holds blanks or control characters");
        }
        if text.starts_with('/') {
            return Ok(Self::local(text));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Self::parse_scp(text);
        };
        let (scheme, default_port) = match scheme.to_ascii_lowercase().as_str() {
            "https" => (Scheme::Https, 443),
            "http" => (Scheme::Http, 80),
            "ssh" => (Scheme::Ssh, 22),
            "git" => (Scheme::Git, 9418),
            "file" => {
                let path = rest.strip_prefix("localhost").unwrap_or(rest);
                return if path.starts_with('/') {
                    Ok(Self::local(path))
                } else {
                    Err("needs an absolute path")
                };
            }
            _ => return Err("has a scheme that is none of https, http, ssh, git, file"),
        };
        let (authority, path) = rest.split_at(rest.find('/').ok_or("has no path")?);
        let (user, authority) = match authority.rsplit_once('@') {
            Some((user, _)) if user.contains(':') => {
                return Err("holds a password; give credentials apart from it");
            }
            Some((user, authority)) => (Some(user), authority),
            None => (None, authority),
        };
        let (host, port) = split_port(authority)?;
        if path.contains(['?', '#']) {
            return Err("holds a query or a fragment");
        }
        Self::remote(scheme, user, host, port.filter(|it| *it != default_port), path)
    }

    fn parse_scp(text: &str) -> Result<Self, &'static str> {
        let (place, path) = text.split_once(':').ok_or("is neither a URL nor an absolute path")?;
        let (user, host) = match place.split_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, place),
        };
        if host.contains('/') || path.is_empty() {
            return Err("is neither a URL nor an absolute path");
        }
        Self::remote(Scheme::Ssh, user, host, None, path)
    }

    fn local(path: &str) -> Self {
        let path = match path.trim_end_matches('/') {
            "" => "/",
            path => path,
        };
        Self { scheme: Scheme::File, user: None, host: String::new(), port: None, path: path.into() }
    }

    fn remote(
        scheme: Scheme,
        user: Option<&str>,
        host: &str,
        port: Option<u16>,
        path: &str,
    ) -> Result<Self, &'static str> {
        // A leading `-` would be read as an option by the ssh program or by git on the other side.
        if host.is_empty()
            || host.starts_with('-')
            || user.is_some_and(|it| it.is_empty() || it.starts_with('-'))
        {
            return Err("has no usable host or user");
        }
        let path = path.trim_end_matches('/');
        if path.is_empty() || path.starts_with('-') {
            return Err("has no usable path");
        }
        // Over http the user's name belongs to the credentials, not to the place.
        let user = user.filter(|_| scheme == Scheme::Ssh).map(Into::into);
        Ok(Self { scheme, user, host: host.to_ascii_lowercase(), port, path: path.into() })
    }
}

/// Splits `host:port`; an IPv6 address stands in brackets.
fn split_port(authority: &str) -> Result<(&str, Option<u16>), &'static str> {
    let end_of_address = authority.rfind(']').map_or(0, |it| it + 1);
    match authority[end_of_address..].rfind(':') {
        Some(colon) => {
            let (host, port) = authority.split_at(end_of_address + colon);
            Ok((host, Some(port[1..].parse().map_err(|_| "has a port that is no number")?)))
        }
        None => Ok((authority, None)),
    }
}

impl FromStr for RepoUrl {
    type Err = GitError;

    fn from_str(text: &str) -> Result<Self, GitError> {
        Self::parse(text).map_err(|why| GitError::Url { url: without_password(text), why })
    }
}

/// The text with everything between `://` and `@` hidden, for messages about URLs that were refused.
fn without_password(text: &str) -> String {
    match (text.find("://"), text.rfind('@')) {
        (Some(start), Some(end)) if start < end => format!("{}***{}", &text[..start + 3], &text[end..]),
        _ => text.into(),
    }
}

impl fmt::Display for RepoUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Https => "https",
            Scheme::Http => "http",
            Scheme::Ssh => "ssh",
            Scheme::Git => "git",
            Scheme::File => return write!(f, "file://{}", self.path),
        };
        write!(f, "{scheme}://")?;
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        f.write_str(&self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        // A path that scp style gave relative to the home directory is written `/~/path`, as ssh URLs do.
        if !self.path.starts_with('/') {
            f.write_str("/~/")?;
        }
        f.write_str(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(url: &str) -> String {
        match url.parse::<RepoUrl>() {
            Ok(url) => url.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn spellings_of_one_place_are_one_value() {
        assert_eq!(
            text("HTTPS://Git.Example.com:443/acme/deploy.git/"),
            "https://git.example.com/acme/deploy.git"
        );
        assert_eq!(text("http://127.0.0.1:8080/a.git"), "http://127.0.0.1:8080/a.git");
        assert_eq!(text("git@example.com:/acme/a.git"), text("ssh://git@example.com:22/acme/a.git"));
        assert_eq!(text("git@example.com:acme/a.git"), "ssh://git@example.com/~/acme/a.git");
        assert_eq!(text("/srv/a.git/"), text("file:///srv/a.git"));
        assert_eq!(text("git://[::1]:9419/a"), "git://[::1]:9419/a");
        assert_eq!(text("https://user@example.com/a"), "https://example.com/a");
    }

    #[test]
    fn what_is_no_place_is_refused_and_passwords_are_not_repeated() {
        let refused = text("https://ada:s3cret@example.com/a.git");
        assert!(
            refused.contains("https://***@example.com/a.git") && !refused.contains("s3cret"),
            "{refused}"
        );
        for bad in [
            "",
            "deploy",
            "ftp://a/b",
            "https://example.com",
            "ssh://-oProxyCommand=x/a",
            "-oX:a",
            "https://h:x/a",
            "a b:c",
            "file://host/a",
            "https://h/a?b",
        ] {
            assert!(bad.parse::<RepoUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn secrets_travel_only_where_nobody_listens() {
        for (url, expected) in [
            ("https://example.com/a", true),
            ("http://example.com/a", false),
            ("http://127.0.0.1:80/a", true),
            ("http://[::1]/a", true),
            ("git://example.com/a", false),
        ] {
            assert_eq!(url.parse::<RepoUrl>().unwrap().keeps_secrets(), expected, "{url}");
        }
    }
}
