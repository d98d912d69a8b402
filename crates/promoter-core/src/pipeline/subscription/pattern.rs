//! Patterns of tags and paths.

use regex::bytes::{Regex, RegexBuilder};
use std::fmt;

/// The longest pattern, in bytes.
const BYTES_MAX: usize = 500;
/// The largest compiled pattern, in bytes. Tags are ASCII, and classes such as `\w` are ASCII here too: those of Unicode take
/// ten kilobytes each.
const COMPILED_BYTES_MAX: usize = 1 << 15;

/// A regular expression that was compiled once. Prints as it was written.
#[derive(Clone)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

impl Pattern {
    /// Reads a regular expression; it matches where it is found in a text.
    ///
    /// Errors: why it is none, for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::compile(text, text)
    }

    fn compile(text: &str, expression: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("it is empty".into());
        }
        if text.len() > BYTES_MAX {
            return Err(format!("it is longer than {BYTES_MAX} bytes"));
        }
        let mut builder = RegexBuilder::new(expression);
        builder.unicode(false).size_limit(COMPILED_BYTES_MAX).dfa_size_limit(8 * COMPILED_BYTES_MAX);
        let regex = builder.build().map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => format!("`{text}` is too large"),
            error => {
                // The last line says what is wrong, those before it draw the place.
                let said = error.to_string();
                let why = said.lines().last().unwrap_or_default().trim_start_matches("error: ").trim();
                format!("`{text}` is no regular expression: {why}")
            }
        })?;
        Ok(Self { text: text.to_owned(), regex })
    }

    /// True when it is found in a text.
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text.as_bytes())
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.text)
    }
}

impl PartialEq for Pattern {
    /// The text says all.
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

/// Paths of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathPattern {
    /// A file, or everything below a directory: whole parts of a path, without slashes at the ends.
    Below(String),
    /// `glob:…` or `regex:…`.
    Matching(Pattern),
}

impl PathPattern {
    /// Reads one.
    ///
    /// Errors: why it is none, for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(glob) = text.strip_prefix("glob:") {
            return Pattern::compile(text, &of_glob(glob)).map(Self::Matching);
        }
        if let Some(expression) = text.strip_prefix("regex:").or_else(|| text.strip_prefix("regexp:")) {
            return Pattern::compile(text, expression).map(Self::Matching);
        }
        let path = text.strip_prefix("./").unwrap_or(text).trim_matches('/');
        let is_path = path.split('/').all(|it| !matches!(it, "" | "." | ".."));
        match is_path && text.len() <= BYTES_MAX {
            true => Ok(Self::Below(path.to_owned())),
            false => Err(format!("`{text}` is no path below the repository's root")),
        }
    }

    /// True when a path fits.
    pub fn matches(&self, path: &str) -> bool {
        match self {
            Self::Below(parent) => {
                path.strip_prefix(parent.as_str()).is_some_and(|it| it.is_empty() || it.starts_with('/'))
            }
            Self::Matching(pattern) => pattern.matches(path),
        }
    }
}

/// The regular expression of a glob: `*` and `?` within a part of a path, `**` over several, `[…]` one letter of some.
fn of_glob(glob: &str) -> String {
    let mut out = String::from("^");
    let mut rest = glob;
    while let Some(letter) = rest.chars().next() {
        let (taken, expression) = match letter {
            '*' if rest.starts_with("**/") => (3, "(?:[^/]+/)*".to_owned()),
            '*' if rest.starts_with("**") => (2, ".*".to_owned()),
            '*' => (1, "[^/]*".to_owned()),
            '?' => (1, "(?u:[^/])".to_owned()),
            '[' if rest.contains(']') => {
                let end = rest.find(']').unwrap_or_default();
                let letters = rest[1..end].replace('\\', "\\\\").replace('[', "\\[");
                let letters = match letters.strip_prefix('!') {
                    Some(others) => format!("^/{others}"),
                    None => letters,
                };
                (end + 1, format!("(?u:[{letters}])"))
            }
            letter => (letter.len_utf8(), regex::escape(&rest[..letter.len_utf8()])),
        };
        out.push_str(&expression);
        rest = &rest[taken..];
    }
    out.push('$');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_fit_by_whole_parts_globs_and_expressions() {
        for (pattern, fits, fits_not) in [
            ("src", &["src", "src/a/b"][..], &["srcs", "a/src"][..]),
            ("./src/a/", &["src/a/b"], &["src/ab", "src"]),
            ("glob:*.md", &["README.md"], &["docs/README.md"]),
            ("glob:**/*.md", &["README.md", "docs/a/b.md"], &["docs/a.mdx"]),
            ("glob:docs/**", &["docs/a/b"], &["docs", "adocs/a"]),
            ("glob:v[0-9]?", &["v1x"], &["v1/", "vx1"]),
            ("glob:[!a]b", &["cb"], &["ab", "/b"]),
            ("glob:a.b", &["a.b"], &["axb"]),
            ("regex:^apps/.*\\.ya?ml$", &["apps/x/y.yml"], &["apps/x/y.txt"]),
            ("regex:^\\w{40}$", &["0123456789abcdef0123456789abcdef01234567"], &["0123456789abcdef"]),
            ("regex:^größe/.+\\.ya?ml$", &["größe/ä.yaml"], &["grösse/a.yaml"]),
            ("glob:gr*e/?[äö]", &["größe/üä"], &["größe/äa", "größe/ä"]),
            ("regexp:web", &["apps/web/a"], &["apps/api/a"]),
        ] {
            let read = PathPattern::parse(pattern).unwrap();
            assert_eq!(fits.iter().filter(|it| !read.matches(it)).count(), 0, "{pattern}");
            assert_eq!(fits_not.iter().filter(|it| read.matches(it)).count(), 0, "{pattern}");
        }
    }

    #[test]
    fn what_is_no_pattern_or_costs_too_much_is_refused() {
        let said = |text: &str| Pattern::parse(text).unwrap_err();
        assert!(said("v(").contains("`v(` is no regular expression: unclosed group"), "{}", said("v("));
        assert_eq!(said("((((a{99}){99}){99}){99})"), "`((((a{99}){99}){99}){99})` is too large");
        assert!(said(&"a".repeat(501)).contains("longer than 500"));
        assert!(PathPattern::parse("../a").is_err() && PathPattern::parse("").is_err());
    }
}
