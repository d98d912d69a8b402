//! `promoter lint`: everything that is wrong with the pipelines of a branch, each with its place.

use super::repository::RepositoryOptions;
use crate::edge::{self, Format, Outcome};
use clap::Args;
use promoter_core::Diagnosis;
use serde::Serialize;

#[derive(Args)]
pub(crate) struct LintArguments {
    #[command(flatten)]
    repository: RepositoryOptions,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

#[derive(Serialize)]
struct Finding {
    code: &'static str,
    cause: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// Prints findings: files that are no pipelines, contradictions, expressions that are none, violations of the policy.
pub(crate) fn run(arguments: &LintArguments) -> Result<Outcome, Diagnosis> {
    let seen = arguments.repository.person()?.observe_unrendered()?;
    let findings: Vec<Finding> = seen
        .findings
        .iter()
        .map(|it| Finding {
            code: it.code,
            cause: it.cause.clone(),
            at: it.at.as_ref().map(ToString::to_string),
            hint: it.hint.clone(),
        })
        .collect();
    edge::result(&match arguments.output {
        Format::Table => seen.findings.iter().map(|it| format!("{it}\n")).collect(),
        Format::Json => edge::json(&findings)?,
        Format::Yaml => edge::yaml(&findings)?,
    })?;
    Ok(if findings.is_empty() { Outcome::Done } else { Outcome::Found })
}
