//! Ranges of versions as users of Helm and Kargo write them: `>=1.0.0 <2`, `^18`, `~1.2`, `1.x`, `1.2 - 2.3`, `||`.
//!
//! Decides what such a text means, exactly as Masterminds/semver v3 does: `testdata/range/` holds this module against it.

use super::version::version;
use semver::Version;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// The longest range, in bytes.
const BYTES_MAX: usize = 512;
/// How many alternatives a range may have.
const GROUPS_MAX: usize = 32;

/// Accepted versions. Prints as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    text: String,
    /// One of these has to hold, of each all parts.
    groups: Vec<Vec<Part>>,
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    op: Op,
    /// The version that is compared with; what is not given is zero.
    version: Version,
    /// How many of the three numbers are given: `1.x` and `1` give one, `*` none.
    given: usize,
}

/// How a version is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Equal,
    NotEqual,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
    Tilde,
    Caret,
}

/// The signs of each comparison; longer ones before those that they begin with.
const OPS: [(&str, Op); 11] = [
    (">=", Op::GreaterEqual),
    ("=>", Op::GreaterEqual),
    ("<=", Op::LessEqual),
    ("=<", Op::LessEqual),
    ("!=", Op::NotEqual),
    ("~>", Op::Tilde),
    ("~", Op::Tilde),
    ("^", Op::Caret),
    (">", Op::Greater),
    ("<", Op::Less),
    ("=", Op::Equal),
];

/// Why a text is no range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// It is empty, or an alternative is.
    #[error("it names no version")]
    Empty,
    /// It is longer than any range.
    #[error("it is longer than {BYTES_MAX} bytes, or has more than {GROUPS_MAX} alternatives")]
    TooLong,
    /// A part of it cannot be read.
    #[error("`{0}` is no version or comparison")]
    Part(String),
}

impl Range {
    /// True when it accepts a version. A pre-release is accepted only where `prereleases` are, or where the same
    /// alternative names one.
    pub fn accepts(&self, version: &Version, prereleases: bool) -> bool {
        self.groups.iter().any(|group| {
            let names_one = || group.iter().any(|it| !it.version.pre.is_empty());
            (version.pre.is_empty() || prereleases || names_one())
                && group.iter().all(|part| part.accepts(version))
        })
    }
}

impl Part {
    fn accepts(&self, found: &Version) -> bool {
        let Self { op, version, given } = self;
        let order = found.cmp_precedence(version);
        let major = found.major.cmp(&version.major);
        let minor = found.minor.cmp(&version.minor);
        match op {
            Op::Equal if *given == 3 => order == Ordering::Equal,
            Op::Equal | Op::Tilde => {
                let is_any = matches!(given, 0 | 3) && numbers(version) == (0, 0, 0);
                order != Ordering::Less && (is_any || (major.is_eq() && (minor.is_eq() || *given == 1)))
            }
            Op::NotEqual => match given {
                1 => major.is_ne(),
                2 => major.is_ne() || minor.is_ne() || found.pre != version.pre,
                _ => order.is_ne(),
            },
            Op::Greater => match given {
                1 => major.is_gt(),
                2 => (major, minor) > (Ordering::Equal, Ordering::Equal),
                _ => order.is_gt(),
            },
            Op::GreaterEqual => order.is_ge(),
            Op::Less => order.is_lt(),
            Op::LessEqual => match given {
                3 => order.is_le(),
                1 => major.is_le(),
                _ => major.is_lt() || (major.is_eq() && minor.is_le()),
            },
            Op::Caret => order.is_ge() && self.is_compatible(found),
        }
    }

    /// True when nothing before and including the first number that is not zero differs.
    fn is_compatible(&self, found: &Version) -> bool {
        let Self { version, given, .. } = self;
        if version.major > 0 || *given == 1 {
            return found.major == version.major;
        }
        if found.major > 0 || found.minor != version.minor {
            return false;
        }
        version.minor > 0 || *given == 2 || found.patch == version.patch
    }
}

fn numbers(version: &Version) -> (u64, u64, u64) {
    (version.major, version.minor, version.patch)
}

impl FromStr for Range {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, RangeError> {
        if text.len() > BYTES_MAX || text.split("||").count() > GROUPS_MAX {
            return Err(RangeError::TooLong);
        }
        let groups = text.split("||").map(group).collect::<Result<_, _>>()?;
        Ok(Self { text: text.trim().into(), groups })
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Comparisons that must all hold, with blanks or commas between them.
fn group(text: &str) -> Result<Vec<Part>, RangeError> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(RangeError::Empty);
    }
    let mut parts = Vec::new();
    loop {
        let (op, after) = OPS
            .iter()
            .find_map(|(sign, op)| Some((Some(*op), rest.strip_prefix(sign)?)))
            .unwrap_or((None, rest));
        let (from, after) = bound(after.trim_start())?;
        let blanks = after.trim_start();
        match blanks.strip_prefix('-').filter(|it| blanks != after && it.starts_with(char::is_whitespace)) {
            Some(_) if op.is_some() => return Err(RangeError::Part(one(rest).into())),
            Some(upper) => {
                let (to, after) = bound(upper.trim_start())?;
                parts.extend([from.compared(Op::GreaterEqual), to.compared(Op::LessEqual)]);
                rest = after;
            }
            None => {
                parts.push(from.compared(op.unwrap_or(Op::Equal)));
                rest = after;
            }
        }
        let next = rest.trim_start();
        if next.is_empty() {
            return Ok(parts);
        }
        rest = match next.strip_prefix(',') {
            Some(next) => next.trim_start(),
            None if next.len() < rest.len() => next,
            None => return Err(RangeError::Part(one(rest).into())),
        };
    }
}

/// A version in which numbers may be missing or `x`.
struct Bound {
    version: Version,
    given: usize,
}

impl Bound {
    fn compared(self, op: Op) -> Part {
        Part { op, version: self.version, given: self.given }
    }
}

/// Reads one from the beginning of a text, and gives the rest.
fn bound(text: &str) -> Result<(Bound, &str), RangeError> {
    let end = text.find(|it: char| it.is_whitespace() || it == ',').unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let wrong = || RangeError::Part(one(text).into());
    let plain = word.strip_prefix('v').unwrap_or(word);
    let numbers_end = plain.find(['-', '+']).unwrap_or(plain.len());
    let (numbers, tail) = plain.split_at(numbers_end);
    let parts: Vec<&str> = numbers.split('.').collect();
    let is_x = |it: &&str| matches!(*it, "x" | "X" | "*");
    let is_number = |it: &&str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
    if parts.len() > 3 || !parts.iter().all(|it| is_x(it) || is_number(it)) {
        return Err(wrong());
    }
    let given = parts.iter().take_while(|it| !is_x(it)).count();
    // Build metadata of a version that is not whole says nothing, and is not looked at.
    let tail = if given < 3 { tail.split('+').next().unwrap_or_default() } else { tail };
    let numbers: Vec<&str> = parts[..given].iter().copied().chain(["0"; 3]).take(3).collect();
    let version = version(&format!("{}{tail}", numbers.join(".")), false).ok_or_else(wrong)?;
    Ok((Bound { version, given }, rest))
}

/// The first word, for messages.
fn one(text: &str) -> &str {
    text.split(|it: char| it.is_whitespace() || it == ',').next().unwrap_or(text)
}
