//! `promoter lock show`: what an environment runs.

use super::file::LockFile;
use crate::edge::{self, Format, Outcome};
use crate::table::columns;
use clap::Args;
use promoter_core::{Content, Diagnosis, LOCK_FILE, PromotionLock};
use serde::Serialize;
use std::path::PathBuf;

#[derive(Args)]
#[command(after_help = "\
The lockfile of an environment's branch, without checking it out:
  git show environment/prod:guestbook/promotion.lock.yaml | promoter lock show -")]
pub(crate) struct Arguments {
    /// Lockfile, a directory that holds one, or `-` for stdin
    #[arg(default_value = LOCK_FILE)]
    file: PathBuf,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Diagnosis> {
    let lock = LockFile::read(&arguments.file)?.parse()?;
    let text = match arguments.output {
        Format::Table => table(&lock),
        Format::Json => edge::json(&View::of(&lock))?,
        Format::Yaml => lock.emit(),
    };
    edge::result(&text)?;
    Ok(Outcome::Done)
}

fn table(lock: &PromotionLock) -> String {
    let id = lock.freight.id();
    let mut head = vec![
        ("pipeline", lock.pipeline.to_string()),
        ("environment", lock.environment.to_string()),
        ("freight", format!("{} {id}", id.alias())),
        ("source", if lock.render.source.is_empty() { ".".into() } else { lock.render.source.clone() }),
    ];
    head.extend(lock.render.digest.as_ref().map(|it| ("manifests", it.to_string())));
    if let Some(promotion) = &lock.promotion {
        let from = promotion.from.as_ref().map(|it| format!(" from {it}")).unwrap_or_default();
        head.push(("promoted", format!("{}{from}", promotion.at)));
        head.extend(promotion.previous.as_ref().map(|it| ("before", format!("{} {it}", it.alias()))));
    }
    if let Some(hold) = &lock.hold {
        let since = hold.at.map(|it| format!(" since {it}")).unwrap_or_default();
        head.push(("held", format!("by {}{since}: {}", hold.by, hold.reason)));
    }
    let head: Vec<Vec<String>> = head.into_iter().map(|(key, value)| vec![key.into(), value]).collect();
    let mut rows = vec![["ARTIFACT", "KIND", "FROM", "VERSION", "CONTENT"].map(String::from).to_vec()];
    rows.extend(lock.freight.artifacts().iter().map(|it| row(it.name.as_str(), &it.content)));
    format!("{}\n{}", columns(&head), columns(&rows))
}

fn row(name: &str, content: &Content) -> Vec<String> {
    let short = |it: &str| {
        let (algorithm, hex) =
            it.split_once(':').map_or((String::new(), it), |(a, hex)| (format!("{a}:"), hex));
        format!("{algorithm}{}", hex.get(..12).unwrap_or(hex))
    };
    let (kind, from, version, content) = match content {
        Content::Git { url, commit } => ("git", url.to_string(), "-".into(), short(commit.as_str())),
        Content::Image(image) => {
            let tag = image.tag.as_ref().map_or_else(|| "-".into(), ToString::to_string);
            ("image", image.repository.to_string(), tag, short(image.digest.as_str()))
        }
        Content::Chart { url, version, digest } => {
            ("chart", url.to_string(), version.to_string(), short(digest.as_str()))
        }
    };
    vec![name.into(), kind.into(), from, version, content]
}

/// The lock as programs read it: the fields of the file, with nothing left out that has a default.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct View {
    api_version: &'static str,
    kind: &'static str,
    pipeline: String,
    environment: String,
    freight: FreightView,
    render: RenderView,
    #[serde(skip_serializing_if = "Option::is_none")]
    promotion: Option<PromotionView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hold: Option<HoldView>,
}

#[derive(Serialize)]
struct FreightView {
    id: String,
    alias: String,
    artifacts: Vec<ArtifactView>,
}

#[derive(Serialize)]
struct ArtifactView {
    name: String,
    #[serde(flatten)]
    content: ContentView,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ContentView {
    Git { git: String, commit: String },
    Image { image: String },
    Chart { chart: String, version: String, digest: String },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RenderView {
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    engine: Option<String>,
    allow_empty: bool,
    allow_secrets: Vec<String>,
}

#[derive(Serialize)]
struct PromotionView {
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
    at: String,
}

#[derive(Serialize)]
struct HoldView {
    reason: String,
    by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
}

impl View {
    fn of(lock: &PromotionLock) -> Self {
        let id = lock.freight.id();
        let artifacts = lock.freight.artifacts().iter();
        let render = &lock.render;
        Self {
            api_version: lock.version.as_str(),
            kind: "PromotionLock",
            pipeline: lock.pipeline.to_string(),
            environment: lock.environment.to_string(),
            freight: FreightView {
                alias: id.alias(),
                id: id.to_string(),
                artifacts: artifacts.map(|it| ArtifactView::of(it.name.as_str(), &it.content)).collect(),
            },
            render: RenderView {
                source: if render.source.is_empty() { ".".into() } else { render.source.clone() },
                digest: render.digest.as_ref().map(ToString::to_string),
                engine: render.engine.clone(),
                allow_empty: render.allow_empty,
                allow_secrets: render.allow_secrets.clone(),
            },
            promotion: lock.promotion.as_ref().map(|it| PromotionView {
                from: it.from.as_ref().map(ToString::to_string),
                previous: it.previous.as_ref().map(ToString::to_string),
                at: it.at.to_string(),
            }),
            hold: lock.hold.as_ref().map(|it| HoldView {
                reason: it.reason.clone(),
                by: it.by.clone(),
                at: it.at.map(|it| it.to_string()),
            }),
        }
    }
}

impl ArtifactView {
    fn of(name: &str, content: &Content) -> Self {
        let content = match content {
            Content::Git { url, commit } => {
                ContentView::Git { git: url.to_string(), commit: commit.to_string() }
            }
            Content::Image(image) => ContentView::Image { image: image.to_string() },
            Content::Chart { url, version, digest } => ContentView::Chart {
                chart: url.to_string(),
                version: version.to_string(),
                digest: digest.to_string(),
            },
        };
        Self { name: name.into(), content }
    }
}
