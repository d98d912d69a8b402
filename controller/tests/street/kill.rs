//! Killed at every push, before it takes effect and after, the controller ends where it would have ended.
//!
//! A hook of the bare repository kills the program that pushes. The story has four acts, each from where the undisturbed
//! run left the act before; the repository lies at one path always, since its address is part of every freight's id.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use promoter_core::record::STATE_BRANCH;

use super::program::once;
use super::world::{AT_ONCE, ENVIRONMENTS, World, active, example_named, proposed};

/// Counts pushes, and at push `kill-at` kills the pushing controller: it is the nearest parent of that name. `$1` ends
/// the hook then.
const HOOK: &str = "\
n=$(($(cat pushes 2>/dev/null || echo 0) + 1))
echo $n > pushes
test \"$(cat kill-at 2>/dev/null)\" = $n || exit 0
rm kill-at
pid=$PPID
while test $pid -gt 1; do
  case $(cat /proc/$pid/comm) in
    promoter-contro*) kill -9 $pid; exit EXIT;;
  esac
  pid=$(awk '/^PPid:/ { print $2 }' /proc/$pid/status)
done
echo 'no controller pushes this' >&2
exit 1";

/// What a story leaves, without the times.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    /// By environment: freight, hold and manifests, those of the proposal, the notes of both, the history's subjects.
    environments: BTreeMap<String, Vec<String>>,
    /// The records, and what other pipelines run.
    records: Vec<String>,
}

fn outcome(world: &World) -> Outcome {
    let of = |environment: &str| {
        let lock = world.lock(environment);
        let (active, lock_path) = world.place(environment);
        let file = |branch: &str, path: &str| {
            world.repo.id(&format!("{branch}:{path}")).map(|_| world.text(branch, path))
        };
        let is_there = world.repo.id(&active).is_some();
        let proposal = file(&proposed(environment), &lock_path).unwrap_or_default();
        let proposal = proposal.lines().find(|it| it.contains("id:")).unwrap_or_default().to_owned();
        let mut facts = vec![
            lock.as_ref().map_or_else(String::new, |it| it.freight.id().to_string()),
            lock.and_then(|it| it.hold).map_or_else(String::new, |it| it.reason),
            file(&active, "myapp/manifest.yaml").unwrap_or_default(),
            proposal,
            file(&proposed(environment), "myapp/manifest.yaml").unwrap_or_default(),
        ];
        // A note that is missing would be an answer that was lost for good.
        for branch in [active.clone(), proposed(environment)] {
            let note = world.repo.try_git(&["notes", "--ref=hydrator.metadata", "show", &branch], b"");
            facts.push(String::from_utf8(note.stdout).unwrap());
        }
        facts.extend(is_there.then(|| world.history(&active)).into_iter().flatten());
        facts
    };
    let listed = world.repo.git(&["ls-tree", "-r", "--name-only", STATE_BRANCH]);
    let others =
        ["second", "third"].into_iter().filter(|it| world.repo.id(&format!("main:apps/{it}")).is_some());
    let folders = others.flat_map(|name| {
        let of = move |it: &str| world.repo.id(&format!("{}:{name}/manifest.yaml", active(it)));
        ENVIRONMENTS.map(|it| format!("{name} in {it}: {:?}", of(it)))
    });
    let mut records: Vec<String> = listed.lines().map(Into::into).collect();
    records.extend(folders);
    Outcome { environments: ENVIRONMENTS.map(|it| (it.to_owned(), of(it))).into_iter().collect(), records }
}

/// What people do before an act.
type Prelude = fn(&World);

const ACTS: [(&str, Prelude); 4] = [
    ("the first freight", |_| {}),
    ("an approval", |world| drop(world.approve("prod"))),
    ("an edit of the base", |world| drop(world.edit_base("nginx:1.20"))),
    ("a rollback", |world| drop(world.roll_back("staging"))),
];

/// The stage of one test: the world, and copies of its repository and cache.
struct Stage {
    world: World,
    cache: PathBuf,
    /// Not within the world's folders, which git serves.
    copies: tempfile::TempDir,
    resets: usize,
}

impl Stage {
    fn new(world: World, hook: &str, exit: &str) -> Self {
        // Background work of git would go on after a push, in a folder that is put aside.
        for setting in ["receive.autogc", "gc.auto", "maintenance.auto"] {
            world.repo.git(&["config", setting, "0"]);
        }
        world.repo.hook(hook, &HOOK.replace("EXIT", exit));
        let copies = tempfile::TempDir::new().unwrap();
        let cache = copies.path().join("cache");
        fs::create_dir(&cache).unwrap();
        Self { world, cache, copies, resets: 0 }
    }

