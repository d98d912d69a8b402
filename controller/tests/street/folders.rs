//! The layout `folders`: locks beside the overlays on the dry branch, proposals that change one file, and people who
//! work on the same branch.

use promoter_controller::observe::Seen;
use promoter_core::record::RequestAction;
use promoter_core::{Artifact, Content, Fault, Freight, LockVersion, PromotionLock, Render, UnixSeconds};

use super::world::{
    AT_ONCE, ENVIRONMENTS, FOLDER, World, at, events, example_named, in_folders, lines, name, proposed,
};

const STATE: &str = "promoter/state";

/// The files that a proposal changes, as a review shows them.
fn proposes(world: &World, environment: &str) -> String {
    world.repo.git(&["diff", "--name-only", &format!("main...{}", proposed(environment))])
}

/// How much freight of a pipeline is recorded.
fn freight_count(world: &World, pipeline: &str) -> usize {
    world.repo.git(&["ls-tree", "--name-only", &format!("{STATE}:{pipeline}/freight")]).lines().count()
}

/// A person writes the lock of an environment with an editor.
fn write_lock(world: &World, environment: &str, change: impl Fn(&str) -> String) {
    let (branch, path) = world.place(environment);
    world.repo.commit(&branch, &[(&path, &change(&world.text(&branch, &path)))]);
}

fn hotfix(world: &World, environment: &str, freight: &str) {
    let (now, environment) = (world.now(), name(environment));
    // Who asks does not approve.
    world
        .person("bob")
        .request(&at(&environment), RequestAction::Hotfix, Some(freight), "CVE-7", now)
        .unwrap();
}

#[test]
fn the_example_goes_from_dev_to_prod_and_back() {
    let world = World::folders();
    let mut controller = world.controller();
    world.settle(&mut controller);
    let first = world.runs("dev");
    assert_eq!([world.runs("staging"), world.runs("prod")], [&*first, "-"]);
    assert_eq!(proposes(&world, "prod"), world.place("prod").1);
    world.approve("prod");
    world.settle(&mut controller);
    let old = ENVIRONMENTS.map(|it| world.renders(it));
    for ((manifests, environment), replicas) in old.iter().zip(ENVIRONMENTS).zip(1..) {
        for word in [format!("namespace: {environment}\n"), format!("replicas: {replicas}\n")] {
            assert!(manifests.contains(&word), "{environment}: {manifests}");
        }
        let render = world.lock(environment).unwrap().render;
        assert_eq!((render.digest, render.engine), (None, None), "nothing is hydrated");
    }

    // An edit of the base changes nothing until it is promoted, then dev and staging, and prod waits.
    world.edit_base("nginx:1.20");
    assert_eq!(ENVIRONMENTS.map(|it| world.renders(it)), old);
    world.settle(&mut controller);
    let second = world.runs("dev");
    assert!(["dev", "staging"].iter().all(|it| world.renders(it).contains("image: nginx:1.20\n")));
    assert_eq!(world.renders("prod"), old[2]);
    world.approve("prod");
    world.settle(&mut controller);
    assert_eq!(ENVIRONMENTS.map(|it| world.runs(it)), [&*second; 3]);

    // A rollback brings the bytes back and holds.
    world.roll_back("prod");
    world.settle(&mut controller);
    assert_eq!((world.runs("prod"), world.renders("prod")), (first, old[2].clone()));
    assert_eq!(world.lock("prod").unwrap().hold.unwrap().reason, "INC-42");

    // A hotfix passes an environment by.
    world.hold("prod", None).unwrap();
    world.hold("staging", Some("a demo")).unwrap();
    world.edit_base("nginx:1.21");
    world.settle(&mut controller);
    let third = world.runs("dev");
    hotfix(&world, "prod", &third);
    world.settle(&mut controller);
    world.approve("prod");
    world.settle(&mut controller);
    assert_eq!(ENVIRONMENTS.map(|it| world.runs(it)), [&*third, &*second, &*third]);

    assert_eq!(freight_count(&world, "myapp"), 3, "no promotion made freight");
    only_locks_were_written(&world);
    world.repo.fsck();
}

