//! `promoter`: the command for people. Parses the command line, runs one command, ends with its exit code.
//!
//! Exit codes: 0 done, 1 the check found something, 2 the input is wrong, 3 something upstream failed, 70 a bug.

mod bases;
mod commands;
mod demo;
mod edge;
mod files;
mod ran;
mod table;
mod tree;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _, Parser};
use promoter_core::{Diagnosis, Fault};
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

/// The same with the frequent commands only: it takes memory and time to lay out what nobody asks for.
#[derive(Parser)]
#[command(name = "promoter", max_term_width = 100)]
struct FrequentLine {
    #[command(subcommand)]
    command: commands::Frequent,
}

fn main() -> ExitCode {
    let command = match parsed() {
        Ok(command) => command,
        Err(error) => return usage(&error),
    };
    match commands::run(command) {
        Ok(outcome) => outcome.into(),
        Err(diagnosis) => {
            edge::say(&diagnosis);
            diagnosis.fault.exit_code().into()
        }
    }
}

fn parsed() -> Result<commands::Command, clap::Error> {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    if let Some(plain) = commands::Command::plain(&words) {
        return Ok(plain);
    }
    let frequent = FrequentLine::command();
    if words.first().is_none_or(|it| frequent.find_subcommand(it).is_none()) {
        return CommandLine::try_parse().map(|it| it.command);
    }
    let matches = frequent.try_get_matches()?;
    FrequentLine::from_arg_matches(&matches).map(|it| commands::Command::Frequent(it.command))
}

/// Prints a help text as it is, and what is wrong with a command line as one line like every other message.
fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        error.exit();
    }
    let text = error.render().to_string();
    let mut causes = Vec::new();
    let mut hints = Vec::new();
    for line in text.lines().map(str::trim).filter(|it| !it.is_empty()) {
        if let Some(tip) = line.strip_prefix("tip: ") {
            hints.push(tip.to_owned());
        } else if let Some(usage) = line.strip_prefix("Usage: ") {
            hints.push(format!("write `{usage}`"));
        } else if !line.starts_with("For more information") {
            causes.push(line.strip_prefix("error: ").unwrap_or(line));
        }
    }
    let diagnosis = Diagnosis::input("command-line", causes.join(" "));
    edge::say(&match hints.is_empty() {
        true => diagnosis,
        false => diagnosis.hint(hints.join("; ")),
    });
    Fault::Input.exit_code().into()
}
