//! Compare-and-swap: whoever writes between a look and what follows from it is never overwritten.

use promoter_controller::apply::{Applied, apply};
use promoter_controller::observe::Observer;
use promoter_controller::pass::Controller;
use promoter_core::plan::{Action, plan};
use promoter_core::record::STATE_BRANCH;

use super::world::{ENVIRONMENTS, World, active, lines, proposed};

/// Looks and plans; the actions with what is needed to apply them.
fn look(world: &World, observer: &mut Observer) -> Vec<Planned> {
    let seen = observer.observe().unwrap();
    let mut planned = Vec::new();
    for (pipeline, observation) in &seen.pipelines {
        let actions = plan(pipeline, observation, world.now()).actions;
        planned.extend(actions.into_iter().map(|action| Planned {
            action,
            refs: seen.refs.clone(),
            pipeline: pipeline.clone(),
        }));
    }
    planned
}

struct Planned {
    action: Action,
    refs: promoter_controller::repository::Refs,
    pipeline: std::sync::Arc<promoter_core::pipeline::Pipeline>,
}

impl Planned {
    fn apply(&mut self, world: &World, observer: &Observer) -> Applied {
        apply(observer.repository(), &mut self.refs, &self.pipeline, &self.action, world.now()).unwrap()
    }

    /// The branch that it writes, and one that it only expects to stand still.
    fn branches(&self) -> (String, Option<String>) {
        match &self.action {
            Action::Record(_) => (STATE_BRANCH.into(), None),
            Action::Propose(it) => (proposed(it.environment.as_str()), Some(active(it.environment.as_str()))),
            Action::Withdraw(it) => {
                (proposed(it.environment.as_str()), Some(active(it.environment.as_str())))
            }
            Action::Merge(it) => (active(it.environment.as_str()), Some(proposed(it.environment.as_str()))),
            Action::SetHold(it) => (active(it.environment.as_str()), None),
            Action::Measure(_) => ("main".into(), None),
        }
    }
}

/// A person's commit on any branch, which changes nothing that promoter reads.
fn touch(world: &World, branch: &str) {
    let file = format!("notes/{}", world.now().0);
    world.repo.commit(branch, &[(&file, "a person was here\n")]);
}

#[test]
fn a_commit_between_look_and_push_makes_the_action_stale() {
    let world = World::at_once();
    let mut observer = world.observer();
    let mut kinds = Vec::new();
    for _ in 0..40 {
        let Some(planned) = look(&world, &mut observer).into_iter().next() else {
            break;
        };
        let (writes, _) = planned.branches();
        let mut planned = planned;
        touch(&world, &writes);
        let before = world.refs();
        assert_eq!(planned.apply(&world, &observer), Applied::Stale, "{:?}", planned.action);
        assert_eq!(world.refs(), before, "nothing was written: {:?}", planned.action);
        // The next look takes the commit in, and the same thing goes on from there.
        let next = look(&world, &mut observer).into_iter().next();
        let mut next = next.unwrap_or_else(|| panic!("nothing goes on after {:?}", planned.action));
        assert!(matches!(next.apply(&world, &observer), Applied::Moved(_)), "{:?}", next.action);
        kinds.push(std::mem::discriminant(&next.action));
        world.wait(1);
    }
    kinds.dedup();
    assert!(kinds.len() >= 6, "records, proposals and merges were met");
    assert_eq!(world.runs("staging"), world.runs("dev"));
    assert!(world.repo.id(&proposed("prod")).is_some());
    assert!(world.repo.git(&["ls-tree", "-r", "--name-only", "environment/dev"]).contains("notes/"));
    world.repo.fsck();
}