/// Every commit of ours on the dry branch changes one lockfile, and there is no branch or ref that others would read.
fn only_locks_were_written(world: &World) {
    let ours = world.repo.git(&["log", "--first-parent", "--author=promoter", "--format=%H %P", "main"]);
    assert!(ours.lines().count() >= 6, "{ours}");
    for commit in ours.lines() {
        let parts: Vec<&str> = commit.split(' ').collect();
        assert_eq!(parts.len(), 3, "{commit} is a merge");
        let changed = world.repo.git(&["diff", "--name-only", parts[1], parts[0]]);
        assert!(ENVIRONMENTS.iter().any(|it| world.place(it).1 == changed), "{commit}: {changed}");
    }
    let refs = world.repo.git(&["for-each-ref", "--format=%(refname:short)"]);
    let next = ENVIRONMENTS.map(proposed);
    let known = |it: &&str| *it == "main" || *it == STATE || next.iter().any(|next| next == it);
    assert_eq!(refs.lines().find(|it| !known(it)), None, "{refs}");
}

#[test]
fn what_is_rejected_is_taken_back() {
    let world = World::folders();
    let mut controller = world.controller();
    world.settle(&mut controller);
    let now = world.now();
    world.person("ada").reject(&at(&name("prod")), None, "not today", now).unwrap();
    world.settle(&mut controller);
    assert_eq!(proposes(&world, "prod"), "");
    world.edit_base("nginx:1.20");
    world.settle(&mut controller);
    assert_eq!(proposes(&world, "prod"), world.place("prod").1, "the next one is proposed on top");
    world.approve("prod");
    world.settle(&mut controller);
    assert!(world.renders("prod").contains("nginx:1.20"));
    world.repo.fsck();
}

#[test]
fn a_person_merges_the_proposal_with_git() {
    let world = World::folders();
    let by_people = AT_ONCE.replace("after: [dev], promotion: auto", "after: [dev], promotion: pullRequest");
    world.commit("promoter.yaml", &in_folders(&by_people));
    let mut controller = world.controller();
    world.settle(&mut controller);
    let first = world.runs("dev");
    let proposal = world.repo.id(&proposed("staging"));
    assert_eq!((world.runs("staging"), proposes(&world, "staging")), ("-".into(), world.place("staging").1));
    // What others commit is in nobody's way: the proposal stays as it was reviewed.
    world.repo.commit("main", &[("README.md", "ours\n")]);
    world.settle(&mut controller);
    assert_eq!(world.repo.id(&proposed("staging")), proposal);
    world.merge_with_git(&proposed("staging"), "main");
    let merged = world.repo.id("main");
    world.settle(&mut controller);
    assert_eq!((world.runs("staging"), world.repo.id("main")), (first, merged));
    assert_eq!(proposes(&world, "prod"), world.place("prod").1, "it goes on from there");

    // Who writes into the lock itself finds the proposal renewed, so that git has nothing to ask.
    world.edit_base("nginx:1.20");
    world.settle(&mut controller);
    write_lock(&world, "staging", |text| text.replace("promotion:", "# Ask Ada first.\npromotion:"));
    world.settle(&mut controller);
    world.merge_with_git(&proposed("staging"), "main");
    world.settle(&mut controller);
    assert!(world.renders("staging").contains("nginx:1.20"));
    let (branch, path) = world.place("staging");
    assert!(world.text(&branch, &path).contains("# Ask Ada first."));
    world.repo.fsck();
}

#[test]
fn what_people_write_into_a_lock_is_what_runs() {
    let world = World::folders();
    let mut controller = world.controller();
    world.settle(&mut controller);
    let before = world.lock("staging").unwrap();
    world.edit_base("nginx:1.20");
    world.settle(&mut controller);
    let hold = "hold: { reason: \"a demo\", by: ada@example.com }\n";
    write_lock(&world, "staging", |text| {
        let lock =
            PromotionLock { freight: before.freight.clone(), ..PromotionLock::parse(text, "").unwrap() };
        lock.edit(text, "").unwrap() + hold
    });
    let edited = world.repo.id("main");
    let said = world.settle(&mut controller);
    assert_eq!(world.runs("staging"), before.freight.id().alias());
    assert!(said.contains(&"staging: held by ada@example.com: a demo".to_owned()), "{said:#?}");
    assert_eq!(world.repo.id("main"), edited);

    // A slip stands still until it is mended; the lock of one environment is nothing to the others.
    write_lock(&world, "staging", |text| text.replace("alias: ", "alias: not-"));
    let pass = world.pass(&mut controller);
    let [finding] = pass.findings.as_slice() else { panic!("{:#?}", pass.findings) };
    assert_eq!(finding.fault, Fault::Input);
    assert!(finding.to_string().contains(&format!("{}:", world.place("staging").1)), "{finding}");
    world.edit_base("nginx:1.21");
    world.pass(&mut controller);
    assert!(world.renders("dev").contains("nginx:1.21"));
    world.repo.fsck();
}

