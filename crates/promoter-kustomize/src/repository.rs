//! Entries that name a directory of a git repository: what kustomize takes for one, and which of them are pinned.
//!
//! Decides how a text falls into repository, directory and ref, quirks included, since what kustomize would fetch is
//! what must be fetched. Only a commit's full id will do: it names content, so the answer is always the same. Fetching
//! is [`Externals::repository`](crate::Externals::repository)'s.

use std::borrow::Cow;

use crate::error::{BuildError, Result};
use crate::files::normalise;

/// A directory of a repository, as an entry names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repository {
    /// What git is given.
    pub(crate) url: String,
    /// The directory, normal.
    pub(crate) directory: String,
    /// What `?ref=` or `?version=` says; empty when neither is there.
    pub(crate) reference: String,
}

/// The schemes that kustomize knows; anything else has none.
const SCHEMES: [&str; 4] = ["ssh://", "https://", "http://", FILE];
const FILE: &str = "file://";
const GITHUB: [&str; 2] = ["github.com/", "github.com:"];

/// How many parts of a path make a repository when nothing in it says where it ends.
const PARTS: usize = 2;

impl Repository {
    /// Takes an entry apart; `None` for what kustomize takes for a path.
    pub(crate) fn parse(entry: &str) -> Option<Self> {
        if entry.starts_with('/') {
            return None;
        }
        let (place, query) = entry.split_once('?').unwrap_or((entry, ""));
        let (host, path) = split_host(place)?;
        let (path, directory) = split_path(path, host.starts_with(FILE))?;
        let directory = normalise("", directory.strip_prefix('/').unwrap_or(directory))?;
        let reference = query_reference(query).unwrap_or_default();
        (!path.is_empty()).then(|| Self { url: format!("{host}{path}"), directory, reference })
    }

    /// The id of the commit that the entry names, in lower case.
    ///
    /// Errors: anything else, which may name another commit tomorrow.
    pub(crate) fn commit(&self, entry: &str) -> Result<String> {
        let reference = self.reference.as_str();
        let is_id = |it: &str| it.bytes().all(|it| it.is_ascii_hexdigit());
        if matches!(reference.len(), 40 | 64) && is_id(reference) {
            return Ok(reference.to_ascii_lowercase());
        }
        let refuse = |message: String| BuildError::new("kustomize-remote", message);
        let shown = without_password(entry);
        if reference.is_empty() && is_web_address(entry) && looks_like_file(&self.directory) {
            return Err(web_file(entry));
        }
        let (message, asked) = match reference {
            "" => (format!("`{shown}` names no commit, and a default branch moves"), "HEAD".to_owned()),
            short if short.len() >= 4 && is_id(short) => {
                let message = format!("`{shown}` names a commit by a part of its id, which others may share");
                let hint =
                    format!("write all digits of the id, `git rev-parse {short}` in a clone prints them");
                return Err(refuse(message).hint(hint));
            }
            // An annotated tag has an id of its own, that of its commit comes behind it.
            named => {
                let asked = format!("{named} '{named}^{{}}'");
                (format!("`{shown}` names a branch or tag, which can move"), asked)
            }
        };
        let how = format!("the last id that `git ls-remote {} {asked}` prints", without_password(&self.url));
        Err(refuse(message).hint(format!("write `?ref=<commit>`, {how}")))
    }
}

/// The error for a file that kustomize would read from the web.
pub(crate) fn web_file(entry: &str) -> BuildError {
    let message = format!("`{}` is a file on the web, which can change", without_password(entry));
    BuildError::new("kustomize-remote", message)
        .hint("copy it into the repository, or name its directory in a git repository with `?ref=<commit>`")
}

/// An entry for messages: what stands between `://` and `@` is hidden when it holds a password.
pub(crate) fn without_password(entry: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = entry.split_once("://") else {
        return Cow::Borrowed(entry);
    };
    let authority = &rest[..rest.find('/').unwrap_or(rest.len())];
    match authority.rfind('@').filter(|at| authority[..*at].contains(':')) {
        Some(at) => Cow::Owned(format!("{scheme}://***{}", &rest[at..])),
        None => Cow::Borrowed(entry),
    }
}

/// True for what kustomize reads from the web where it wants a file.
pub(crate) fn is_web_address(entry: &str) -> bool {
    ["https://", "http://"].iter().any(|it| strip_prefix_ignoring_case(entry, it).is_some())
}

fn looks_like_file(path: &str) -> bool {
    let extension = path.rsplit('/').next().and_then(|name| name.rsplit_once('.'));
    extension
        .is_some_and(|(_, it)| ["yaml", "yml", "json"].iter().any(|known| it.eq_ignore_ascii_case(known)))
}

