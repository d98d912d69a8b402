//! Numbers as Go's strconv reads and prints them, where kustomize hands a value through Go and not through YAML.

/// An integer in decimal digits; zeros may lead, other bases and underscores may not.
pub(crate) fn parse_int(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// A finite float. Underscores may stand between digits.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let is_digit = |at: Option<&u8>| at.is_some_and(u8::is_ascii_digit);
    let bytes = text.as_bytes();
    let stands_between = |at: usize| is_digit(bytes[..at].last()) && is_digit(bytes.get(at + 1));
    if !text.match_indices('_').all(|(at, _)| stands_between(at)) {
        return None;
    }
    text.replace('_', "").parse().ok().filter(|it: &f64| it.is_finite())
}

/// A float in the shortest `g` format: with an exponent below 1e-4 and from 1e6 on.
pub(crate) fn shortest(value: f64) -> String {
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    match exponent {
        -4..=5 => format!("{value}"),
        _ if exponent < 0 => format!("{digits}e-{:02}", exponent.unsigned_abs()),
        _ => format!("{digits}e+{exponent:02}"),
    }
}
