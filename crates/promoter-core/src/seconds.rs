//! A span of time as people write it: `30m`, `24h`, `1h30m`, `7d`.

use crate::{NotA, UnixSeconds};
use std::fmt;
use std::str::FromStr;

/// A span of time in whole seconds. Prints in the largest units that fit: `1h30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Seconds(pub u32);

/// The units, largest first: letter and seconds.
const UNITS: [(char, u32); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

impl Seconds {
    /// The point in time this long after another.
    pub fn after(self, start: UnixSeconds) -> UnixSeconds {
        UnixSeconds(start.0.saturating_add(i64::from(self.0)))
    }

    /// The span from one point in time to another; zero when it would be negative.
    pub fn between(start: UnixSeconds, end: UnixSeconds) -> Self {
        let span = end.0.saturating_sub(start.0).clamp(0, i64::from(u32::MAX));
        Self(u32::try_from(span).unwrap_or(u32::MAX))
    }
}

impl FromStr for Seconds {
    type Err = NotA;

    fn from_str(text: &str) -> Result<Self, NotA> {
        parse(text).map(Self).ok_or_else(|| NotA {
            text: text.into(),
            wanted: "a span of time like `30s`, `15m`, `24h`, `7d` or `1h30m`",
        })
    }
}

/// Reads numbers with units, each unit at most once and larger before smaller.
fn parse(text: &str) -> Option<u32> {
    let mut rest = text;
    let mut sum: u32 = 0;
    let mut units = UNITS.iter();
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u32 = rest[..digits].parse().ok()?;
        let unit = rest[digits..].chars().next()?;
        let (_, seconds) = units.find(|(letter, _)| *letter == unit)?;
        sum = sum.checked_add(number.checked_mul(*seconds)?)?;
        rest = &rest[digits + 1..];
    }
    (!text.is_empty()).then_some(sum)
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (letter, seconds) in UNITS {
            if rest >= seconds {
                write!(f, "{}{letter}", rest / seconds)?;
                rest %= seconds;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints() {
        for (text, seconds, printed) in [
            ("30m", 1_800, "30m"),
            ("24h", 86_400, "1d"),
            ("5s", 5, "5s"),
            ("1h30m", 5_400, "1h30m"),
            ("90m", 5_400, "1h30m"),
            ("0s", 0, "0s"),
            ("7d", 604_800, "7d"),
        ] {
            let read: Seconds = text.parse().unwrap();
            assert_eq!((read.0, read.to_string().as_str()), (seconds, printed), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_span() {
        for text in
            ["", "5", "m", "-5m", "1.5h", "5 m", "5min", "30m1h", "1h1h", "99999999999s", "50000d", "5µ"]
        {
            assert!(text.parse::<Seconds>().is_err(), "{text}");
        }
    }
}
