//! `promoter status` and `promoter explain`: what runs where, and why it does not move.

use super::repository::RepositoryOptions;
use crate::edge::{self, Format, Outcome};
use crate::table::columns;
use clap::Args;
use promoter_controller::observe::Seen;
use promoter_controller::run::now;
use promoter_core::gate::Verdict;
use promoter_core::observation::{EnvironmentSeen, Fact, Tip};
use promoter_core::pipeline::{Environment, Pipeline};
use promoter_core::plan::{GateStanding, Kind, Line, Plan, Standings, Subject, plan, standings};
use promoter_core::record::{Phase, Verified};
use promoter_core::{Diagnosis, Name, PromotionLock};
use serde::Serialize;

#[derive(Args)]
pub(crate) struct StatusArguments {
    #[command(flatten)]
    repository: RepositoryOptions,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

#[derive(Args)]
pub(crate) struct ExplainArguments {
    /// Environment
    environment: Name,
    #[command(flatten)]
    repository: RepositoryOptions,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// Prints what runs where.
pub(crate) fn status(arguments: &StatusArguments) -> Result<Outcome, Diagnosis> {
    let seen = arguments.repository.only(arguments.repository.person()?.observe()?)?;
    let views: Vec<PipelineView> = seen.pipelines.iter().map(|(it, _)| PipelineView::of(it, &seen)).collect();
    let status =
        StatusView { pipelines: views, findings: seen.findings.iter().map(ToString::to_string).collect() };
    edge::result(&match arguments.output {
        Format::Table => table(&status),
        Format::Json => edge::json(&status)?,
        Format::Yaml => edge::yaml(&status)?,
    })?;
    Ok(if status.findings.is_empty() { Outcome::Done } else { Outcome::Found })
}

/// Prints everything that is to be said of one environment.
pub(crate) fn explain(arguments: &ExplainArguments) -> Result<Outcome, Diagnosis> {
    let seen = arguments.repository.only(arguments.repository.person()?.observe()?)?;
    let at = arguments.repository.at(&arguments.environment);
    let (pipeline, _) = at.found(&seen)?;
    let view = PipelineView::of(pipeline, &seen);
    let Some(environment) =
        view.environments.into_iter().find(|it| it.name == arguments.environment.as_str())
    else {
        return Err(Diagnosis::bug("environment-unknown", "the environment was there a moment ago"));
    };
    edge::result(&match arguments.output {
        Format::Table => explained(&environment),
        Format::Json => edge::json(&environment)?,
        Format::Yaml => edge::yaml(&environment)?,
    })?;
    Ok(Outcome::Done)
}

/// What is said of an environment, and its gates in columns.
fn explained(environment: &EnvironmentView) -> String {
    let mut text: String = environment.lines.iter().map(|it| format!("{}\n", it.text)).collect();
    let Some(it) = &environment.gates else {
        return text;
    };
    let alias = &it.freight.alias;
    text.push_str(&match (&it.commit, &it.proposed_since) {
        (Some(commit), Some(since)) => {
            format!("gates for {alias}, proposed since {since} as {}:\n", &commit[..10])
        }
        _ => format!("gates for {alias}, which is not proposed:\n"),
    });
    let mut rows = vec![["GATE", "STATE", "WHAT", "NEEDS", "FROM"].map(String::from).to_vec()];
    for gate in &it.gates {
        let until = gate.until.as_ref().map_or_else(String::new, |it| format!(", open at {it}"));
        let policy = gate.policy.as_ref().map_or_else(String::new, |it| format!("policy {it}, "));
        let needs = if gate.needs.is_empty() { "-".to_owned() } else { gate.needs.clone() };
        rows.push(vec![
            gate.gate.clone(),
            gate.state.to_owned(),
            format!("{}{until}", gate.what),
            needs,
            format!("{policy}{}", gate.at),
        ]);
    }
    text + &columns(&rows)
}

fn table(status: &StatusView) -> String {
    let mut rows =
        vec![["PIPELINE", "ENVIRONMENT", "FREIGHT", "SINCE", "VERIFIED", "NEXT"].map(String::from).to_vec()];
    for pipeline in &status.pipelines {
        for it in &pipeline.environments {
            let freight = it.freight.as_ref().map_or_else(|| "-".to_owned(), |it| it.alias.clone());
            let held = if it.held.is_some() { " (held)" } else { "" };
            rows.push(vec![
                pipeline.name.clone(),
                it.name.clone(),
                format!("{freight}{held}"),
                it.since.clone().unwrap_or_else(|| "-".into()),
                it.verified.to_owned(),
                it.next.clone().unwrap_or_else(|| "-".into()),
            ]);
        }
    }
    let mut text = columns(&rows);
    for pipeline in &status.pipelines {
        for line in &pipeline.lines {
            text.push_str(&format!("{}: {}\n", pipeline.name, line.text));
        }
    }
    for finding in &status.findings {
        text.push_str(&format!("finding: {finding}\n"));
    }
    text
}

#[derive(Serialize)]
struct StatusView {
    pipelines: Vec<PipelineView>,
    findings: Vec<String>,
}

#[derive(Serialize)]
struct PipelineView {
    name: String,
    file: String,
    /// What is said of freight.
    lines: Vec<LineView>,
    environments: Vec<EnvironmentView>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EnvironmentView {
    name: String,
    branch: String,
    commit: Option<String>,
    freight: Option<FreightView>,
    since: Option<String>,
    /// `yes`, `failed` or `no`.
    verified: &'static str,
    held: Option<String>,
    proposed: Option<FreightView>,
    /// The one line that says what comes next or why nothing does.
    next: Option<String>,
    lines: Vec<LineView>,
    /// The gates for what comes next.
    #[serde(skip_serializing_if = "Option::is_none")]
    gates: Option<GatesView>,
}

/// The gates of an environment for one freight.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GatesView {
    freight: FreightView,
    /// The proposed commit that they are judged for.
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proposed_since: Option<String>,
    gates: Vec<GateView>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GateView {
    gate: String,
    /// `open`, `waiting` or `closed`.
    state: &'static str,
    what: String,
    /// When time alone opens it.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    /// What would open it.
    #[serde(skip_serializing_if = "String::is_empty")]
    needs: String,
    at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
}

impl GatesView {
    fn of(standings: Standings) -> Self {
        let Standings { freight, proposed, gates } = standings;
        let (commit, since) = proposed.unzip();
        Self {
            freight: FreightView { alias: freight.alias(), id: freight.to_string() },
            commit: commit.map(|it| it.to_string()),
            proposed_since: since.map(|it| it.to_string()),
            gates: gates.into_iter().map(GateView::of).collect(),
        }
    }
}

impl GateView {
    fn of(it: GateStanding) -> Self {
        let (state, what, until) = match it.verdict {
            Verdict::Open { how } => ("open", how, None),
            Verdict::Waiting { until, what } => ("waiting", what, until),
            Verdict::Closed { why } => ("closed", why, None),
        };
        Self {
            gate: it.gate,
            state,
            what,
            until: until.map(|it| it.to_string()),
            needs: it.needs,
            at: it.at.to_string(),
            policy: it.policy.map(|it| it.to_string()),
        }
    }
}

#[derive(Serialize)]
struct FreightView {
    id: String,
    alias: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LineView {
    kind: &'static str,
    text: String,
    look_at: Option<String>,
}

impl PipelineView {
    fn of(pipeline: &Pipeline, seen: &Seen) -> Self {
        let observation = seen.pipelines.iter().find(|(it, _)| it.name == pipeline.name).map(|(_, it)| it);
        let plan: Option<Plan> = observation.map(|it| plan(pipeline, it, now()));
        let lines = plan.map(|it| it.report).unwrap_or_default();
        let of = |wanted: &Subject| lines.iter().filter(|it| it.subject == *wanted).collect::<Vec<_>>();
        let environments = pipeline.environments.iter().map(|environment| {
            let about = of(&Subject::Environment(environment.name.clone()));
            let verified = observation
                .and_then(|it| it.state.as_ref().ok())
                .and_then(|it| it.records.environments.get(&environment.name));
            let mut view = EnvironmentView::of(environment, &about);
            if let Some(seen) = observation.and_then(|it| it.environments.get(&environment.name)) {
                view.saw(seen);
            }
            let gates = observation.and_then(|it| standings(pipeline, it, &environment.name, now()));
            view.gates = gates.filter(|it| !it.gates.is_empty()).map(GatesView::of);
            let lock = observation.and_then(|it| lock_of(&it.environments.get(&environment.name)?.active));
            let record = lock.and_then(|it| match verified?.verification(&it.freight.id()) {
                Verified::Known(record) => Some(record),
                Verified::Never | Verified::Unread(_) | Verified::AskedAgain(_) => None,
            });
            // A result from before the promotion belongs to an earlier stay.
            let since = lock.and_then(|it| it.promotion.as_ref()).map(|it| it.at);
            let phase = record.filter(|it| since.is_none_or(|since| it.at >= since)).map(|it| it.phase);
            view.verified = match phase {
                Some(Phase::Passed) => "yes",
                Some(Phase::Failed) => "failed",
                None => "no",
            };
            view
        });
        Self {
            name: pipeline.name.to_string(),
            file: pipeline.at.path.clone(),
            lines: of(&Subject::Freight).into_iter().map(LineView::of).collect(),
            environments: environments.collect(),
        }
    }
}

impl EnvironmentView {
    fn of(environment: &Environment, lines: &[&Line]) -> Self {
        // What it runs has its own columns; the first other line says what comes next.
        let next = lines.iter().find(|it| it.kind != Kind::Is).map(|it| it.text.clone());
        Self {
            name: environment.name.to_string(),
            branch: environment.active_branch.clone(),
            commit: None,
            freight: None,
            since: None,
            verified: "no",
            held: None,
            proposed: None,
            next,
            lines: lines.iter().map(|it| LineView::of(it)).collect(),
            gates: None,
        }
    }

