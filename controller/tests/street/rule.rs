//! A rule for the dry branch itself: which of its commits freight is made of.

use promoter_core::{CommitId, Content};

use super::world::{AT_ONCE, FOLDER, World, example_named, in_folders, name};

/// The example in each layout, with a rule.
fn worlds(rule: &str) -> [World; 2] {
    let pipeline = AT_ONCE.replace("git: {}", &format!("git: {rule}"));
    let branches = World::of(&example_named("myapp", &pipeline));
    let folders = World::of(&example_named("myapp", &in_folders(&pipeline))).now_in_folders();
    [branches, folders]
}

/// The commit that dev runs.
fn pinned(world: &World) -> Option<String> {
    match world.lock("dev")?.freight.get(&name("config"))? {
        Content::Git { commit, .. } => Some(CommitId::to_string(commit)),
        _ => None,
    }
}

fn line(lines: &[String], part: &str) -> bool {
    lines.iter().any(|it| it.contains(part))
}

#[test]
fn only_tags_are_promoted_and_only_forward() {
    for world in worlds("{ strategy: SemVer, allowTags: [\"^v\"] }") {
        let mut controller = world.controller();
        let lines = world.settle(&mut controller);
        assert!(line(&lines, "nothing fits its rule"), "{lines:#?}");
        assert_eq!(pinned(&world), None);
        let first = world.edit_base("nginx:1.20");
        world.repo.git(&["tag", "v1.0.0", &first]);
        world.repo.git(&["tag", "2.0.0", &first]);
        world.settle(&mut controller);
        assert_eq!(pinned(&world), Some(first.clone()));
        let second = world.edit_base("nginx:1.21");
        let lines = world.settle(&mut controller);
        assert_eq!(pinned(&world), Some(first.clone()), "{lines:#?}");
        // What is tagged need not be the head.
        world.edit_base("nginx:1.22");
        world.repo.git(&["tag", "-a", "-m", "second", "v1.1.0", &second]);
        world.settle(&mut controller);
        assert_eq!(pinned(&world), Some(second.clone()));
        assert!(world.renders("dev").contains("nginx:1.21"));
        // A tag that is gone decides nothing.
        world.repo.git(&["tag", "-d", "v1.1.0"]);
        let lines = world.settle(&mut controller);
        assert_eq!(pinned(&world), Some(second.clone()));
        assert!(line(&lines, "v1.0.0"), "{lines:#?}");
        let mut again = world.controller();
        world.settle(&mut again);
        assert_eq!(pinned(&world), Some(second), "nor does it for who has seen nothing yet");
    }
}

#[test]
fn commits_that_say_so_are_passed_by() {
    for world in worlds("{ expression: \"!subject.contains('[skip]')\" }") {
        let mut controller = world.controller();
        world.settle(&mut controller);
        let first = pinned(&world);
        let base = world.text("main", &format!("{FOLDER}/base/deployment.yaml"));
        let change = |message: &str, image: &str| {
            let text = base.replace("nginx:1.19", image);
            let path = format!("{FOLDER}/base/deployment.yaml");
            world.repo.on("main").message(message).file(&path, text.as_bytes()).commit()
        };
        change("[skip] a try", "nginx:1.20");
        world.settle(&mut controller);
        assert_eq!(pinned(&world), first);
        let second = change("in earnest", "nginx:1.21");
        change("another [skip]", "nginx:1.22");
        world.settle(&mut controller);
        assert_eq!(pinned(&world), Some(second));
        assert!(world.renders("dev").contains("nginx:1.21"));
    }
}

#[test]
fn other_paths_make_no_freight() {
    for world in worlds(&format!("{{ includePaths: [{FOLDER}/base], excludePaths: [\"glob:**/*.md\"] }}")) {
        let mut controller = world.controller();
        world.settle(&mut controller);
        let first = pinned(&world);
        let overlay = world.text("main", &format!("{FOLDER}/envs/dev/kustomization.yaml"));
        world.commit("envs/dev/kustomization.yaml", &format!("{overlay}namePrefix: x-\n"));
        world.commit("base/README.md", "words\n");
        let lines = world.settle(&mut controller);
        assert_eq!(pinned(&world), first, "{lines:#?}");
        let second = world.edit_base("nginx:1.20");
        world.settle(&mut controller);
        assert_eq!(pinned(&world), Some(second.clone()));
        assert!(world.renders("dev").contains("name: x-"), "a commit is pinned as a whole");
        // What is taken back is no change.
        world.edit_base("nginx:1.21");
        world.edit_base("nginx:1.20");
        world.settle(&mut controller);
        assert_eq!(pinned(&world), Some(second));
    }
}
