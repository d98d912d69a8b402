//! Files that are wrong: one line with cause, place and hint; what they are about stands still, the rest goes on.

use promoter_controller::pass::Pass;
use promoter_core::record::{RequestAction, STATE_BRANCH};
use promoter_core::{Diagnosis, Fault};
use tempfile::TempDir;

use super::program::once;
use super::world::{
    AT_ONCE, FOLDER, World, active, at, example_at_once, example_named, lines, name, proposed,
};

/// A world in which dev and staging run the first freight and prod waits.
fn world() -> World {
    let world = World::at_once();
    world.settle(&mut world.controller());
    world
}

/// The only finding; it has a code and says what to do.
fn finding(pass: &Pass) -> &Diagnosis {
    let [finding] = pass.findings.as_slice() else { panic!("{:#?}", pass.findings) };
    assert_eq!(finding.fault, Fault::Input, "{finding}");
    assert!(!finding.to_string().contains('\n'));
    finding
}

/// The program says the same, ends with 2, and writes nothing but what `refs` allows.
fn program_says(world: &World, words: &[&str]) {
    let refs = world.refs();
    let ran = once(&[&world.repo.url()], TempDir::new().unwrap().path());
    assert_eq!(ran.code, Some(2), "{}", ran.log);
    for word in words {
        assert!(ran.log.contains(word), "`{word}` is missing: {}", ran.log);
    }
    assert_eq!(world.refs(), refs, "{}", ran.log);
}

#[test]
fn a_dry_head_that_does_not_render_makes_no_freight() {
    let world = world();
    let refs = world.refs();
    let head = world.commit("envs/staging/kustomization.yaml", "resources:\n  - ../../base\nreplicaz: []\n");
    let mut controller = world.controller();
    for _ in 0..2 {
        let pass = world.pass(&mut controller);
        assert!(pass.events.is_empty(), "{:?}", pass.events);
        let text = finding(&pass).to_string();
        assert!(text.contains("apps/myapp/envs/staging/kustomization.yaml:3"), "{text}");
        let line = lines(&pass).remove(0);
        let wanted =
            format!("freight: wait, no freight is made of {}: staging does not render: ", &head[..10]);
        assert!(line.starts_with(&wanted) && line.contains("kustomization.yaml:3"), "{line}");
    }
    let after: Vec<String> =
        world.refs().lines().filter(|it| !it.contains("heads/main")).map(Into::into).collect();
    let before: Vec<String> = refs.lines().filter(|it| !it.contains("heads/main")).map(Into::into).collect();
    assert_eq!(after, before);
    program_says(&world, &["kustomization.yaml:3", "replicaz"]);
    // What was approved before goes on while main is broken.
    world.approve("prod");
    world.pass(&mut controller);
    assert_eq!(world.runs("prod"), world.runs("staging"));
    // Mended, it goes on.
    world.commit_all(&example_at_once());
    world.edit_base("nginx:1.20");
    world.settle(&mut controller);
    assert!(world.manifest("staging").contains("nginx:1.20"));
}

#[test]
fn a_broken_pipeline_stands_still_and_the_others_go_on() {
    for (text, words) in [
        (
            AT_ONCE.replace("layout: branches", "layuot: branches"),
            &["layuot", "apps/second/promoter.yaml:5"][..],
        ),
        (AT_ONCE.replace("name: myapp }", "name: myapp"), &["apps/second/promoter.yaml:"]),
        (AT_ONCE.replace("v1alpha1", "v2"), &["apps/second/promoter.yaml:1"]),
        (
            AT_ONCE.replace("approvals: { required: 1 }", "window: { allow: x }"),
            &["window", "pipeline-field"],
        ),
    ] {
        let world = world();
        let refs = world.refs();
        let mut controller = world.controller();
        world.commit_all(&[("apps/second/promoter.yaml".into(), text)]);
        let pass = world.pass(&mut controller);
        let said = finding(&pass).to_string();
        assert!(words.iter().all(|it| said.contains(it)), "{words:?}: {said}");
        let standing =
            |refs: &str| refs.lines().filter(|it| !it.contains("main")).collect::<Vec<_>>().join("\n");
        assert_eq!(standing(&world.refs()), standing(&refs));
        program_says(&world, words);
        world.edit_base("nginx:1.20");
        world.pass(&mut controller);
        assert!(world.manifest("staging").contains("nginx:1.20"), "the other pipeline goes on");
    }
}

