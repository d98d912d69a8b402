//! Records: commits on the state branch.

use promoter_core::pipeline::Pipeline;
use promoter_core::plan::RecordAction;
use promoter_core::record::{Phase, Record, RequestAction, STATE_BRANCH, path};
use promoter_core::{Diagnosis, UnixSeconds};

use super::Applied;
use super::commit::{Commit, Moves, file};
use super::git::Change;
use crate::repository::{Refs, Repository};

/// Writes and removes records in one commit. The branch is made with its first record.
pub fn record(
    repository: &Repository,
    refs: &mut Refs,
    pipeline: &Pipeline,
    action: &RecordAction,
    now: UnixSeconds,
) -> Result<Applied, Diagnosis> {
    let head = action.expect_state.as_ref();
    if refs.branch(STATE_BRANCH) != head {
        return Ok(Applied::Stale);
    }
    let mut changes: Vec<Change> = action.write.iter().map(|it| file(it.path(), it.text())).collect();
    let closed = action.close.iter().map(|it| path::requested(&pipeline.name, &it.environment));
    changes.extend(closed.map(|path| Change::Remove { path }));
    let mut said: Vec<String> = action.write.iter().map(sentence).collect();
    said.extend(action.close.iter().map(|it| format!("{}: request closed ({})", it.environment, it.why)));
    let text = said.join("; ");
    let subject = said.first().map_or("records", String::as_str);
    let message = format!("{}: {subject}\n\n{}\n", pipeline.name, said.join("\n"));
    let mut moves = Moves::new(repository, now);
    let parents = head.cloned().into_iter().collect();
    let commit = moves.commit(&Commit { base: head, changes, parents, message })?;
    moves.branch(STATE_BRANCH, head, &commit);
    moves.push(refs, text)
}

/// What a record says, on one line.
fn sentence(record: &Record) -> String {
    match record {
        Record::Freight(it) => {
            let id = it.freight.id();
            format!("freight {} {} from {}", id.alias(), id.short(), it.discovered.by)
        }
        Record::Verification(it) => {
            let alias = it.freight.alias();
            match it.phase {
                // A record that is later than its run began closes the run: the freight leaves.
                Phase::Passed if it.at > it.since => {
                    format!("{}: {alias} was verified until {}", it.environment, it.at)
                }
                Phase::Passed => format!("{}: {alias} verified ({})", it.environment, it.message),
                Phase::Failed => format!("{}: {alias} failed verification ({})", it.environment, it.message),
            }
        }
        Record::Approvals(it) => {
            let who: Vec<&str> = it.approvals.iter().map(|it| it.by.as_str()).collect();
            format!("{}: {} approved by {}", it.environment, it.freight.alias(), who.join(", "))
        }
        Record::Rejection(it) => {
            format!("{}: {} rejected by {}", it.environment, it.freight.alias(), it.rejected.by)
        }
        Record::Request(it) => {
            let what = match it.action {
                RequestAction::Promote => "promotion of",
                RequestAction::Rollback => "rollback to",
                RequestAction::Hotfix => "hotfix with",
            };
            format!("{}: {what} {} requested by {}", it.environment, it.freight.alias(), it.requested.by)
        }
    }
}
