//! `promoter policy explain`: the rules that hold for each environment, and where each comes from.

use super::repository::RepositoryOptions;
use crate::edge::{self, Format, Outcome};
use crate::table::columns;
use clap::{Args, Subcommand};
use promoter_controller::observe::UnderPolicy;
use promoter_core::pipeline::{Environment, Pipeline};
use promoter_core::policy::Violation;
use promoter_core::{Diagnosis, Name};
use serde::Serialize;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show the rules that hold for environments, and where each comes from.
    Explain(ExplainArguments),
}

#[derive(Args)]
pub(crate) struct ExplainArguments {
    /// Environment; all of them unless given
    environment: Option<Name>,
    #[command(flatten)]
    repository: RepositoryOptions,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub(crate) fn run(command: &Command) -> Result<Outcome, Diagnosis> {
    let Command::Explain(arguments) = command;
    let mut person = arguments.repository.person()?;
    let seen = arguments.repository.only(person.observe_unrendered()?)?;
    if let Some(name) = &arguments.environment {
        arguments.repository.at(name).found(&seen)?;
    }
    let findings = &seen.findings;
    let under: Vec<UnderPolicy<'_>> = person.under_policy().collect();
    let mut all = Vec::new();
    for (pipeline, seen) in &seen.pipelines {
        if let Err(unread) = &seen.policy {
            // What is wrong with it is a finding of the same look, with a code and place of its own.
            let finding = findings.iter().find(|it| it.to_string() == unread.why).cloned();
            return Err(finding.unwrap_or_else(|| Diagnosis::upstream("policy-unreadable", unread)));
        }
        let under = under.iter().find(|it| it.written.name == pipeline.name);
        let wanted = |it: &&Environment| arguments.environment.as_ref().is_none_or(|name| it.name == *name);
        all.extend(
            pipeline.environments.iter().filter(wanted).map(|it| EnvironmentRules::of(pipeline, it, under)),
        );
    }
    edge::result(&match arguments.output {
        Format::Table => table(&all),
        Format::Json => edge::json(&all)?,
        Format::Yaml => edge::yaml(&all)?,
    })?;
    Ok(Outcome::Done)
}

#[derive(Serialize)]
struct EnvironmentRules {
    pipeline: String,
    environment: String,
    rules: Vec<RuleView>,
}

/// One thing that holds.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleView {
    field: String,
    value: String,
    /// True for a gate that holds for hotfixes too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    required: bool,
    /// The rule of the policy that it comes from; absent where the pipeline says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    /// Where that stands.
    at: String,
    /// What the pipeline says instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<String>,
}

impl EnvironmentRules {
    fn of(pipeline: &Pipeline, holds: &Environment, under: Option<&UnderPolicy<'_>>) -> Self {
        let written = under.and_then(|it| it.written.environment(&holds.name)).unwrap_or(holds);
        let raised = |field: &str| -> Option<&Violation> {
            let mut all = under?.violations.iter().rev();
            all.find(|it| it.environment == holds.name && it.field == field)
        };
        let plain = |field: &'static str, value: String, written: String| {
            let by = raised(field).filter(|_| value != written);
            RuleView {
                field: field.into(),
                required: false,
                policy: by.map(|it| it.rule.to_string()),
                at: by.map_or(&holds.at, |it| &it.rule_at).to_string(),
                written: by.is_some().then_some(written),
                value,
            }
        };
        let secrets = |it: &Environment| it.render.allow_secrets.join(", ");
        let empty = |it: &Environment| it.render.allow_empty.to_string();
        let mut rules = vec![
            plain("after", holds.after.to_string(), written.after.to_string()),
            plain("promotion", holds.promotion.as_str().into(), written.promotion.as_str().into()),
            plain("onFailure", holds.on_failure.as_str().into(), written.on_failure.as_str().into()),
            plain("render.allowEmpty", empty(holds), empty(written)),
            plain("render.allowSecrets", secrets(holds), secrets(written)),
        ];
        rules.retain(|it| it.policy.is_some() || !matches!(it.value.as_str(), "" | "false" | "none"));
        rules.extend(holds.gates.iter().map(|gate| RuleView {
            field: "gate".into(),
            value: gate.rule.to_string(),
            required: gate.required,
            policy: gate.policy.as_ref().map(Name::to_string),
            at: gate.at.to_string(),
            written: None,
        }));
        Self { pipeline: pipeline.name.to_string(), environment: holds.name.to_string(), rules }
    }
}

fn table(all: &[EnvironmentRules]) -> String {
    let mut rows = vec![["PIPELINE", "ENVIRONMENT", "RULE", "VALUE", "FROM"].map(String::from).to_vec()];
    for it in all {
        for rule in &it.rules {
            let policy = rule.policy.as_ref().map_or_else(String::new, |it| format!("policy {it}, "));
            let written = rule.written.as_ref().map_or_else(String::new, |it| {
                format!(", instead of {}", if it.is_empty() { "nothing" } else { it })
            });
            let value = format!("{}{}", rule.value, if rule.required { " (required)" } else { "" });
            let from = format!("{policy}{}{written}", rule.at);
            rows.push(vec![it.pipeline.clone(), it.environment.clone(), rule.field.clone(), value, from]);
        }
    }
    columns(&rows)
}
