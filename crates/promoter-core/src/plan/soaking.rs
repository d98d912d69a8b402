//! Freight that soaks here for an environment after this one is not displaced by newer freight: else an environment that
//! takes something new every hour would starve one that wants a day.
//!
//! Where a person merges, the person decides, and a request is stronger too.

use super::here::Here;
use crate::eligibility::{Eligibility, acceptable};
use crate::gate::soaking_until;
use crate::pipeline::{Environment, PromotionMode, Select, Soaking};
use crate::{FreightId, Name, UnixSeconds};
use std::fmt;

/// What is kept, for whom and until when.
pub(super) struct Kept {
    pub(super) alias: String,
    pub(super) until: UnixSeconds,
    next: Name,
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "soaks here for {} and", self.next)
    }
}

/// The environment that waits for what is active here to have soaked; of several the one that waits longest.
pub(super) fn kept_for(here: Here<'_, '_>) -> Option<Kept> {
    let rules = here.rules();
    if rules.soaking == Soaking::Displace || rules.promotion == PromotionMode::PullRequest {
        return None;
    }
    let id = &here.locked()?.id;
    let next = here.facts.followers(&rules.name).iter().copied();
    let kept = next.filter(|it| wants(here, it, id)).filter_map(|it| {
        let until = soaking_until(id, &rules.name, it, here.facts, here.now)?;
        Some(Kept { alias: id.alias(), until, next: it.name.clone() })
    });
    kept.max_by_key(|it| it.until)
}

/// True when automation would bring freight into an environment once its gates open: it is older than that, and moves.
fn wants(here: Here<'_, '_>, next: &Environment, id: &FreightId) -> bool {
    if next.select == Select::Manual || acceptable(id, next, here.facts, here.now) != Eligibility::Ready {
        return false;
    }
    let active = here.facts.environment(&next.name).and_then(|it| it.active.as_ref().ok());
    let Some(locked) = active.and_then(|it| it.locked.as_ref()) else {
        return true;
    };
    let (active, kept) = (here.facts.known(&locked.id), here.facts.known(id));
    let newer = active.zip(kept).is_some_and(|(active, kept)| active.age < kept.age);
    locked.lock.hold.is_none() && newer
}
