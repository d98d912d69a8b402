//! `promoter lock`: lockfiles by hand, written as the controller would write them.

mod file;
mod fmt;
mod id;
mod set;
mod show;
mod verify;

use crate::edge::Outcome;
use clap::Subcommand;
use promoter_core::Diagnosis;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print what an environment runs.
    Show(show::Arguments),
    /// Pin artifacts, changing only the lines that differ.
    Set(set::Arguments),
    /// Print the id of the freight, computed from its artifacts.
    Id(id::Arguments),
    /// Bring lockfiles into their canonical form: id and alias mended, fields sorted, comments kept.
    Fmt(fmt::Arguments),
    /// Check that lockfiles are sound, and that the manifests beside them are those that they name.
    Verify(verify::Arguments),
}

pub(crate) fn run(command: Command) -> Result<Outcome, Diagnosis> {
    match command {
        Command::Show(arguments) => show::run(&arguments),
        Command::Set(arguments) => set::run(&arguments),
        Command::Id(arguments) => id::run(&arguments),
        Command::Fmt(arguments) => fmt::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
    }
}
