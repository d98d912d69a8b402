//! Numbers in the spellings of YAML 1.1 and Go: `0644`, `0x1F`, `1_000`, `1e3`, `.5`.

/// A number as JSON can hold it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// An integer that fits 64 bits with a sign.
    Int(i64),
    /// A larger integer that fits 64 bits without one.
    UInt(u64),
    /// Everything else, also infinities and not-a-number.
    Float(f64),
}

impl Number {
    /// The nearest float.
    #[expect(clippy::cast_precision_loss, reason = "the nearest float is what is asked for")]
    pub fn to_f64(self) -> f64 {
        match self {
            Self::Int(value) => value as f64,
            Self::UInt(value) => value as f64,
            Self::Float(value) => value,
        }
    }

    /// The number that is read back after Go wrote this one as JSON: a float whose shortest decimal digits are an
    /// integer of 64 bits becomes that integer.
    pub(crate) fn canonical(self) -> Self {
        match self {
            Self::Float(value) if value.fract() == 0.0 && value.abs() < 1e20 => {
                // Display pads the shortest digits with zeros, which is what Go's 'f' format does.
                let text = value.to_string();
                text.parse().map(Self::Int).or_else(|_| text.parse().map(Self::UInt)).unwrap_or(self)
            }
            _ => self,
        }
    }
}

/// The number that a scalar's text spells; also the special floats.
pub(crate) fn parse(text: &str) -> Option<Number> {
    let special = |text: &str| match text {
        ".inf" | ".Inf" | ".INF" => Some(f64::INFINITY),
        ".nan" | ".NaN" | ".NAN" => Some(f64::NAN),
        _ => None,
    };
    if let Some(value) = special(text) {
        return Some(Number::Float(value));
    }
    if let Some(value) = text.strip_prefix(['+', '-']).and_then(special) {
        return Some(Number::Float(if text.starts_with('-') { -value } else { value }));
    }
    match text.starts_with('.') {
        true => is_dot_float(text).then(|| parse_float(&text.replace('_', ""))).flatten(),
        false => parse_signed(text),
    }
}

/// A number that starts with a digit or a sign. Underscores are dropped wherever they stand.
pub(super) fn parse_signed(text: &str) -> Option<Number> {
    if text.contains('_') {
        return parse_clean(&text.replace('_', ""));
    }
    parse_clean(text)
}

/// Go looks at `0b` and `0o` again when all else failed, and then takes a sign behind them: `0b-1` is -1.
pub(super) fn has_inner_sign(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|it| it.trim_start_matches('_').starts_with(['+', '-']))
}

fn parse_clean(text: &str) -> Option<Number> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if let Some(magnitude) = parse_magnitude(unsigned) {
        if !negative && magnitude <= i64::MAX as u64 {
            return Some(Number::Int(magnitude.cast_signed()));
        }
        if negative && magnitude <= i64::MIN.unsigned_abs() {
            return Some(Number::Int(magnitude.wrapping_neg().cast_signed()));
        }
        if unsigned.len() == text.len() {
            return Some(Number::UInt(magnitude));
        }
    }
    match [("0b", 2), ("0o", 8)].into_iter().find(|(prefix, _)| has_inner_sign(text, prefix)) {
        Some((_, radix)) => i64::from_str_radix(&text[2..], radix).ok().map(Number::Int),
        None => is_decimal_float(unsigned).then(|| parse_float(text)).flatten(),
    }
}

/// The value of digits with Go's prefixes: `0x`, `0o`, `0b`, and a leading `0` for octal.
fn parse_magnitude(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    if text.len() >= 3 && bytes[0] == b'0' {
        let radix = match bytes[1] {
            b'x' | b'X' => 16,
            b'o' | b'O' => 8,
            b'b' | b'B' => 2,
            _ => 0,
        };
        if radix != 0 {
            return digits(&text[2..], radix);
        }
    }
    match bytes {
        [b'0'] => Some(0),
        [b'0', ..] => digits(&text[1..], 8),
        _ => digits(text, 10),
    }
}

fn digits(text: &str, radix: u32) -> Option<u64> {
    // The standard parser takes a sign here, which Go does not.
    text.as_bytes().first()?.is_ascii_alphanumeric().then(|| u64::from_str_radix(text, radix).ok()).flatten()
}

/// `1`, `1.`, `1.5`, `.5`, each with or without an exponent.
fn is_decimal_float(unsigned: &str) -> bool {
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let digits = |part: &str| part.bytes().all(|it| it.is_ascii_digit());
    let mantissa_fits = match mantissa.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction) && mantissa.len() > 1,
        None => digits(mantissa) && !mantissa.is_empty(),
    };
    let exponent_fits = exponent.is_none_or(|it| {
        let unsigned = it.strip_prefix(['+', '-']).unwrap_or(it);
        !unsigned.is_empty() && digits(unsigned)
    });
    mantissa_fits && exponent_fits
}

/// A float that starts with a dot; here an underscore must stand between digits.
pub(super) fn is_dot_float(text: &str) -> bool {
    let bytes = text.as_bytes();
    let between_digits = |at: usize| {
        bytes.get(at.wrapping_sub(1)).is_some_and(u8::is_ascii_digit)
            && bytes.get(at + 1).is_some_and(u8::is_ascii_digit)
    };
    let underscores_fit = text.match_indices('_').all(|(at, _)| between_digits(at));
    if !underscores_fit {
        return false;
    }
    let clean = text.replace('_', "");
    is_decimal_float(&clean) && parse_float(&clean).is_some()
}

/// Go refuses what overflows, so that `1e400` stays text.
fn parse_float(text: &str) -> Option<Number> {
    let value: f64 = text.parse().ok()?;
    value.is_finite().then_some(Number::Float(value))
}