#[test]
fn pipelines_that_contradict_each_other_stand_still_and_the_others_go_on() {
    let world = world();
    let third = example_named("third", AT_ONCE);
    world.commit_all(&third);
    // A copy that kept the name: which of the two is meant?
    world.commit_all(&[("apps/copy/promoter.yaml".into(), AT_ONCE.into())]);
    let refs = |world: &World| {
        let refs = world.refs();
        refs.lines().filter(|it| it.contains("/myapp ")).map(str::to_owned).collect::<Vec<_>>()
    };
    let before = refs(&world);
    let pass = world.pass(&mut world.controller());
    let text = finding(&pass).to_string();
    assert!(text.contains("`myapp`") && text.contains("apps/copy/promoter.yaml"), "{text}");
    assert_eq!(refs(&world), before);
    assert!(world.repo.id("environment/staging:third").is_some(), "a pipeline of its own goes on");
}

#[test]
fn a_check_that_cannot_be_understood_is_said_before_it_is_needed() {
    let world = World::new();
    let text = world.text("main", &format!("{FOLDER}/promoter.yaml"));
    world.commit("promoter.yaml", &text.replace("status == 200", "status === 200"));
    let pass = world.pass(&mut world.controller());
    let text = finding(&pass).to_string();
    assert!(text.contains("status === 200") && text.contains("apps/myapp/promoter.yaml:"), "{text}");
}

#[test]
fn an_environment_with_a_broken_lock_stands_still() {
    let text = |world: &World| world.text(&active("dev"), "myapp/promotion.lock.yaml");
    type Spoil = fn(&str) -> String;
    let spoiled: [(Spoil, &str); 4] = [
        (|it| it.replace("freight:", "fright:"), "fright"),
        (|it| it.replace("environment: dev", "environment: prod"), "lock-of-another"),
        (|it| it.replace("commit: ", "commit: x"), "commit"),
        (|_| "{".into(), "promotion.lock.yaml"),
    ];
    for (spoil, word) in spoiled {
        let world = world();
        let mut controller = world.controller();
        world.repo.commit(&active("dev"), &[("myapp/promotion.lock.yaml", &spoil(&text(&world)))]);
        let broken = world.repo.id(&active("dev"));
        world.edit_base("nginx:1.20");
        world.approve("prod");
        let pass = world.pass(&mut controller);
        let said = finding(&pass).to_string();
        assert!(said.contains(word) && said.contains("`environment/dev`"), "{said}");
        assert!(said.contains("myapp/promotion.lock.yaml"), "{said}");
        let line = lines(&pass).into_iter().find(|it| it.starts_with("dev:")).unwrap();
        assert!(line.starts_with("dev: wait, environment/dev could not be read: "), "{line}");
        assert_eq!(world.repo.id(&active("dev")), broken);
        assert_eq!(world.runs("prod"), world.runs("staging"), "prod goes on: {:#?}", lines(&pass));
        program_says(&world, &[word, "environment/dev"]);
    }
}

#[test]
fn a_broken_record_holds_what_it_is_about() {
    let world = world();
    let mut controller = world.controller();
    world.edit_base("nginx:1.20");
    // The rule: what a record might say against, stays. Here it is the word about the freight in staging.
    let hex = world.lock("staging").unwrap().freight.id().hex().to_owned();
    let path = format!("myapp/verified/staging/{hex}.yaml");
    let text = world.text(STATE_BRANCH, &path);
    world.repo.commit(STATE_BRANCH, &[(&path, &text.replace("phase: passed", "phase: maybe"))]);
    let pass = world.pass(&mut controller);
    let said = finding(&pass).to_string();
    assert!(said.contains(&format!("{path}:6")) && said.contains("maybe"), "{said}");
    assert!(world.manifest("dev").contains("nginx:1.20"), "dev goes on: {:#?}", lines(&pass));
    program_says(&world, &["maybe", &path]);

    // A freight record: nothing is newer than what cannot be read, so no freight is made.
    let path = format!("myapp/freight/{hex}.yaml");
    world.repo.commit(STATE_BRANCH, &[(&path, "kind: FreightRecord\n")]);
    world.edit_base("nginx:1.21");
    let pass = world.pass(&mut controller);
    assert!(
        lines(&pass)[0].starts_with("freight: wait, promoter/state could not be read: "),
        "{:?}",
        lines(&pass)
    );
    assert!(pass.events.is_empty(), "{:?}", pass.events);
}