/// Folders of plain YAML hold their lock too. What stands in it is no manifest, whole or broken.
#[test]
fn promotions_make_no_freight() {
    let world = World::folders();
    let mut controller = world.controller();
    for path in ["envs/dev", "envs/staging", "envs/prod"] {
        let map = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {} }}\n", &path[5..]);
        let folder = format!("{FOLDER}/{path}");
        world.repo.on("main").remove(&folder).file(&format!("{folder}/map.yaml"), map.as_bytes()).commit();
    }
    world.settle(&mut controller);
    world.approve("prod");
    world.settle(&mut controller);
    assert_eq!(freight_count(&world, "myapp"), 1);
    for _ in 0..3 {
        world.settle(&mut controller);
    }
    let quiet = world.refs();
    world.settle(&mut world.controller());
    assert_eq!(world.refs(), quiet, "a new controller finds nothing to do");
    world.person("ada").create_freight(None, &[], world.now()).unwrap();
    assert_eq!(world.refs(), quiet, "what is created again is the same");

    write_lock(&world, "dev", |_| "<<<<<<< ours\n".into());
    for mut controller in [controller, world.controller()] {
        let pass = world.pass(&mut controller);
        let codes: Vec<&str> = pass.findings.iter().map(|it| it.code).collect();
        assert_eq!(codes, ["lock-not-yaml"], "{:#?}", pass.findings);
    }
    assert_eq!(freight_count(&world, "myapp"), 1);
}

#[test]
fn a_deleted_state_branch_is_made_anew_and_nothing_moves() {
    let world = World::folders();
    let mut controller = world.controller();
    world.settle(&mut controller);
    world.approve("prod");
    world.settle(&mut controller);
    world.edit_base("nginx:1.20");
    world.settle(&mut controller);
    let (runs, main) = (ENVIRONMENTS.map(|it| world.runs(it)), world.repo.id("main"));
    world.repo.git(&["update-ref", "-d", "refs/heads/promoter/state"]);
    world.settle(&mut world.controller());
    assert_eq!((ENVIRONMENTS.map(|it| world.runs(it)), world.repo.id("main")), (runs, main));
    assert_eq!(freight_count(&world, "myapp"), 2);
}

#[test]
fn two_controllers_at_once_end_as_one_would() {
    let world = World::folders();
    let now = world.now();
    let controllers = [world.controller(), world.controller()];
    std::thread::scope(|scope| {
        for mut controller in controllers {
            scope.spawn(move || {
                for step in 0..6 {
                    let pass = controller.pass(|| UnixSeconds(now.0 + step)).unwrap();
                    assert!(
                        pass.findings.iter().all(|it| it.fault == Fault::Upstream),
                        "{:?}",
                        pass.findings
                    );
                }
            });
        }
    });
    world.wait(10);
    world.settle(&mut world.controller());
    let alone = World::folders();
    alone.settle(&mut alone.controller());
    let subjects = |world: &World| {
        let history = world.history("main").into_iter();
        history.map(|it| it.replace(&world.runs("dev"), "FREIGHT")).collect::<Vec<_>>()
    };
    assert_eq!(subjects(&world), subjects(&alone));
    let proposals = |world: &World| ENVIRONMENTS.map(|it| proposes(world, it));
    assert_eq!(proposals(&world), proposals(&alone));
    assert_eq!(freight_count(&world, "myapp"), 1);
    world.repo.fsck();
}

#[test]
fn a_repository_mixes_pipelines_of_both_layouts() {
    let world = World::at_once();
    world.commit_all(&example_named("second", &in_folders(AT_ONCE)));
    let mut controller = world.controller();
    world.settle(&mut controller);
    let second = "apps/second/envs/staging/promotion.lock.yaml";
    assert!(world.repo.id(&format!("main:{second}")).is_some());
    assert_ne!(world.runs("staging"), "-");
    let tree = world.repo.git(&["ls-tree", "-r", "--name-only", "environment/staging"]);
    assert!(tree.lines().all(|it| !it.starts_with("second/")), "{tree}");
    // Promotions of the one move the dry branch, and the other has nothing to do.
    assert_eq!([freight_count(&world, "myapp"), freight_count(&world, "second")], [1, 1]);
    world.edit_base("nginx:1.20");
    world.settle(&mut controller);
    assert_eq!([freight_count(&world, "myapp"), freight_count(&world, "second")], [2, 1]);
    world.repo.fsck();
}

