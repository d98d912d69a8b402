//! Regular expressions as Go reads them, for selectors, images and replacements.
//!
//! Go and the `regex` crate match alike but do not read alike: Go's `\w`, `\d`, `\s` and `\b` are ASCII, it knows
//! `\Q…\E`, octal escapes and a lone `{`, and it knows no nested or intersected classes, no `(?x)` and no `\<`. So a
//! pattern is read here by Go's grammar and spelled for the crate, or refused where Go refuses it.

use regex::Regex;

/// What nothing matches.
const NOTHING: &str = r"[^\x{0}-\x{10FFFF}]";

/// How often Go lets anything be repeated, nested repetitions multiplied.
const REPEATED_MAX: u32 = 1000;

/// Classes that `[:name:]` knows.
const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
    "upper", "word", "xdigit",
];

/// Compiles a pattern. What it captures is not kept.
///
/// Errors: Go would not compile it; the text says why in a few words.
pub(crate) fn compile(pattern: &str) -> Result<Regex, String> {
    let mut reader = Reader {
        rest: pattern,
        out: String::with_capacity(pattern.len() + 8),
        open: Vec::new(),
        last: Last::Nothing,
    };
    while let Some(next) = reader.take() {
        reader.item(next)?;
    }
    if !reader.open.is_empty() {
        return Err("unclosed group".to_owned());
    }
    Regex::new(&reader.out).map_err(|error| {
        let text = error.to_string();
        text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
    })
}

struct Reader<'p> {
    rest: &'p str,
    out: String,
    /// For each open group, how often something in it is repeated.
    open: Vec<u32>,
    last: Last,
}

/// What stands before a repetition.
enum Last {
    Nothing,
    /// With how often something in it is repeated already.
    Atom(u32),
    Repeated,
}

