//! `promoter`: the command for people. Parses the command line, runs one command, ends with its exit code.
//!
//! Exit codes: 0 done, 1 the check found something, 2 the input is wrong, 3 something upstream failed, 70 a bug.

mod commands;
mod edge;
mod files;
mod table;
mod tree;

use clap::Parser;
use std::process::ExitCode;

/// GitOps promotion for Argo CD: one lockfile per environment, everything pinned, all state in Git.
#[derive(Parser)]
#[command(name = "promoter", version, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done; 1 the check found something; 2 the input is wrong; \
    3 something upstream failed, try again; 70 a bug in promoter.")]
struct CommandLine {
    #[command(subcommand)]
    command: commands::Command,
}

fn main() -> ExitCode {
    match commands::run(CommandLine::parse().command) {
        Ok(outcome) => outcome.into(),
        Err(diagnosis) => {
            edge::say(&diagnosis);
            diagnosis.fault.exit_code().into()
        }
    }
}
