//! Sets of characters in Go's regular expressions: `[a-z]`, `\d`, `\pL`, `[:alpha:]`.

use regex::Regex;

use super::go::Reader;

/// What nothing matches.
const NOTHING: &str = r"[^\x{0}-\x{10FFFF}]";

/// Classes that `[:name:]` knows.
const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
    "upper", "word", "xdigit",
];

impl Reader<'_> {
    /// Reads a class of its own behind a backslash, `\d` or `\pL`. False when there is none.
    pub(super) fn named_class(&mut self) -> Result<bool, String> {
        let Some(next) = self.rest.chars().next() else {
            return Ok(false);
        };
        let set = match next.to_ascii_lowercase() {
            'd' => "0-9",
            's' => r"\t\n\x0C\r\x20",
            'w' => "0-9A-Za-z_",
            'p' => {
                self.take();
                return self.property(next == 'P').map(|()| true);
            }
            _ => return Ok(false),
        };
        self.take();
        let negated = if next.is_ascii_uppercase() { "^" } else { "" };
        self.out.push_str(&format!("[{negated}{set}]"));
        Ok(true)
    }

    /// Reads the name of a Unicode category or script.
    fn property(&mut self, negated: bool) -> Result<(), String> {
        let unknown = || "Unicode property not found".to_owned();
        let next = self.rest.chars().next().ok_or_else(unknown)?;
        let (name, rest) = match next {
            '{' => self.rest[1..].split_once('}').ok_or_else(unknown)?,
            _ => self.rest.split_at(next.len_utf8()),
        };
        self.rest = rest;
        let (negated, name) = name.strip_prefix('^').map_or((negated, name), |name| (!negated, name));
        if name.is_empty() || !name.bytes().all(|it| it.is_ascii_alphanumeric() || b" _-".contains(&it)) {
            return Err(unknown());
        }
        let letter = if negated { 'P' } else { 'p' };
        let class = match name {
            // Surrogates are in no text.
            "Cs" if negated => format!("[^{NOTHING}]"),
            "Cs" => NOTHING.to_owned(),
            _ => {
                let spelled = ["gc", "sc"].map(|kind| format!("\\{letter}{{{kind}={name}}}"));
                spelled.into_iter().find(|it| Regex::new(it).is_ok()).ok_or_else(unknown)?
            }
        };
        self.out.push_str(&class);
        Ok(())
    }

    /// Reads a class up to its `]`.
    pub(super) fn class(&mut self) -> Result<(), String> {
        self.out.push('[');
        if self.eat("^") {
            self.out.push('^');
        }
        let mut is_first = true;
        while is_first || !self.eat("]") {
            is_first = false;
            if self.posix_class()? || self.class_in_class()? {
                continue;
            }
            let from = self.class_char()?;
            let is_range = self.rest.len() > 1 && self.rest.starts_with('-') && !self.rest.starts_with("-]");
            let to = if is_range && self.eat("-") { self.class_char()? } else { from };
            if to < from {
                return Err("invalid character class range".to_owned());
            }
            self.range(from, to);
        }
        self.out.push(']');
        Ok(())
    }

    fn posix_class(&mut self) -> Result<bool, String> {
        let Some((name, rest)) = self.rest.strip_prefix("[:").and_then(|it| it.split_once(":]")) else {
            return Ok(false);
        };
        if !POSIX.contains(&name.strip_prefix('^').unwrap_or(name)) {
            return Err("unrecognized character class".to_owned());
        }
        self.rest = rest;
        self.out.push_str(&format!("[:{name}:]"));
        Ok(true)
    }

    fn class_in_class(&mut self) -> Result<bool, String> {
        let before = self.rest;
        if self.eat("\\") && self.named_class()? {
            return Ok(true);
        }
        self.rest = before;
        Ok(false)
    }

    fn class_char(&mut self) -> Result<u32, String> {
        match self.take() {
            None => Err("unclosed character class".to_owned()),
            Some('\\') => self.escaped_code(),
            Some(next) => Ok(u32::from(next)),
        }
    }

    /// Writes the characters from one code to another, for the inside of a class or, when they are one, the outside.
    pub(super) fn range(&mut self, from: u32, to: u32) {
        if from == to && !is_surrogate(from) {
            self.out.push_str(&format!("\\x{{{from:X}}}"));
            return;
        }
        // Surrogates are in no text.
        let start = if is_surrogate(from) { 0xe000 } else { from };
        let end = if is_surrogate(to) { 0xd7ff } else { to };
        match start <= end {
            true => self.out.push_str(&format!("\\x{{{start:X}}}-\\x{{{end:X}}}")),
            false => self.out.push_str(NOTHING),
        }
    }
}

fn is_surrogate(code: u32) -> bool {
    (0xd800..=0xdfff).contains(&code)
}
