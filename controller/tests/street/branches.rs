//! What is on the branches: files, modes, notes, trailers, history.

use serde_json::Value;

use super::world::{AT_ONCE, ENVIRONMENTS, World, active, example_named, proposed};

/// A world in which dev and staging run the first freight and prod waits.
fn world() -> World {
    let world = World::at_once();
    world.settle(&mut world.controller());
    world
}

fn tree(world: &World, revision: &str) -> Vec<String> {
    let listed = world.repo.git(&["ls-tree", "-r", "--format=%(objectmode) %(path)", revision]);
    listed.lines().map(Into::into).collect()
}

/// `key: value` lines that git itself reads as trailers.
fn trailers(world: &World, revision: &str) -> Vec<(String, String)> {
    let message = world.repo.git(&["log", "-1", "--format=%B", revision]);
    let parsed = world.repo.git_with_input(&["interpret-trailers", "--parse"], message.as_bytes());
    let split =
        |it: &str| it.split_once(": ").map(|(key, value)| (key.to_owned(), value.to_owned())).unwrap();
    parsed.lines().map(split).collect()
}

fn trailer(world: &World, revision: &str, key: &str) -> String {
    let found = trailers(world, revision).into_iter().find(|(it, _)| it == key);
    found.unwrap_or_else(|| panic!("{revision} has no trailer {key}")).1
}

#[test]
fn an_environment_has_the_files_that_others_read() {
    let world = world();
    for revision in [active("dev"), proposed("dev"), proposed("prod")] {
        assert_eq!(
            tree(&world, &revision),
            [
                "100644 .gitattributes",
                "100644 hydrator.metadata",
                "100644 myapp/README.md",
                "100644 myapp/hydrator.metadata",
                "100755 myapp/manifest.yaml",
                "100644 myapp/promotion.lock.yaml",
            ],
            "{revision}"
        );
        assert_eq!(
            world.text(&revision, ".gitattributes"),
            "**/README.md linguist-generated=true\n**/hydrator.metadata linguist-generated=true"
        );
        let dry = world.repo.id("main").unwrap();
        let freight = world.lock("dev").unwrap().freight.id();
        let environment = if revision.contains("prod") { "prod" } else { "dev" };
        for path in ["hydrator.metadata", "myapp/hydrator.metadata"] {
            let metadata: Value = serde_json::from_str(&world.text(&revision, path)).unwrap();
            assert_eq!(metadata["drySha"], freight.hex(), "{revision}:{path}");
            assert_eq!(metadata["repoURL"], world.repo.url());
            assert_eq!(metadata["promoter"]["freight"], freight.to_string());
            assert_eq!(metadata["promoter"]["commit"], dry);
            assert_eq!(metadata["promoter"]["environment"], environment);
            assert_eq!(metadata["promoter"]["pipeline"], "myapp");
        }
        assert!(world.text(&revision, "myapp/README.md").contains(&format!("git checkout {dry}\n")));
        let note = world.repo.git(&["notes", "--ref=hydrator.metadata", "show", &revision]);
        assert_eq!(note, format!("{{\"drySha\":\"{}\"}}", freight.hex()));
    }
    world.repo.fsck();
}

#[test]
fn a_promotion_merges_the_proposal_and_says_why() {
    let world = world();
    world.approve("prod");
    world.settle(&mut world.controller());
    let head = active("prod");
    let freight = world.lock("prod").unwrap().freight.id();
    let parents = world.repo.git(&["log", "-1", "--format=%P", &head]);
    let parents: Vec<&str> = parents.split(' ').collect();
    assert_eq!(parents.len(), 2);
    assert_eq!(parents[1], world.repo.id(&proposed("prod")).unwrap());
    assert_eq!(world.history(parents[0]), ["Initial commit for environment/prod"]);
    let wanted = [
        ("Promoter-freight", freight.to_string()),
        ("Promoter-environment", "prod".into()),
        ("Promoter-pipeline", "myapp".into()),
        ("Promoter-by", "promoter@example.com".into()),
        ("Sha-hydrated-active", parents[0].into()),
        ("Sha-hydrated-proposed", parents[1].into()),
        ("Sha-dry-proposed", freight.hex().into()),
        ("Commit-status-proposed-after-phase", "success".into()),
        ("Commit-status-proposed-after-description", "\"is verified in staging\"".into()),
        ("Commit-status-proposed-approvals-phase", "success".into()),
        ("Commit-status-proposed-approvals-description", "\"has 1 of 1 approvals (ada@example.com)\"".into()),
    ];
    let wanted: Vec<(String, String)> = wanted.map(|(key, value)| (key.into(), value)).into();
    assert_eq!(trailers(&world, &head), wanted);
    assert_eq!(trailer(&world, &proposed("prod"), "Promoter-freight"), freight.to_string());
}

