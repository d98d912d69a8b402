//! Retention: removes the records of freight that nothing needs any more, so that the state branch does not grow for ever.
//!
//! What goes is older than the pipeline keeps, beyond the newest that it keeps, and older than all that runs; no lock, request
//! or rejection names it. Where one of those or a subscription could not be read, everything stays.

use super::draft::Draft;
use super::{Action, Removed, Subject};
use crate::facts::{Facts, Known};
use crate::observation::{Fact, Observation};
use crate::pipeline::Select;
use crate::record::{Age, EnvironmentRecords, path};
use crate::{FreightId, UnixSeconds};
use std::collections::BTreeSet;

/// How many files go at once: a commit that people can look at.
const FILES_MAX: usize = 200;

/// Forgets what is over. Comes last: what this plan writes or moves is kept.
pub(super) fn step(facts: &Facts<'_>, seen: &Observation, draft: &mut Draft) {
    let retention = facts.pipeline.freight.retention;
    let surplus = facts.freight.len().saturating_sub(retention.keep as usize);
    let before = UnixSeconds(draft.now().0.saturating_sub(i64::from(retention.span.0)));
    let old: Vec<&Known<'_>> =
        facts.freight[..surplus].iter().filter(|it| it.record.discovered.at < before).collect();
    if old.is_empty() || facts.freight.len() < facts.records.freight.len() || !is_whole(facts, seen) {
        return;
    }
    let Ok(needed) = Needed::of(facts, draft) else {
        return;
    };
    let mut gone: Vec<Removed> = Vec::new();
    let mut forgotten: Vec<&Known<'_>> = Vec::new();
    for known in old {
        // Ages only grow from here on.
        if needed.since.is_none_or(|it| it <= known.age) {
            break;
        }
        if needed.freight.contains(known.id) || remembered(facts, known.id, before) {
            continue;
        }
        let files = files_of(facts, known);
        if gone.len() + files.len() > FILES_MAX && !gone.is_empty() {
            break;
        }
        gone.extend(files);
        forgotten.push(known);
    }
    let Some(last) = forgotten.last() else {
        return;
    };
    let more = match forgotten.len() {
        1 => String::new(),
        count => format!(" and {} before it", count - 1),
    };
    let text = format!("forget {}{more}, kept for {}", last.id.alias(), retention.span);
    draft.moves(Subject::Freight, text);
    gone.into_iter().for_each(|it| draft.remove(it));
}

/// True when all that freight may be made of was read: what would be made again at once is not forgotten.
fn is_whole(facts: &Facts<'_>, seen: &Observation) -> bool {
    let mut others = facts.pipeline.subscriptions.iter().filter(|it| !it.origin.is_dry());
    seen.dry.is_ok() && others.all(|it| seen.artifacts.get(&it.name).is_some_and(Result::is_ok))
}

/// What is needed still.
struct Needed<'a> {
    freight: BTreeSet<&'a FreightId>,
    /// The age of the oldest that runs; `None` while nothing runs, or an environment waits for its first turn in a queue.
    since: Option<Age<'a>>,
}

impl<'a> Needed<'a> {
    fn of(facts: &'a Facts<'_>, draft: &'a Draft) -> Fact<Self> {
        let mut needed = Self { freight: draft.names(), since: None };
        let mut is_queued = false;
        for rules in &facts.pipeline.environments {
            let Some(standing) = facts.environment(&rules.name) else {
                continue;
            };
            let (active, proposed) = (standing.active.as_ref(), standing.proposed.as_ref());
            let (active, proposed) = (active.map_err(Clone::clone)?, proposed.map_err(Clone::clone)?);
            for locked in [active, proposed].into_iter().filter_map(|it| it.locked.as_ref()) {
                let previous = locked.lock.promotion.as_ref().and_then(|it| it.previous.as_ref());
                needed.freight.extend([Some(&locked.id), previous].into_iter().flatten());
            }
            if let Some(request) = standing.own.and_then(|it| it.request.as_ref()) {
                needed.freight.insert(&request.as_ref().map_err(Clone::clone)?.freight);
            }
            match &active.locked {
                Some(locked) => {
                    // What no record tells the age of may be as old as can be.
                    let Some(known) = facts.known(&locked.id) else {
                        is_queued = true;
                        continue;
                    };
                    needed.since = Some(needed.since.map_or(known.age, |it| it.min(known.age)));
                }
                None => is_queued |= rules.select == Select::Queue,
            }
        }
        needed.since = needed.since.filter(|_| !is_queued);
        Ok(needed)
    }
}

/// True when an environment, of this pipeline or of an earlier form of it, has something to remember of freight: that it is
/// rejected, that it was verified not long ago, or something that cannot be read.
fn remembered(facts: &Facts<'_>, id: &FreightId, before: UnixSeconds) -> bool {
    let of = |own: &EnvironmentRecords| {
        own.rejected.contains_key(id)
            || own.verified.get(id).is_some_and(|it| it.as_ref().map_or(true, |it| it.at >= before))
            || own.approved.get(id).is_some_and(Result::is_err)
            || own.reverify.get(id).is_some_and(Result::is_err)
    };
    facts.records.environments.values().any(of)
}

/// The files of one freight, its record first.
fn files_of(facts: &Facts<'_>, known: &Known<'_>) -> Vec<Removed> {
    let (pipeline, id) = (&facts.pipeline.name, known.id);
    let says = format!("freight {} {} of {} forgotten", id.alias(), id.short(), known.record.discovered.at);
    let mut files = vec![Removed { path: path::freight(pipeline, id), says }];
    for (name, own) in &facts.records.environments {
        let paths = [
            own.verified.contains_key(id).then(|| path::verified(pipeline, name, id)),
            own.approved.contains_key(id).then(|| path::approved(pipeline, name, id)),
            own.reverify.contains_key(id).then(|| path::reverify(pipeline, name, id)),
        ];
        // The sentence about the freight says it for all of its files.
        files.extend(paths.into_iter().flatten().map(|path| Removed { path, says: String::new() }));
    }
    files
}

impl Draft {
    /// Freight that the plan moves or writes of.
    fn names(&self) -> BTreeSet<&FreightId> {
        let moved = self.actions().iter().filter_map(|it| match it {
            Action::Propose(it) => Some(&it.freight),
            Action::Merge(it) => Some(&it.freight),
            Action::Withdraw(it) => Some(&it.freight),
            Action::Measure(it) => Some(&it.freight),
            Action::Record(_) | Action::SetHold(_) => None,
        });
        moved.chain(self.written()).chain(self.known()).collect()
    }
}
