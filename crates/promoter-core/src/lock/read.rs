//! From text to a lock, strictly: what is not known is refused by name and line.

use super::{Found, Hold, LockError, LockVersion, Promotion, PromotionLock, Render, Stale};
use crate::fields::{Fields, OneLine};
use crate::{Artifact, Content, Freight, FreightId, ImageError, Name, PinnedImage, Place, UnixSeconds};
use promoter_yaml::{Dialect, Limits, Node, parse_all};
use std::collections::BTreeSet;
use std::str::FromStr;

/// A lock is a page of text; these bounds leave room for thousands of artifacts.
pub(super) const LIMITS: Limits = Limits::DEFAULT.with_bytes(4 << 20).with_depth(16).with_nodes(200_000);

const LOCK: &[&str] =
    &["apiVersion", "kind", "pipeline", "environment", "freight", "render", "promotion", "hold"];
const FREIGHT: &[&str] = &["id", "alias", "artifacts"];
pub(super) const ARTIFACT: &[&str] = &["name", "git", "commit", "image", "chart", "version", "digest"];
pub(super) const RENDER: &[&str] = &["source", "digest", "engine", "allowEmpty", "allowSecrets"];
pub(super) const PROMOTION: &[&str] = &["from", "previous", "at"];
pub(super) const HOLD: &[&str] = &["reason", "by", "at"];

impl PromotionLock {
    /// Reads a lock and insists that its id and alias fit its artifacts. `path` is for messages.
    pub fn parse(text: &str, path: &str) -> Result<Self, LockError> {
        let Found { lock, stale } = Self::read(text, path)?;
        match stale.into_iter().next() {
            Some(stale) => Err(LockError::Stale(stale)),
            None => Ok(lock),
        }
    }

    /// Reads a lock and only notes what is stale, for programs that mend it. `path` is for messages.
    pub fn read(text: &str, path: &str) -> Result<Found, LockError> {
        let documents = parse_all(text, Dialect::Own, &LIMITS).map_err(|it| match conflict(text) {
            Some(line) => LockError::Conflict { at: Place::new(path, line) },
            None => LockError::Yaml { message: it.message, at: Place::new(path, it.mark.line) },
        })?;
        match documents.as_slice() {
            [document] => lock(document, path),
            many => {
                let line = many.get(1).map_or(0, |it| it.mark.line);
                Err(LockError::Documents { count: many.len(), at: Place::new(path, line) })
            }
        }
    }
}

/// The line of the first mark of a merge conflict. Only asked of what is no YAML: a text in a lock may look like one.
fn conflict(text: &str) -> Option<u32> {
    let mark = |it: &str| it.starts_with("<<<<<<< ") || it.starts_with(">>>>>>> ");
    text.lines().position(mark).and_then(|it| u32::try_from(it + 1).ok())
}

fn lock(node: &Node, path: &str) -> Result<Found, LockError> {
    // Kind and version come first: what is unknown in another file or a newer one is no slip.
    kind(node, path)?;
    let version = version(node, path)?;
    let fields = Fields::open(node, "", LOCK, path)?;
    let pipeline = fields.require("pipeline")?;
    let environment = fields.require("environment")?;
    let (freight, stale) = freight(fields.node("freight")?, path)?;
    let render = render(fields.node("render")?, path)?;
    let promotion = fields.get("promotion").map(|it| promotion(it, path)).transpose()?;
    let hold = fields.get("hold").map(|it| hold(it, path)).transpose()?;
    let lock = PromotionLock { version, pipeline, environment, freight, render, promotion, hold };
    Ok(Found { lock, stale })
}

fn kind(node: &Node, path: &str) -> Result<(), LockError> {
    if node.as_map().is_none() {
        let message = format!("it is {}, a lockfile is a mapping", node.type_name());
        return Err(LockError::Yaml { message, at: Place::new(path, node.mark.line) });
    }
    match node.get("kind") {
        Some(kind) if kind.text() == Some("PromotionLock") => Ok(()),
        Some(kind) => {
            let found = kind.text().unwrap_or(kind.type_name()).to_owned();
            Err(LockError::Kind { found, at: Place::new(path, kind.mark.line) })
        }
        None => Err(LockError::MissingField { field: "kind".into(), at: Place::new(path, node.mark.line) }),
    }
}

fn version(node: &Node, path: &str) -> Result<LockVersion, LockError> {
    let Some(value) = node.get("apiVersion") else {
        let at = Place::new(path, node.mark.line);
        return Err(LockError::MissingField { field: "apiVersion".into(), at });
    };
    match value.text() {
        Some("promoter.dev/v1alpha1") => Ok(LockVersion::V1Alpha1),
        found => {
            let found = found.unwrap_or_default().to_owned();
            let newer = found.strip_prefix("promoter.dev/v").is_some_and(is_later_version);
            Err(LockError::Version { found, newer, at: Place::new(path, value.mark.line) })
        }
    }
}

/// True for `1`, `1beta1`, `1alpha2`, `2`…: any well-formed version that is not `1alpha1` itself came after it.
fn is_later_version(text: &str) -> bool {
    let digits = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
    match text.split_once("alpha").or_else(|| text.split_once("beta")) {
        Some((major, minor)) => digits(major) && digits(minor) && !major.starts_with('0'),
        None => digits(text) && !text.starts_with('0'),
    }
}