/// The person's commit comes while the push is under way: the hook plays them.
#[test]
fn a_commit_during_a_push_makes_it_stale() {
    let branches: fn() -> World = World::at_once;
    let folders: fn() -> World = World::folders;
    for (world, branch) in [
        (branches, active("dev")),
        (branches, proposed("dev")),
        (branches, proposed("prod")),
        (branches, STATE_BRANCH.to_owned()),
        (folders, "main".to_owned()),
        (folders, proposed("dev")),
    ] {
        let world = world();
        let mut controller = world.controller();
        let person = "GIT_AUTHOR_NAME=P GIT_AUTHOR_EMAIL=p@example.com GIT_COMMITTER_NAME=P \
                      GIT_COMMITTER_EMAIL=p@example.com";
        // On the first push to the branch as it is after its making, someone else is a moment faster.
        world.repo.hook(
            "pre-receive",
            &format!(
                "while read old new ref; do\n\
                 test $ref = refs/heads/{branch} || continue\n\
                 test $old != 0000000000000000000000000000000000000000 || continue\n\
                 test ! -e met || continue\n\
                 touch met\n\
                 unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES\n\
                 commit=$({person} git commit-tree -p $old -m theirs $old^{{tree}}) || exit 1\n\
                 git update-ref $ref $commit $old || exit 1\n\
                 done"
            ),
        );
        if branch == proposed("dev") || branch == proposed("prod") {
            world.settle(&mut controller);
            world.edit_base("nginx:1.20");
        }
        let lines = world.settle(&mut controller);
        assert!(world.repo.path().join("met").exists(), "{branch}: nobody came in between");
        let theirs = world.repo.git(&["log", "--format=%s", &branch]);
        assert!(theirs.lines().any(|it| it == "theirs"), "{branch}: {theirs}");
        assert_eq!(world.runs("dev"), world.runs("staging"), "{branch}: {lines:#?}");
        assert_ne!(world.runs("dev"), "-");
        let promotions: Vec<String> = world.history(&world.place("staging").0);
        let mut unique = promotions.clone();
        unique.dedup();
        assert_eq!(promotions, unique, "{branch}: nothing is done twice");
        world.repo.fsck();
    }
}

#[test]
fn of_two_controllers_with_one_look_one_moves() {
    let world = World::at_once();
    let (mut one, mut other) = (world.observer(), world.observer());
    for round in 0..40 {
        let (ones, others) = (look(&world, &mut one), look(&world, &mut other));
        if ones.is_empty() {
            break;
        }
        assert_eq!(ones.len(), others.len());
        for (mut a, mut b) in ones.into_iter().zip(others) {
            let (first, second) = if round % 2 == 0 {
                (a.apply(&world, &one), b.apply(&world, &other))
            } else {
                let b = b.apply(&world, &other);
                (b, a.apply(&world, &one))
            };
            // The second of several actions of one look may be stale for both: the first moved what it expects.
            if matches!(first, Applied::Moved(_)) {
                assert_eq!(second, Applied::Stale, "{:?}", a.action);
            }
        }
        world.wait(1);
    }
    same_as_alone(&world);
}

#[test]
fn two_controllers_at_once_end_as_one_would() {
    let world = World::at_once();
    let now = world.now();
    let controllers = [world.controller(), world.controller()];
    std::thread::scope(|scope| {
        for mut controller in controllers {
            scope.spawn(move || {
                for step in 0..6 {
                    let time = promoter_core::UnixSeconds(now.0 + step);
                    let pass = controller.pass(|| time).unwrap();
                    let upstream = pass.findings.iter().all(|it| it.fault == promoter_core::Fault::Upstream);
                    assert!(upstream, "{:?}", pass.findings);
                }
            });
        }
    });
    world.wait(10);
    world.settle(&mut world.controller());
    same_as_alone(&world);
}

/// Each thing happened once, and everything that one controller does alone is done.
fn same_as_alone(world: &World) {
    let alone = World::at_once();
    alone.settle(&mut alone.controller());
    let subjects = |world: &World, branch: &str| {
        let history = world.history(branch);
        history.iter().map(|it| it.replace(&world.runs("dev"), "FREIGHT")).collect::<Vec<_>>()
    };
    for environment in ENVIRONMENTS {
        let branch = active(environment);
        assert_eq!(subjects(world, &branch), subjects(&alone, &branch));
        assert_eq!(
            world.repo.id(&format!("{}:myapp/manifest.yaml", proposed(environment))),
            alone.repo.id(&format!("{}:myapp/manifest.yaml", proposed(environment)))
        );
    }
    let records = |world: &World| {
        let listed = world.repo.git(&["ls-tree", "-r", "--name-only", STATE_BRANCH]);
        let hex = world.lock("dev").unwrap().freight.id().hex().to_owned();
        listed.replace(&hex, "HEX")
    };
    assert_eq!(records(world), records(&alone));
    world.repo.fsck();
}

#[test]
fn a_quiet_world_stays_quiet_for_every_controller() {
    let world = World::at_once();
    let settled = world.settle(&mut world.controller());
    let refs = world.refs();
    let mut other: Controller = world.controller();
    assert_eq!(lines(&world.pass(&mut other)), settled);
    assert_eq!(world.refs(), refs);
}
