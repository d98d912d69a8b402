//! How the gates of one environment stand for the freight that comes next: for people who ask why it does not move.
//!
//! Says the same as the plan and decides nothing. Where nothing is to come by the rules of today, the gates are judged
//! for the newest freight that is newer than what runs.

use super::draft::Draft;
use super::environment::{Target, automatic};
use super::here::Here;
use super::merge::{Judged, judge};
use super::request::{self, Asked};
use super::select;
use crate::facts::Facts;
use crate::gate::Verdict;
use crate::observation::Observation;
use crate::pipeline::Pipeline;
use crate::{CommitId, FreightId, Name, Place, UnixSeconds};

/// The gates of an environment for one freight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standings {
    /// The freight.
    pub freight: FreightId,
    /// The proposed commit that holds it, and since when it is proposed; `None` while it is not proposed.
    pub proposed: Option<(CommitId, UnixSeconds)>,
    /// Each gate, `after` first, in the order of the file, those of the policy last. Gates that this way in skips are
    /// left out.
    pub gates: Vec<GateStanding>,
}

/// One gate at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateStanding {
    /// Its name, as trailers have it.
    pub gate: String,
    /// Where it stands.
    pub at: Place,
    /// The rule of the policy that it comes from.
    pub policy: Option<Name>,
    /// Its verdict.
    pub verdict: Verdict,
    /// What would open it; empty when it is open.
    pub needs: String,
}

/// Judges the gates of an environment; `None` where nothing comes next, or what was seen does not tell.
pub fn standings(
    pipeline: &Pipeline,
    seen: &Observation,
    environment: &Name,
    now: UnixSeconds,
) -> Option<Standings> {
    let facts = Facts::new(pipeline, seen).ok()?;
    let standing = facts.environment(environment)?;
    let active = standing.active.as_ref().ok()?;
    let here = Here { facts: &facts, standing, active, now };
    let target = target(here)?;
    let proposed = standing.proposed.as_ref().ok();
    let proposed = proposed.and_then(|it| it.head.cloned().zip(it.locked.as_ref()));
    let proposed = proposed.filter(|(_, locked)| locked.id == *target.known.id);
    Some(Standings {
        freight: target.known.id.clone(),
        proposed: proposed.map(|(commit, locked)| (commit, locked.promoted_at())),
        gates: judge(here, target).into_iter().map(|it| gate(here, it)).collect(),
    })
}

fn target<'a>(here: Here<'_, 'a>) -> Option<Target<'a>> {
    // What these steps say and do is the plan's; here only their choice counts.
    let mut unsaid = Draft::new(here.facts.pipeline, here.now);
    let asked = here.own().and_then(|it| it.request.as_ref()?.as_ref().ok());
    match request::step(here, &mut unsaid) {
        Asked::Target(target) => Some(target),
        Asked::Said => {
            let known = here.facts.known(&asked?.freight)?;
            Some(Target { known, request: asked })
        }
        Asked::Nothing => automatic(here, &mut unsaid)
            .or_else(|| select::newest(here).map(|known| Target { known, request: None })),
    }
}

fn gate(here: Here<'_, '_>, judged: Judged<'_>) -> GateStanding {
    let rules = here.rules();
    let needs = match (&judged.verdict, judged.gate) {
        (Verdict::Open { .. }, _) => String::new(),
        (_, Some(gate)) => gate.rule.needs(&rules.name, &judged.verdict),
        (_, None) => format!("verification in {}", rules.after),
    };
    GateStanding {
        gate: judged.name(),
        at: judged.gate.map_or_else(|| rules.at.clone(), |it| it.at.clone()),
        policy: judged.gate.and_then(|it| it.policy.clone()),
        verdict: judged.verdict,
        needs,
    }
}
