//! Reads a regular expression by Go's grammar and spells it for the `regex` crate.
//!
//! Go and the crate match alike but do not read alike: Go's `\w`, `\d`, `\s` and `\b` are ASCII, it knows `\Q…\E`, octal
//! escapes and a lone `{`, and it knows no nested or intersected classes, no `(?x)` and no `\<`. Sets of characters are
//! read in `class`.

/// How often Go lets anything be repeated, nested repetitions multiplied.
const REPEATED_MAX: u32 = 1000;

/// A pattern while it is read.
pub(super) struct Reader<'p> {
    pub(super) rest: &'p str,
    pub(super) out: String,
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

impl<'p> Reader<'p> {
    /// Spells a whole pattern anew.
    ///
    /// Errors: Go would not read it; a few words say why.
    pub(super) fn spell(pattern: &'p str) -> Result<String, String> {
        let out = String::with_capacity(pattern.len() + 8);
        let mut reader = Self { rest: pattern, out, open: Vec::new(), last: Last::Nothing };
        while let Some(next) = reader.take() {
            reader.item(next)?;
        }
        match reader.open.is_empty() {
            true => Ok(reader.out),
            false => Err("unclosed group".to_owned()),
        }
    }

    pub(super) fn take(&mut self) -> Option<char> {
        let next = self.rest.chars().next()?;
        self.rest = &self.rest[next.len_utf8()..];
        Some(next)
    }

    pub(super) fn eat(&mut self, text: &str) -> bool {
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

    /// Reads what follows the backslash of a single character.
    pub(super) fn escaped_code(&mut self) -> Result<u32, String> {
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
