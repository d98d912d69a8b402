//! The planner: pipeline and observation to the next step of every environment.
//!
//! Pure and total: what stands in the way is a line of the report, never an `Err`. Every action carries the values
//! that it expects to replace, so that applying a stale plan does nothing. One step a file: `discover` makes freight,
//! `verify` judges what runs, `request` and `select` choose what comes next, `propose` and `merge` bring it there.
//! How actions are carried out is the controller's business.

mod action;
mod behind;
mod discover;
mod draft;
mod environment;
mod found;
mod here;
mod measure;
mod merge;
mod propose;
mod renewal;
mod report;
mod request;
mod retain;
mod select;
mod soaking;
mod standing;
mod statuses;
mod verify;

pub use action::{Action, JudgedGate, Measure, Merge, Propose, RecordAction, Removed, SetHold, Withdraw};
pub use report::{Kind, Line, Look, Subject};
pub use standing::{GateStanding, Standings, standings};

use crate::facts::Facts;
use crate::observation::Observation;
use crate::pipeline::Pipeline;
use crate::{Name, UnixSeconds};
use draft::Draft;

/// The next step of every environment, and for everything that does not move the reason.
///
/// `Display` is the one text of it, for log, command line, page and tests.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Plan {
    /// The pipeline.
    pub pipeline: Name,
    /// The moment that it was made for.
    pub now: UnixSeconds,
    /// What to do, in this order. Each may fail without harm to the others.
    pub actions: Vec<Action>,
    /// What happens and what does not: freight first, then the environments in the order of the pipeline, for each what
    /// it runs and what comes next.
    pub report: Vec<Line>,
    /// When a check is to be asked next, if none is now.
    pub measures_at: Option<UnixSeconds>,
    /// True while checks were asked and have not come to a result: what was measured is lost with the process.
    pub is_measuring: bool,
}

impl Plan {
    /// The next time at which this plan would change by the passing of time alone; facts that may change by
    /// themselves are looked at on every poll besides.
    pub fn wake_at(&self) -> Option<UnixSeconds> {
        self.report.iter().filter_map(|line| line.look.time()).chain(self.measures_at).min()
    }
}

/// Decides the next step of every environment of a pipeline.
pub fn plan(pipeline: &Pipeline, seen: &Observation, now: UnixSeconds) -> Plan {
    let mut draft = Draft::new(pipeline, now);
    match Facts::new(pipeline, seen) {
        Ok(facts) => {
            discover::step(&facts, seen, &mut draft);
            let behind = behind::Behind::of(&facts);
            for rules in &pipeline.environments {
                if let Some(standing) = facts.environment(&rules.name) {
                    environment::step(&facts, standing, &behind, &mut draft);
                }
            }
            retain::step(&facts, seen, &mut draft);
            draft.finish(facts.state_head)
        }
        Err(unread) => {
            let unread = unread.to_string();
            draft.waits(Subject::Freight, &unread, Look::Poll);
            for rules in &pipeline.environments {
                draft.waits(Subject::Environment(rules.name.clone()), &unread, Look::Poll);
            }
            draft.finish(None)
        }
    }
}
