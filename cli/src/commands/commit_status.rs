//! `promoter commit-status`: how a check of the proposed commit went, for gates that wait for it.

use super::repository::RepositoryOptions;
use super::signing::PersonSigning;
use crate::edge::{self, Outcome};
use clap::{Args, ValueEnum};
use promoter_controller::people::Report;
use promoter_controller::run::now;
use promoter_core::record::StatusPhase;
use promoter_core::{CommitId, Diagnosis, Name};

#[derive(Args)]
#[command(after_help = "\
The latest word on a name counts. It belongs to one proposed commit: when the proposal moves on, gates wait again.
A report of a commit that is no longer proposed changes nothing.")]
pub(crate) struct CommitStatusArguments {
    /// Environment
    environment: Name,
    /// Name of the check, as a gate `commitStatus` has it
    name: Name,
    /// How it went
    phase: Phase,
    /// One line for people
    #[arg(long, default_value = "")]
    description: String,
    /// Where there is more to read
    #[arg(long)]
    url: Option<String>,
    /// Commit that was checked; by default the one that is proposed
    #[arg(long, value_name = "SHA")]
    commit: Option<CommitId>,
    #[command(flatten)]
    repository: RepositoryOptions,
    #[command(flatten)]
    signing: PersonSigning,
}

#[derive(Clone, Copy, ValueEnum)]
enum Phase {
    Success,
    Failure,
    Pending,
}

pub(crate) fn run(arguments: &CommitStatusArguments) -> Result<Outcome, Diagnosis> {
    let report = Report {
        name: &arguments.name,
        phase: match arguments.phase {
            Phase::Success => StatusPhase::Success,
            Phase::Failure => StatusPhase::Failure,
            Phase::Pending => StatusPhase::Pending,
        },
        description: &arguments.description,
        url: arguments.url.as_deref(),
        commit: arguments.commit.as_ref(),
    };
    let at = arguments.repository.at(&arguments.environment);
    let text = arguments.repository.writer(&arguments.signing)?.report(&at, &report, now())?;
    edge::result(&format!("{text}\n"))?;
    Ok(Outcome::Done)
}
