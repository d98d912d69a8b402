//! Dates and times that stand in YAML without quotes, by the layouts that go-yaml accepts.

use std::fmt::Write;

/// The time as RFC 3339 text with the zone that was written; `None` when the text is no valid time.
///
/// Shapes: `2001-12-14`, `2001-12-14T21:59:43.1Z`, `…t…`, `…+01:00`, and `2001-12-14 21:59:43.1` without a zone. Month,
/// day, hour, minute and second may have one digit.
pub(super) fn to_rfc3339(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || bytes[4] != b'-' || !bytes[..4].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut rest = Rest(&text[5..]);
    let year: u32 = text[..4].parse().ok()?;
    let month = rest.number(1, 12)?;
    rest.literal(b'-')?;
    let day = rest.number(1, days(year, month))?;
    let mut out = format!("{year:04}-{month:02}-{day:02}T");
    if rest.0.is_empty() {
        out.push_str("00:00:00Z");
        return Some(out);
    }
    let zoned = match rest.0.as_bytes()[0] {
        b'T' | b't' => true,
        b' ' => false,
        _ => return None,
    };
    rest.0 = if zoned { &rest.0[1..] } else { rest.0.trim_start_matches(' ') };
    let hour = rest.number(0, 23)?;
    rest.literal(b':')?;
    let minute = rest.number(0, 59)?;
    rest.literal(b':')?;
    let second = rest.number(0, 59)?;
    let _ = write!(out, "{hour:02}:{minute:02}:{second:02}");
    rest.fraction(&mut out);
    match zoned {
        true => rest.zone(&mut out)?,
        false => out.push('Z'),
    }
    rest.0.is_empty().then_some(out)
}

fn days(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// What is still to be read.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    fn literal(&mut self, byte: u8) -> Option<()> {
        self.0 = self.0.strip_prefix(char::from(byte))?;
        Some(())
    }

    /// A number of one or two digits.
    fn number(&mut self, least: u32, most: u32) -> Option<u32> {
        let length = self.0.bytes().take(2).take_while(u8::is_ascii_digit).count();
        let value = self.0[..length].parse().ok()?;
        self.0 = &self.0[length..];
        (least..=most).contains(&value).then_some(value)
    }

    /// A fraction of a second, cut to nanoseconds and without trailing zeros.
    fn fraction(&mut self, out: &mut String) {
        let Some(digits) = self.0.strip_prefix(['.', ',']) else {
            return;
        };
        let length = digits.bytes().take_while(u8::is_ascii_digit).count();
        if length == 0 {
            return;
        }
        let kept = digits[..length.min(9)].trim_end_matches('0');
        if !kept.is_empty() {
            out.push('.');
            out.push_str(kept);
        }
        self.0 = &digits[length..];
    }

    /// `Z` or an offset of hours and minutes.
    fn zone(&mut self, out: &mut String) -> Option<()> {
        if let Some(rest) = self.0.strip_prefix('Z') {
            self.0 = rest;
            out.push('Z');
            return Some(());
        }
        let bytes = self.0.as_bytes();
        let [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] = bytes else {
            return None;
        };
        let pair = |tens: &u8, ones: &u8| {
            (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| (tens - b'0') * 10 + (ones - b'0'))
        };
        let (hours, minutes) = (pair(h1, h2)?, pair(m1, m2)?);
        if hours > 23 || minutes > 59 {
            return None;
        }
        match (hours, minutes) {
            (0, 0) => out.push('Z'),
            _ => {
                let _ = write!(out, "{}{hours:02}:{minutes:02}", char::from(*sign));
            }
        }
        self.0 = "";
        Some(())
    }
}