    fn saw(&mut self, seen: &EnvironmentSeen) {
        self.commit = seen.active.as_ref().ok().and_then(|it| it.as_ref()).map(|it| it.commit.to_string());
        if let Some(lock) = lock_of(&seen.active) {
            self.freight = Some(FreightView::of(lock));
            self.since = lock.promotion.as_ref().map(|it| it.at.to_string());
            self.held = lock.hold.as_ref().map(|it| format!("by {}: {}", it.by, it.reason));
        }
        let proposed = lock_of(&seen.proposed).map(FreightView::of);
        self.proposed = proposed.filter(|it| self.freight.as_ref().is_none_or(|active| active.id != it.id));
    }
}

fn lock_of(tip: &Fact<Option<Tip>>) -> Option<&PromotionLock> {
    tip.as_ref().ok()?.as_ref()?.lock.as_ref().ok()?.as_ref()
}

impl FreightView {
    fn of(lock: &PromotionLock) -> Self {
        let id = lock.freight.id();
        Self { alias: id.alias(), id: id.to_string() }
    }
}

impl LineView {
    fn of(line: &Line) -> Self {
        Self {
            kind: line.kind.as_str(),
            text: line.to_string(),
            look_at: line.look.time().map(|it| it.to_string()),
        }
    }
}