#[test]
fn a_request_leaves_who_and_why_on_the_branch() {
    let world = world();
    let mut controller = world.controller();
    world.edit_base("nginx:1.20");
    world.settle(&mut controller);
    world.roll_back("dev");
    world.settle(&mut controller);
    for revision in [active("dev"), proposed("dev")] {
        assert_eq!(trailer(&world, &revision, "Promoter-by"), "ada@example.com");
        assert_eq!(trailer(&world, &revision, "Promoter-reason"), "INC-42");
    }
    world.hold("dev", None).unwrap();
    assert_eq!(trailer(&world, &active("dev"), "Promoter-by"), "ada@example.com");
    let changed = world.repo.git(&["diff", "--name-only", "environment/dev^", "environment/dev"]);
    assert_eq!(changed, "myapp/promotion.lock.yaml");
    let note = world.repo.git(&["notes", "--ref=hydrator.metadata", "show", "environment/dev"]);
    assert!(note.contains(world.lock("dev").unwrap().freight.id().hex()), "{note}");
}

/// The repository refuses to rewind any branch, so a push that does not go forward would fail the story.
#[test]
fn active_and_proposed_share_their_history() {
    let world = world();
    let mut controller = world.controller();
    for image in ["nginx:1.20", "nginx:1.21", "nginx:1.22"] {
        world.edit_base(image);
        world.settle(&mut controller);
    }
    for environment in ENVIRONMENTS {
        let (active, proposed) = (active(environment), proposed(environment));
        world.repo.git(&["merge-base", &active, &proposed]);
        let roots = world.repo.git(&["rev-list", "--max-parents=0", &active, &proposed]);
        assert_eq!(roots.lines().count(), 1, "{environment}: one root");
    }
    // prod was never approved: its proposal moved in place, each on top of the one before.
    assert_eq!(world.history(&proposed("prod")).len(), 1 + 4);
    assert_eq!(world.runs("prod"), "-");
    world.approve("prod");
    world.settle(&mut controller);
    assert_eq!(world.runs("prod"), world.runs("dev"));
    world.repo.fsck();
}

#[test]
fn two_pipelines_on_one_branch_leave_each_other_alone() {
    let world = world();
    let mut controller = world.controller();
    let second = example_named("second", AT_ONCE);
    let folder = |revision: &str, name: &str| world.repo.id(&format!("{revision}:{name}"));
    let ours = ENVIRONMENTS.map(|it| folder(&active(it), "myapp"));
    world.commit_all(&second);
    world.settle(&mut controller);
    assert_eq!(ENVIRONMENTS.map(|it| folder(&active(it), "myapp")), ours);
    assert!(folder(&active("staging"), "second").is_some());
    let theirs = ENVIRONMENTS.map(|it| folder(&active(it), "second"));

    // Both have something to do at once.
    world.edit_base("nginx:1.20");
    let prod = "apps/second/envs/prod/kustomization.yaml";
    let (_, text) = second.iter().find(|(path, _)| path == prod).unwrap();
    world.commit_all(&[(prod.into(), text.replace("count: 3", "count: 4"))]);
    world.settle(&mut controller);
    for environment in ["dev", "staging"] {
        assert!(world.manifest(environment).contains("nginx:1.20"));
        assert_ne!(folder(&active(environment), "second"), None);
    }
    let manifests = ENVIRONMENTS[..2].iter().zip(&theirs);
    for (environment, before) in manifests {
        let before = before.as_ref().unwrap();
        let now = world.text(&active(environment), "second/manifest.yaml");
        let then = world.repo.try_git(&["cat-file", "blob", &format!("{before}:manifest.yaml")], b"").stdout;
        assert_eq!(now.as_bytes(), then, "only prod of the second pipeline was edited");
    }
    // Each is approved for itself.
    let proposal = proposed("prod").replace("myapp", "second");
    assert!(world.text(&proposal, "second/manifest.yaml").contains("replicas: 4"));
    let seen = world.person("ada").observe().unwrap();
    let error = super::world::at(&super::world::name("prod")).found(&seen).unwrap_err();
    assert_eq!(error.code, "environment-ambiguous");
    let of_second = promoter_controller::people::Where {
        pipeline: Some(&super::world::name("second")),
        environment: &super::world::name("prod"),
    };
    world.person("ada").approve(&of_second, None, "", world.now()).unwrap();
    world.settle(&mut controller);
    assert!(world.text(&active("prod"), "second/manifest.yaml").contains("replicas: 4"));
    assert_eq!(folder(&active("prod"), "myapp"), None);
    world.repo.fsck();
}

/// A commit of the dry branch that changes no render, and a look by a controller that remembers nothing: not one ref
/// of ours moves.
#[test]
fn nothing_changed_means_no_commit() {
    let world = world();
    let ours = |world: &World| {
        let refs = world.refs();
        refs.lines().filter(|it| !it.starts_with("refs/heads/main ")).map(str::to_owned).collect::<Vec<_>>()
    };
    let before = ours(&world);
    for text in ["first\n", "second\n"] {
        world.commit("README.md", text);
        world.settle(&mut world.controller());
        assert_eq!(ours(&world), before);
    }
}
