//! Other writers on our branches: Argo CD's own commit server, and what GitOps Promoter asks of a hydrator.

use std::io::Write as _;
use std::process::{Command, Stdio};

use promoter_testkit::tool;
use serde_json::{Value, json};

use super::world::{AT_ONCE, ENVIRONMENTS, World, active, events, lines, proposed};

/// Argo CD's commit server, asked to hydrate `path` of a branch; `None` where it is not installed.
fn argo_cd(world: &World, branch: &str, path: &str, dry: &str, manifests: &[Value]) -> Option<String> {
    let program = tool("argo-cd-client-v3.5.7", "argo-cd-client")?;
    let manifests: Vec<Value> = manifests.iter().map(|it| json!({"manifestJSON": it.to_string()})).collect();
    let request = json!({
        "repo": {"repo": world.repo.url()},
        "syncBranch": branch,
        "targetBranch": branch,
        "drySha": dry,
        "dryCommitMetadata": {"author": "Dry <dry@example.com>", "date": "2026-11-20T08:00:00Z", "message": "Edit"},
        "paths": [{"path": path, "manifests": manifests, "commands": ["kustomize build ."]}],
    });
    let mut command = Command::new(program);
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("HOME", world.repo.path()).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(request.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

/// The objects of a manifest on a branch.
fn objects(world: &World, revision: &str, path: &str) -> Vec<Value> {
    let text = world.text(revision, path);
    text.split("---\n").map(|it| serde_yaml::from_str(it).unwrap()).collect()
}

/// What differs between two commits, as `A path`, `M path`.
fn changed(world: &World, from: &str, to: &str) -> Vec<String> {
    let listed = world.repo.git(&["diff-tree", "-r", "--name-status", from, to]);
    listed.lines().map(|it| it.replace('\t', " ")).collect()
}

fn note(world: &World, commit: &str) -> Value {
    let text = world.repo.git(&["notes", "--ref=hydrator.metadata", "show", commit]);
    serde_json::from_str(&text).unwrap()
}

const DRY: &str = "1111111111111111111111111111111111111111";

/// Argo CD writes the branch first; we go on from there and change what differs, no more.
#[test]
fn we_write_over_a_branch_of_argo_cd() {
    let world = World::at_once();
    let reference = World::at_once();
    reference.settle(&mut reference.controller());
    let manifests = objects(&reference, &active("dev"), "myapp/manifest.yaml");
    let other =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"}, "data": {"n": "1"}});
    let branch = active("dev");
    if argo_cd(&world, &branch, "myapp", DRY, &manifests).is_none() {
        return;
    }
    let theirs = argo_cd(&world, &branch, "other", &"2".repeat(40), &[other]).unwrap();
    assert_eq!(
        world.text(&theirs, "myapp/manifest.yaml"),
        reference.manifest("dev"),
        "both write the same bytes"
    );

    world.settle(&mut world.controller());
    assert_eq!(
        changed(&world, &theirs, &branch),
        [
            "M hydrator.metadata",
            "M myapp/README.md",
            "M myapp/hydrator.metadata",
            "A myapp/promotion.lock.yaml"
        ],
        "manifest.yaml and .gitattributes are the same bytes with the same modes, other folders untouched"
    );
    world.repo.git(&["merge-base", "--is-ancestor", &theirs, &branch]);
    assert_eq!(note(&world, &branch)["drySha"], world.lock("dev").unwrap().freight.id().hex());
    assert_eq!(note(&world, &theirs)["drySha"], "2".repeat(40), "their notes stay");
    world.repo.fsck();
}

/// And back: with our manifests Argo CD makes no commit and moves the note; with others it changes only what differs.
#[test]
fn argo_cd_writes_over_a_branch_of_ours() {
    let world = World::at_once();
    let mut controller = world.controller();
    world.settle(&mut controller);
    let branch = active("dev");
    let ours = world.repo.id(&branch).unwrap();
    let mut manifests = objects(&world, &branch, "myapp/manifest.yaml");
    let Some(same) = argo_cd(&world, &branch, "myapp", DRY, &manifests) else {
        return;
    };
    assert_eq!(same, ours, "nothing changed, no commit");
    assert_eq!(note(&world, &ours)["drySha"], DRY);
    world.settle(&mut controller);
    assert_eq!(world.repo.id(&branch).unwrap(), ours, "and none of ours");

    manifests[0]["spec"]["replicas"] = json!(7);
    let theirs = argo_cd(&world, &branch, "myapp", &"2".repeat(40), &manifests).unwrap();
    assert_eq!(
        changed(&world, &ours, &theirs),
        ["M hydrator.metadata", "M myapp/README.md", "M myapp/hydrator.metadata", "M myapp/manifest.yaml"]
    );
    let lines = |revision: &str| world.text(revision, "myapp/manifest.yaml").lines().count();
    assert_eq!(lines(&ours), lines(&theirs));
    let manifest = world.repo.git(&["diff", "--numstat", &ours, &theirs, "--", "myapp/manifest.yaml"]);
    assert!(manifest.starts_with("1\t1\t"), "{manifest}");
}

/// Argo CD hydrates the same folder at every commit of the dry branch. It is named, and nobody writes after it.
#[test]
fn two_hydrators_of_one_folder_make_no_war_of_commits() {
    for branch in [active("dev"), proposed("prod")] {
        let world = World::at_once();
        let mut controller = world.controller();
        world.settle(&mut controller);
        let mut manifests = objects(&world, &branch, "myapp/manifest.yaml");
        for round in 1..=4 {
            manifests[0]["spec"]["replicas"] = json!(10 + round);
            let dry = round.to_string().repeat(40);
            let Some(theirs) = argo_cd(&world, &branch, "myapp", &dry, &manifests) else {
                return;
            };
            // A commit of somebody else on top changes nothing about whose it is.
            let last = world.repo.commit(&branch, &[("other/README", &dry)]);
            world.edit_base(&format!("nginx:1.2{round}"));
            for _ in 0..3 {
                world.wait(60);
                let pass = world.pass(&mut controller);
                let found = pass.findings.iter().find(|it| it.code == "branch-of-two-writers");
                let found = found.unwrap_or_else(|| panic!("{:?}", pass.findings)).to_string();
                for word in [&*branch, &theirs[..10], "Argo CD <argo-cd@example.com>", "sourceHydrator"] {
                    assert!(found.contains(word), "`{word}`: {found}");
                }
                assert_eq!(world.repo.id(&branch).unwrap(), last, "{:?} {:#?}", events(&pass), lines(&pass));
            }
        }
        let ours = world.repo.git(&["log", "--first-parent", "--format=%an", &branch]);
        assert_eq!(
            ours.lines().take_while(|it| ["Argo CD", "Test"].contains(it)).count(),
            8,
            "only theirs: {ours}"
        );
        if branch == proposed("prod") {
            assert!(world.manifest("staging").contains("nginx:1.24"), "the others go on");
        }
    }
}

/// GitOps Promoter's contract for hydrators, rule by rule, on the branches of a whole story.
#[test]
fn branches_are_as_gitops_promoter_asks() {
    let world = World::at_once();
    let mut controller = world.controller();
    world.settle(&mut controller);
    world.approve("prod");
    let mut dry_shas = vec![dry_sha(&world, &active("dev"))];
    for image in ["nginx:1.20", "nginx:1.21"] {
        world.edit_base(image);
        world.settle(&mut controller);
        dry_shas.push(dry_sha(&world, &active("dev")));
    }
    world.approve("prod");
    world.settle(&mut controller);
    // Another image at the same commit of the dry branch.
    let subscribed = "git: {}\n    - name: web\n      image: { repoURL: docker.io/library/nginx }";
    world.commit("promoter.yaml", &AT_ONCE.replace("git: {}", subscribed));
    world.settle(&mut controller);
    for digit in ["5", "6"] {
        let image = format!("web=docker.io/library/nginx:1.21@sha256:{}", digit.repeat(64)).parse().unwrap();
        let (freight, _) = world.person("ada").create_freight(None, &[image], world.now()).unwrap();
        world.settle(&mut controller);
        assert_eq!(world.lock("dev").unwrap().freight.id(), freight);
        dry_shas.push(dry_sha(&world, &active("dev")));
    }
    let commit = |revision: &str| metadata(&world, revision, "myapp/")["promoter"]["commit"].clone();
    assert_eq!(commit("environment/dev"), commit("environment/dev^"), "an image alone changed");
    // 6: drySha changes with everything that is promoted.
    let all = dry_shas.len();
    dry_shas.sort();
    dry_shas.dedup();
    assert_eq!(dry_shas.len(), all);

    for environment in ENVIRONMENTS {
        let (active, proposed) = (active(environment), proposed(environment));
        // 1: names.
        assert_eq!(proposed, format!("{active}-next/myapp"));
        assert!(proposed.len() <= 100);
        // 2: both exist and share history; the root is empty and named as Argo CD names it.
        world.repo.git(&["merge-base", &active, &proposed]);
        let root = world.repo.git(&["rev-list", "--max-parents=0", &active, &proposed]);
        assert_eq!(root.lines().count(), 1, "{root}");
        assert_eq!(world.repo.git(&["ls-tree", &root]), "");
        assert_eq!(
            world.repo.git(&["log", "-1", "--format=%s", &root]),
            format!("Initial commit for {active}")
        );
        // 3: only ever grown: the repository refuses anything else, and the fold below meets every commit.
        for branch in [&active, &proposed] {
            let mut last = String::new();
            let log = world.repo.git(&["log", "--first-parent", "--reverse", "--format=%H", branch]);
            for commit in log.lines().skip(1) {
                // 4: metadata that its reader takes, at the root and at the activePath.
                for path in ["", "myapp/"] {
                    let it = metadata(&world, commit, path);
                    assert!(is_dry_sha(it["drySha"].as_str().unwrap()), "{it}");
                    let date = it["date"].as_str().unwrap();
                    assert!(date.parse::<promoter_core::UnixSeconds>().is_ok(), "{it}");
                    assert!(date >= last.as_str(), "{branch}: {date} after {last}");
                    last = date.to_owned();
                    for key in ["author", "subject"] {
                        assert!(it[key].is_string(), "{it}");
                    }
                }
                // 5: a note that says the same, on every hydrated commit.
                let dry = metadata(&world, commit, "")["drySha"].clone();
                assert_eq!(note(&world, commit), json!({"drySha": dry}), "{branch} {commit}");
            }
        }
        // 7: a promotion is a merge of the proposal, whose trailers tell its history.
        let merges = world.repo.git(&["log", "--first-parent", "--merges", "--format=%H %P", &active]);
        for merge in merges.lines() {
            let [commit, before, merged] = merge.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{merge}")
            };
            let message = world.repo.git(&["log", "-1", "--format=%(trailers:only,unfold)", commit]);
            let dry = dry_sha(&world, merged);
            for (key, value) in [
                ("Sha-hydrated-active", before),
                ("Sha-hydrated-proposed", merged),
                ("Sha-dry-proposed", &*dry),
            ] {
                assert!(message.lines().any(|it| it == format!("{key}: {value}")), "{key}: {message}");
            }
        }
        assert!(!merges.is_empty());
    }
    world.repo.fsck();
}

fn metadata(world: &World, revision: &str, path: &str) -> Value {
    serde_json::from_str(&world.text(revision, &format!("{path}hydrator.metadata"))).unwrap()
}

fn dry_sha(world: &World, revision: &str) -> String {
    metadata(world, revision, "")["drySha"].as_str().unwrap().to_owned()
}

fn is_dry_sha(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
}

/// A clock that was ahead is put right: no date goes back, in no environment.
#[test]
fn dates_do_not_go_back_with_the_clock() {
    let world = World::at_once();
    let mut controller = world.controller();
    world.wait(10_000);
    world.settle(&mut controller);
    let staging = metadata(&world, &active("staging"), "")["date"].as_str().unwrap().to_owned();
    world.wait(-9_000);
    world.edit_base("nginx:1.20");
    world.settle(&mut controller);
    for environment in ENVIRONMENTS {
        let date = metadata(&world, &proposed(environment), "")["date"].as_str().unwrap().to_owned();
        assert!(date >= staging, "{environment}: {date} is before {staging}");
    }
    assert!(world.manifest("staging").contains("nginx:1.20"));
}

/// What others do that is as good as ours: nothing is said, and nothing is written after them.
#[test]
fn harmless_writers_are_left_in_peace() {
    let world = World::at_once();
    let mut controller = world.controller();
    world.settle(&mut controller);
    world.approve("prod");
    // GitOps Promoter merges the proposal on the server, with a message of its own.
    world.merge_with_git(&proposed("prod"), &active("prod"));
    let merged = world.repo.id(&active("prod"));
    world.settle(&mut controller);
    assert_eq!(world.repo.id(&active("prod")), merged);
    // A person adds a hold in a pull request.
    let lock = world.text(&active("prod"), "myapp/promotion.lock.yaml");
    let held = format!("{lock}hold: {{ reason: freeze, by: ada@example.com, at: 2026-11-20T09:00:00Z }}\n");
    let by_hand = world.repo.commit(&active("prod"), &[("myapp/promotion.lock.yaml", &held)]);
    world.settle(&mut controller);
    assert_eq!(world.repo.id(&active("prod")), Some(by_hand));
    assert_eq!(world.lock("prod").unwrap().hold.unwrap().reason, "freeze");
}

/// Somebody else puts notes on commits of theirs while our pushes are under way, as hydrators of other branches do: the
/// ref is one for all. Each of our moves is made again on what is there then, and no note is lost.
#[test]
fn notes_of_others_survive_ours() {
    let world = World::at_once();
    let mut controller = world.controller();
    world.settle(&mut controller);
    let person = "GIT_AUTHOR_NAME=P GIT_AUTHOR_EMAIL=p@example.com GIT_COMMITTER_NAME=P \
                  GIT_COMMITTER_EMAIL=p@example.com";
    // In the first four pushes to the ref, someone else is a moment faster.
    world.repo.hook(
        "pre-receive",
        &format!(
            "while read old new ref; do\n\
             test $ref = refs/notes/hydrator.metadata || continue\n\
             count=$(cat met 2>/dev/null || echo 0)\n\
             test $count -lt 4 || continue\n\
             echo $((count + 1)) >met\n\
             unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES\n\
             blob=$(echo theirs $count | git hash-object -w --stdin) || exit 1\n\
             {person} git notes --ref=hydrator.metadata add -f -m theirs-$count $blob || exit 1\n\
             done"
        ),
    );
    world.edit_base("nginx:1.20");
    world.settle(&mut controller);
    let listed = world.repo.git(&["notes", "--ref=hydrator.metadata", "list"]);
    let texts: Vec<String> = listed
        .lines()
        .map(|it| world.repo.git(&["cat-file", "blob", it.split(' ').next().unwrap()]))
        .collect();
    for count in 0..4 {
        assert!(texts.contains(&format!("theirs-{count}")), "{texts:?}");
    }
    for branch in [active("dev"), active("staging"), proposed("prod")] {
        assert_eq!(note(&world, &branch)["drySha"], dry_sha(&world, &branch), "{branch}");
        assert!(world.text(&branch, "myapp/manifest.yaml").contains("nginx:1.20"));
        let subjects = world.history(&branch);
        let mut once = subjects.clone();
        once.dedup();
        assert_eq!(subjects, once, "nothing is done twice");
    }
    world.repo.fsck();
}
