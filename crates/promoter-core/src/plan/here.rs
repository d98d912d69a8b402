//! What every step of one environment looks at.

use super::Subject;
use crate::UnixSeconds;
use crate::facts::{Branch, Facts, Locked, Standing};
use crate::pipeline::Environment;
use crate::record::{EnvironmentRecords, Reverification, Verified};

/// One environment whose active branch could be read, at the moment of the plan.
#[derive(Debug, Clone, Copy)]
pub(super) struct Here<'p, 'a> {
    pub(super) facts: &'p Facts<'a>,
    pub(super) standing: &'p Standing<'a>,
    pub(super) active: &'p Branch<'a>,
    pub(super) now: UnixSeconds,
}

impl<'p, 'a> Here<'p, 'a> {
    pub(super) fn rules(&self) -> &'a Environment {
        self.standing.rules
    }

    /// What is recorded about the environment.
    pub(super) fn own(&self) -> Option<&'a EnvironmentRecords> {
        self.standing.own
    }

    /// What is active.
    pub(super) fn locked(&self) -> Option<&'p Locked<'a>> {
        self.active.locked.as_ref()
    }

    /// What is known of the checks of what is active, also from an earlier stay.
    pub(super) fn verification(&self) -> Verified<'a> {
        let known = self.own().zip(self.locked()).map(|(own, locked)| own.verification(&locked.id));
        known.unwrap_or(Verified::Never)
    }

    /// The wish of a person for another verification of what is active.
    pub(super) fn asked_again(&self) -> Option<&'a Reverification> {
        self.own()?.reverify.get(&self.locked()?.id)?.as_ref().ok()
    }

    /// The environment as the subject of a line.
    pub(super) fn subject(&self) -> Subject {
        Subject::Environment(self.rules().name.clone())
    }
}
