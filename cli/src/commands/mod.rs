//! One module per command. Each has its arguments and a `run` that ends in an outcome or a diagnosis.

mod commit_status;
mod discover;
mod dora;
mod freight;
mod init;
mod kustomize;
mod lint;
mod lock;
mod log;
mod pause;
mod policy;
mod render;
mod repository;
mod signing;
mod simulate;
mod status;
mod verify;
mod verify_commit;
mod word;

use crate::edge::Outcome;
use clap::Subcommand;
use promoter_core::Diagnosis;
use std::ffi::OsString;

/// The commands that scripts run often. The command line can be read for them alone, which is sooner done.
#[derive(Subcommand)]
pub(crate) enum Frequent {
    /// Build kustomizations, as kustomize does and faster.
    #[command(subcommand)]
    Kustomize(kustomize::Command),
}

#[derive(Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Frequent(Frequent),
    /// Show, change and check lockfiles.
    #[command(subcommand)]
    Lock(lock::Command),
    /// Set up a pipeline for environments that are there.
    Init(init::Arguments),
    /// Print the manifests of a directory, pinned by its lockfile if there is one.
    Render(render::Arguments),
    /// Show what runs where and what comes next.
    Status(status::StatusArguments),
    /// Say why an environment does not move, and what would move it.
    Explain(status::ExplainArguments),
    /// Show what is wrong with the pipelines of a branch.
    Lint(lint::LintArguments),
    /// Show the organisation's rules.
    #[command(subcommand)]
    Policy(policy::Command),
    /// Show what an environment ran, newest first.
    Log(log::LogArguments),
    /// Show lead time, frequency, failure rate and time to restore.
    Dora(dora::DoraArguments),
    /// Ask what the subscriptions name now, and show what would be chosen.
    Discover(discover::DiscoverArguments),
    /// List, show and create freight.
    #[command(subcommand)]
    Freight(freight::Command),
    /// Ask for freight in an environment.
    Promote(word::PromoteArguments),
    /// Agree to what is proposed for an environment.
    Approve(word::JudgeArguments),
    /// Refuse what is proposed for an environment; it is never proposed there again.
    Reject(word::JudgeArguments),
    /// Report how a check of the proposed commit went.
    CommitStatus(commit_status::CommitStatusArguments),
    /// Verify what an environment runs again.
    Reverify(word::ReverifyArguments),
    /// Hold an environment as it is.
    Hold(word::HoldArguments),
    /// Release a held environment.
    Release(word::ReleaseArguments),
    /// Take back a request, a rejection, or your own approval.
    Withdraw(word::WithdrawArguments),
    /// Stop a pipeline: nothing moves but hotfixes and rollbacks.
    Pause(pause::PauseArguments),
    /// Let a paused pipeline go on.
    Resume(pause::ResumeArguments),
    /// Bring back what an environment ran before, and hold it.
    Rollback(word::RollbackArguments),
    /// Prove that environment branches hold what their locks render to.
    Verify(verify::VerifyArguments),
    /// Say who signed commits, and whether by keys that you trust.
    VerifyCommit(verify_commit::VerifyCommitArguments),
    /// Play a story in a simulated world: what a pipeline would do.
    Simulate(simulate::Arguments),
    /// Play a promotion through three environments in a temporary folder.
    Demo(crate::demo::DemoArguments),
}

impl Command {
    /// Reads the most frequent line of all without a parser.
    pub(crate) fn plain(words: &[OsString]) -> Option<Self> {
        kustomize::Command::plain(words).map(|it| Self::Frequent(Frequent::Kustomize(it)))
    }
}

pub(crate) fn run(command: Command) -> Result<Outcome, Diagnosis> {
    match command {
        Command::Frequent(Frequent::Kustomize(command)) => kustomize::run(command),
        Command::Lock(command) => lock::run(command),
        Command::Init(arguments) => init::run(&arguments),
        Command::Render(arguments) => render::run(&arguments),
        Command::Status(arguments) => status::status(&arguments),
        Command::Explain(arguments) => status::explain(&arguments),
        Command::Lint(arguments) => lint::run(&arguments),
        Command::Policy(command) => policy::run(&command),
        Command::Log(arguments) => log::run(&arguments),
        Command::Dora(arguments) => dora::run(&arguments),
        Command::Discover(arguments) => discover::run(&arguments),
        Command::Freight(command) => freight::run(&command),
        Command::Promote(arguments) => word::promote(&arguments),
        Command::Approve(arguments) => word::approve(&arguments),
        Command::Reject(arguments) => word::reject(&arguments),
        Command::CommitStatus(arguments) => commit_status::run(&arguments),
        Command::Reverify(arguments) => word::reverify(&arguments),
        Command::Hold(arguments) => word::hold(&arguments),
        Command::Release(arguments) => word::release(&arguments),
        Command::Withdraw(arguments) => word::withdraw(&arguments),
        Command::Pause(arguments) => pause::pause(&arguments),
        Command::Resume(arguments) => pause::resume(&arguments),
        Command::Rollback(arguments) => word::rollback(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::VerifyCommit(arguments) => verify_commit::run(&arguments),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Demo(arguments) => {
            promoter_sources::install_tls();
            crate::demo::demo(&arguments, &mut std::io::stdout().lock()).map(|()| Outcome::Done)
        }
    }
}