pub(crate) fn freight(node: &Node, path: &str) -> Result<(Freight, Vec<Stale>), LockError> {
    let fields = Fields::open(node, "freight", FREIGHT, path)?;
    let locked: FreightId = fields.require("id")?;
    let list = fields.node("artifacts")?;
    let items = list.as_seq().ok_or_else(|| fields.wrong_type("artifacts", "a sequence", list))?;
    let numbered = items.iter().enumerate();
    let artifacts = numbered.map(|(index, it)| artifact(it, index, path)).collect::<Result<Vec<_>, _>>()?;
    let twice_at = |name: &Name| {
        let mut same = artifacts.iter().zip(items).filter(|(it, _)| it.name == *name);
        same.next_back().map_or(list.mark, |(_, it)| it.mark)
    };
    let freight = Freight::new(artifacts.clone()).map_err(|reason| {
        let mark = match &reason {
            crate::FreightError::Twice(name) => twice_at(name),
            _ => list.mark,
        };
        LockError::Freight { reason, at: Place::new(path, mark.line) }
    })?;

    let used = freight.id();
    let alias = used.alias();
    let mut stale = Vec::new();
    if let Some(found) = fields.text("alias")?
        && found != alias
    {
        stale.push(Stale::Alias { locked: found.into(), used: alias, at: fields.at_key("alias") });
    }
    if locked != used {
        let at = fields.at_key("id");
        stale.insert(0, Stale::Id { locked, used, at });
    }
    Ok((freight, stale))
}

fn artifact(node: &Node, index: usize, path: &str) -> Result<Artifact, LockError> {
    let fields = Fields::open(node, format!("freight.artifacts[{index}]"), ARTIFACT, path)?;
    let name: Name = fields.require("name")?;
    let at = fields.at();
    let has = |key: &str| fields.get(key).is_some();
    let kind = match (has("git"), has("image"), has("chart")) {
        (true, false, false) => "git",
        (false, true, false) => "image",
        (false, false, true) => "chart",
        _ => return Err(LockError::ArtifactKind { name: name.to_string(), at }),
    };
    let own: &[&str] = match kind {
        "git" => &["name", "git", "commit"],
        "image" => &["name", "image"],
        _ => &["name", "chart", "version", "digest"],
    };
    fields.only(own)?;
    let content = match kind {
        "git" => Content::Git { url: fields.require("git")?, commit: fields.require("commit")? },
        "image" => Content::Image(image(&fields, &name)?),
        _ => Content::Chart {
            url: fields.require("chart")?,
            version: fields.require("version")?,
            digest: fields.require("digest")?,
        },
    };
    Ok(Artifact { name, content })
}

fn image(fields: &Fields<'_>, name: &Name) -> Result<PinnedImage, LockError> {
    let text: String = fields.require("image")?;
    let at = fields.at_key("image");
    text.parse().map_err(|reason| match reason {
        ImageError::NoDigest(image) => LockError::UnpinnedImage { name: name.to_string(), image, at },
        reason => LockError::Value { field: fields.name("image"), reason: reason.to_string(), at },
    })
}

fn render(node: &Node, path: &str) -> Result<Render, LockError> {
    let fields = Fields::open(node, "render", RENDER, path)?;
    let source: Directory = fields.require("source")?;
    let allow_secrets = match fields.get("allowSecrets") {
        None => Vec::new(),
        Some(list) => {
            let wrong = |it: &Node| fields.wrong_type("allowSecrets", "a sequence of names", it);
            let items = list.as_seq().ok_or_else(|| wrong(list))?;
            let one_line = |it: &Node| it.text()?.parse::<OneLine>().ok();
            let names = items.iter().map(|it| one_line(it).map(|it| it.0).ok_or_else(|| wrong(it)));
            names.collect::<Result<BTreeSet<String>, _>>()?.into_iter().collect()
        }
    };
    Ok(Render {
        source: source.0,
        digest: fields.optional("digest")?,
        engine: fields.optional::<OneLine>("engine")?.map(|it| it.0),
        allow_empty: fields.flag("allowEmpty")?,
        allow_secrets,
    })
}

fn promotion(node: &Node, path: &str) -> Result<Promotion, LockError> {
    let fields = Fields::open(node, "promotion", PROMOTION, path)?;
    Ok(Promotion {
        from: fields.optional("from")?,
        previous: fields.optional("previous")?,
        at: fields.require::<UnixSeconds>("at")?,
    })
}

fn hold(node: &Node, path: &str) -> Result<Hold, LockError> {
    let fields = Fields::open(node, "hold", HOLD, path)?;
    Ok(Hold {
        reason: fields.require::<OneLine>("reason")?.0,
        by: fields.require::<OneLine>("by")?.0,
        at: fields.optional("at")?,
    })
}

/// A directory below a repository's root in its normal form.
struct Directory(String);

impl FromStr for Directory {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = |why: &str| Err(format!("`{}` {why}", text.escape_debug()));
        if text.is_empty() || text.starts_with('/') {
            return refuse("is not relative to the repository's root (the root itself is `.`)");
        }
        if text.chars().any(char::is_control) {
            return refuse("has control characters");
        }
        let parts: Vec<&str> = text.split('/').filter(|it| !matches!(*it, "" | ".")).collect();
        if parts.contains(&"..") {
            return refuse("has `..` in it");
        }
        Ok(Self(parts.join("/")))
    }
}
