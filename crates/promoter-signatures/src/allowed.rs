//! git's `allowed_signers` file: who may sign with which SSH key, for what, and when.
//!
//! Source: ssh-keygen(1), "ALLOWED SIGNERS". Times without `Z` are read as UTC: what a file means must not depend on the
//! machine. Keys of certificate authorities are refused by name, since certificates are not judged here.

use promoter_core::UnixSeconds;
use ssh_key::public::KeyData;

use crate::error::TrustError;
use crate::ssh::public_key;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AllowedSigner {
    /// Who: patterns such as `ada@example.com` or `*@example.com`.
    pub(crate) principals: Vec<String>,
    pub(crate) key: KeyData,
    /// A list of patterns; `None` allows every namespace.
    namespaces: Option<String>,
    /// Seconds since 1970.
    valid_after: Option<i64>,
    valid_before: Option<i64>,
}

impl AllowedSigner {
    /// Why the line does not allow a signature; `None` when it does.
    pub(crate) fn refuses(&self, namespace: &str, at: i64) -> Option<String> {
        if self.namespaces.as_deref().is_some_and(|it| !matches_list(it, namespace)) {
            return Some(format!("the key may not sign for `{namespace}`"));
        }
        match (self.valid_after, self.valid_before) {
            (Some(after), _) if at < after => Some(format!("the key is valid after {}", UnixSeconds(after))),
            (_, Some(before)) if at > before => {
                Some(format!("the key was valid before {}", UnixSeconds(before)))
            }
            _ => None,
        }
    }
}

/// Reads a file.
pub(crate) fn parse(text: &str, path: &str) -> Result<Vec<AllowedSigner>, TrustError> {
    let mut found = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let signer = parse_line(line).map_err(|why| TrustError::AllowedSigners {
            path: path.into(),
            line: number,
            why,
        })?;
        found.push(signer);
    }
    Ok(found)
}

fn parse_line(line: &str) -> Result<AllowedSigner, String> {
    let (principals, mut rest) = word(line)?;
    let principals = principals.trim_matches('"').split(',').map(str::trim);
    let principals: Vec<String> = principals.filter(|it| !it.is_empty()).map(Into::into).collect();
    if principals.is_empty() {
        return Err("the line names nobody".into());
    }
    let (mut namespaces, mut valid_after, mut valid_before) = (None, None, None);
    loop {
        let (next, after) = word(rest)?;
        // What is no option is the key's type.
        let Some(options) = as_options(next) else { break };
        for option in split_outside_quotes(options, ',') {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            let value = value.trim_matches('"');
            match name.to_ascii_lowercase().as_str() {
                "cert-authority" => return Err("`cert-authority` is not supported: name the keys".into()),
                "namespaces" if !value.is_empty() => namespaces = Some(value.to_owned()),
                "valid-after" => valid_after = Some(time(value)?),
                "valid-before" => valid_before = Some(time(value)?),
                _ => return Err(format!("`{option}` is no option of an allowed signer")),
            }
        }
        rest = after;
    }
    let key = public_key(rest.trim()).map_err(|why| format!("the line holds no public key: {why}"))?;
    Ok(AllowedSigner { principals, key, namespaces, valid_after, valid_before })
}

/// The word as options; `None` when it is the type of a key.
fn as_options(word: &str) -> Option<&str> {
    let types = ["ssh-", "ecdsa-", "sk-"];
    (!types.iter().any(|it| word.starts_with(it))).then_some(word)
}

/// The next word, whose spaces may be quoted, and what comes behind it.
fn word(text: &str) -> Result<(&str, &str), String> {
    let text = text.trim_start();
    let mut quoted = false;
    let end = text.find(|it: char| {
        quoted ^= it == '"';
        !quoted && it.is_whitespace()
    });
    match end {
        _ if text.is_empty() => Err("the line ends before its key".into()),
        _ if text[..end.unwrap_or(text.len())].matches('"').count() % 2 == 1 => {
            Err("a quotation mark is not closed".into())
        }
        Some(end) => Ok(text.split_at(end)),
        None => Ok((text, "")),
    }
}

fn split_outside_quotes(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |it| {
        quoted ^= it == '"';
        !quoted && it == separator
    })
}

