//! `promoter discover`: asks what the subscriptions of a pipeline name, and shows what would be chosen. Writes nothing.

use super::repository::RepositoryOptions;
use crate::edge::{self, Format, Outcome};
use crate::table::columns;
use clap::Args;
use promoter_controller::discover::Discoverer;
use promoter_controller::image_signatures::SigstoreOptions;
use promoter_controller::pass::subscriber;
use promoter_controller::run::now;
use promoter_core::discovery::{Candidate, Found, Step, Why};
use promoter_core::observation::{Fact, Observation};
use promoter_core::pipeline::{Pipeline, Subscription};
use promoter_core::{Diagnosis, Name};
use serde::Serialize;
use std::path::PathBuf;

#[derive(Args)]
#[command(after_help = "\
Examples:
  promoter discover
  promoter discover web -o yaml")]
pub(crate) struct DiscoverArguments {
    /// Subscriptions; all without one
    subscriptions: Vec<Name>,
    #[command(flatten)]
    repository: RepositoryOptions,
    #[command(flatten)]
    sigstore: SigstoreOptions,
    /// Directory with the keys that signatures are judged by
    #[arg(long, value_name = "DIR", env = "PROMOTER_SECRETS_DIR")]
    secrets_dir: Option<PathBuf>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// Prints what each subscription gives now beside what the newest freight holds.
pub(crate) fn run(arguments: &DiscoverArguments) -> Result<Outcome, Diagnosis> {
    let mut person = arguments.repository.person()?;
    let seen = arguments.repository.only(person.observe_unrendered()?)?;
    let known =
        |name: &Name| seen.pipelines.iter().any(|(it, _)| it.subscriptions.iter().any(|it| it.name == *name));
    if let Some(name) = arguments.subscriptions.iter().find(|it| !known(it)) {
        return Err(Diagnosis::input("subscription-unknown", format!("there is no subscription `{name}`"))
            .hint("name one of the subscriptions in promoter.yaml"));
    }
    let (settings, secrets_dir) = (person.repository().settings(), arguments.secrets_dir.as_deref());
    let mut discoverer =
        Discoverer::new(&settings.registries, &arguments.sigstore, secrets_dir, &settings.cache_root)?;
    discoverer.reach_as(person.repository());
    let subscribers = seen.pipelines.iter().map(|(pipeline, seen)| subscriber(pipeline, seen));
    let artifacts = discoverer.discover(&person.repository().url, subscribers, now()).artifacts;
    let mut views = Vec::new();
    let mut findings = Vec::new();
    for (pipeline, observation) in &seen.pipelines {
        let given = artifacts.get(&pipeline.name);
        for subscription in pipeline.subscriptions.iter().filter(|it| arguments.asks_for(&it.name)) {
            let Some(discovered) = given.and_then(|it| it.get(&subscription.name)) else {
                continue;
            };
            findings.extend(discovered.finding.clone());
            views.push(View::of(pipeline, observation, subscription, &discovered.found));
        }
    }
    edge::result(&match arguments.output {
        Format::Table => table(&views),
        Format::Json => edge::json(&views)?,
        Format::Yaml => edge::yaml(&views)?,
    })?;
    findings.iter().for_each(|it| edge::say(it));
    let worst = findings.iter().map(|it| it.fault).max();
    Ok(worst.map_or(Outcome::Done, Outcome::Unknown))
}

impl DiscoverArguments {
    fn asks_for(&self, name: &Name) -> bool {
        self.subscriptions.is_empty() || self.subscriptions.contains(name)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct View {
    pipeline: String,
    subscription: String,
    /// What the newest freight holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<String>,
    /// The best that fits.
    #[serde(skip_serializing_if = "Option::is_none")]
    chosen: Option<CandidateView>,
    /// What becomes of it.
    verdict: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    others: Vec<CandidateView>,
}

#[derive(Serialize)]
struct CandidateView {
    artifact: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
}

impl CandidateView {
    fn of(it: &Candidate) -> Self {
        Self {
            artifact: it.content.to_string(),
            created: it.about.created.map(|it| it.to_string()),
            revision: it.about.revision.clone(),
            source: it.about.source.clone(),
        }
    }
}

impl View {
    fn of(pipeline: &Pipeline, seen: &Observation, subscription: &Subscription, found: &Fact<Found>) -> Self {
        let records = seen.state.as_ref().ok().map(|it| &it.records);
        let newest = records.and_then(|it| it.newest().ok().flatten());
        let held = newest.and_then(|it| it.freight.get(&subscription.name));
        let about = newest.and_then(|it| it.about.get(&subscription.name));
        let verdict = match found {
            Err(unread) => unread.to_string(),
            Ok(found) => match found.step(&subscription.origin, held.map(|it| (it, about))) {
                Step::Take(_) => "new".to_owned(),
                Step::Same => "as the newest freight".to_owned(),
                Step::Stay(_, Why::Lower) => "ranks lower than the newest freight, which stays".to_owned(),
                Step::Stay(_, Why::Unknown) => {
                    "the newest freight stays: when it was built is not known".to_owned()
                }
                Step::Nothing => "nothing fits".to_owned(),
            },
        };
        let found = found.as_ref().ok();
        Self {
            pipeline: pipeline.name.to_string(),
            subscription: subscription.name.to_string(),
            held: held.map(ToString::to_string),
            chosen: found.and_then(|it| it.chosen.as_ref()).map(CandidateView::of),
            verdict,
            notes: found.map_or_else(Vec::new, |it| it.notes.clone()),
            others: found.map_or_else(Vec::new, |it| it.others.iter().map(CandidateView::of).collect()),
        }
    }
}

fn table(views: &[View]) -> String {
    let mut rows = vec![["PIPELINE", "SUBSCRIPTION", "CHOSEN", "VERDICT"].map(String::from).to_vec()];
    for it in views {
        let chosen = it.chosen.as_ref().map_or("-", |it| &it.artifact);
        rows.push(vec![it.pipeline.clone(), it.subscription.clone(), chosen.to_owned(), it.verdict.clone()]);
    }
    let mut text = columns(&rows);
    for it in views {
        it.notes.iter().for_each(|note| text.push_str(&format!("{}: {note}\n", it.subscription)));
    }
    text
}
