//! Makes freight: from a new head of the dry branch, and for locks that people wrote.

use super::draft::Draft;
use super::{Look, Subject};
use crate::facts::Facts;
use crate::observation::{Dry, DryRender, Fact, Observation};
use crate::record::{BY_GIT, BY_LOCK, Discovered, FreightRecord, Record};
use crate::{CommitId, FreightId};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn step(facts: &Facts<'_>, seen: &Observation, draft: &mut Draft) {
    let found = from_git(facts, seen, draft);
    adopt(facts, found.as_ref(), draft);
}

/// Records freight of a new dry head, and says why not.
fn from_git(facts: &Facts<'_>, seen: &Observation, draft: &mut Draft) -> Option<FreightId> {
    let (dry, newest) = match both(&seen.dry, facts.records.newest()) {
        Ok(read) => read,
        Err(unread) => {
            draft.waits(Subject::Freight, &unread.to_string(), Look::Poll);
            return None;
        }
    };
    let head = short(&dry.head);
    match &dry.render {
        DryRender::Same => {
            let like =
                newest.map_or_else(|| "before".into(), |it| format!("{} does", it.freight.id().alias()));
            draft.stays(Subject::Freight, format!("nothing new, {head} renders as {like}"));
            return None;
        }
        DryRender::Broken { environment, why } => {
            let what = format!("no freight is made of {head}: {environment} does not render: {why}");
            draft.waits(Subject::Freight, &what, Look::Poll);
            return None;
        }
        DryRender::Differs => {}
    }
    let freight = match facts.pipeline.assemble(&seen.repository, &dry.pin, newest, &[]) {
        Ok(freight) => freight,
        Err(missing) => {
            draft.waits(Subject::Freight, &format!("no freight is made of {head}: {missing}"), Look::Poll);
            return None;
        }
    };
    let id = freight.id();
    if facts.records.freight.contains_key(&id) {
        draft.stays(Subject::Freight, format!("nothing new, {head} gives {}, which is known", id.alias()));
        return None;
    }
    draft.moves(Subject::Freight, format!("record {} from {}", id.alias(), short(&dry.pin)));
    let at = facts.records.next_discovery(draft.now());
    let discovered = Discovered { at, by: BY_GIT.into(), author: dry.author.clone() };
    draft.record(Record::Freight(FreightRecord {
        pipeline: facts.pipeline.name.clone(),
        freight,
        discovered,
        about: BTreeMap::new(),
    }));
    Some(id)
}

/// Records freight that stands in an active lock and nowhere else: someone wrote it there, or the records were lost.
///
/// It is younger than all that is recorded, so that automation does not go back behind it, and it is marked so that
/// automation proposes it nowhere else.
fn adopt(facts: &Facts<'_>, found: Option<&FreightId>, draft: &mut Draft) {
    let mut adopted: BTreeSet<&FreightId> = BTreeSet::new();
    for rules in &facts.pipeline.environments {
        let standing = facts.environment(&rules.name);
        let Some(locked) = standing.and_then(|it| it.active.as_ref().ok()?.locked.as_ref()) else {
            continue;
        };
        let known = facts.records.freight.contains_key(&locked.id) || found == Some(&locked.id);
        if known || !adopted.insert(&locked.id) {
            continue;
        }
        let at = facts.records.next_discovery(draft.now());
        let discovered = Discovered { at, by: BY_LOCK.into(), author: None };
        draft
            .moves(Subject::Freight, format!("record {} from the lock of {}", locked.id.alias(), rules.name));
        draft.record(Record::Freight(FreightRecord {
            pipeline: facts.pipeline.name.clone(),
            freight: locked.lock.freight.clone(),
            discovered,
            about: BTreeMap::new(),
        }));
    }
}

fn both<'a>(
    dry: &'a Fact<Dry>,
    newest: Fact<Option<&'a FreightRecord>>,
) -> Fact<(&'a Dry, Option<&'a FreightRecord>)> {
    Ok((dry.as_ref().map_err(Clone::clone)?, newest?))
}

/// The first digits of a commit, for people.
fn short(commit: &CommitId) -> &str {
    &commit.as_str()[..10]
}