fn strip_prefix_ignoring_case<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

/// Scheme, user and host with the separator behind it, and the rest. An address of GitHub is written one way only.
fn split_host(place: &str) -> Option<(String, &str)> {
    let place = strip_prefix_ignoring_case(place, "git::").unwrap_or(place);
    let with_scheme = SCHEMES.iter().find_map(|it| Some((*it, strip_prefix_ignoring_case(place, it)?)));
    let (scheme, rest) = with_scheme.unwrap_or(("", place));
    if scheme == FILE {
        return Some((FILE.to_owned(), rest));
    }
    let user_end = user_length(rest);
    let (user, rest) = rest.split_at(user_end);
    let is_github = GITHUB.iter().any(|it| strip_prefix_ignoring_case(rest, it).is_some());
    let like_scp = scheme.is_empty() && (!user.is_empty() || is_github);
    if scheme.is_empty() && !like_scp {
        return None;
    }
    let (host, path) = rest.split_at(separator(rest, like_scp).map_or(rest.len(), |it| it + 1));
    let host = match (is_github, user) {
        (true, "") if scheme != "ssh://" => "https://github.com/".to_owned(),
        (true, _) => format!("{user}github.com:"),
        (false, _) if host.is_empty() => return None,
        (false, _) => format!("{scheme}{user}{host}"),
    };
    Some((host, path))
}

/// The length of `user@` at the beginning, 0 when there is none.
fn user_length(text: &str) -> usize {
    let Some((user, _)) = text.split_once('@') else {
        return 0;
    };
    let fits = user.starts_with(|it: char| it.is_ascii_alphabetic())
        && user.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-');
    if fits { user.len() + 1 } else { 0 }
}

/// Where the host ends: at the first slash, or at a colon before it where scp's way of writing is taken.
fn separator(text: &str, like_scp: bool) -> Option<usize> {
    let slash = text.find('/');
    let colon = text.find(':').filter(|_| like_scp);
    match (slash, colon) {
        (None, colon) => colon,
        (Some(slash), Some(colon)) if colon > 0 && colon < slash => Some(colon),
        (slash, _) => slash,
    }
}

/// Splits the path of a repository from that of a directory in it: by Azure's `_git/`, by `//`, by `.git`, else by the
/// number of parts.
fn split_path(path: &str, is_local: bool) -> Option<(&str, &str)> {
    const AZURE: &str = "_git/";
    const SUFFIX: &str = ".git";
    if let Some(at) = path.find(AZURE) {
        let name = at + AZURE.len();
        let end = path[name..].find('/').map_or(path.len(), |it| name + it);
        return Some((&path[..end], path[end..].strip_prefix('/').unwrap_or_default()));
    }
    if let Some(parts) = path.split_once("//") {
        return Some(parts);
    }
    if let Some(at) = path.find(SUFFIX) {
        return Some(path.split_at(at + SUFFIX.len()));
    }
    if is_local {
        return Some((path, ""));
    }
    let mut ends = path.match_indices('/').map(|(at, _)| at);
    match (ends.nth(PARTS - 2), ends.next()) {
        (None, _) => None,
        (Some(_), None) => Some((path, "")),
        (Some(_), Some(end)) => Some((&path[..end], &path[end + 1..])),
    }
}