#[test]
fn one_lock_is_written_by_one_environment() {
    let world = World::folders();
    let thief =
        in_folders(AT_ONCE).replace("name: myapp", "name: thief").replace("source: ", "source: myapp/");
    world.repo.commit("main", &[("apps/promoter.yaml", &thief)]);
    let pass = world.pass(&mut world.controller());
    assert!(events(&pass).is_empty() && lines(&pass).is_empty(), "which is meant is for a person to say");
    let [finding] = pass.findings.as_slice() else { panic!("{:#?}", pass.findings) };
    let said = finding.to_string();
    let words = format!("both write `{}` on `main`", world.place("dev").1);
    assert!(said.contains(&words) && said.contains("promoter.yaml:"), "{said}");
}

/// The first locks, as `promoter init` writes them: what is committed is what runs, and it is no news.
#[test]
fn what_was_set_up_stays_as_it_is() {
    let world = World::folders();
    let url = world.open(&world.repo.url(), "ada").url;
    let content = Content::Git { url, commit: world.repo.id("main").unwrap().parse().unwrap() };
    let freight = Freight::new(vec![Artifact { name: name("config"), content }]).unwrap();
    let lock = |environment: &str| {
        let lock = PromotionLock {
            version: LockVersion::default(),
            pipeline: name("myapp"),
            environment: name(environment),
            freight: freight.clone(),
            render: Render { source: format!("{FOLDER}/envs/{environment}"), ..Render::default() },
            promotion: None,
            hold: None,
        };
        (world.place(environment).1, lock.emit())
    };
    let main = world.commit_all(&ENVIRONMENTS.map(lock));
    let mut controller = world.controller();
    let said = world.settle(&mut controller);
    assert!(said.contains(&"prod: nothing newer".to_owned()), "{said:#?}");
    assert_eq!((world.repo.id("main").unwrap(), freight_count(&world, "myapp")), (main, 1));
    assert!(ENVIRONMENTS.iter().all(|it| world.repo.id(&proposed(it)).is_none()));
    // The next edit goes the usual way from there.
    world.edit_base("nginx:1.20");
    world.settle(&mut controller);
    assert!(world.renders("staging").contains("nginx:1.20"));
    assert!(world.renders("prod").contains("nginx:1.19"));
}

#[test]
fn a_pipeline_changes_its_layout() {
    let world = World::at_once();
    let mut controller = world.controller();
    world.settle(&mut controller);
    world.approve("prod");
    world.settle(&mut controller);
    world.edit_base("nginx:1.20");
    world.settle(&mut controller);
    let runs = ENVIRONMENTS.map(|it| world.runs(it));
    let locks = ENVIRONMENTS.map(|it| world.lock(it).unwrap());
    let world = world.now_in_folders();
    let mut files = vec![(format!("{FOLDER}/promoter.yaml"), in_folders(AT_ONCE))];
    files.extend(locks.into_iter().zip(ENVIRONMENTS).map(|(lock, environment)| {
        let render = Render { digest: None, engine: None, ..lock.render.clone() };
        (world.place(environment).1, PromotionLock { render, ..lock }.emit())
    }));
    world.commit_all(&files);
    world.settle(&mut controller);
    assert_eq!(ENVIRONMENTS.map(|it| world.runs(it)), runs);
    assert_eq!(freight_count(&world, "myapp"), 2);
    assert_eq!(proposes(&world, "prod"), world.place("prod").1);
    world.approve("prod");
    world.settle(&mut controller);
    assert_eq!(world.runs("prod"), world.runs("dev"));
    world.repo.fsck();
}

/// The default branch may be called as people like, and change its name.
#[test]
fn the_dry_branch_is_the_one_that_the_repository_names() {
    let world = World::folders();
    let mut controller = world.controller();
    world.settle(&mut controller);
    world.repo.git(&["branch", "trunk", "main"]);
    world.repo.git(&["symbolic-ref", "HEAD", "refs/heads/trunk"]);
    let seen: Seen = world.observer().observe().unwrap();
    assert!(seen.pipelines[0].0.environments.iter().all(|it| it.active_branch == "trunk"));
    world.approve("prod");
    let main = world.repo.id("main");
    world.settle(&mut controller);
    assert_eq!(world.repo.id("main"), main);
    assert!(world.repo.id(&format!("trunk:{}", world.place("prod").1)).is_some());
}
