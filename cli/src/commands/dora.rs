//! `promoter dora`: lead time, frequency, failure rate and time to restore of environments, computed from Git.

use super::repository::RepositoryOptions;
use crate::edge::{self, Format, Outcome};
use crate::ran::{Ran, ran};
use crate::table::columns;
use clap::Args;
use promoter_controller::observe::Seen;
use promoter_controller::repository::Repository;
use promoter_controller::run::now;
use promoter_core::history::{Figures, Spread, Stay};
use promoter_core::observation::Observation;
use promoter_core::pipeline::{Environment, Pipeline};
use promoter_core::record::Phase;
use promoter_core::{CommitId, Content, Diagnosis, Name, Seconds, UnixSeconds};
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Args)]
pub(crate) struct DoraArguments {
    /// Environment; all of them unless given
    environment: Option<Name>,
    /// How far back, like 30d
    #[arg(long, value_name = "SPAN", default_value = "90d")]
    since: Seconds,
    #[command(flatten)]
    repository: RepositoryOptions,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// Prints the figures.
pub(crate) fn run(arguments: &DoraArguments) -> Result<Outcome, Diagnosis> {
    let mut person = arguments.repository.person()?;
    let seen = arguments.repository.only(person.observe_unrendered()?)?;
    if let Some(name) = &arguments.environment {
        arguments.repository.at(name).found(&seen)?;
    }
    let to = now();
    let from = UnixSeconds(to.0.saturating_sub(i64::from(arguments.since.0)));
    let mut views = Vec::new();
    for (pipeline, observation) in &seen.pipelines {
        let wanted = |it: &&Environment| arguments.environment.as_ref().is_none_or(|name| it.name == *name);
        for environment in pipeline.environments.iter().filter(wanted) {
            let stays = match seen.refs.branch(&environment.active_branch) {
                Some(_) => stays(person.repository(), &seen, pipeline, environment, observation)?,
                None => Vec::new(),
            };
            let figures = Figures::of(&stays, from, to);
            views.push(View::of(pipeline, environment, &figures));
        }
    }
    edge::result(&match arguments.output {
        Format::Table => table(&views),
        Format::Json => edge::json(&views)?,
        Format::Yaml => edge::yaml(&views)?,
    })?;
    Ok(Outcome::Done)
}

/// What an environment ran, oldest first.
fn stays(
    repository: &Repository,
    seen: &Seen,
    pipeline: &Pipeline,
    environment: &Environment,
    observation: &Observation,
) -> Result<Vec<Stay>, Diagnosis> {
    let mut all = ran(repository, seen, pipeline, environment, usize::MAX)?;
    all.reverse();
    let made = made(repository, pipeline, &all)?;
    let records = observation.state.as_ref().ok().map(|it| &it.records);
    let verified = records.and_then(|it| it.environments.get(&environment.name)).map(|it| &it.verified);
    let mut stays: Vec<Stay> = Vec::new();
    for it in &all {
        let (Some(lock), Some(freight)) = (&it.lock, it.freight()) else {
            continue;
        };
        // A hold set or released alone, or a commit of the same freight, is no new stay.
        if stays.last().is_some_and(|last| last.freight == freight) {
            continue;
        }
        let record = verified.and_then(|verified| verified.get(&freight)?.as_ref().ok());
        let failed = record.filter(|record| record.phase == Phase::Failed && record.at >= it.promoted_at());
        stays.push(Stay {
            at: it.commit.committer.at,
            made_at: commit(pipeline, it).and_then(|it| made.get(&it).copied()),
            failed_at: failed.map(|it| it.since),
            is_rollback: lock.hold.is_some() && stays.iter().any(|before| before.freight == freight),
            freight,
        });
    }
    Ok(stays)
}

/// When the dry commits were made.
fn made(
    repository: &Repository,
    pipeline: &Pipeline,
    all: &[Ran],
) -> Result<BTreeMap<CommitId, UnixSeconds>, Diagnosis> {
    let mut commits: Vec<CommitId> = all.iter().filter_map(|it| commit(pipeline, it)).collect();
    commits.sort_unstable();
    commits.dedup();
    repository.cache.ensure(&commits).map_err(|error| error.diagnosis())?;
    let made = |it: CommitId| Some((it.clone(), repository.cache.commit(&it).ok()?.committer.at));
    Ok(commits.into_iter().filter_map(made).collect())
}

/// The dry commit that a lock pins.
fn commit(pipeline: &Pipeline, ran: &Ran) -> Option<CommitId> {
    match ran.lock.as_ref()?.freight.get(pipeline.git_subscription()?)? {
        Content::Git { commit, .. } => Some(commit.clone()),
        _ => None,
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct View {
    pipeline: String,
    environment: String,
    from: String,
    to: String,
    deployments: usize,
    /// A week.
    deployment_frequency: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    lead_time: Option<SpreadView>,
    failures: usize,
    /// From 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    change_failure_rate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_to_restore: Option<SpreadView>,
    unrestored: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpreadView {
    median_seconds: u32,
    p90_seconds: u32,
    #[serde(skip)]
    words: String,
}

impl SpreadView {
    fn of(it: Spread) -> Self {
        let words = format!("{} ({})", it.median, it.ninth);
        Self { median_seconds: it.median.0, p90_seconds: it.ninth.0, words }
    }
}

impl View {
    fn of(pipeline: &Pipeline, environment: &Environment, figures: &Figures) -> Self {
        let round = |it: f64| (it * 1_000.0).round() / 1_000.0;
        Self {
            pipeline: pipeline.name.to_string(),
            environment: environment.name.to_string(),
            from: figures.from.to_string(),
            to: figures.to.to_string(),
            deployments: figures.deployments,
            deployment_frequency: round(figures.frequency()),
            lead_time: figures.lead_time.map(SpreadView::of),
            failures: figures.failures,
            change_failure_rate: figures.failure_rate().map(round),
            time_to_restore: figures.restore.map(SpreadView::of),
            unrestored: figures.unrestored,
        }
    }
}

fn table(views: &[View]) -> String {
    let head = [
        "PIPELINE",
        "ENVIRONMENT",
        "DEPLOYMENTS",
        "A WEEK",
        "LEAD TIME (P90)",
        "FAILED",
        "RESTORED IN (P90)",
    ];
    let mut rows = vec![head.map(String::from).to_vec()];
    for it in views {
        let words = |it: &Option<SpreadView>| it.as_ref().map_or_else(|| "-".into(), |it| it.words.clone());
        let rate = it
            .change_failure_rate
            .map_or_else(|| "-".into(), |rate| format!("{} ({:.0}%)", it.failures, rate * 100.0));
        let open = if it.unrestored > 0 { format!(", {} not yet", it.unrestored) } else { String::new() };
        rows.push(vec![
            it.pipeline.clone(),
            it.environment.clone(),
            it.deployments.to_string(),
            format!("{:.1}", it.deployment_frequency),
            words(&it.lead_time),
            rate,
            format!("{}{open}", words(&it.time_to_restore)),
        ]);
    }
    columns(&rows)
}
