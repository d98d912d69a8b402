//! Floats as Go prints them.

use std::fmt::Write;

/// Appends a finite float in Go's shortest `g` form: with an exponent of at least two digits below 1e-4 and from 1e6 on.
pub(crate) fn write_shortest(value: f64, out: &mut String) {
    match scientific(value) {
        None => out.push('0'),
        Some((_, exponent)) if (-4..6).contains(&exponent) => {
            let _ = write!(out, "{value}");
        }
        Some((digits, exponent)) => write_exponent(&digits, exponent, out),
    }
}

/// A float as sigs.k8s.io/yaml makes it the key of a JSON object: in the same form, with the digits of 32 bits.
pub(crate) fn key(value: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "keys lose the digits beyond 32 bits in Go too")]
    let value = value as f32;
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let mut out = String::new();
    match value {
        f32::INFINITY => out.push_str(".inf"),
        f32::NEG_INFINITY => out.push_str("-.inf"),
        _ if value.is_nan() => out.push_str(".nan"),
        _ if (-4..6).contains(&exponent) => {
            let _ = write!(out, "{value}");
        }
        _ => write_exponent(digits, exponent, &mut out),
    }
    out
}

fn write_exponent(digits: &str, exponent: i32, out: &mut String) {
    let sign = if exponent < 0 { '-' } else { '+' };
    let _ = write!(out, "{digits}e{sign}{:02}", exponent.unsigned_abs());
}

/// Appends a finite float as Go's encoding/json does: an exponent only below 1e-6 and from 1e21 on.
pub(crate) fn write_json(value: f64, out: &mut String) {
    let Some((digits, exponent)) = scientific(value) else {
        out.push_str(if value.is_sign_negative() { "-0" } else { "0" });
        return;
    };
    if (1e-6..1e21).contains(&value.abs()) {
        let _ = write!(out, "{value}");
        return;
    }
    out.push_str(&digits);
    let sign = if exponent < 0 { '-' } else { '+' };
    let _ = write!(out, "e{sign}{}", exponent.unsigned_abs());
}

/// The shortest digits (`-1.5`) and the decimal exponent; `None` for zero.
fn scientific(value: f64) -> Option<(String, i32)> {
    if value == 0.0 {
        return None;
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e')?;
    Some((digits.to_owned(), exponent.parse().ok()?))
}