/// Reads `YYYYMMDD`, `YYYYMMDDHHMM` or `YYYYMMDDHHMMSS`, with or without `Z`.
fn time(text: &str) -> Result<i64, String> {
    let digits = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    let fits = matches!(digits.len(), 8 | 12 | 14) && digits.bytes().all(|it| it.is_ascii_digit());
    let parsed = fits.then(|| {
        let all = format!("{digits:0<14}");
        let (date, clock) = all.split_at(8);
        let part = |text: &str, from: usize| text[from..from + 2].to_owned();
        let date = format!("{}-{}-{}", &date[..4], part(date, 4), part(date, 6));
        format!("{date}T{}:{}:{}Z", part(clock, 0), part(clock, 2), part(clock, 4))
    });
    let read = parsed.and_then(|it| it.parse::<UnixSeconds>().ok());
    read.map(|it| it.0).ok_or_else(|| format!("`{text}` is no time like `20261120` or `202611200930Z`"))
}

/// True when a text is matched by a pattern of the list and by none that has a `!` before it.
fn matches_list(list: &str, text: &str) -> bool {
    let mut found = false;
    for pattern in list.split(',').map(str::trim) {
        match pattern.strip_prefix('!') {
            Some(pattern) if matches(pattern.as_bytes(), text.as_bytes()) => return false,
            None if matches(pattern.as_bytes(), text.as_bytes()) => found = true,
            _ => {}
        }
    }
    found
}

/// Matches `*` and `?`.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    // Where the last `*` stands, and how much of the text it takes so far.
    let (mut at, mut read, mut star) = (0, 0, None);
    while read < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(it) if *it == b'?' || *it == text[read] => {
                at += 1;
                read += 1;
            }
            _ => match star {
                Some((place, taken)) => {
                    star = Some((place, taken + 1));
                    (at, read) = (place + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|it| *it == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDD";

    fn one(line: &str) -> Result<AllowedSigner, String> {
        parse_line(&line.replace("KEY", KEY))
    }

    #[test]
    fn lines_are_read_as_ssh_keygen_writes_about_them() {
        let plain = one("ada@example.com,*@bots.example.com KEY a comment").unwrap();
        assert_eq!(plain.principals, ["ada@example.com", "*@bots.example.com"]);
        assert_eq!(plain.refuses("git", 0), None);
        let line = "\"ada@example.com\" namespaces=\"git,file\",valid-after=\"20261120\",VALID-BEFORE=202611210930Z KEY";
        let bound = one(line).unwrap();
        assert_eq!((bound.valid_after, bound.valid_before), (Some(1_795_132_800), Some(1_795_253_400)));
        assert_eq!(bound.refuses("git", 1_795_132_800), None);
        let why = |namespace, at| bound.refuses(namespace, at).unwrap();
        assert_eq!(why("git", 1_795_132_799), "the key is valid after 2026-11-20T00:00:00Z");
        assert_eq!(why("git", 1_795_253_401), "the key was valid before 2026-11-21T09:30:00Z");
        assert_eq!(why("email", 1_795_132_800), "the key may not sign for `email`");
    }

    #[test]
    fn slips_are_named() {
        for (line, wanted) in [
            ("ca@example.com cert-authority KEY", "`cert-authority` is not supported"),
            ("ada@example.com nonsense=\"1\" KEY", "`nonsense=\"1\"` is no option"),
            ("ada@example.com valid-after=tomorrow KEY", "`tomorrow` is no time"),
            ("ada@example.com valid-after=20261340 KEY", "`20261340` is no time"),
            ("ada@example.com namespaces=\"git KEY", "a quotation mark is not closed"),
            ("ada@example.com", "the line ends before its key"),
            ("ada@example.com ssh-ed25519 AAAA", "the line holds no public key"),
            (", KEY", "the line names nobody"),
        ] {
            let why = one(line).unwrap_err();
            assert!(why.contains(wanted), "{line}: {why}");
        }
        let error = parse("# keys\n\nada@example.com x", "signers").unwrap_err().diagnosis().to_string();
        assert!(error.contains("(signers:3)"), "{error}");
    }

    #[test]
    fn patterns_match_as_in_ssh() {
        for (list, text, wanted) in [
            ("git", "git", true),
            ("git", "gits", false),
            ("g*t", "gt", true),
            ("*,!git", "git", false),
            ("!file,*", "git", true),
            ("!file", "git", false),
            ("g?t,x", "git", true),
            ("*a*b", "xaxbxb", true),
            ("*a*b", "xaxbx", false),
            ("", "git", false),
        ] {
            assert_eq!(matches_list(list, text), wanted, "{list} {text}");
        }
    }
}
