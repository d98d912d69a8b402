//! Many pipelines: what one round writes goes out together, and nothing is weaker for it.

use std::collections::BTreeSet;

use promoter_controller::apply::{Applied, Due, MERGES_MAX, apply_all};
use promoter_controller::pass::Controller;
use promoter_core::plan::{Action, plan};
use promoter_render::hydrate::trailers_of;
use promoter_testkit::git::GitHttp;

use super::world::{AT_ONCE, ENVIRONMENTS, World, active, events, example_named, name, proposed};

const NAMES: [&str; 4] = ["myapp", "second", "third", "fourth"];

/// The example once for each name, each with a folder of its own on the branches.
fn many(names: &[&str]) -> World {
    let world = World::at_once();
    let more: Vec<_> = names[1..].iter().flat_map(|it| example_named(it, AT_ONCE)).collect();
    if !more.is_empty() {
        world.commit_all(&more);
    }
    world
}

fn proposal(environment: &str, name: &str) -> String {
    proposed(environment).replace("myapp", name)
}

/// Makes passes until nothing moves; the number of pushes.
fn pushes(world: &World) -> usize {
    let http = GitHttp::start(&world.repo);
    let mut controller = Controller::new(world.open(&http.url(), "promoter")).unwrap();
    world.settle(&mut controller);
    http.take_log().iter().filter(|it| it.starts_with("POST") && it.ends_with("receive-pack")).count()
}

/// The files of a pipeline on a branch, with what depends on the place of the repository replaced.
fn files(world: &World, branch: &str, name: &str) -> Vec<(String, String)> {
    let listed = world.repo.git(&["ls-tree", "-r", "--format=%(objectmode) %(path)", branch, name]);
    let lock = world.text(branch, &format!("{name}/promotion.lock.yaml"));
    let id = promoter_core::PromotionLock::parse(&lock, "lock").unwrap().freight.id();
    let text = |path: &str| {
        let text = world.text(branch, path).replace(&world.repo.url(), "URL");
        text.replace(id.hex(), "HEX").replace(&id.alias(), "ALIAS")
    };
    let file = |line: &str| (line.to_owned(), text(line.split_once(' ').unwrap().1));
    listed.lines().map(file).collect()
}

#[test]
fn many_are_pushed_as_often_as_one() {
    let world = many(&NAMES);
    assert_eq!(pushes(&world), pushes(&many(&NAMES[..1])), "not one push for each");
    let alias = world.runs("dev");
    for environment in ["dev", "staging"] {
        let branch = active(environment);
        let first = format!("Initial commit for {branch}");
        let promoted = format!("Promote {alias} of 4 apps to {environment}");
        assert_eq!(world.history(&branch), [first, promoted]);
        let parents = world.repo.git(&["log", "-1", "--format=%P", &branch]);
        let mut parents: Vec<&str> = parents.split(' ').collect();
        assert_eq!(parents.remove(0), world.repo.id(&format!("{branch}^")).unwrap());
        let proposals: BTreeSet<String> =
            NAMES.iter().map(|it| world.repo.id(&proposal(environment, it)).unwrap()).collect();
        assert_eq!(parents.iter().map(|it| (*it).to_owned()).collect::<BTreeSet<_>>(), proposals);
        for name in NAMES {
            let folder = |branch: &str| world.repo.id(&format!("{branch}:{name}")).unwrap();
            assert_eq!(folder(&branch), folder(&proposal(environment, name)), "{name} as it was proposed");
            let modes =
                world.repo.git(&["ls-tree", "--format=%(objectmode) %(path)", &branch, &format!("{name}/")]);
            assert_eq!(
                modes,
                format!(
                    "100644 {name}/README.md\n100644 {name}/hydrator.metadata\n100755 {name}/manifest.yaml\n\
                     100644 {name}/promotion.lock.yaml"
                )
            );
            let note = ["notes", "--ref=hydrator.metadata", "show", &proposal(environment, name)];
            assert!(world.repo.git(&note).contains("drySha"));
        }
        let note = world.repo.git(&["notes", "--ref=hydrator.metadata", "show", &branch]);
        let root: serde_json::Value =
            serde_json::from_str(&world.text(&branch, "hydrator.metadata")).unwrap();
        assert_eq!(note, format!("{{\"drySha\":{}}}", root["drySha"]));
    }
    world.repo.fsck();
}