#[test]
fn freight_that_does_not_render_is_refused_by_name() {
    let world = world();
    let mut controller = world.controller();
    // A person asks for freight of a commit that does not render in prod.
    world.commit("envs/prod/kustomization.yaml", "resources: [../../base, missing.yaml]\n");
    let bad = world.repo.id("main").unwrap();
    world.commit_all(&example_at_once());
    let setting = format!("config={bad}").parse().unwrap();
    let (id, _) = world.person("ada").create_freight(None, &[setting], world.now()).unwrap();
    let prod = name("prod");
    let ask = |freight: &str, reason: &str| {
        let (at, now) = (at(&prod), world.now());
        world.person("ada").request(&at, RequestAction::Hotfix, Some(freight), reason, now)
    };
    ask(id.hex(), "INC-43").unwrap();
    let before = world.repo.id(&proposed("prod"));
    for _ in 0..2 {
        let pass = world.pass(&mut controller);
        let text = finding(&pass).to_string();
        assert!(text.contains("missing.yaml"), "{text}");
        assert!(text.contains("apps/myapp/envs/prod/kustomization.yaml"), "{text}");
        let line = lines(&pass).into_iter().rfind(|it| it.starts_with("prod:")).unwrap();
        assert!(line.contains("does not render") && line.contains("INC-43"), "{line}");
        world.wait(60);
    }
    assert_eq!(world.repo.id(&proposed("prod")), before);
    program_says(&world, &["missing.yaml"]);
    // Rejected, nobody waits for it any more.
    world.person("ada").reject(&at(&prod), Some(id.hex()), "does not render", world.now()).unwrap();
    world.settle(&mut controller);
    assert_eq!(world.repo.id("promoter/state:myapp/requested/prod.yaml"), None);
}

#[test]
fn manifests_that_a_hand_changed_are_neither_merged_nor_fought() {
    for (branch, stands) in [(active("staging"), "staging"), (proposed("prod"), "prod")] {
        let world = world();
        let mut controller = world.controller();
        let text = world.text(&branch, "myapp/manifest.yaml");
        let tampered = text.replace("nginx:1.19", "evil:1");
        let by_hand = world.repo.commit(&branch, &[("myapp/manifest.yaml", &tampered)]);
        world.approve_named("prod", &world.runs("dev"));
        world.edit_base("nginx:1.20");
        let pass = world.pass(&mut controller);
        let said = finding(&pass).to_string();
        assert!(said.contains("manifest-tampered") && said.contains("myapp/manifest.yaml"), "{said}");
        assert!(said.contains(&format!("`{branch}`")), "{said}");
        let line = lines(&pass).into_iter().rfind(|it| it.starts_with(&format!("{stands}:"))).unwrap();
        assert!(line.contains(&format!("wait, {branch} could not be read")), "{line}");
        assert_eq!(world.repo.id(&branch), Some(by_hand));
        assert!(world.manifest("dev").contains("nginx:1.20"), "dev goes on");
        program_says(&world, &["manifest-tampered", &branch]);
        // Taken back, it goes on.
        world.repo.commit(&branch, &[("myapp/manifest.yaml", &text)]);
        world.settle(&mut controller);
        assert!(world.manifest("staging").contains("nginx:1.20"));
    }
}

#[test]
fn odd_shapes_in_trees_are_findings() {
    type Shape = fn(&World);
    let shapes: [(&str, Shape, &str); 5] = [
        (
            "a promoter.yaml that is a link out of the tree",
            |it| drop(it.repo.on("main").link("apps/odd/promoter.yaml", "/etc/passwd").commit()),
            "apps/odd/promoter.yaml",
        ),
        (
            "a promoter.yaml that is a folder",
            |it| drop(it.repo.on("main").file("apps/odd/promoter.yaml/x", b"x").commit()),
            "apps/odd/promoter.yaml",
        ),
        (
            "a file in the place of the pipeline's folder",
            |it| drop(it.repo.on(&active("dev")).remove("myapp").file("myapp", b"x").commit()),
            "`environment/dev`",
        ),
        (
            "a lock that is a folder",
            |it| {
                let path = "myapp/promotion.lock.yaml";
                let commit = it.repo.on("environment/dev").remove(path).file(&format!("{path}/x"), b"x");
                drop(commit.commit());
            },
            "`environment/dev`",
        ),
        (
            "a record that is a link",
            |it| {
                let path = format!("myapp/approved/prod/{}.yaml", "1".repeat(64));
                drop(it.repo.on(STATE_BRANCH).link(&path, "/etc/passwd").commit());
            },
            "promoter/state",
        ),
    ];
    for (what, shape, word) in shapes {
        let world = world();
        let mut controller = world.controller();
        shape(&world);
        let refs = world.refs();
        let pass = world.pass(&mut controller);
        assert!(pass.events.is_empty(), "{what}: {:?}", pass.events);
        let said: Vec<String> = pass.findings.iter().map(ToString::to_string).collect();
        assert!(said.iter().any(|it| it.contains(word)), "{what}: {said:#?}\n{:#?}", lines(&pass));
        assert_eq!(world.refs(), refs, "{what}");
        assert!(!format!("{said:?}{:?}", lines(&pass)).contains("root:"), "{what}: nothing is read outside");
    }
}
