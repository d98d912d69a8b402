//! From a lock to its one canonical text.
//!
//! A block of `key: value` lines; artifacts, promotion and hold in flow style, one to a line, so that a change of
//! freight changes one line for each artifact that differs. Text is plain where every YAML reader takes it for a
//! string, and in double quotes elsewhere.

use super::{Hold, Promotion, PromotionLock, Render};
use crate::{Artifact, Content};
use std::collections::BTreeSet;
use std::fmt::Write as _;

impl PromotionLock {
    /// The canonical text: [`PromotionLock::parse`] gives the same lock back.
    pub fn emit(&self) -> String {
        let id = self.freight.id();
        let mut out = format!(
            "apiVersion: {}\nkind: PromotionLock\npipeline: {}\nenvironment: {}\nfreight:\n  id: {id}\n  alias: {}\n  artifacts:\n",
            self.version.as_str(),
            text(self.pipeline.as_str()),
            text(self.environment.as_str()),
            id.alias(),
        );
        for it in self.freight.artifacts() {
            let _ = writeln!(out, "    - {}", flow(&artifact(it)));
        }
        out.push_str("render:\n");
        for (key, value) in render(&self.render) {
            let _ = writeln!(out, "  {key}: {value}");
        }
        if let Some(it) = &self.promotion {
            let _ = writeln!(out, "promotion: {}", flow(&promotion(it)));
        }
        if let Some(it) = &self.hold {
            let _ = writeln!(out, "hold: {}", flow(&hold(it)));
        }
        out
    }
}

/// Keys and written values in their canonical order.
pub(crate) type Written = Vec<(&'static str, String)>;

pub(crate) fn flow(fields: &Written) -> String {
    let fields: Vec<String> = fields.iter().map(|(key, value)| format!("{key}: {value}")).collect();
    format!("{{ {} }}", fields.join(", "))
}

pub(crate) fn artifact(artifact: &Artifact) -> Written {
    let mut fields = vec![("name", text(artifact.name.as_str()))];
    match &artifact.content {
        Content::Git { url, commit } => {
            fields.extend([("git", text(url.as_str())), ("commit", text(commit.as_str()))]);
        }
        Content::Image(image) => fields.push(("image", text(&image.to_string()))),
        Content::Chart { url, version, digest } => fields.extend([
            ("chart", text(url.as_str())),
            ("version", text(version.as_str())),
            ("digest", text(digest.as_str())),
        ]),
    }
    fields
}

pub(super) fn render(render: &Render) -> Written {
    let source = if render.source.is_empty() { "." } else { &render.source };
    let mut fields = vec![("source", if source == "." { source.into() } else { text(source) })];
    // Digests stand plain in a block, where nothing can follow them on the line.
    fields.extend(render.digest.as_ref().map(|it| ("digest", it.to_string())));
    fields.extend(render.engine.as_ref().map(|it| ("engine", text(it))));
    if render.allow_empty {
        fields.push(("allowEmpty", "true".into()));
    }
    if !render.allow_secrets.is_empty() {
        let names: BTreeSet<&String> = render.allow_secrets.iter().collect();
        let names: Vec<String> = names.into_iter().map(|it| text(it)).collect();
        fields.push(("allowSecrets", format!("[{}]", names.join(", "))));
    }
    fields
}

pub(super) fn promotion(promotion: &Promotion) -> Written {
    let mut fields = Vec::new();
    fields.extend(promotion.from.as_ref().map(|it| ("from", text(it.as_str()))));
    fields.extend(promotion.previous.as_ref().map(|it| ("previous", text(&it.to_string()))));
    fields.push(("at", promotion.at.to_string()));
    fields
}

pub(super) fn hold(hold: &Hold) -> Written {
    let mut fields = vec![("reason", text(&hold.reason)), ("by", text(&hold.by))];
    fields.extend(hold.at.map(|it| ("at", it.to_string())));
    fields
}

/// Text as a YAML scalar that stands in a block and in flow style alike.
pub(crate) fn text(text: &str) -> String {
    let plain = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'.' | b'_' | b'/' | b'+' | b'@' | b'-');
    let starts = text.starts_with(|it: char| it.is_ascii_alphanumeric());
    if starts && text.bytes().all(plain) && !may_be_typed(text) {
        return text.into();
    }
    let mut out = String::from("\"");
    for it in text.chars() {
        match it {
            '"' | '\\' => out.extend(['\\', it]),
            it if it.is_control() || matches!(it, '\u{feff}' | '\u{2028}' | '\u{2029}') => {
                let _ = write!(out, "\\u{:04x}", u32::from(it));
            }
            it => out.push(it),
        }
    }
    out.push('"');
    out
}

/// True when some YAML reader takes the plain text for a boolean, a null, a number or a date.
fn may_be_typed(text: &str) -> bool {
    let word = text.to_ascii_lowercase();
    if matches!(word.as_str(), "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n") {
        return true;
    }
    let number = word.replace('_', "");
    let in_base = |prefix: &str, base: u32| {
        number.strip_prefix(prefix).is_some_and(|it| it.chars().all(|it| it.is_digit(base)))
    };
    let is_date = word.len() >= 8
        && word.split('-').count() == 3
        && word.split('-').all(|it| it.starts_with(|it: char| it.is_ascii_digit()));
    is_date || number.parse::<f64>().is_ok() || in_base("0x", 16) || in_base("0o", 8) || in_base("0b", 2)
}
