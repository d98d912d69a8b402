//! What Argo CD's Applications say of an environment: one table, asked from top to bottom.
//!
//! | seen | answer |
//! | --- | --- |
//! | a sync is asked for, or under way | waits |
//! | a sync ended, and Argo CD has not compared since | waits: health and revision may be those from before |
//! | the last sync of what was promoted failed | fails |
//! | the condition `ComparisonError` or `InvalidSpecError` | fails |
//! | no source of the pipeline's repository | fails |
//! | it does not run what was promoted yet | waits |
//! | it is not `Synced`, and no sync of what was promoted has succeeded | waits |
//! | health `Healthy` | passes |
//! | health `Degraded`, `Missing` | fails |
//! | any other health | waits |

use super::Answer;
use crate::{GitUrl, UnixSeconds};

/// One Application, as far as it matters here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Application {
    /// Its name.
    pub name: String,
    /// Its sources, with the revision of each that was compared last.
    pub sources: Vec<Source>,
    /// `Synced`, `OutOfSync`, `Unknown`; empty before the first comparison.
    pub sync: String,
    /// `Healthy`, `Progressing`, …; empty before the first comparison.
    pub health: String,
    /// Why, if Argo CD says.
    pub health_message: String,
    /// True when a sync is asked for that has not begun.
    pub is_asked_to_sync: bool,
    /// The last sync, or the one under way.
    pub operation: Option<Operation>,
    /// When it was compared last.
    pub reconciled_at: Option<UnixSeconds>,
    /// Conditions: type and message.
    pub conditions: Vec<(String, String)>,
}

/// One source of an Application.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// The repository's address as people wrote it.
    pub repo_url: String,
    /// The revision that was compared; empty before the first comparison.
    pub revision: String,
}

/// One sync.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Operation {
    /// `Running`, `Terminating`, `Succeeded`, `Failed`, `Error`.
    pub phase: String,
    /// In Argo CD's words.
    pub message: String,
    /// When it ended.
    pub finished_at: Option<UnixSeconds>,
    /// What it brought, in the order of the sources.
    pub revisions: Vec<String>,
}

/// Whether a revision holds what was promoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holds {
    /// It does: the environment is there as it was promoted.
    Yes,
    /// It holds something else of it.
    No,
    /// It could not be read, and why.
    Unknown(String),
}

/// Judges one Application. `holds` is asked about revisions of `repository`.
pub fn judge(app: &Application, repository: &GitUrl, holds: impl Fn(&str) -> Holds) -> Answer {
    let waits = |what: String| Answer::Waiting(what);
    if let Some(what) = unsettled(app) {
        return waits(what);
    }
    let is_ours = |source: &Source| {
        source.repo_url.parse::<GitUrl>().is_ok_and(|it| it.normal() == repository.normal())
    };
    let operation = app.operation.as_ref();
    let brought = |index: usize| operation.and_then(|it| it.revisions.get(index));
    let ours: Vec<(usize, &Source)> = app.sources.iter().enumerate().filter(|(_, it)| is_ours(it)).collect();
    let synced = ours.iter().any(|(index, _)| brought(*index).is_some_and(|it| holds(it) == Holds::Yes));
    if let Some(failed) = operation.filter(|it| synced && matches!(&*it.phase, "Failed" | "Error")) {
        return Answer::Failed(format!("its sync failed: {}", failed.message));
    }
    let is_error = |kind: &str| matches!(kind, "ComparisonError" | "InvalidSpecError");
    if let Some((kind, message)) = app.conditions.iter().find(|(kind, _)| is_error(kind)) {
        return Answer::Failed(format!("{kind}: {message}"));
    }
    if ours.is_empty() {
        return Answer::Failed(format!("it has no source of {repository}"));
    }
    if let Some(what) = elsewhere(&ours, holds) {
        return waits(what);
    }
    let succeeded = synced && operation.is_some_and(|it| it.phase == "Succeeded");
    if app.sync != "Synced" && !succeeded {
        return waits(format!("it is {}", said(&app.sync)));
    }
    let why = if app.health_message.is_empty() { String::new() } else { format!(": {}", app.health_message) };
    match app.health.as_str() {
        "Healthy" => Answer::Passed,
        "Degraded" | "Missing" => Answer::Failed(format!("it is {}{why}", app.health)),
        health => waits(format!("it is {}{why}", said(health))),
    }
}

/// Why health and revision may not be those of now.
fn unsettled(app: &Application) -> Option<String> {
    let syncing = || Some("it is syncing".to_owned());
    if app.is_asked_to_sync {
        return syncing();
    }
    let operation = app.operation.as_ref()?;
    let Some(finished) = operation.finished_at else {
        return syncing();
    };
    let compared = app.reconciled_at.is_some_and(|it| it >= finished);
    (!compared).then(|| "Argo CD has not compared it since its last sync".into())
}

/// Why none of several sources holds what was promoted; `None` when one does. A source of the same repository may stand
/// at another branch, for its values.
fn elsewhere(ours: &[(usize, &Source)], holds: impl Fn(&str) -> Holds) -> Option<String> {
    let mut words = None;
    for (_, source) in ours {
        let what = match (source.revision.as_str(), holds(&source.revision)) {
            ("", _) => "Argo CD has not compared it yet".to_owned(),
            (_, Holds::Yes) => return None,
            (revision, Holds::No) => format!("it is at {}, not at what was promoted", short(revision)),
            (revision, Holds::Unknown(why)) => format!("{} could not be read: {why}", short(revision)),
        };
        words = words.or(Some(what));
    }
    words
}

fn short(revision: &str) -> &str {
    revision.get(..10).unwrap_or(revision)
}

fn said(word: &str) -> &str {
    if word.is_empty() { "not known to Argo CD yet" } else { word }
}

/// The worst of several answers, with the name of its Application. Without any it waits: `nothing` says what was looked for.
pub fn worst(answers: Vec<(String, Answer)>, nothing: String) -> Answer {
    let rank = |answer: &Answer| match answer {
        Answer::Passed => 0,
        Answer::Waiting(_) => 1,
        Answer::Failed(_) => 2,
    };
    let count = answers.len();
    // Of several that are as bad, the first by name, so that the words stay the same.
    let worst = answers.into_iter().reduce(|a, b| match rank(&b.1).cmp(&rank(&a.1)) {
        std::cmp::Ordering::Greater => b,
        std::cmp::Ordering::Equal if b.0 < a.0 => b,
        _ => a,
    });
    let of = if count > 1 { format!(" (of {count} Applications)") } else { String::new() };
    match worst {
        None => Answer::Waiting(nothing),
        Some((_, Answer::Passed)) => Answer::Passed,
        Some((name, Answer::Waiting(what))) => Answer::Waiting(format!("{name}: {what}{of}")),
        Some((name, Answer::Failed(why))) => Answer::Failed(format!("{name}: {why}{of}")),
    }
}
