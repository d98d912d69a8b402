//! People who merge with git, withdraw, and write locks themselves, and what automation makes of it.

use super::world::{
    AT_ONCE, ENVIRONMENTS, FOLDER, World, active, at, events, example, example_named, lines, name, proposed,
};

/// The pipeline in which people merge what goes to staging.
fn merged_by_people() -> String {
    AT_ONCE.replace("after: [dev], promotion: auto", "after: [dev], promotion: pullRequest")
}

#[test]
fn a_person_merges_the_proposal_with_git() {
    let world = World::at_once();
    world.commit("promoter.yaml", &merged_by_people());
    let mut controller = world.controller();
    let waits = world.settle(&mut controller);
    let freight = world.runs("dev");
    let words = format!("staging: wait, a person merges {freight}, which is verified in dev, from ");
    assert!(waits.contains(&(words + &proposed("staging"))), "{waits:#?}");
    assert_eq!(world.runs("staging"), "-");
    world.merge_with_git(&proposed("staging"), &active("staging"));
    let merged = world.repo.id(&active("staging"));
    world.settle(&mut controller);
    assert_eq!(world.runs("staging"), freight);
    assert_eq!(world.repo.id(&active("staging")), merged, "nothing is written after the person");
    assert!(world.repo.id(&proposed("prod")).is_some(), "it goes on from there");
    // The next one is moved in place, until somebody merges it.
    for image in ["nginx:1.20", "nginx:1.21"] {
        world.edit_base(image);
        world.settle(&mut controller);
        assert!(world.text(&proposed("staging"), "myapp/manifest.yaml").contains(image));
        assert_eq!(world.repo.id(&active("staging")), merged);
    }
    world.merge_with_git(&proposed("staging"), &active("staging"));
    world.settle(&mut controller);
    assert!(world.manifest("staging").contains("nginx:1.21"));
    world.repo.fsck();
}

#[test]
fn proposals_of_two_pipelines_merge_one_after_the_other() {
    let world = World::at_once();
    world.commit("promoter.yaml", &merged_by_people());
    let second = example_named("second", &merged_by_people());
    world.commit_all(&second);
    let mut controller = world.controller();
    world.settle(&mut controller);
    world.merge_with_git(&proposed("staging"), &active("staging"));
    // Both wrote the files at the root; the other proposal takes the merge in, so that git has nothing to ask.
    world.settle(&mut controller);
    world.merge_with_git("environment/staging-next/second", &active("staging"));
    world.settle(&mut controller);
    for folder in ["myapp", "second"] {
        assert!(world.text(&active("staging"), &format!("{folder}/manifest.yaml")).contains("replicas: 2"));
    }
}

#[test]
fn what_is_rejected_is_taken_back() {
    let world = World::at_once();
    let mut controller = world.controller();
    world.settle(&mut controller);
    let (prod, freight) = (name("prod"), world.runs("dev"));
    let now = world.now();
    world.person("ada").reject(&at(&prod), None, "not today", now).unwrap();
    let pass = world.pass(&mut controller);
    assert!(events(&pass)[0].starts_with(&format!("prod: withdrew {freight} ")), "{:?}", pass.events);
    let trees = [active("prod"), proposed("prod")].map(|it| world.repo.id(&format!("{it}^{{tree}}")));
    assert_eq!(trees[0], trees[1], "nothing is left to merge");
    let line = lines(&pass).into_iter().rfind(|it| it.starts_with("prod:")).unwrap();
    assert_eq!(line, format!("prod: wait, {freight} is rejected by ada@example.com: not today"));
    let quiet = world.refs();
    world.settle(&mut controller);
    assert_eq!(world.refs(), quiet);
    world.edit_base("nginx:1.20");
    world.settle(&mut controller);
    assert!(world.text(&proposed("prod"), "myapp/manifest.yaml").contains("nginx:1.20"));
    world.repo.fsck();
}

#[test]
fn a_failed_check_rolls_back_and_holds() {
    for (reaction, comes_back) in [("rollback", true), ("hold", false)] {
        let world = World::new();
        let path = format!("{FOLDER}/promoter.yaml");
        let pipeline = example(&world.app.address).into_iter().find(|(it, _)| *it == path).unwrap().1;
        let wanted =
            pipeline.replace("promotion: auto\n", &format!("promotion: auto\n      onFailure: {reaction}\n"));
        assert_ne!(wanted, pipeline);
        world.commit("promoter.yaml", &wanted);
        let mut controller = world.controller();
        // It has soaked for staging, so that dev may go on.
        world.settle(&mut controller);
        world.wait(1_800);
        world.settle(&mut controller);
        let (good, manifest) = (world.runs("dev"), world.manifest("dev"));
        world.edit_base("nginx:broken");
        world.pass(&mut controller);
        assert_ne!(world.runs("dev"), good);
        world.app.answers(503);
        world.settle(&mut controller);
        let hold = world.lock("dev").unwrap().hold.unwrap();
        assert_eq!(hold.by, "promoter");
        assert!(hold.reason.contains("503"), "{}", hold.reason);
        assert_eq!(world.manifest("dev") == manifest, comes_back);
        assert_eq!(world.runs("dev") == good, comes_back);
        // Nobody but a person goes on from there.
        let head = world.repo.id(&active("dev"));
        world.app.answers(200);
        world.edit_base("nginx:1.20");
        world.settle(&mut controller);
        assert_eq!(world.repo.id(&active("dev")), head);
        world.hold("dev", None).unwrap();
        // What was held passes again meanwhile, and soaks.
        world.settle(&mut controller);
        world.wait(1_800);
        let said = world.settle(&mut controller);
        assert!(world.manifest("dev").contains("nginx:1.20"), "{reaction}: {said:#?}");
    }
}

#[test]
fn a_deleted_state_branch_is_made_anew_and_nothing_goes_back() {
    let world = World::at_once();
    let mut controller = world.controller();
    world.settle(&mut controller);
    world.approve("prod");
    world.edit_base("nginx:1.20");
    world.settle(&mut controller);
    let runs = ENVIRONMENTS.map(|it| world.runs(it));
    world.repo.git(&["update-ref", "-d", "refs/heads/promoter/state"]);
    world.settle(&mut world.controller());
    assert_eq!(ENVIRONMENTS.map(|it| world.runs(it)), runs);
    world.edit_base("nginx:1.21");
    world.settle(&mut controller);
    assert!(world.manifest("staging").contains("nginx:1.21"));
    world.repo.fsck();
}

#[test]
fn deleted_environment_branches_are_made_anew() {
    let world = World::at_once();
    let mut controller = world.controller();
    world.settle(&mut controller);
    let (freight, manifest) = (world.runs("staging"), world.manifest("staging"));
    for branches in
        [vec![active("staging")], vec![proposed("staging")], vec![active("staging"), proposed("staging")]]
    {
        for branch in &branches {
            world.repo.git(&["update-ref", "-d", &format!("refs/heads/{branch}")]);
        }
        world.settle(&mut controller);
        assert_eq!((world.runs("staging"), world.manifest("staging")), (freight.clone(), manifest.clone()));
        world.settle(&mut world.controller());
        assert_eq!(world.runs("staging"), freight);
        world.repo.fsck();
    }
}