    fn run(&self) -> super::program::Ran {
        once(&[&self.world.repo.path().display().to_string()], &self.cache)
    }

    fn pushes(&self) -> usize {
        let counted = fs::read_to_string(self.world.repo.path().join("pushes")).unwrap_or_default();
        counted.trim().parse().unwrap_or(0)
    }

    fn save(&self) {
        for (from, name) in [(self.world.repo.path(), "saved-repo"), (&self.cache, "saved-cache")] {
            let to = self.copies.path().join(name);
            let _ = fs::remove_dir_all(&to);
            copy(from, &to);
        }
    }

    /// Puts everything back to what was saved. What was there is only put aside: a git whose client was killed may
    /// still be ending in it.
    fn restore(&mut self) {
        self.resets += 1;
        let aside = self.copies.path().join(format!("aside-{}", self.resets));
        fs::create_dir(&aside).unwrap();
        for (to, name) in [(self.world.repo.path(), "saved-repo"), (&*self.cache, "saved-cache")] {
            fs::rename(to, aside.join(name)).unwrap();
            copy(&self.copies.path().join(name), to);
        }
    }
}

fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-R").arg(from).arg(to).status().unwrap();
    assert!(done.success());
}

/// Kills at every push of the acts, with more pipelines beside the first, and gives their number.
fn every_push(world: World, hook: &str, exit: &str, others: &[&str], acts: &[(&str, Prelude)]) -> usize {
    let mut stage = Stage::new(world, hook, exit);
    for name in others {
        stage.world.commit_all(&example_named(name, AT_ONCE));
    }
    let mut killed = 0;
    for (act, people) in acts {
        people(&stage.world);
        let _ = fs::remove_file(stage.world.repo.path().join("pushes"));
        stage.save();
        let undisturbed = stage.run();
        assert_eq!(undisturbed.code, Some(0), "{act}: {}", undisturbed.log);
        let (pushes, wanted) = (stage.pushes(), outcome(&stage.world));
        assert!(pushes > 0, "{act}: something happens");
        for push in 1..=pushes {
            stage.restore();
            fs::write(stage.world.repo.path().join("kill-at"), push.to_string()).unwrap();
            let dead = stage.run();
            assert_eq!(dead.code, None, "{act}: it was to be killed at push {push}: {}", dead.log);
            let after = stage.run();
            assert_eq!(after.code, Some(0), "{act}, push {push}: {}", after.log);
            assert_eq!(outcome(&stage.world), wanted, "{act}, killed at push {push}: {}", after.log);
            let refs = stage.world.refs();
            assert_eq!(stage.run().code, Some(0));
            assert_eq!(stage.world.refs(), refs, "{act}, killed at push {push}: it came to rest");
            stage.world.repo.fsck();
            killed += 1;
        }
        // The next act begins where nobody was killed.
        stage.restore();
        assert_eq!(stage.run().code, Some(0));
        assert_eq!(outcome(&stage.world), wanted, "{act}: the undisturbed run repeats");
    }
    killed
}

#[test]
fn killed_before_a_push_takes_effect() {
    let killed = every_push(World::at_once(), "pre-receive", "1", &[], &ACTS);
    assert!(killed >= 12, "only {killed} pushes");
}

#[test]
fn killed_before_the_answer_to_a_push() {
    let killed = every_push(World::at_once(), "post-receive", "0", &[], &ACTS);
    assert!(killed >= 12, "only {killed} pushes");
}

#[test]
fn killed_before_a_push_to_the_dry_branch_takes_effect() {
    let killed = every_push(World::folders(), "pre-receive", "1", &[], &ACTS);
    assert!(killed >= 12, "only {killed} pushes");
}

#[test]
fn killed_before_the_answer_to_a_push_to_the_dry_branch() {
    let killed = every_push(World::folders(), "post-receive", "0", &[], &ACTS);
    assert!(killed >= 12, "only {killed} pushes");
}

/// What several pipelines write together is there together, or not.
#[test]
fn killed_while_several_are_pushed() {
    for (hook, exit) in [("pre-receive", "1"), ("post-receive", "0")] {
        assert!(every_push(World::at_once(), hook, exit, &["second", "third"], &ACTS[..1]) >= 4);
    }
}
