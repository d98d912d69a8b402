//! `promoter lint`: everything that is wrong with the pipelines of a branch and the Applications beside them, each with
//! its place.
//!
//! Decides how findings are told and what they are worth. What is looked at is `ground`'s, what is wrong with it the other
//! modules': each is a function of the ground.

mod applications;
mod ground;
mod pipelines;
mod places;
mod read;
mod renders;
mod walk;

use super::repository::RepositoryOptions;
use crate::edge::{self, Format, Outcome};
use clap::Args;
use ground::Ground;
use promoter_core::{Diagnosis, Fault};
use serde::Serialize;
use std::path::PathBuf;

#[derive(Args)]
#[command(after_help = "\
Looks at the dry branch of the repository, or with DIR at the files below a directory of this machine, such as a pull request's
that is checked out. Nothing is written anywhere.

Ends with 1 where it finds an error or a warning; with `--warn` where it finds an error. Notes are never a failure. Ends with 3
where nothing of that is found, but something could not be looked at: a server does not answer, or helm is not there.

Examples:
  promoter lint
  promoter lint . --warn -o json")]
pub(crate) struct LintArguments {
    /// Directory to look at, instead of the dry branch
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Warnings are no failure
    #[arg(long)]
    warn: bool,
    #[command(flatten)]
    repository: RepositoryOptions,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// A chart cannot be rendered on a machine without helm, whatever is in it.
const NO_HELM: &str = "helm-not-installed";

/// What a finding is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Severity {
    /// It does not work.
    Error,
    /// It works, and somebody will be sorry.
    Warning,
    /// It may be meant.
    Note,
}

/// What is wrong, and how bad that is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    severity: Severity,
    what: Diagnosis,
}

impl Finding {
    fn error(what: Diagnosis) -> Self {
        Self { severity: Severity::Error, what }
    }

    fn warning(what: Diagnosis) -> Self {
        Self { severity: Severity::Warning, what }
    }

    fn note(what: Diagnosis) -> Self {
        Self { severity: Severity::Note, what }
    }

    /// True when it says nothing of what is looked at: something else, or this machine, kept lint from looking.
    fn is_unseen(&self) -> bool {
        self.what.fault == Fault::Upstream || self.what.code == NO_HELM
    }

    fn line(&self) -> String {
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        format!("{word}: {}\n", self.what)
    }
}

#[derive(Serialize)]
struct Shown {
    severity: Severity,
    code: &'static str,
    cause: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl From<&Finding> for Shown {
    fn from(finding: &Finding) -> Self {
        let what = &finding.what;
        Self {
            severity: finding.severity,
            code: what.code,
            cause: what.cause.clone(),
            at: what.at.as_ref().map(ToString::to_string),
            hint: what.hint.clone(),
        }
    }
}

/// Prints findings, errors first.
pub(crate) fn run(arguments: &LintArguments) -> Result<Outcome, Diagnosis> {
    let ground = match &arguments.directory {
        Some(directory) => Ground::of_directory(directory, &arguments.repository)?,
        None => Ground::of_repository(&arguments.repository)?,
    };
    let findings = findings(&ground);
    edge::result(&match arguments.output {
        Format::Table => findings.iter().map(Finding::line).collect(),
        Format::Json => edge::json(&shown(&findings))?,
        Format::Yaml => edge::yaml(&shown(&findings))?,
    })?;
    Ok(outcome(&findings, arguments.warn))
}

/// What was found outweighs what could not be looked at.
fn outcome(findings: &[Finding], only_errors: bool) -> Outcome {
    let fails = if only_errors { Severity::Error } else { Severity::Warning };
    let (unseen, seen): (Vec<&Finding>, Vec<&Finding>) = findings.iter().partition(|it| it.is_unseen());
    match seen.iter().any(|it| it.severity <= fails) {
        true => Outcome::Found,
        false if unseen.is_empty() => Outcome::Done,
        false => Outcome::Unknown(Fault::Upstream),
    }
}

fn shown(findings: &[Finding]) -> Vec<Shown> {
    findings.iter().map(Shown::from).collect()
}

fn findings(ground: &Ground) -> Vec<Finding> {
    let mut findings: Vec<Finding> = ground.findings.iter().cloned().map(Finding::error).collect();
    findings.extend(renders::findings(ground));
    findings.extend(pipelines::findings(ground));
    findings.extend(ground.walked.applications.iter().flat_map(applications::findings));
    findings.extend(places::findings(ground));
    // One line for what two looks found alike; else in the order in which they were found.
    let mut told = Vec::new();
    for finding in findings {
        if !told.contains(&finding) {
            told.push(finding);
        }
    }
    told.sort_by_key(|it| it.severity);
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_outweighs_what_could_not_be_looked_at() {
        let error = || Finding::error(Diagnosis::input("source-missing", "no"));
        let warning = || Finding::warning(Diagnosis::input("lint-no-gate", "no"));
        let away = || Finding::error(Diagnosis::upstream("git-unreachable", "no"));
        let no_helm = || Finding::error(Diagnosis::input("helm-not-installed", "no"));
        let unknown = Outcome::Unknown(Fault::Upstream);
        for (findings, strict, mild) in [
            (vec![], Outcome::Done, Outcome::Done),
            (vec![error()], Outcome::Found, Outcome::Found),
            (vec![warning()], Outcome::Found, Outcome::Done),
            (vec![away()], unknown, unknown),
            (vec![no_helm()], unknown, unknown),
            (vec![away(), warning()], Outcome::Found, unknown),
            (vec![no_helm(), error()], Outcome::Found, Outcome::Found),
        ] {
            assert_eq!((outcome(&findings, false), outcome(&findings, true)), (strict, mild), "{findings:?}");
        }
    }
}
