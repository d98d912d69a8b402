//! `promoter log`: what an environment ran, newest first, as its branch tells.

use super::repository::RepositoryOptions;
use crate::edge::{self, Format, Outcome};
use crate::table::columns;
use clap::Args;
use promoter_controller::run::now;
use promoter_core::{Diagnosis, FreightId, LOCK_FILE, Name, PromotionLock};
use promoter_render::hydrate::{Trailer, trailers_of};
use promoter_sources::git::CommitInfo;
use serde::Serialize;

/// How far back a branch is searched for entries.
const COMMITS_MAX: usize = 1_000;

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
    let seen = person.observe()?;
    let at = arguments.repository.at(&arguments.environment);
    let (pipeline, environment) = at.found(&seen)?;
    let Some(head) = seen.refs.branch(&environment.active_branch) else {
        return Err(Diagnosis::input(
            "environment-empty",
            format!("nothing was promoted to `{}` yet", environment.name),
        )
        .hint("run the controller first"));
    };
    let repository = person.repository();
    let commits = repository.cache.first_parent_log(head, COMMITS_MAX).map_err(|error| error.diagnosis())?;
    let lock_of = |commit: &CommitInfo| repository.lock_text(&commit.id, &environment.lock_path);
    let mut entries = Vec::new();
    let mut lock = commits.first().map(lock_of).transpose()?.flatten();
    for pair in commits.windows(2) {
        // A commit is about this pipeline when it changed its lock; the branch may belong to several.
        let before = lock_of(&pair[1])?;
        if let Some(lock) = lock.as_deref().filter(|it| before.as_deref() != Some(*it)) {
            entries.push(Entry::of(&pair[0], &pipeline.name, lock));
        }
        if entries.len() == arguments.most {
            break;
        }
        lock = before;
    }
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
    by: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
    #[serde(skip)]
    age_seconds: i64,
}

impl Entry {
    fn of(commit: &CommitInfo, pipeline: &Name, lock: &str) -> Self {
        let trailers = trailers_of(&commit.message, pipeline.as_str());
        let trailer = |key: &str| {
            let found = trailers.iter().rev().find(|(it, _)| *it == key);
            found.map_or_else(String::new, |(_, value)| (*value).to_owned())
        };
        // The lock says what ran, whoever wrote the commit; one that cannot be read leaves the columns empty.
        let freight = PromotionLock::parse(lock, LOCK_FILE).ok().map(|it| it.freight.id());
        let by = trailer(Trailer::BY);
        Self {
            commit: commit.id.to_string(),
            at: commit.committer.at.to_string(),
            subject: commit.message.lines().next().unwrap_or_default().to_owned(),
            alias: freight.as_ref().map(FreightId::alias).unwrap_or_default(),
            freight: freight.map(|it| it.to_string()).unwrap_or_default(),
            by: if by.is_empty() { commit.author.email.clone() } else { by },
            reason: trailer(Trailer::REASON),
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