#[test]
fn each_app_has_its_trailers() {
    let world = many(&NAMES);
    world.settle(&mut world.controller());
    let message = world.repo.git(&["log", "-1", "--format=%B", &active("staging")]);
    let parsed = world.repo.git_with_input(&["interpret-trailers", "--parse"], message.as_bytes());
    for name in NAMES {
        assert!(message.contains(&format!("- {name}: ")), "{message}");
        let trailers = trailers_of(&message, name);
        let value = |key: &str| trailers.iter().find(|(it, _)| *it == key).unwrap().1;
        assert_eq!(value("Promoter-freight"), world.lock("staging").unwrap().freight.id().to_string());
        assert_eq!(value("Promoter-environment"), "staging");
        assert_eq!(value("Promoter-by"), "promoter@example.com");
        assert_eq!(value("Sha-hydrated-proposed"), world.repo.id(&proposal("staging", name)).unwrap());
        assert_eq!(value("Sha-hydrated-active"), world.repo.id("environment/staging^").unwrap());
        assert_eq!(value("Commit-status-proposed-after-description"), "\"is verified in dev\"");
        assert!(trailers.iter().all(|(key, value)| parsed.contains(&format!("{key}: {value}"))), "{parsed}");
    }
    assert_eq!(trailers_of(&message, "nobody"), []);
}

/// One by one, as on a server that cannot move refs together, the same files come out.
#[test]
fn a_server_that_moves_refs_one_by_one_ends_the_same() {
    let together = many(&NAMES);
    together.settle(&mut together.controller());
    let apart = many(&NAMES);
    apart.repo.git(&["config", "receive.advertiseAtomic", "false"]);
    apart.settle(&mut apart.controller());
    assert_eq!(apart.history(&active("dev")).len(), 1 + NAMES.len(), "a merge for each");
    for name in NAMES {
        for environment in ["dev", "staging"] {
            let of = |world: &World| files(world, &active(environment), name);
            let (one, other) = (of(&together), of(&apart));
            assert_eq!(one.len(), 4);
            let without_times = |files: Vec<(String, String)>| -> Vec<(String, String)> {
                let keep = |text: &str| {
                    let is_time = |it: &&str| !it.contains("at:") && !it.contains("\"date\"");
                    text.lines().filter(is_time).collect::<Vec<_>>().join("\n")
                };
                files.into_iter().map(|(path, text)| (path, keep(&text))).collect()
            };
            assert_eq!(without_times(one), without_times(other), "{name} in {environment}");
        }
    }
    apart.repo.fsck();
}

/// An `update` hook names the ref, a `pre-receive` hook refuses the whole push without saying for which.
#[test]
fn what_is_refused_stops_no_other() {
    for (hook, script) in [
        ("update", "test \"$1\" != refs/heads/environment/dev-next/third"),
        (
            "pre-receive",
            "while read old new ref; do test $ref != refs/heads/environment/dev-next/third || exit 1; done",
        ),
    ] {
        let world = many(&NAMES);
        world.repo.hook(hook, script);
        let mut controller = world.controller();
        for _ in 0..2 {
            world.wait(1);
            let pass = world.pass(&mut controller);
            let [finding] = pass.findings.as_slice() else { panic!("{hook}: {:#?}", pass.findings) };
            assert_eq!(finding.code, "push-rejected", "{hook}: {finding}");
            assert!(finding.to_string().contains("environment/dev-next/third"), "{hook}: {finding}");
        }
        assert_eq!(world.repo.id(&proposal("dev", "third")), None);
        for name in ["myapp", "second", "fourth"] {
            assert!(world.repo.id(&format!("environment/staging:{name}")).is_some(), "{hook}: {name}");
        }
        std::fs::remove_file(world.repo.path().join("hooks").join(hook)).unwrap();
        world.settle(&mut controller);
        assert!(world.repo.id("environment/staging:third").is_some(), "{hook}");
        world.repo.fsck();
    }
}