impl Reader<'_> {
    fn take(&mut self) -> Option<char> {
        let next = self.rest.chars().next()?;
        self.rest = &self.rest[next.len_utf8()..];
        Some(next)
    }

    fn eat(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn item(&mut self, next: char) -> Result<(), String> {
        match next {
            '(' => return self.open(),
            ')' => {
                let inside = self.open.pop().ok_or("unopened group")?;
                self.out.push(')');
                self.done(inside);
                return Ok(());
            }
            '|' => {
                self.out.push('|');
                self.last = Last::Nothing;
                return Ok(());
            }
            '*' | '+' | '?' => {
                self.out.push(next);
                return self.repeated(1);
            }
            '{' => {
                if let Some((least, most, length)) = counts(self.rest) {
                    let (text, rest) = self.rest.split_at(length);
                    self.rest = rest;
                    self.out.push('{');
                    self.out.push_str(text);
                    if most.is_some_and(|it| it < least) {
                        return Err("invalid repetition count range".to_owned());
                    }
                    return self.repeated(most.unwrap_or(least));
                }
                self.literal('{');
            }
            '[' => self.class()?,
            '\\' => return self.escaped(),
            '.' | '^' | '$' => self.out.push(next),
            _ => self.literal(next),
        }
        self.done(1);
        Ok(())
    }

    /// Notes that something was written that can be repeated.
    fn done(&mut self, repeated: u32) {
        self.last = Last::Atom(repeated);
        if let Some(group) = self.open.last_mut() {
            *group = repeated.max(*group);
        }
    }

    /// Ends a repetition whose operator was just written.
    fn repeated(&mut self, count: u32) -> Result<(), String> {
        let inside = match self.last {
            Last::Nothing => return Err("repetition operator missing expression".to_owned()),
            Last::Repeated => return Err("one repetition operator follows another".to_owned()),
            Last::Atom(inside) => inside,
        };
        let times = count.max(1).checked_mul(inside).filter(|it| *it <= REPEATED_MAX);
        let times = times.ok_or("repeated more than 1000 times")?;
        if self.eat("?") {
            self.out.push('?');
        }
        self.done(times);
        self.last = Last::Repeated;
        Ok(())
    }

    /// Opens a group, or sets flags for the rest of one.
    fn open(&mut self) -> Result<(), String> {
        let is_named = self.eat("?P<") || self.eat("?<");
        if is_named {
            let (name, rest) = self.rest.split_once('>').ok_or("unclosed capture group name")?;
            if name.is_empty() || !name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_') {
                return Err("invalid capture group character".to_owned());
            }
            self.rest = rest;
        } else if self.eat("?") {
            return self.flags();
        }
        self.out.push_str("(?:");
        self.open.push(1);
        self.last = Last::Nothing;
        Ok(())
    }

    fn flags(&mut self) -> Result<(), String> {
        let (mut set, mut cleared, mut clears) = (String::new(), String::new(), false);
        loop {
            let flags = if clears { &mut cleared } else { &mut set };
            match self.take() {
                Some(flag @ ('i' | 'm' | 's' | 'U')) => {
                    if !flags.contains(flag) {
                        flags.push(flag);
                    }
                }
                Some('-') if !clears => clears = true,
                Some(end @ (':' | ')')) if !clears || !cleared.is_empty() => {
                    let dash = if clears { "-" } else { "" };
                    if end == ':' {
                        self.open.push(1);
                    } else if set.is_empty() && !clears {
                        return Ok(());
                    }
                    self.out.push_str(&format!("(?{set}{dash}{cleared}{end}"));
                    self.last = Last::Nothing;
                    return Ok(());
                }
                _ => return Err("unrecognized flag".to_owned()),
            }
        }
    }

    /// Reads what follows a backslash outside of classes.
    fn escaped(&mut self) -> Result<(), String> {
        if self.eat("Q") {
            let (text, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
            self.rest = rest;
            for next in text.chars() {
                self.literal(next);
                self.done(1);
            }
            return Ok(());
        }
        match self.rest.chars().next() {
            Some(next @ ('A' | 'z')) => {
                self.take();
                self.out.push('\\');
                self.out.push(next);
            }
            Some(next @ ('b' | 'B')) => {
                self.take();
                self.out.push_str(if next == 'b' { r"(?-u:\b)" } else { r"(?-u:\B)" });
            }
            _ if self.named_class()? => {}
            _ => {
                let code = self.escaped_code()?;
                self.range(code, code);
            }
        }
        self.done(1);
        Ok(())
    }

    /// Reads a class of its own behind a backslash, `\d` or `\pL`. False when there is none.
    fn named_class(&mut self) -> Result<bool, String> {
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
    fn class(&mut self) -> Result<(), String> {
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

    /// Reads what follows the backslash of a single character.
    fn escaped_code(&mut self) -> Result<u32, String> {
        let unknown = || "unrecognized escape sequence".to_owned();
        let next = self.take().ok_or("incomplete escape sequence")?;
        let is_octal = |rest: &str| rest.starts_with(|it: char| ('0'..='7').contains(&it));
        match next {
            '1'..='7' if !is_octal(self.rest) => Err("backreferences are not supported".to_owned()),
            '0'..='7' => {
                let mut code = next.to_digit(8).unwrap_or_default();
                for _ in 0..2 {
                    if is_octal(self.rest) {
                        code = code * 8 + self.take().and_then(|it| it.to_digit(8)).unwrap_or_default();
                    }
                }
                Ok(code)
            }
            'x' => {
                let (digits, rest) = match self.rest.strip_prefix('{') {
                    Some(rest) => rest.split_once('}').ok_or_else(unknown)?,
                    None => self.rest.split_at_checked(2).ok_or_else(unknown)?,
                };
                self.rest = rest;
                let is_hex = digits.bytes().all(|it| it.is_ascii_hexdigit());
                let code = u32::from_str_radix(digits, 16).ok().filter(|it| is_hex && *it <= 0x10_ffff);
                code.ok_or_else(unknown)
            }
            'a' => Ok(0x07),
            'f' => Ok(0x0c),
            'n' => Ok(0x0a),
            'r' => Ok(0x0d),
            't' => Ok(0x09),
            'v' => Ok(0x0b),
            _ if next.is_ascii() && !next.is_ascii_alphanumeric() => Ok(u32::from(next)),
            _ => Err(unknown()),
        }
    }

    fn literal(&mut self, next: char) {
        if next.is_ascii_punctuation() && !matches!(next, '<' | '>') {
            self.out.push('\\');
        }
        self.out.push(next);
    }

    /// Writes the characters from one code to another, for the inside of a class or, when they are one, the outside.
    fn range(&mut self, from: u32, to: u32) {
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

/// The bounds of `2}`, `2,}` or `2,3}` and their length; `None` for anything else, where the `{` before is a character.
fn counts(text: &str) -> Option<(u32, Option<u32>, usize)> {
    let inside = &text[..text.find('}')?];
    let number = |digits: &str| {
        let is_number = !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit());
        let is_plain = is_number && (digits == "0" || !digits.starts_with('0'));
        is_plain.then(|| digits.parse().unwrap_or(u32::MAX))
    };
    let (least, most) = match inside.split_once(',') {
        None => (number(inside)?, Some(number(inside)?)),
        Some((least, "")) => (number(least)?, None),
        Some((least, most)) => (number(least)?, Some(number(most)?)),
    };
    Some((least, most, inside.len() + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, text: &str) -> bool {
        compile(&format!("^(?:{pattern})$")).unwrap().is_match(text)
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
            assert!(compile(pattern).is_err(), "{pattern}");
        }
    }
}
