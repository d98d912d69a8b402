//! `promoter freight`: what can be promoted.

use super::repository::RepositoryOptions;
use super::signing::PersonSigning;
use crate::edge::{self, Format, Outcome};
use crate::table::columns;
use clap::{Args, Subcommand};
use promoter_controller::discover::Discoverer;
use promoter_controller::image_signatures::SigstoreOptions;
use promoter_controller::people::find_freight;
use promoter_controller::run::now;
use promoter_core::record::{FreightRecord, Phase, Records, Verified};
use promoter_core::{Diagnosis, FreightId, Setting};
use serde::Serialize;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// List the freight of a pipeline, newest first.
    List(ListArguments),
    /// Show one freight: its artifacts, and where it was verified, approved or rejected.
    Show(ShowArguments),
    /// Record freight out of artifacts that you name; the others are the newest of their subscriptions.
    Create(CreateArguments),
}

#[derive(Args)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    repository: RepositoryOptions,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

#[derive(Args)]
pub(crate) struct ShowArguments {
    /// Freight: id, its first digits, or alias
    freight: String,
    #[command(flatten)]
    repository: RepositoryOptions,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  promoter freight create web=1.4.2
  promoter freight create web=ghcr.io/acme/web:1.4.2@sha256:…
  promoter freight create web=1.4.2@sha256:… config=4e1f…

A tag or version without a digest is looked up where its subscription looks.")]
pub(crate) struct CreateArguments {
    /// Artifacts, by the names of their subscriptions
    #[arg(required = true, value_name = "NAME=VALUE")]
    artifacts: Vec<Setting>,
    #[command(flatten)]
    repository: RepositoryOptions,
    #[command(flatten)]
    sigstore: SigstoreOptions,
    #[command(flatten)]
    signing: PersonSigning,
}

pub(crate) fn run(command: &Command) -> Result<Outcome, Diagnosis> {
    match command {
        Command::List(arguments) => list(arguments),
        Command::Show(arguments) => show(arguments),
        Command::Create(arguments) => {
            let pipeline = arguments.repository.pipeline.as_ref();
            let mut person = arguments.repository.writer(&arguments.signing)?;
            let settings = person.repository().settings();
            let mut discoverer =
                Discoverer::new(&settings.registries, &arguments.sigstore, None, &settings.cache_root)?;
            person.look_up(pipeline, &arguments.artifacts, &mut discoverer, now())?;
            let (id, text) = person.create_freight(pipeline, &arguments.artifacts, now())?;
            edge::result(&format!("{text}\n{id}\n"))?;
            Ok(Outcome::Done)
        }
    }
}

fn list(arguments: &ListArguments) -> Result<Outcome, Diagnosis> {
    let records = arguments.repository.person()?.records(arguments.repository.pipeline.as_ref())?;
    let mut known: Vec<&FreightRecord> = records.freight.values().filter_map(|it| it.as_ref().ok()).collect();
    known.sort_by_key(|it| (it.discovered.at, it.freight.id()));
    let views: Vec<View> = known.iter().rev().map(|it| View::of(it, &records)).collect();
    edge::result(&match arguments.output {
        Format::Table => table(&views),
        Format::Json => edge::json(&views)?,
        Format::Yaml => edge::yaml(&views)?,
    })?;
    // A record that cannot be read is no reason to hide the others, but it is not passed over either.
    for unread in records.freight.values().filter_map(|it| it.as_ref().err()) {
        edge::say(unread);
    }
    Ok(Outcome::Done)
}

fn show(arguments: &ShowArguments) -> Result<Outcome, Diagnosis> {
    let records = arguments.repository.person()?.records(arguments.repository.pipeline.as_ref())?;
    let id = find_freight(&records, &arguments.freight)?;
    let Some(Ok(record)) = records.freight.get(&id) else {
        return Err(Diagnosis::input("record-unreadable", format!("the record of `{id}` cannot be read")));
    };
    let view = View::of(record, &records);
    edge::result(&match arguments.output {
        Format::Table => sheet(&view),
        Format::Json => edge::json(&view)?,
        Format::Yaml => edge::yaml(&view)?,
    })?;
    Ok(Outcome::Done)
}

#[derive(Serialize)]
struct View {
    id: String,
    alias: String,
    at: String,
    by: String,
    artifacts: Vec<String>,
    environments: Vec<EnvironmentView>,
}

#[derive(Serialize)]
struct EnvironmentView {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<String>,
    approved: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected: Option<String>,
}

impl View {
    fn of(record: &FreightRecord, records: &Records) -> Self {
        let id = record.freight.id();
        let environments = records.environments.iter().filter_map(|(name, it)| {
            let verified = match it.verification(&id) {
                Verified::Known(it) if it.phase == Phase::Passed => {
                    Some(format!("passed since {}", it.since))
                }
                Verified::Known(it) => Some(format!("failed since {}: {}", it.since, it.message)),
                Verified::AskedAgain(it) => Some(format!("again since {}", it.requested.at)),
                Verified::Never | Verified::Unread(_) => None,
            };
            let approved = it.approved.get(&id).and_then(|it| it.as_ref().ok());
            let approved: Vec<String> =
                approved.iter().flat_map(|it| it.approvals.iter().map(|it| it.by.clone())).collect();
            let rejected = it.rejected.get(&id).and_then(|it| it.as_ref().ok());
            let rejected = rejected.map(|it| format!("by {}: {}", it.rejected.by, it.rejected.reason));
            let is_anything = verified.is_some() || !approved.is_empty() || rejected.is_some();
            is_anything.then(|| EnvironmentView { name: name.to_string(), verified, approved, rejected })
        });
        Self {
            alias: id.alias(),
            at: record.discovered.at.to_string(),
            by: record.discovered.by.clone(),
            artifacts: record.freight.artifacts().iter().map(ToString::to_string).collect(),
            environments: environments.collect(),
            id: id.to_string(),
        }
    }

    fn verified_in(&self) -> String {
        let names: Vec<&str> = self
            .environments
            .iter()
            .filter(|it| it.verified.as_ref().is_some_and(|it| it.starts_with("passed")))
            .map(|it| it.name.as_str())
            .collect();
        if names.is_empty() { "-".to_owned() } else { names.join(", ") }
    }
}

fn table(views: &[View]) -> String {
    let mut rows = vec![["FREIGHT", "ID", "AT", "BY", "VERIFIED IN"].map(String::from).to_vec()];
    for it in views {
        let short = it.id.parse().map(|it: FreightId| it.short().to_owned()).unwrap_or_default();
        rows.push(vec![it.alias.clone(), short, it.at.clone(), it.by.clone(), it.verified_in()]);
    }
    columns(&rows)
}

fn sheet(view: &View) -> String {
    let mut text = format!("{} {}\nfrom {} at {}\n", view.alias, view.id, view.by, view.at);
    for artifact in &view.artifacts {
        text.push_str(&format!("  {artifact}\n"));
    }
    for it in &view.environments {
        if let Some(verified) = &it.verified {
            text.push_str(&format!("{}: {verified}\n", it.name));
        }
        if !it.approved.is_empty() {
            text.push_str(&format!("{}: approved by {}\n", it.name, it.approved.join(", ")));
        }
        if let Some(rejected) = &it.rejected {
            text.push_str(&format!("{}: rejected {rejected}\n", it.name));
        }
    }
    text
}