/// A hook that looks into what is merged refuses one app of several in one commit.
#[test]
fn of_one_merge_only_the_bad_app_is_left_out() {
    let world = many(&NAMES);
    let script = "test \"$1\" != refs/heads/environment/dev || ! git cat-file -e $3:second 2>/dev/null";
    world.repo.hook("update", script);
    let pass = world.pass(&mut world.controller());
    let [finding] = pass.findings.as_slice() else { panic!("{:#?}", pass.findings) };
    assert_eq!(finding.code, "push-rejected", "{finding}");
    for name in NAMES {
        let is_there = world.repo.id(&format!("environment/staging:{name}")).is_some();
        assert_eq!(is_there, name != "second", "{name}");
    }
}

#[test]
fn what_became_stale_is_left_out_and_the_rest_goes_on() {
    let world = many(&NAMES);
    let mut observer = world.observer();
    // Until dev's proposals are there: all but one, whose branch somebody makes first.
    for _ in 0..10 {
        let seen = observer.observe().unwrap();
        let plans: Vec<_> = seen.pipelines.iter().map(|(it, seen)| plan(it, seen, world.now())).collect();
        let due: Vec<Due<'_>> = plans
            .iter()
            .zip(&seen.pipelines)
            .flat_map(|(plan, (pipeline, _))| plan.actions.iter().map(move |action| Due { pipeline, action }))
            .collect();
        if due.iter().any(|it| matches!(it.action, Action::Merge(_))) {
            // Somebody commits to one of the proposals, and to the notes.
            let theirs = world.repo.commit(&proposal("dev", "second"), &[("theirs", "x")]);
            world.repo.git(&["notes", "--ref=hydrator.metadata", "add", "-m", "theirs", &theirs]);
            let mut refs = seen.refs.clone();
            let outcomes = apply_all(observer.repository(), &mut refs, &due, world.now());
            for (due, outcome) in due.iter().zip(outcomes) {
                assert!(matches!(outcome.unwrap(), Applied::Moved(_)), "{}", due.pipeline.name);
            }
            // What was judged was merged, not what came later.
            assert_eq!(world.repo.id("environment/dev:theirs"), None);
            assert_eq!(world.repo.git(&["notes", "--ref=hydrator.metadata", "show", &theirs]), "theirs");
            assert!(
                world
                    .repo
                    .git(&["notes", "--ref=hydrator.metadata", "show", "environment/dev"])
                    .contains("drySha")
            );
            return;
        }
        let mut refs = seen.refs.clone();
        let proposes = due.iter().filter(|it| matches!(it.action, Action::Propose(_))).count();
        if proposes == NAMES.len() {
            world.repo.commit(&proposal("dev", "third"), &[("theirs", "x")]);
        }
        let outcomes = apply_all(observer.repository(), &mut refs, &due, world.now());
        for (due, outcome) in due.iter().zip(outcomes) {
            let stale = proposes == NAMES.len() && due.pipeline.name == name("third");
            let outcome = outcome.unwrap();
            assert_eq!(outcome == Applied::Stale, stale, "{}: {outcome:?}", due.pipeline.name);
        }
    }
    panic!("nothing was merged");
}

