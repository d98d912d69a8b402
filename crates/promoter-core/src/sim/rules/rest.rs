//! Where everything rests: what stays proposed is what should be.

use super::enter::Way;
use super::plan::stay;
use super::{Judge, Judgement, holds};
use crate::observation::{Fact, Observation};
use crate::pipeline::{Environment, GateRule, Select, Soaking};
use crate::plan::Plan;
use crate::record::{Age, BY_LOCK, EnvironmentRecords, FreightRecord, Records};
use crate::sim::World;
use crate::{FreightId, PromotionLock};

impl Judge {
    /// Judges a world in which a plan that saw all of it has nothing left to do.
    pub fn rest(&self, world: &World, seen: &Observation, plan: &Plan) -> Judgement {
        holds(7, plan.actions.is_empty(), || "it never rests".into())?;
        let Ok(state) = &seen.state else {
            return Ok(());
        };
        world
            .pipeline
            .environments
            .iter()
            .try_for_each(|it| environment(world, seen, plan, &state.records, it))
    }
}

/// Rule 5: an open proposal is not rejected, is newer than what runs, and nothing newer is ready (with `queue`: nothing
/// older).
fn environment(
    world: &World,
    seen: &Observation,
    plan: &Plan,
    records: &Records,
    rules: &Environment,
) -> Judgement {
    let name = &rules.name;
    let (active, Some(proposed)) = (world.active(name), world.proposed(name)) else {
        return Ok(());
    };
    let tip = seen.environments.get(name).and_then(|it| it.active.as_ref().ok());
    if tip.is_none_or(|it| it.as_ref().is_some_and(|it| it.lock.is_err())) {
        return Ok(());
    }
    let own = records.environments.get(name);
    let decided = active.is_some_and(|it| it.hold.is_some()) || own.is_some_and(|it| it.request.is_some());
    if decided || active.is_some_and(|it| it.freight == proposed.freight) {
        return Ok(());
    }
    let id = proposed.freight.id();
    let rejected = |id: &FreightId| own.and_then(|it| it.rejected.get(id));
    holds(5, !matches!(rejected(&id), Some(Ok(_))), || format!("{} stays proposed for {name}", id.alias()))?;
    // What is paused stays as it is.
    let over = |it: &crate::record::Pause| it.until.is_some_and(|until| until <= plan.now);
    if records.pause.as_ref().is_some_and(|it| !it.as_ref().is_ok_and(over)) {
        return Ok(());
    }
    // The next has its turn when what runs has had its result; until then everything stays as it is.
    if rules.select == Select::Queue && active.is_some_and(|it| !has_result(own, it)) {
        return Ok(());
    }
    if keeps(world, rules) {
        return Ok(());
    }
    // With a record that cannot be read it may be wise to leave things as they are.
    if records.freight.values().any(Result::is_err)
        || own.is_some_and(|it| it.rejected.values().any(Result::is_err))
    {
        return Ok(());
    }
    let age = |id: &FreightId| records.freight.get_key_value(id).and_then(aged).map(|it| it.0);
    let standing = active.and_then(|it| records.freight.get_key_value(&it.freight.id()).and_then(aged));
    let (Some(open), true) = (age(&id), active.is_none() || standing.is_some()) else {
        return Ok(());
    };
    let behind = standing.is_some_and(|(it, _)| open <= it);
    holds(5, !behind, || format!("{} stays proposed for {name}, which runs newer freight", id.alias()))?;
    let refused = |id: &FreightId| seen.environments.get(name).is_some_and(|it| it.refused.contains_key(id));
    let ready = |(age, record): &(Age<'_>, &FreightRecord)| {
        let id = record.freight.id();
        let way = Way { world, seen, rules, records, now: plan.now, old: active, new: proposed, id };
        standing.as_ref().is_none_or(|(it, _)| it < age)
            && record.discovered.by != BY_LOCK
            && rejected(&way.id).is_none()
            && !refused(&way.id)
            && way.verified(way.soak(false).unwrap_or(0), true).is_ok()
    };
    let all = || records.freight.iter().filter_map(aged).filter(ready);
    let best = match rules.select {
        // Nothing gives way to older freight.
        Select::Newest => all().max_by_key(|it| it.0).filter(|it| it.0 > open),
        Select::Queue => all().min_by_key(|it| it.0).filter(|it| it.0 < open),
        Select::Manual => None,
    };
    holds(5, best.is_none_or(|(it, _)| it == open), || {
        format!("{} stays proposed for {name}, and another is ready", id.alias())
    })
}

/// True when what runs may be kept so that it soaks for an environment after it.
fn keeps(world: &World, rules: &Environment) -> bool {
    if rules.soaking == Soaking::Displace {
        return false;
    }
    let mut after =
        world.pipeline.environments.iter().filter(|it| it.after.environments.contains(&rules.name));
    after.any(|it| it.gates.iter().any(|it| matches!(it.rule, GateRule::Soak(_))))
}

/// True when freight has passed or failed its checks during its stay.
fn has_result(own: Option<&EnvironmentRecords>, lock: &PromotionLock) -> bool {
    let record = own.and_then(|it| it.verified.get(&lock.freight.id())?.as_ref().ok());
    record.is_some_and(|it| it.at >= stay(lock))
}

fn aged<'a>((id, record): (&'a FreightId, &'a Fact<FreightRecord>)) -> Option<(Age<'a>, &'a FreightRecord)> {
    let record = record.as_ref().ok()?;
    Some((record.age(id), record))
}
