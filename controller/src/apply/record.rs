//! Records: commits on the state branch.

use promoter_core::pipeline::Pipeline;
use promoter_core::plan::RecordAction;
use promoter_core::record::{Phase, Record, RequestAction, STATE_BRANCH};
use promoter_core::{CommitId, Diagnosis};
use promoter_render::hydrate::Trailer;

use super::Applied;
use super::commit::{Commit, Moves, file};
use super::git::Change;
use super::ready::{Prepared, Ready};
use super::trailers;
use crate::repository::Refs;

/// Records of one pipeline, to be written and removed.
#[derive(Debug)]
pub(super) struct RecordStep<'a> {
    pipeline: &'a Pipeline,
    changes: Vec<Change>,
    sentences: Vec<String>,
    trailers: Vec<Trailer>,
    pub(super) said: String,
}

/// Makes the texts.
pub(super) fn prepare<'a>(observed: &Refs, pipeline: &'a Pipeline, action: &RecordAction) -> Prepared<'a> {
    if observed.state() != action.expect_state.as_ref() {
        return Err(Applied::Stale.into());
    }
    let mut changes: Vec<Change> = action.write.iter().map(|it| file(it.path(), it.text())).collect();
    changes.extend(action.remove.iter().map(|it| Change::Remove { path: it.path.clone() }));
    let mut sentences: Vec<String> = action.write.iter().map(sentence).collect();
    sentences.extend(action.remove.iter().map(|it| it.says.clone()).filter(|it| !it.is_empty()));
    let said = sentences.join("; ");
    let trailers = action.write.iter().flat_map(|it| trailers_of(pipeline, it)).collect();
    Ok(Ready::Record(RecordStep { pipeline, changes, sentences, trailers, said }))
}

/// Makes one commit of the records of several pipelines, each of which has a folder of its own. The branch is made with
/// its first record.
pub(super) fn commit(
    steps: &[&RecordStep<'_>],
    head: Option<&CommitId>,
    moves: &mut Moves,
) -> Result<(), Diagnosis> {
    let message = match steps {
        [step] => {
            let subject = step.sentences.first().map_or("records", String::as_str);
            format!("{}: {subject}\n\n{}", step.pipeline.name, step.sentences.join("\n"))
        }
        steps => {
            let of = |step: &&RecordStep<'_>| {
                let name = &step.pipeline.name;
                step.sentences.iter().map(|it| format!("{name}: {it}\n")).collect::<String>()
            };
            let lines: String = steps.iter().map(of).collect();
            format!("records of {} pipelines\n\n{}", steps.len(), lines.trim_end())
        }
    };
    let trailers: Vec<Trailer> = steps.iter().flat_map(|it| it.trailers.iter().cloned()).collect();
    let message = match trailers.is_empty() {
        true => format!("{message}\n"),
        false => trailers::signed(&message, &trailers),
    };
    let changes: Vec<Change> = steps.iter().flat_map(|it| it.changes.iter().cloned()).collect();
    let parents: Vec<CommitId> = head.cloned().into_iter().collect();
    let commit =
        moves.commit(&Commit { base: head, changes: &changes, parents: &parents, message: &message })?;
    moves.branch(STATE_BRANCH, head, &commit);
    Ok(())
}

/// Who said it and why, for tools: of records that hold a person's word.
fn trailers_of(pipeline: &Pipeline, record: &Record) -> Vec<Trailer> {
    let (said, mut trailers) = match record {
        Record::Approvals(it) => {
            let Some(said) = it.approvals.last() else { return Vec::new() };
            (said, trailers::named(pipeline, &it.environment, &it.freight))
        }
        Record::Rejection(it) => (&it.rejected, trailers::named(pipeline, &it.environment, &it.freight)),
        Record::Reverification(it) => {
            (&it.requested, trailers::named(pipeline, &it.environment, &it.freight))
        }
        Record::Request(it) => (&it.requested, trailers::named(pipeline, &it.environment, &it.freight)),
        Record::Pause(it) => (&it.paused, vec![Trailer::new(Trailer::PIPELINE, pipeline.name.as_str())]),
        Record::CommitStatuses(it) => {
            let mut trailers = vec![
                Trailer::new(Trailer::ENVIRONMENT, it.environment.as_str()),
                Trailer::new(Trailer::PIPELINE, pipeline.name.as_str()),
            ];
            let latest = it.statuses.iter().max_by_key(|it| it.at);
            trailers.extend(trailers::asked(latest.map(|it| it.by.as_str()), None));
            return trailers;
        }
        Record::Freight(_) | Record::Verification(_) => return Vec::new(),
    };
    trailers.extend(trailers::asked(Some(&said.by), Some(&said.reason)));
    trailers
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
        Record::CommitStatuses(it) => {
            let words = it.statuses.iter().map(|it| format!("{} {}", it.name, it.phase.as_str()));
            let words: Vec<String> = words.collect();
            format!("{}: statuses of {}: {}", it.environment, &it.commit.as_str()[..10], words.join(", "))
        }
        Record::Reverification(it) => {
            let alias = it.freight.alias();
            format!("{}: {alias} is to be verified again, says {}", it.environment, it.requested.by)
        }
        Record::Request(it) => {
            let what = match it.action {
                RequestAction::Promote => "promotion of",
                RequestAction::Rollback => "rollback to",
                RequestAction::Hotfix => "hotfix with",
            };
            format!("{}: {what} {} requested by {}", it.environment, it.freight.alias(), it.requested.by)
        }
        Record::Pause(it) => {
            let until = it.until.map_or_else(String::new, |it| format!(" until {it}"));
            format!("paused{until} by {}: {}", it.paused.by, it.paused.reason)
        }
    }
}