#[test]
fn two_controllers_with_many_pipelines_end_as_one_would() {
    let world = many(&NAMES);
    let now = world.now();
    let controllers = [world.controller(), world.controller()];
    std::thread::scope(|scope| {
        for mut controller in controllers {
            scope.spawn(move || {
                for step in 0..4 {
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
    let manifest = |branch: &str, name: &str| world.repo.id(&format!("{branch}:{name}/manifest.yaml"));
    for name in NAMES {
        for environment in ENVIRONMENTS {
            let there = manifest(&proposal(environment, name), name);
            assert!(there.is_some(), "{name} in {environment}");
            let runs = manifest(&active(environment), name);
            assert_eq!(runs, there.filter(|_| environment != "prod"), "{name} in {environment}");
        }
    }
    world.repo.fsck();
}

#[test]
fn a_quiet_pass_over_many_is_one_question() {
    let world = many(&NAMES);
    let http = GitHttp::start(&world.repo);
    let mut controller = Controller::new(world.open(&http.url(), "promoter")).unwrap();
    world.settle(&mut controller);
    for _ in 0..3 {
        http.take_log();
        world.wait(60);
        assert!(events(&world.pass(&mut controller)).is_empty());
        let log = http.take_log();
        let questions: Vec<&String> = log.iter().filter(|it| it.starts_with("POST")).collect();
        assert_eq!(questions, ["POST /repo.git/git-upload-pack"], "{log:#?}");
    }
}

/// An edit of one app touches no other, on the branches and in what is asked of them.
#[test]
fn one_app_moves_alone() {
    let world = many(&NAMES);
    let mut controller = world.controller();
    world.settle(&mut controller);
    let folders = |world: &World| {
        let of = |it: &str| {
            ENVIRONMENTS.map(|environment| world.repo.id(&format!("{}:{it}", active(environment))))
        };
        NAMES[1..].iter().copied().map(of).collect::<Vec<_>>()
    };
    let before = folders(&world);
    world.edit_base("nginx:1.20");
    world.settle(&mut controller);
    assert!(world.manifest("staging").contains("nginx:1.20"));
    assert_eq!(folders(&world), before);
    assert_eq!(world.history(&active("staging")).len(), 3);
}

/// A base that all share lies outside of each folder: what a render read there counts.
#[test]
fn an_edit_outside_of_the_folder_reaches_all_who_read_it() {
    let world = many(&NAMES[..2]);
    let overlay = |app: &str| {
        let path = format!("apps/{app}/envs/dev/kustomization.yaml");
        let text = world.text("main", &path);
        (path, text.replace("- ../../base", "- ../../base\n  - ../../../../shared"))
    };
    let shared = |value: &str| {
        let map =
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: shared\ndata:\n  a: {value}\n");
        [
            ("shared/map.yaml".to_owned(), map),
            ("shared/kustomization.yaml".to_owned(), "resources: [map.yaml]\n".to_owned()),
        ]
    };
    let mut files = vec![overlay("myapp"), overlay("second")];
    assert!(files[0].1.contains("shared"), "{}", files[0].1);
    files.extend(shared("one"));
    world.commit_all(&files);
    let mut controller = world.controller();
    world.settle(&mut controller);
    world.commit_all(&[("shared/unread.md".into(), "words".into())]);
    let branch = active("dev");
    let head = world.repo.id(&branch);
    world.settle(&mut controller);
    assert_eq!(world.repo.id(&branch), head, "nobody reads it");
    world.commit_all(&shared("two"));
    world.settle(&mut controller);
    for name in &NAMES[..2] {
        assert!(world.text(&branch, &format!("{name}/manifest.yaml")).contains("a: two"), "{name}");
    }
}

/// More than go into one commit become several in one push, and each app is in one of them.
#[test]
fn a_merge_has_no_more_parents_than_tools_are_used_to() {
    let names: Vec<String> = (0..=MERGES_MAX).map(|it| format!("app-{it}")).collect();
    let names: Vec<&str> = std::iter::once("myapp").chain(names.iter().map(String::as_str)).collect();
    let world = many(&names);
    assert_eq!(pushes(&world), pushes(&many(&NAMES[..1])));
    let parents = world.repo.git(&["log", "--first-parent", "--format=%P", &active("dev")]);
    let merged: Vec<usize> = parents.lines().map(|it| it.split_whitespace().skip(1).count()).collect();
    assert_eq!(merged, [names.len() - MERGES_MAX, MERGES_MAX]);
    let listed = world.repo.git(&["ls-tree", "-d", "--name-only", &active("dev")]);
    assert_eq!(listed.lines().count(), names.len());
    world.repo.fsck();
}
