//! One module per command. Each has its arguments and a `run` that ends in an outcome or a diagnosis.

mod kustomize;
mod lock;
mod render;

use crate::edge::Outcome;
use clap::Subcommand;
use promoter_core::Diagnosis;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Build kustomizations, as kustomize does and faster.
    #[command(subcommand)]
    Kustomize(kustomize::Command),
    /// Show, change and check lockfiles.
    #[command(subcommand)]
    Lock(lock::Command),
    /// Print the manifests of a directory, pinned by its lockfile if there is one.
    Render(render::Arguments),
}

pub(crate) fn run(command: Command) -> Result<Outcome, Diagnosis> {
    match command {
        Command::Kustomize(command) => kustomize::run(command),
        Command::Lock(command) => lock::run(command),
        Command::Render(arguments) => render::run(&arguments),
    }
}
