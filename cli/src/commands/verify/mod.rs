//! `promoter verify`: proves that what environment branches hold is what their locks render to.
//!
//! Decides which commits are looked at, and with which exit code it ends. What must stand in a folder is
//! `promoter-render`'s to say.

mod proof;
mod show;
mod walk;

use super::repository::RepositoryOptions;
use crate::edge::{self, Format, Outcome};
use clap::Args;
use promoter_controller::repository::NOTES_REF;
use promoter_core::{CommitId, Diagnosis, Fault};
use proof::World;
use show::{Proof, Row};
use std::collections::BTreeSet;

#[derive(Args)]
#[command(after_help = "\
Every folder with a lock is rendered again from what the lock pins, and manifest.yaml, hydrator.metadata,
README.md, the lock's digest and the note of the commit are held against it, byte for byte. Of a lock
beside an overlay (layout `folders`), which has no manifests, two renders are held against each other.

Exit codes: 0 all is proved; 1 something differs; 2 something cannot be told, such as a lock of another
engine version, or one whose commit is gone; 3 a server did not answer, try again.")]
pub(crate) struct VerifyArguments {
    /// Branches: environment/prod, or the dry branch in the layout `folders`
    #[arg(required_unless_present = "all", value_name = "BRANCH")]
    branches: Vec<String>,
    /// The active and proposed branches of all pipelines
    #[arg(long, conflicts_with = "branches")]
    all: bool,
    /// The branches' first parents too, the last N or all of them
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = "1000000")]
    history: Option<usize>,
    #[command(flatten)]
    repository: RepositoryOptions,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// Renders every folder with a lock again and holds all files against the render.
pub(crate) fn run(arguments: &VerifyArguments) -> Result<Outcome, Diagnosis> {
    let repository = arguments.repository.open()?;
    let branches = match arguments.all {
        true => all(&arguments.repository)?,
        false => arguments.branches.clone(),
    };
    let names: Vec<String> = branches.iter().map(|it| format!("refs/heads/{it}")).collect();
    let mut wanted: Vec<&str> = names.iter().map(String::as_str).collect();
    wanted.push(NOTES_REF);
    let refs = repository.cache.ls_refs(&wanted).map_err(|error| error.diagnosis())?;
    let mut heads: Vec<(String, CommitId)> = Vec::new();
    for (branch, name) in branches.iter().zip(&names) {
        match refs.tips.get(name) {
            Some(head) => heads.push((branch.clone(), head.clone())),
            // A pipeline names branches before its first promotion makes them.
            None if arguments.all => {}
            None => {
                return Err(Diagnosis::input("branch-missing", format!("there is no branch `{branch}`"))
                    .hint("environment branches are called like `environment/prod`"));
            }
        }
    }
    let world = World::new(&repository);
    let depth = arguments.history.unwrap_or(1).max(1);
    let rows = walk::rows(&world, &heads, refs.tips.get(NOTES_REF), depth)?;
    if !arguments.all {
        let without = branches.iter().find(|branch| rows.iter().all(|it| it.branch != **branch));
        if let Some(branch) = without {
            let cause = format!("`{branch}` holds no {}", promoter_core::LOCK_FILE);
            return Err(Diagnosis::input("branch-without-lock", cause));
        }
    }
    edge::result(&match arguments.output {
        Format::Table => show::table(&rows),
        Format::Json => edge::json(&rows)?,
        Format::Yaml => edge::yaml(&rows)?,
    })?;
    Ok(outcome(&rows))
}

/// The branches of all pipelines, each once.
fn all(options: &RepositoryOptions) -> Result<Vec<String>, Diagnosis> {
    let seen = options.only(options.person()?.observe()?)?;
    let environments = seen.pipelines.iter().flat_map(|(pipeline, _)| &pipeline.environments);
    let branches: BTreeSet<String> =
        environments.flat_map(|it| [it.active_branch.clone(), it.proposed_branch.clone()]).collect();
    Ok(branches.into_iter().collect())
}

/// A difference outweighs what could not be told, and what may be told later what cannot.
fn outcome(rows: &[Row]) -> Outcome {
    let faults = || rows.iter().filter_map(|it| it.fault);
    match rows.iter().any(|it| it.result == Proof::Differs) {
        true => Outcome::Found,
        false if faults().any(|it| it == Fault::Upstream) => Outcome::Unknown(Fault::Upstream),
        false => faults().next().map_or(Outcome::Done, Outcome::Unknown),
    }
}
