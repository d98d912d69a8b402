//! Which freight automation brings in next: newer than what the environment runs, never older.

use super::here::Here;
use super::verify;
use crate::UnixSeconds;
use crate::eligibility::{Eligibility, eligible};
use crate::facts::Known;
use crate::pipeline::Select;
use crate::record::BY_LOCK;

/// The answer.
pub(super) enum Choice<'a> {
    /// This.
    Take(Known<'a>),
    /// Nothing yet, and what is proposed stays proposed.
    Wait {
        /// For what.
        what: String,
    },
    /// Nothing, and nothing is to stay proposed.
    Nothing {
        /// What keeps newer freight out; `None` when there is none.
        why: Option<String>,
    },
}

pub(super) fn step<'a>(here: Here<'_, 'a>) -> Choice<'a> {
    let newer = match newer(here) {
        Ok(newer) => newer,
        Err(what) => return Choice::Wait { what },
    };
    let candidates = || newer.iter().filter(|it| it.record.discovered.by != BY_LOCK).copied();
    let Some(newest) = candidates().next_back() else {
        return Choice::Nothing { why: None };
    };
    match here.rules().select {
        Select::Manual => manual(here, newest),
        Select::Newest => first(here, candidates().rev()),
        Select::Queue => match here.locked() {
            Some(locked) if verify::is_pending(here, locked) => {
                let alias = locked.id.alias();
                Choice::Wait { what: format!("{alias} is verified first, then the next in the queue") }
            }
            _ => queue(here, candidates()),
        },
    }
}

/// The newest freight that automation might bring in some day.
pub(super) fn newest<'a>(here: Here<'_, 'a>) -> Option<Known<'a>> {
    newer(here).ok()?.iter().rfind(|it| it.record.discovered.by != BY_LOCK).copied()
}

/// Freight younger than the active, oldest first. `Err` while the age of the active is not known.
fn newer<'p, 'a>(here: Here<'p, 'a>) -> Result<&'p [Known<'a>], String> {
    let facts = here.facts;
    let Some(locked) = here.locked() else {
        return Ok(&facts.freight);
    };
    match facts.records.freight.get(&locked.id) {
        Some(Ok(record)) => {
            let age = record.age(&locked.id);
            let start = facts.freight.partition_point(|it| it.age <= age);
            Ok(facts.freight.get(start..).unwrap_or_default())
        }
        Some(Err(unread)) => Err(unread.to_string()),
        None => Err(format!("the age of {} is not recorded yet", locked.id.alias())),
    }
}

/// The newest that is ready; while none is, the one that is ready first, of several the newest: what soaks is not
/// displaced by what would have to soak longer. From new to old.
fn first<'a>(here: Here<'_, 'a>, candidates: impl Iterator<Item = Known<'a>>) -> Choice<'a> {
    let open = here.standing.proposed.as_ref().ok().and_then(|it| it.locked.as_ref()).map(|it| &it.id);
    let mut timed: Option<(UnixSeconds, Known<'a>)> = None;
    let (mut unknown, mut blocked) = (None, None);
    for known in candidates {
        let alias = || known.id.alias();
        match eligible(known.id, here.rules(), here.facts, here.now) {
            Eligibility::Ready => return Choice::Take(known),
            Eligibility::NotUntil { until, .. } if timed.is_none_or(|(first, _)| until < first) => {
                timed = Some((until, known));
            }
            Eligibility::NotUntil { .. } => {}
            Eligibility::Unknown(why) => {
                let what = format!("{} {}", alias(), why.join(", "));
                // What is proposed does not give way to older freight because something was not read.
                if open == Some(known.id) {
                    return timed.map_or(Choice::Wait { what }, |(_, known)| Choice::Take(known));
                }
                unknown = unknown.or(Some(what));
            }
            Eligibility::Blocked(why) => {
                blocked = blocked.or_else(|| Some(format!("{} {}", alias(), why.join(", "))));
            }
        }
    }
    match (timed, unknown, blocked) {
        (Some((_, known)), _, _) => Choice::Take(known),
        (None, Some(what), _) => Choice::Wait { what },
        (None, None, why) => Choice::Nothing { why },
    }
}

/// The oldest that is not blocked. From old to new.
fn queue<'a>(here: Here<'_, 'a>, candidates: impl Iterator<Item = Known<'a>>) -> Choice<'a> {
    let mut blocked = None;
    for known in candidates {
        let alias = known.id.alias();
        match eligible(known.id, here.rules(), here.facts, here.now) {
            Eligibility::Ready | Eligibility::NotUntil { .. } => return Choice::Take(known),
            Eligibility::Unknown(why) => return Choice::Wait { what: format!("{alias} {}", why.join(", ")) },
            Eligibility::Blocked(why) => blocked = Some(format!("{alias} {}", why.join(", "))),
        }
    }
    Choice::Nothing { why: blocked }
}

/// Nothing without a request; the words say what could be asked for.
fn manual<'a>(here: Here<'_, 'a>, newest: Known<'a>) -> Choice<'a> {
    let alias = newest.id.alias();
    let why = match eligible(newest.id, here.rules(), here.facts, here.now) {
        Eligibility::Ready => format!("{alias} can be asked for with `promoter promote`"),
        Eligibility::NotUntil { until, what } => {
            format!("{alias} can be asked for with `promoter promote`, ready at {until}: {what}")
        }
        Eligibility::Unknown(why) | Eligibility::Blocked(why) => format!("{alias} {}", why.join(", ")),
    };
    Choice::Nothing { why: Some(why) }
}
