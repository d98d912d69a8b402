//! `promoter log`: what an environment ran, newest first, as its branch tells.

use super::repository::RepositoryOptions;
use crate::edge::{self, Format, Outcome};
use crate::ran::{Ran, ran};
use crate::table::columns;
use clap::Args;
use promoter_controller::run::now;
use promoter_core::record::{Phase, Verification};
use promoter_core::{Diagnosis, FreightId, Name};
use promoter_render::hydrate::{Trailer, trailers_of};
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Args)]
pub(crate) struct LogArguments {
    /// Environment
    environment: Name,
    /// Entries at the most
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    most: usize,
    #[command(flatten)]
    repository: RepositoryOptions,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// Prints the commits of an active branch that changed what the pipeline runs there.
pub(crate) fn run(arguments: &LogArguments) -> Result<Outcome, Diagnosis> {
    let mut person = arguments.repository.person()?;
    let seen = person.observe_unrendered()?;
    let (pipeline, environment) = arguments.repository.at(&arguments.environment).found(&seen)?;
    let ran = ran(person.repository(), &seen, pipeline, environment, arguments.most)?;
    let records = seen.pipelines.iter().find(|(it, _)| it.name == pipeline.name);
    let records = records.and_then(|(_, it)| it.state.as_ref().ok()).map(|it| &it.records);
    let verified = |it: &Ran| {
        let record = records?.environments.get(&environment.name)?.verified.get(&it.freight()?);
        record?.as_ref().ok().filter(|record| record.at >= it.promoted_at())
    };
    let entries: Vec<Entry> = ran.iter().map(|it| Entry::of(it, &pipeline.name, verified(it))).collect();
    edge::result(&match arguments.output {
        Format::Table => table(&entries),
        Format::Json => edge::json(&entries)?,
        Format::Yaml => edge::yaml(&entries)?,
    })?;
    Ok(Outcome::Done)
}

#[derive(Serialize)]
struct Entry {
    commit: String,
    at: String,
    subject: String,
    freight: String,
    alias: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
    by: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
    /// The gates as they stood, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    gates: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<String>,
    /// The latest result of this stay: `passed` or `failed`, with its words.
    #[serde(skip_serializing_if = "Option::is_none")]
    verification: Option<String>,
    #[serde(skip)]
    age_seconds: i64,
}

impl Entry {
    fn of(ran: &Ran, pipeline: &Name, verified: Option<&Verification>) -> Self {
        let commit = &ran.commit;
        let trailers = trailers_of(&commit.message, pipeline.as_str());
        let trailer = |key: &str| {
            let found = trailers.iter().rev().find(|(it, _)| *it == key);
            found.map_or_else(String::new, |(_, value)| (*value).to_owned())
        };
        let gate = |(key, value): &(&str, &str)| {
            let name = key.strip_prefix("Commit-status-proposed-")?.strip_suffix("-description")?;
            let words = serde_json::from_str::<String>(value).unwrap_or_else(|_| (*value).to_owned());
            Some((name.to_owned(), words))
        };
        let freight = ran.freight();
        let promotion = ran.lock.as_ref().and_then(|it| it.promotion.as_ref());
        let by = trailer(Trailer::BY);
        Self {
            commit: commit.id.to_string(),
            at: commit.committer.at.to_string(),
            subject: commit.message.lines().next().unwrap_or_default().to_owned(),
            alias: freight.as_ref().map(FreightId::alias).unwrap_or_default(),
            freight: freight.map(|it| it.to_string()).unwrap_or_default(),
            from: promotion.and_then(|it| it.from.as_ref()).map(Name::to_string),
            previous: promotion.and_then(|it| it.previous.as_ref()).map(FreightId::to_string),
            by: if by.is_empty() { commit.author.email.clone() } else { by },
            reason: trailer(Trailer::REASON),
            gates: trailers.iter().filter_map(gate).collect(),
            held: ran
                .lock
                .as_ref()
                .and_then(|it| it.hold.as_ref())
                .map(|it| format!("by {}: {}", it.by, it.reason)),
            verification: verified.map(|it| match it.phase {
                Phase::Passed => format!("passed: {}", it.message),
                Phase::Failed => format!("failed: {}", it.message),
            }),
            age_seconds: now().0.saturating_sub(commit.committer.at.0),
        }
    }
}

fn table(entries: &[Entry]) -> String {
    let mut rows = vec![["AT", "AGE", "FREIGHT", "WHAT", "BY", "WHY"].map(String::from).to_vec()];
    for it in entries {
        let or_dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
        rows.push(vec![
            it.at.clone(),
            age(it.age_seconds),
            or_dash(&it.alias),
            it.subject.clone(),
            it.by.clone(),
            or_dash(&it.reason),
        ]);
    }
    columns(&rows)
}

/// The largest unit that fits: `3d`, `5h`, `12m`, `40s`.
fn age(seconds: i64) -> String {
    match seconds.max(0) {
        it @ 0..60 => format!("{it}s"),
        it @ 60..3_600 => format!("{}m", it / 60),
        it @ 3_600..86_400 => format!("{}h", it / 3_600),
        it => format!("{}d", it / 86_400),
    }
}
