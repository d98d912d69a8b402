//! Apps of a group that an environment does not have yet: they come in with the freight that it runs, unless newer freight
//! comes anyway. Its lock stays as it is, so that nothing else changes and what was verified stays verified.

use super::draft::Draft;
use super::environment::Target;
use super::here::Here;
use super::{Kind, Look};
use crate::Name;
use crate::eligibility::{Eligibility, admissible};
use crate::facts::Branch;

/// Says what of a group is missing, and what is too much.
pub(super) fn says(here: Here<'_, '_>, draft: &mut Draft) {
    let Some(apps) = here.active.apps else {
        return;
    };
    if !apps.missing.is_empty() {
        let why = here.locked().map(|it| (it.id.alias(), admissible(&it.id, here.rules(), here.facts)));
        let why = match why {
            Some((alias, Eligibility::Blocked(why))) => format!(", {alias} {}", why.join(", ")),
            _ => String::new(),
        };
        draft.says(here.subject(), Kind::Is, format!("has no {} yet{why}", names(&apps.missing)), Look::Poll);
    }
    if !apps.surplus.is_empty() {
        let what = apps.surplus.join(", ");
        let words = format!("has {what} of no app of the group, which goes with the next proposal");
        draft.says(here.subject(), Kind::Is, words, Look::Poll);
    }
}

/// The active freight once more, where apps are missing and it may enter.
pub(super) fn target<'a>(here: Here<'_, 'a>) -> Option<Target<'a>> {
    let locked = here.locked().filter(|_| is_missing(here.active))?;
    let known = here.facts.known(&locked.id)?;
    let enters = admissible(known.id, here.rules(), here.facts) == Eligibility::Ready;
    enters.then_some(Target { known, request: None })
}

/// True when the environment runs this freight already.
pub(super) fn is_one(here: Here<'_, '_>, target: Target<'_>) -> bool {
    here.locked().is_some_and(|it| it.id == *target.known.id)
}

/// True when a proposed branch with the active freight brings in apps that are missing.
pub(super) fn is_open(here: Here<'_, '_>, proposed: &Branch<'_>) -> bool {
    is_missing(here.active) && !is_missing(proposed)
}

/// The apps that are missing, for people.
pub(super) fn words(here: Here<'_, '_>) -> String {
    here.active.apps.map_or_else(String::new, |it| names(&it.missing))
}

fn is_missing(branch: &Branch<'_>) -> bool {
    branch.apps.is_some_and(|it| !it.missing.is_empty())
}

fn names(apps: &[Name]) -> String {
    apps.iter().map(Name::as_str).collect::<Vec<_>>().join(", ")
}