/// What the query says about the ref: `ref`, else `version`, the first of each. `None` for a query that is none.
fn query_reference(query: &str) -> Option<String> {
    let (mut reference, mut version) = (None, None);
    for pair in query.split('&').filter(|it| !it.is_empty()) {
        if pair.contains(';') {
            return None;
        }
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (key, value) = (unescape(key)?, unescape(value)?);
        match key.as_str() {
            "ref" => drop(reference.get_or_insert(value)),
            "version" => drop(version.get_or_insert(value)),
            // kustomize's time limit and whether it fetches submodules; we have our own limit and fetch none.
            _ => {}
        }
    }
    reference.filter(|it| !it.is_empty()).or(version)
}

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = rest.get(..2).filter(|it| it.iter().all(u8::is_ascii_hexdigit))?;
                bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
                rest = &rest[2..];
            }
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `url | directory | ref`, as kustomize v5.8.1 takes the entry apart.
    fn parts(entry: &str) -> String {
        match Repository::parse(entry) {
            Some(it) => format!("{} | {} | {}", it.url, it.directory, it.reference),
            None => "a path".into(),
        }
    }

    #[test]
    fn entries_fall_apart_as_in_kustomize() {
        for (entry, wanted) in [
            ("https://git.example.com/acme/base//app?ref=v1", "https://git.example.com/acme/base | app | v1"),
            ("https://git.example.com/acme/base/app/eu", "https://git.example.com/acme/base | app/eu | "),
            ("https://git.example.com/acme/base.git/app", "https://git.example.com/acme/base.git | app | "),
            ("https://git.example.com/a/b/c.git//app/?ref=x", "https://git.example.com/a/b/c.git | app | x"),
            ("https://git.example.com/acme/base", "https://git.example.com/acme/base |  | "),
            ("https://git.example.com/acme", "a path"),
            ("HTTPS://git.example.com:8443/a/b?version=2", "https://git.example.com:8443/a/b |  | 2"),
            ("https://ada@git.example.com/a/b", "https://ada@git.example.com/a/b |  | "),
            ("github.com/acme/base/app?ref=v1", "https://github.com/acme/base | app | v1"),
            ("GitHub.com:acme/base", "https://github.com/acme/base |  | "),
            ("http://www@github.com/acme/base", "www@github.com:acme/base |  | "),
            ("git@github.com:acme/base.git//app?ref=v1", "git@github.com:acme/base.git | app | v1"),
            ("ssh://git@github.com/acme/base", "git@github.com:acme/base |  | "),
            ("ssh://github.com/acme/base", "github.com:acme/base |  | "),
            ("ssh://git@git.example.com:2222/a/b", "ssh://git@git.example.com:2222/a/b |  | "),
            ("git@git.example.com:a/b/c", "git@git.example.com:a/b | c | "),
            ("git::https://git.example.com/a/b?ref=x", "https://git.example.com/a/b |  | x"),
            ("file:///srv/base.git//app?ref=x", "file:///srv/base.git | app | x"),
            ("file:///srv/base.git/app", "file:///srv/base.git | app | "),
            ("file:///srv/plain/deep", "file:///srv/plain/deep |  | "),
            (
                "https://dev.azure.com/o/p/_git/r/app?version=GBmain",
                "https://dev.azure.com/o/p/_git/r | app | GBmain",
            ),
            ("https://dev.azure.com/o/p/_git/r", "https://dev.azure.com/o/p/_git/r |  | "),
            ("https://h/foo.github.io/x", "https://h/foo.git | hub.io/x | "),
            ("https://h/a/b//c/../../../d", "a path"),
            ("https://h/a/b//c/../d", "https://h/a/b | d | "),
            ("https://h/a/b?timeout=10&submodules=0&ref=x&ref=y&version=z", "https://h/a/b |  | x"),
            ("https://h/a/b?ref=&version=z", "https://h/a/b |  | z"),
            ("https://h/a/b?ref=a%2Fb+c", "https://h/a/b |  | a/b c"),
            ("https://h/a/b?ref=x;y", "https://h/a/b |  | "),
            ("https://h/a/b?ref=%zz", "https://h/a/b |  | "),
            ("/github.com/a/b", "a path"),
            ("../github.com/a/b", "a path"),
            ("git.example.com/a/b", "a path"),
            ("foo@bar", "a path"),
            ("foo@bar/baz", "a path"),
            ("foo@bar/baz/qux", "foo@bar/baz/qux |  | "),
            ("", "a path"),
            ("https://", "a path"),
        ] {
            assert_eq!(parts(entry), wanted, "{entry}");
        }
    }

    #[test]
    fn only_the_full_id_of_a_commit_pins() {
        let commit = |reference: &str| {
            let entry = format!("https://h/a/b?ref={reference}");
            Repository::parse(&entry).unwrap().commit(&entry).map_err(|it| it.to_string())
        };
        let id = "0123456789ABCDEF0123456789abcdef01234567";
        assert_eq!(commit(id), Ok(id.to_ascii_lowercase()));
        assert_eq!(commit(&"a".repeat(64)), Ok("a".repeat(64)));
        for (reference, words) in [
            ("", "names no commit"),
            ("v1", "a branch or tag"),
            ("0123abc", "a part of its id"),
            ("add", "a branch"),
        ] {
            assert!(commit(reference).unwrap_err().contains(words), "{reference}");
        }
        let secret = "https://ada:s3cret@h.example.com/a/b";
        let error = Repository::parse(secret).unwrap().commit(secret).unwrap_err();
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        let raw = "https://raw.example.com/acme/base/0123/install.yaml";
        let error = Repository::parse(raw).unwrap().commit(raw).unwrap_err();
        assert!(error.message.contains("a file on the web"), "{error}");
    }
}
