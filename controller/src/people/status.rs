//! What people and CI report of a proposed commit.

use promoter_core::pipeline::{Environment, GateRule};
use promoter_core::record::{CommitStatus, CommitStatuses, Record, StatusPhase};
use promoter_core::{CommitId, Diagnosis, Name, UnixSeconds, one_line};

use super::choose::{Where, proposed_head, records};
use super::{Change, Person};

/// A report: which check, how it went, and where there is more to read.
#[derive(Debug, Clone)]
pub struct Report<'a> {
    /// The check.
    pub name: &'a Name,
    /// The result.
    pub phase: StatusPhase,
    /// For people, one line; may be empty.
    pub description: &'a str,
    /// Where there is more to read.
    pub url: Option<&'a str>,
    /// The commit that was checked; by default the one that is proposed.
    pub commit: Option<&'a CommitId>,
}

impl Person {
    /// Reports how a check of the proposed commit of an environment went; its latest word counts.
    ///
    /// A report of a commit that is no longer proposed changes nothing, since nothing waits for it.
    /// Errors: nothing is proposed and no commit is named.
    pub fn report(
        &mut self,
        at: &Where<'_>,
        report: &Report<'_>,
        now: UnixSeconds,
    ) -> Result<String, Diagnosis> {
        let by = self.by();
        self.change_at(at, now, |target| {
            let environment = &target.environment.name;
            let proposed = proposed_head(target)?;
            let commit = match (report.commit, proposed) {
                (Some(commit), proposed) if proposed != Some(commit) => {
                    let short = &commit.as_str()[..10];
                    return Ok(Change::none(format!(
                        "{environment}: {short} is not proposed, nothing recorded"
                    )));
                }
                (_, Some(commit)) => commit.clone(),
                (_, None) => {
                    let cause = format!("nothing is proposed for `{environment}`");
                    return Err(Diagnosis::input("nothing-proposed", cause)
                        .hint("report when the controller has proposed something"));
                }
            };
            let known =
                records(target.seen)?.environments.get(environment).and_then(|it| it.statuses.get(&commit));
            let statuses = match known {
                Some(Ok(known)) => known.statuses.clone(),
                Some(Err(unread)) => return Err(Diagnosis::input("record-unreadable", unread)),
                None => Vec::new(),
            };
            let (name, phase) = (report.name, report.phase.as_str());
            let waits = waits_for(target.environment, name);
            let text = format!("{environment}: {name} {phase} for {}{waits}", &commit.as_str()[..10]);
            let mut record = CommitStatuses {
                pipeline: target.pipeline.name.clone(),
                environment: environment.clone(),
                commit,
                statuses,
            };
            record.put(CommitStatus {
                name: name.clone(),
                phase: report.phase,
                description: one_line(report.description),
                url: report.url.map(one_line).filter(|it| !it.is_empty()),
                by: by.clone(),
                at: now,
            });
            Ok(Change::write(Record::CommitStatuses(record), text))
        })
    }
}

/// Words for a name that no gate waits for: it may be a slip.
fn waits_for(environment: &Environment, name: &Name) -> String {
    let names = environment.gates.iter().filter_map(|it| match &it.rule {
        GateRule::CommitStatus(name) => Some(name),
        _ => None,
    });
    let names: Vec<&Name> = names.collect();
    if names.contains(&name) {
        return String::new();
    }
    let waited: Vec<&str> = names.iter().map(|it| it.as_str()).collect();
    match waited.is_empty() {
        true => ", no gate waits for it".into(),
        false => format!(", no gate waits for it; gates wait for {}", waited.join(", ")),
    }
}
