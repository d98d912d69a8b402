//! Single plans: nothing is done on what was not read, and results are written down.

use super::{Broken, Judge, Judgement, holds};
use crate::observation::{EnvironmentSeen, Observation, Unread};
use crate::pipeline::{Environment, Pipeline};
use crate::plan::{Action, Plan, Subject};
use crate::record::{Phase, Record, Records, Verification};
use crate::verification::{About, Answer};
use crate::{FreightId, Name, PromotionLock, UnixSeconds};
use std::collections::BTreeSet;

impl Judge {
    /// Judges a plan by what it was made from.
    pub fn plan(&self, pipeline: &Pipeline, seen: &Observation, plan: &Plan) -> Judgement {
        let mut moved = BTreeSet::new();
        for action in &plan.actions {
            if let Action::Propose(_) | Action::Withdraw(_) | Action::Merge(_) | Action::SetHold(_) = action {
                holds(5, moved.insert(action.environment()), || {
                    format!("two moves at once of {}", action.environment().map_or("", |it| it.as_str()))
                })?;
            }
        }
        let state = match &seen.state {
            Ok(state) => state,
            Err(unread) => {
                holds(6, plan.actions.is_empty(), || "acts without the state branch".into())?;
                return pipeline.environments.iter().try_for_each(|it| named(plan, it, unread));
            }
        };
        for rules in &pipeline.environments {
            match seen.environments.get(&rules.name) {
                Some(own) => environment(rules, own, &state.records, plan)?,
                None => return Err(Broken::new(6, format!("nobody looked at {}", rules.name))),
            }
        }
        Ok(())
    }
}

fn environment(rules: &Environment, seen: &EnvironmentSeen, records: &Records, plan: &Plan) -> Judgement {
    let name = &rules.name;
    let own = || plan.actions.iter().filter(|it| it.environment() == Some(name));
    let unread = match &seen.active {
        Err(unread) => Some(unread),
        Ok(tip) => tip.as_ref().and_then(|it| it.lock.as_ref().err()),
    };
    if let Some(unread) = unread {
        holds(6, own().next().is_none(), || format!("acts on {name}, and {unread}"))?;
        return named(plan, rules, unread);
    }
    let brings = own().any(|it| matches!(it, Action::Propose(_) | Action::Merge(_) | Action::Withdraw(_)));
    let recorded = records.environments.get(name);
    if let Some(Err(unread)) = recorded.and_then(|it| it.request.as_ref()) {
        holds(6, !brings, || format!("moves {name} past a request: {unread}"))?;
    }
    if let Err(unread) = &seen.proposed {
        holds(6, !brings, || format!("moves {name}, and {unread}"))?;
    }
    results(rules, seen, records, plan)
}

/// Rule 6: who failed to read it is named.
fn named(plan: &Plan, rules: &Environment, unread: &Unread) -> Judgement {
    let subject = Subject::Environment(rules.name.clone());
    let mut lines = plan.report.iter().filter(|it| it.subject == subject);
    holds(6, lines.any(|it| it.text.contains(&unread.reader)), || {
        format!("{} stays, and {} is not named", rules.name, unread.reader)
    })
}

/// Rule 3: a new result of what runs is written down, or leads to a hold first.
fn results(rules: &Environment, seen: &EnvironmentSeen, records: &Records, plan: &Plan) -> Judgement {
    let Ok(Some(tip)) = &seen.active else {
        return Ok(());
    };
    let Ok(Some(lock)) = &tip.lock else {
        return Ok(());
    };
    let (name, id) = (&rules.name, lock.freight.id());
    let again = asked_again(records, name, &id);
    let known = match records.environments.get(name).and_then(|it| it.verified.get(&id)) {
        Some(Err(_)) => return Ok(()),
        Some(Ok(it)) => Some(it).filter(|it| it.at >= stay(lock) && again.is_none_or(|again| again <= it.at)),
        None => None,
    };
    if !fails(rules, seen, &id, stay(lock), again) || known.is_some_and(|it| it.phase == Phase::Failed) {
        return Ok(());
    }
    let is_result = |it: &&Record| matches!(it, Record::Verification(Verification { environment, freight, phase: Phase::Failed, .. }) if environment == name && *freight == id);
    let told = plan.actions.iter().any(|it| match it {
        Action::Record(it) => it.write.iter().any(|it| is_result(&it)),
        Action::SetHold(it) => it.environment == *name,
        _ => false,
    });
    holds(3, told, || format!("{} failed in {name}, and nothing records it", id.alias()))
}

/// Since when freight stands where its lock is.
pub(super) fn stay(lock: &PromotionLock) -> UnixSeconds {
    lock.promotion.as_ref().map_or(UnixSeconds(0), |it| it.at)
}

/// True when a check failed more often in a row than it may.
fn fails(
    rules: &Environment,
    seen: &EnvironmentSeen,
    id: &FreightId,
    stay: UnixSeconds,
    again: Option<UnixSeconds>,
) -> bool {
    let about = About::Stay { freight: id.clone(), promoted_at: stay };
    rules.verification.iter().any(|check| {
        let of = seen.measurements.iter().rev();
        let of = of.filter(|it| it.of.check == check.id && it.of.about == about);
        let of = of.filter(|it| again.is_none_or(|again| again <= it.at));
        let failures = of.take_while(|it| matches!(it.answer, Answer::Failed(_))).count();
        failures > check.pace.failure_limit as usize
    })
}

/// When somebody last asked for another verification of freight in an environment.
pub(super) fn asked_again(records: &Records, name: &Name, id: &FreightId) -> Option<UnixSeconds> {
    let asked = records.environments.get(name)?.reverify.get(id)?.as_ref().ok()?;
    Some(asked.requested.at)
}
