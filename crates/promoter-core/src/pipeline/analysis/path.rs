//! JSON paths in the simple forms of templates: `{$}`, `{$.a.b[0].c}`.

use serde_json::Value;
use std::fmt;
use std::str::FromStr;

/// Where a value lies in a JSON document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JsonPath(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

impl JsonPath {
    /// The value there, if there is one.
    pub fn follow<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(value, |value, step| match step {
            Step::Key(key) => value.get(key),
            Step::Index(index) => value.get(index),
        })
    }
}

impl FromStr for JsonPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no path like `{{$.data.items[0].ok}}`");
        let inner = text.trim().strip_prefix("{$").and_then(|it| it.strip_suffix('}')).ok_or_else(wrong)?;
        let mut steps = Vec::new();
        let mut rest = inner;
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('.') {
                let end = after.find(['.', '[']).unwrap_or(after.len());
                let key = &after[..end];
                let is_plain = |it: char| it.is_alphanumeric() || matches!(it, '_' | '-');
                if key.is_empty() || !key.chars().all(is_plain) {
                    return Err(wrong());
                }
                steps.push(Step::Key(key.to_owned()));
                rest = &after[end..];
            } else {
                let (index, after) =
                    rest.strip_prefix('[').and_then(|it| it.split_once(']')).ok_or_else(wrong)?;
                let is_number = !index.is_empty() && index.bytes().all(|it| it.is_ascii_digit());
                steps.push(Step::Index(index.parse().ok().filter(|_| is_number).ok_or_else(wrong)?));
                rest = after;
            }
        }
        Ok(Self(steps))
    }
}

impl fmt::Display for JsonPath {
    /// As templates write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{$")?;
        for step in &self.0 {
            match step {
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        f.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_values() {
        let document = serde_json::json!({ "data": { "items": [{ "is-ok": true }] } });
        let at = |path: &str| path.parse::<JsonPath>().map(|it| it.follow(&document).cloned());
        assert_eq!(at("{$.data.items[0].is-ok}"), Ok(Some(true.into())));
        assert_eq!(at("{$}"), Ok(Some(document.clone())));
        assert_eq!(at("{$.data.items[1]}"), Ok(None));
        assert_eq!(at("{$.data[0]}"), Ok(None));
        for odd in [
            "$.data",
            "{.data}",
            "{$..a}",
            "{$.a[*]}",
            "{$.a[-1]}",
            "{$['a']}",
            "{$.a[?(@.b)]}",
            "{$a}",
            "{$.}",
        ] {
            assert!(at(odd).is_err(), "{odd}");
        }
    }
}
