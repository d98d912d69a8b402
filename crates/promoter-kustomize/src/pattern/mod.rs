//! Regular expressions as Go reads them, for selectors, images and paths of replacements.
//!
//! Most patterns are names; those are compared as they are, because to compile a regular expression takes longer than all
//! that is then done with it.

mod class;
mod go;

use regex::{Regex, RegexBuilder};

/// What one expression may take compiled: names have small ones, and a kustomization may have thousands.
const COMPILED_BYTES_MAX: usize = 128 << 10;

/// A pattern ready to be held against texts.
#[derive(Debug, Clone)]
pub(crate) struct Pattern(Matcher);

#[derive(Debug, Clone)]
enum Matcher {
    /// The text is one of the names between the `|`.
    Names(String),
    /// The text has this name in it.
    Part(String),
    Regex(Regex),
}

impl Pattern {
    /// A pattern that has to fit the whole of a text.
    ///
    /// Errors: Go would not compile it; a few words say why.
    pub(crate) fn whole(pattern: &str) -> Result<Self, String> {
        if pattern.split('|').all(is_name) {
            return Ok(Self(Matcher::Names(pattern.to_owned())));
        }
        compile(&format!("^(?:{pattern})$"))
    }

    /// A pattern that has to fit some part of a text, unless it says more itself.
    ///
    /// Errors: as for `whole`.
    pub(crate) fn part(pattern: &str) -> Result<Self, String> {
        if is_name(pattern) {
            return Ok(Self(Matcher::Part(pattern.to_owned())));
        }
        compile(pattern)
    }

    /// True when the pattern fits.
    pub(crate) fn fits(&self, text: &str) -> bool {
        match &self.0 {
            Matcher::Names(names) => names.split('|').any(|name| strip_name(text, name) == Some("")),
            Matcher::Part(part) if !part.contains('.') => text.contains(part),
            Matcher::Part(part) => text.char_indices().any(|(at, _)| strip_name(&text[at..], part).is_some()),
            Matcher::Regex(regex) => regex.is_match(text),
        }
    }
}

/// True when nothing in a pattern is special but dots, which match any character.
pub(crate) fn is_name(pattern: &str) -> bool {
    pattern.bytes().all(|it| it.is_ascii_alphanumeric() || b"./-_:@".contains(&it))
}

/// What follows a name in a text that begins with it; a dot of the name stands for any character.
pub(crate) fn strip_name<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = text.chars();
    for wanted in name.chars() {
        let found = rest.next()?;
        if found != wanted && (wanted != '.' || found == '\n') {
            return None;
        }
    }
    Some(rest.as_str())
}

fn compile(pattern: &str) -> Result<Pattern, String> {
    let regex = RegexBuilder::new(&go::Reader::spell(pattern)?).size_limit(COMPILED_BYTES_MAX).build();
    regex.map(|it| Pattern(Matcher::Regex(it))).map_err(|error| {
        let text = error.to_string();
        text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, text: &str) -> bool {
        Pattern::whole(pattern).unwrap().fits(text)
    }

    #[test]
    fn names_fit_as_the_expressions_that_they_are() {
        for (pattern, text, whole, part) in [
            ("web", "web", true, true),
            ("web", "my-web-1", false, true),
            ("a.c", "abc", true, true),
            ("a.c", "a\nc", false, false),
            ("a|bc|", "bc", true, true),
            ("a|bc|", "", true, true),
            ("a|bc", "abc", false, true),
            ("", "x", false, true),
            ("", "", true, true),
            ("b.d", "a\nb\nb.é b-d", false, true),
            ("b.d", "b\nd", false, false),
            ("..", "é", false, false),
        ] {
            assert_eq!(fits(pattern, text), whole, "{pattern} {text}");
            assert_eq!(Pattern::part(pattern).unwrap().fits(text), part, "{pattern} {text}");
            let regex = compile(&format!("^(?:{pattern})$")).unwrap();
            assert_eq!(regex.fits(text), whole, "{pattern} {text}");
            assert_eq!(compile(pattern).unwrap().fits(text), part, "{pattern} {text}");
        }
    }

    #[test]
    fn what_go_reads_otherwise_than_the_crate_is_read_as_go_does() {
        for (pattern, text) in [
            (r"\Qa.b\E", "a.b"),
            (r"\Qab\E*", "abb"),
            (r"\$\{NAME}-.*", "${NAME}-web"),
            ("a{2", "a{2"),
            ("a{,3}", "a{,3}"),
            (r"\141", "a"),
            (r"\<a", "<a"),
            ("[a&&b]", "&"),
            ("[[a]b]", "[b]"),
            (r"[\w-z]", "-"),
            (r"(?i)\w", "\u{17f}"),
            ("(?ii)a", "A"),
            ("(?)a", "a"),
            ("(?P<1>a)(?<1>b)", "ab"),
            (r"\p{^Greek}", "a"),
            (r"\PN", "a"),
            (r".\b.", "é1"),
            ("a)|(?:b", "b"),
        ] {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            (r"\w", "é"),
            (r"\d", "٣"),
            (r"[\d]", "٣"),
            (r"\s", "\u{a0}"),
            (r"\bé", "é"),
            (r"\x{d800}", "a"),
            (r"\p{Cs}", "a"),
            (r"[\x{d800}]", "a"),
            ("(?i)a(?-i)b", "AB"),
        ] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused() {
        let patterns = [
            "(",
            "a)",
            "(?",
            "(?x)a",
            "(?-)a",
            "(?R)a",
            "(?=a)",
            "(?P<é>a)",
            "(?P<>a)",
            "(?P<n",
            "[a",
            "[]",
            "[z-a]",
            "[a--b]",
            r"[a-\d]",
            "[[:foo:]]",
            "*a",
            "|*",
            "a**",
            "a*+",
            "a???",
            "a{2}{2}",
            "a{1001}",
            "a{2,1}",
            "(a{100}){100}",
            r"\",
            r"\1",
            r"\8",
            r"\u0061",
            r"\x6",
            r"\x{110000}",
            r"\Z",
            r"\C",
            r"\é",
            r"\p{Nope}",
            r"\p{sc=Greek}",
            r"\p{Alphabetic}",
            r"\p{Greek",
            r"\p",
        ];
        for pattern in patterns {
            assert!(Pattern::part(pattern).is_err(), "{pattern}");
        }
    }
}
