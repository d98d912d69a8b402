//! What people say: promote, approve, reject, hold, release, roll back, and take it back. Each is a commit; the controller acts on it.

use super::repository::RepositoryOptions;
use super::signing::PersonSigning;
use crate::edge::{self, Outcome};
use clap::{Args, ValueEnum};
use promoter_controller::people::Word;
use promoter_controller::run::now;
use promoter_core::record::RequestAction;
use promoter_core::{Diagnosis, Name};

#[derive(Args)]
pub(crate) struct PromoteArguments {
    /// Freight: id, its first digits, or alias
    freight: String,
    /// Environment
    environment: Name,
    /// Does not wait for the environments before; needs a reason
    #[arg(long, requires = "reason")]
    hotfix: bool,
    /// Why
    #[arg(long, default_value = "")]
    reason: String,
    #[command(flatten)]
    repository: RepositoryOptions,
    #[command(flatten)]
    signing: PersonSigning,
}

#[derive(Args)]
pub(crate) struct JudgeArguments {
    /// Environment
    environment: Name,
    /// Freight; by default the one that is proposed
    #[arg(long)]
    freight: Option<String>,
    /// Why
    #[arg(long, default_value = "")]
    reason: String,
    #[command(flatten)]
    repository: RepositoryOptions,
    #[command(flatten)]
    signing: PersonSigning,
}

#[derive(Args)]
pub(crate) struct WithdrawArguments {
    /// What to take back
    what: Withdrawn,
    /// Environment
    environment: Name,
    /// Freight; by default the proposed one for an approval, and the only rejected one for a rejection
    #[arg(long)]
    freight: Option<String>,
    #[command(flatten)]
    repository: RepositoryOptions,
    #[command(flatten)]
    signing: PersonSigning,
}

#[derive(Clone, Copy, ValueEnum)]
enum Withdrawn {
    Request,
    Rejection,
    Approval,
}

#[derive(Args)]
#[command(after_help = "\
What was measured before does not count: until the checks have passed again the freight is not verified in ENV, and
enters no environment after it. When they fail, `onFailure` acts.")]
pub(crate) struct ReverifyArguments {
    /// Environment
    environment: Name,
    /// Why
    #[arg(long, default_value = "")]
    reason: String,
    #[command(flatten)]
    repository: RepositoryOptions,
    #[command(flatten)]
    signing: PersonSigning,
}

#[derive(Args)]
pub(crate) struct HoldArguments {
    /// Environment
    environment: Name,
    /// Why
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    repository: RepositoryOptions,
    #[command(flatten)]
    signing: PersonSigning,
}

#[derive(Args)]
pub(crate) struct ReleaseArguments {
    /// Environment
    environment: Name,
    #[command(flatten)]
    repository: RepositoryOptions,
    #[command(flatten)]
    signing: PersonSigning,
}

#[derive(Args)]
#[command(after_help = "\
The environment is held until `promoter release ENV`. Then the newest freight that may enter comes again;
what must not come again is rejected first: promoter reject ENV --freight FREIGHT")]
pub(crate) struct RollbackArguments {
    /// Environment
    environment: Name,
    /// Freight to go back to; by default what the environment ran before
    #[arg(long, value_name = "FREIGHT")]
    to: Option<String>,
    /// Why
    #[arg(long, default_value = "")]
    reason: String,
    #[command(flatten)]
    repository: RepositoryOptions,
    #[command(flatten)]
    signing: PersonSigning,
}

pub(crate) fn promote(arguments: &PromoteArguments) -> Result<Outcome, Diagnosis> {
    let action = if arguments.hotfix { RequestAction::Hotfix } else { RequestAction::Promote };
    let at = arguments.repository.at(&arguments.environment);
    said(arguments.repository.writer(&arguments.signing)?.request(
        &at,
        action,
        Some(&arguments.freight),
        &arguments.reason,
        now(),
    ))
}

pub(crate) fn rollback(arguments: &RollbackArguments) -> Result<Outcome, Diagnosis> {
    let at = arguments.repository.at(&arguments.environment);
    let to = arguments.to.as_deref();
    said(arguments.repository.writer(&arguments.signing)?.request(
        &at,
        RequestAction::Rollback,
        to,
        &arguments.reason,
        now(),
    ))
}

pub(crate) fn reverify(arguments: &ReverifyArguments) -> Result<Outcome, Diagnosis> {
    let at = arguments.repository.at(&arguments.environment);
    said(arguments.repository.writer(&arguments.signing)?.reverify(&at, &arguments.reason, now()))
}

pub(crate) fn approve(arguments: &JudgeArguments) -> Result<Outcome, Diagnosis> {
    let at = arguments.repository.at(&arguments.environment);
    said(arguments.repository.writer(&arguments.signing)?.approve(
        &at,
        arguments.freight.as_deref(),
        &arguments.reason,
        now(),
    ))
}

pub(crate) fn reject(arguments: &JudgeArguments) -> Result<Outcome, Diagnosis> {
    let at = arguments.repository.at(&arguments.environment);
    said(arguments.repository.writer(&arguments.signing)?.reject(
        &at,
        arguments.freight.as_deref(),
        &arguments.reason,
        now(),
    ))
}

pub(crate) fn withdraw(arguments: &WithdrawArguments) -> Result<Outcome, Diagnosis> {
    let at = arguments.repository.at(&arguments.environment);
    let word = match arguments.what {
        Withdrawn::Request => Word::Request,
        Withdrawn::Rejection => Word::Rejection,
        Withdrawn::Approval => Word::Approval,
    };
    let freight = arguments.freight.as_deref();
    said(arguments.repository.writer(&arguments.signing)?.withdraw(&at, word, freight, now()))
}

pub(crate) fn hold(arguments: &HoldArguments) -> Result<Outcome, Diagnosis> {
    let at = arguments.repository.at(&arguments.environment);
    said(arguments.repository.writer(&arguments.signing)?.hold(&at, Some(&arguments.reason), now()))
}

pub(crate) fn release(arguments: &ReleaseArguments) -> Result<Outcome, Diagnosis> {
    let at = arguments.repository.at(&arguments.environment);
    said(arguments.repository.writer(&arguments.signing)?.hold(&at, None, now()))
}

fn said(text: Result<String, Diagnosis>) -> Result<Outcome, Diagnosis> {
    edge::result(&format!("{}\n", text?))?;
    Ok(Outcome::Done)
}
