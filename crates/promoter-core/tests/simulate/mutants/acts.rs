//! Controllers that carry out something else than the plan says.

use promoter_core::plan::{Action, Merge, Propose, RecordAction};
use promoter_core::sim::{Controller, Outcome, World, manifest_digest};
use promoter_core::{CommitId, Name};

fn head(world: &World, branch: &str) -> Option<CommitId> {
    world.branches.get(branch).map(|it| it.commit.clone())
}

fn branches(world: &World, name: &Name) -> (String, String) {
    let rules = world.pipeline.environment(name).unwrap();
    (rules.active_branch.clone(), rules.proposed_branch.clone())
}

pub(super) fn merges_what_is_there(
    controller: &mut Controller,
    world: &mut World,
    action: &Action,
    left: &mut usize,
) -> Outcome {
    let Action::Merge(it) = action else {
        return controller.act(world, action, left);
    };
    let (_, proposed) = branches(world, &it.environment);
    let expect_proposed = head(world, &proposed).unwrap_or_else(|| it.expect_proposed.clone());
    controller.act(world, &Action::Merge(Merge { expect_proposed, ..it.clone() }), left)
}

pub(super) fn merges_onto_what_is_there(
    controller: &mut Controller,
    world: &mut World,
    action: &Action,
    left: &mut usize,
) -> Outcome {
    let Action::Merge(it) = action else {
        return controller.act(world, action, left);
    };
    let (active, _) = branches(world, &it.environment);
    let expect_active = head(world, &active).unwrap_or_else(|| it.expect_active.clone());
    controller.act(world, &Action::Merge(Merge { expect_active, ..it.clone() }), left)
}

pub(super) fn second_proposal(
    controller: &mut Controller,
    world: &mut World,
    action: &Action,
    left: &mut usize,
) -> Outcome {
    let outcome = controller.act(world, action, left);
    if let (Action::Propose(it), Outcome::Done) = (action, outcome) {
        let (_, proposed) = branches(world, &it.environment);
        let second = world.branches[&proposed].clone();
        world.branches.insert(format!("{proposed}-{}", it.freight.short()), second);
    }
    outcome
}

pub(super) fn writes_records_again(
    controller: &mut Controller,
    world: &mut World,
    action: &Action,
    left: &mut usize,
) -> Outcome {
    match action {
        Action::Record(it) => {
            let expect_state = world.state_head.clone();
            controller.act(world, &Action::Record(RecordAction { expect_state, ..it.clone() }), left)
        }
        _ => controller.act(world, action, left),
    }
}

pub(super) fn proposes_again(
    controller: &mut Controller,
    world: &mut World,
    action: &Action,
    left: &mut usize,
) -> Outcome {
    let outcome = controller.act(world, action, left);
    let Action::Propose(it) = action else {
        return outcome;
    };
    if outcome != Outcome::Stale {
        return outcome;
    }
    let (active, proposed) = branches(world, &it.environment);
    let (expect_active, expect_proposed) = (head(world, &active), head(world, &proposed));
    let again = Propose { expect_active, expect_proposed, ..(**it).clone() };
    controller.act(world, &Action::Propose(Box::new(again)), left)
}

pub(super) fn half_a_record(
    controller: &mut Controller,
    world: &mut World,
    action: &Action,
    left: &mut usize,
) -> Outcome {
    match action {
        Action::Record(it) if it.write.len() > 1 => {
            let write = it.write[..1].to_vec();
            controller.act(world, &Action::Record(RecordAction { write, ..it.clone() }), left)
        }
        _ => controller.act(world, action, left),
    }
}

pub(super) fn hydrates_the_head(
    controller: &mut Controller,
    world: &mut World,
    action: &Action,
    left: &mut usize,
) -> Outcome {
    let outcome = controller.act(world, action, left);
    if let (Action::Propose(it), Outcome::Done) = (action, outcome) {
        let rules = world.pipeline.environment(&it.environment).unwrap().clone();
        let number = world.dry[&world.dry_head].renders.get(&rules.name).copied();
        let head = world.branches.get_mut(&rules.proposed_branch).unwrap();
        if let Some(Ok(lock)) = head.locks.get_mut(rules.lock_path())
            && lock.render.digest.is_some()
        {
            lock.render.digest = number.map(manifest_digest);
        }
    }
    outcome
}
