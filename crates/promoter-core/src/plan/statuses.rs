//! Forgets what was reported of commits that are no longer proposed, so that the state branch does not grow with them.

use super::Removed;
use super::draft::Draft;
use crate::facts::{Facts, Standing};
use crate::record::path;

pub(super) fn step(facts: &Facts<'_>, standing: &Standing<'_>, draft: &mut Draft) {
    let (Some(own), Ok(proposed)) = (standing.own, &standing.proposed) else {
        return;
    };
    let name = &standing.rules.name;
    // What cannot be read stays: a newer promoter may have written it.
    let known = own.statuses.iter().filter(|(_, it)| it.is_ok()).map(|(commit, _)| commit);
    for commit in known.filter(|it| proposed.head != Some(*it)) {
        draft.remove(Removed {
            path: path::status(&facts.pipeline.name, name, commit),
            says: format!("{name}: statuses of {} forgotten", &commit.as_str()[..10]),
        });
    }
}
