//! The example's story from the first freight to a rollback and on.

use super::world::{ENVIRONMENTS, World, active, events, lines, next, proposed};

#[test]
fn the_example_goes_from_dev_to_prod_and_back() {
    let world = World::new();
    let mut controller = world.controller();

    // The first freight reaches dev at once; its check needs two passes, a second apart.
    let pass = world.pass(&mut controller);
    let first = world.runs("dev");
    let short = world.lock("dev").unwrap().freight.id().short().to_owned();
    assert_eq!(
        events(&pass),
        [
            format!("freight {first} {short} from git"),
            format!("dev: proposed {first} {short}"),
            format!("dev: promoted {first} {short}"),
        ]
    );
    assert!(lines(&pass).contains(&format!("dev: runs {first}, 1 of 2 passes of http check 1")));
    assert_eq!(next(&lines(&pass), "staging"), format!("staging: wait, {first} is not verified in dev"));
    assert_eq!(world.app.asked(), 1);
    assert_eq!(world.repo.id(&active("staging")), None, "nothing is made before it is needed");

    // Verified: staging has its proposal, and soaks for half an hour.
    world.wait(1);
    let verified_at = world.now();
    let soaked = lines(&world.pass(&mut controller));
    assert!(soaked.contains(&format!("dev: runs {first}, verified since {verified_at}")), "{soaked:#?}");
    assert_eq!(
        next(&soaked, "staging"),
        format!("staging: wait until 2026-11-20T09:30:01Z, {first} soaked 0s of 30m in dev")
    );
    assert_eq!(world.history(&active("staging")), ["Initial commit for environment/staging"]);
    world.wait(1_799);
    assert!(events(&world.pass(&mut controller)).is_empty(), "a second is missing");
    world.wait(1);
    let pass = world.pass(&mut controller);
    assert_eq!(world.runs("staging"), first);

    // prod waits for a person.
    assert_eq!(next(&lines(&pass), "prod"), format!("prod: wait, {first} has 0 of 1 approvals"));
    assert_eq!(world.runs("prod"), "-");
    world.approve("prod");
    world.settle(&mut controller);
    let old = ENVIRONMENTS.map(|it| world.manifest(it));
    for ((manifest, environment), replicas) in old.iter().zip(ENVIRONMENTS).zip(1..) {
        for word in [format!("namespace: {environment}\n"), format!("replicas: {replicas}\n")] {
            assert!(manifest.contains(&word), "{environment}: {manifest}");
        }
        assert_eq!(world.runs(environment), first);
    }

    // An edit of the base changes dev; the others stay as they are, to the commit.
    let heads = || ["staging", "prod"].map(|it| world.repo.id(&active(it)));
    let before = heads();
    world.edit_base("nginx:1.20");
    world.settle(&mut controller);
    let second = world.runs("dev");
    assert_ne!(second, first);
    assert!(world.manifest("dev").contains("image: nginx:1.20\n"));
    assert_eq!(heads(), before);
    assert_eq!(world.manifest("staging"), old[1]);
    assert_eq!(world.manifest("prod"), old[2]);

    // It goes on by soak and approval.
    world.wait(1_800);
    world.settle(&mut controller);
    world.approve("prod");
    world.settle(&mut controller);
    assert_eq!(ENVIRONMENTS.map(|it| world.runs(it)), [&*second; 3]);
    assert!(world.manifest("prod").contains("image: nginx:1.20\n"));

    // A rollback brings the bytes back without waiting, and they stay.
    world.roll_back("prod");
    let said = world.repo.git(&["log", "-1", "--format=%(trailers)", "promoter/state"]);
    for trailer in ["Promoter-environment: prod", "Promoter-by: ada@example.com", "Promoter-reason: INC-42"] {
        assert!(said.contains(trailer), "{said}");
    }
    let pass = world.pass(&mut controller);
    assert_eq!(world.runs("prod"), first);
    assert_eq!(world.manifest("prod"), old[2]);
    assert_eq!(world.lock("prod").unwrap().hold.unwrap().reason, "INC-42");
    let held = next(&lines(&pass), "prod");
    assert!(held.starts_with("prod: held by ada@example.com since ") && held.ends_with(": INC-42"), "{held}");
    let request = "promoter/state:myapp/requested/prod.yaml";
    assert_eq!(world.repo.id(request), None, "it is fulfilled");

    // Newer freight passes the others by, and prod stays held.
    let rolled_back = world.repo.id(&active("prod"));
    world.edit_base("nginx:1.21");
    world.settle(&mut controller);
    world.wait(1_800);
    world.settle(&mut controller);
    let third = world.runs("staging");
    assert_ne!(third, second);
    assert_eq!(world.repo.id(&active("prod")), rolled_back);

    // Released, it goes on with the newest.
    world.hold("prod", None).unwrap();
    let waits = world.settle(&mut controller);
    assert_eq!(next(&waits, "prod"), format!("prod: wait, {third} has 0 of 1 approvals"));
    world.approve("prod");
    world.settle(&mut controller);
    assert_eq!(ENVIRONMENTS.map(|it| world.runs(it)), [&*third; 3]);
    assert_eq!(
        world.history(&active("prod")),
        [
            "Initial commit for environment/prod".to_owned(),
            format!("Promote {first} to prod"),
            format!("Promote {second} to prod"),
            format!("Promote {first} to prod"),
            "prod: released".to_owned(),
            format!("Promote {third} to prod"),
        ]
    );
    for environment in ENVIRONMENTS {
        let (active, proposed) = (active(environment), proposed(environment));
        world.repo.git(&["merge-base", "--is-ancestor", &proposed, &active]);
    }
    world.repo.fsck();
}

#[test]
fn what_fails_its_check_goes_no_further() {
    let world = World::new();
    let mut controller = world.controller();
    world.settle(&mut controller);
    let good = world.runs("dev");
    world.app.answers(500);
    world.edit_base("nginx:broken");
    let failed = world.settle(&mut controller);
    let bad = world.runs("dev");
    assert_ne!(bad, good);
    let runs = failed.iter().find(|it| it.starts_with("dev: runs")).unwrap();
    assert!(runs.starts_with(&format!("dev: runs {bad}, failed verification since ")), "{runs}");
    assert!(runs.contains("500"), "it says what was seen: {runs}");
    // What was verified before has left dev before it soaked there.
    world.wait(7_200);
    world.settle(&mut controller);
    assert_eq!(world.runs("staging"), "-");
    // The latest result counts: it recovers, and soak starts then.
    world.app.answers(200);
    world.settle(&mut controller);
    world.wait(1_790);
    world.settle(&mut controller);
    assert_eq!(world.runs("staging"), "-");
    world.wait(10);
    let lines = world.settle(&mut controller);
    assert_eq!(world.runs("staging"), bad, "{lines:#?}");
}

#[test]
fn a_new_controller_goes_on_where_the_old_one_stopped() {
    let (world, other) = (World::new(), World::new());
    let mut lasting = other.controller();
    for wait in [0, 1, 1, 1_800, 1] {
        for (world, controller) in [(&world, &mut world.controller()), (&other, &mut lasting)] {
            world.wait(wait);
            // A check that is half measured is measured anew by a new controller.
            for _ in 0..3 {
                world.pass(controller);
                world.wait(1);
            }
        }
        assert_eq!(world.runs("dev") == "-", other.runs("dev") == "-");
    }
    assert_eq!(world.runs("staging"), world.runs("dev"));
    assert_eq!(world.history(&active("staging")).len(), other.history(&active("staging")).len());
}
