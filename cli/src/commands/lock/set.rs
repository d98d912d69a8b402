//! `promoter lock set`: pins artifacts in a lockfile.

use super::file::{LockFile, of_environment};
use crate::edge::{self, Outcome};
use crate::files::write_text;
use clap::Args;
use promoter_core::{Content, Diagnosis, Freight, LOCK_FILE, Promotion, PromotionLock, Setting, UnixSeconds};
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Args)]
#[command(after_help = "\
Examples:
  promoter lock set web=1.4.3@sha256:… --env prod
  promoter lock set web=ghcr.io/acme/web:1.4.3@sha256:… config=4e1f…
  promoter lock set redis=18.2.0@sha256:… --env envs/prod/promotion.lock.yaml

An artifact that the lockfile does not have yet needs its whole address:
  web=REPOSITORY:TAG@DIGEST   config=URL@COMMIT   redis=URL:VERSION@DIGEST")]
pub(crate) struct Arguments {
    /// Artifacts as NAME=VALUE: `web=TAG@DIGEST`, `config=COMMIT`, `redis=VERSION@DIGEST`
    #[arg(required = true, value_name = "NAME=VALUE")]
    artifacts: Vec<String>,
    /// Environment of a lockfile below the current directory, or a lockfile's path
    #[arg(long, value_name = "ENV|FILE", default_value = LOCK_FILE)]
    env: String,
    /// Time to record instead of now, like `2026-11-20T09:30:00Z`
    #[arg(long, value_name = "TIME")]
    at: Option<UnixSeconds>,
}

/// Said when a lock no longer names the manifests beside it.
pub(super) const DIGEST_REMOVED: &str =
    "`render.digest` is removed: the hydrated manifests were made from other freight";

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Diagnosis> {
    let file = LockFile::read(&of_environment(&arguments.env)?)?;
    let mut lock = file.found()?.lock;
    let before = lock.freight.clone();
    lock.freight = pinned(before.clone(), &arguments.artifacts)?;
    let changes = before.changes(&lock.freight);
    if !changes.is_empty() {
        promote(&mut lock, &before, arguments.at.unwrap_or_else(now));
    }
    let text = lock.edit(&file.text, &file.shown).map_err(|it| it.diagnosis())?;
    if file.is_stdin() {
        edge::result(&text)?;
        return Ok(Outcome::Done);
    }
    if text == file.text {
        edge::say(&format!("`{}` pins this already", file.shown));
        return Ok(Outcome::Done);
    }
    write_text(&file.path, &text)?;
    let mut report: String = changes.iter().map(|it| format!("{it}\n")).collect();
    let id = lock.freight.id();
    report.push_str(&format!("freight: {} {id}\n", id.alias()));
    edge::result(&report)?;
    Ok(Outcome::Done)
}

fn pinned(mut freight: Freight, artifacts: &[String]) -> Result<Freight, Diagnosis> {
    for text in artifacts {
        let setting: Setting = text.parse().map_err(|it: promoter_core::SettingError| it.diagnosis())?;
        let origin = freight.get(&setting.name).map(Content::origin);
        freight = freight.with(setting.resolve(origin.as_ref()).map_err(|it| it.diagnosis())?);
    }
    Ok(freight)
}

/// Says in the lock how the freight came here. What was rendered from other freight is no longer named.
fn promote(lock: &mut PromotionLock, before: &Freight, at: UnixSeconds) {
    lock.promotion = Some(Promotion { from: None, previous: Some(before.id()), at });
    if lock.render.digest.take().is_some() {
        edge::say(&DIGEST_REMOVED);
    }
    if let Some(hold) = &lock.hold {
        edge::say(&format!("the environment is held by {}: {}", hold.by, hold.reason));
    }
}

fn now() -> UnixSeconds {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixSeconds(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
