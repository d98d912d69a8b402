//! A repository with the example app, a clock that the test moves, people, and what is on the branches.

use std::cell::Cell;

use promoter_controller::observe::Observer;
use promoter_controller::pass::{Controller, Pass};
use promoter_controller::people::{Person, Where};
use promoter_controller::repository::Repository;
use promoter_controller::settings::{Identity, PolicyPlace, Settings};
use promoter_core::pipeline::Layout;
use promoter_core::record::RequestAction;
use promoter_core::{Diagnosis, Name, PromotionLock, UnixSeconds};
use promoter_render::{Cluster, Mode, Pins, live};
use promoter_sources::git::{Credentials, Limits, Transport};
use promoter_testkit::git::TestRepo;
use promoter_testkit::texts_below;
use tempfile::TempDir;

use super::app::App;

/// Where the app lies on the dry branch.
pub(crate) const FOLDER: &str = "apps/myapp";
/// The environments of the example, in order.
pub(crate) const ENVIRONMENTS: [&str; 3] = ["dev", "staging", "prod"];
/// 2026-11-20T09:00:00Z.
const START: i64 = 1_795_165_200;

/// The files of the example, with the address of its check replaced.
pub(crate) fn example(address: &str) -> Vec<(String, String)> {
    let files = texts_below("examples/myapp").into_iter();
    files.map(|(path, text)| (format!("{FOLDER}/{path}"), text.replace("127.0.0.1:8080", address))).collect()
}

/// A pipeline for the example's overlays in which nothing takes time: no checks, no soak.
pub(crate) const AT_ONCE: &str = "\
apiVersion: promoter.dev/v1alpha1
kind: Pipeline
metadata: { name: myapp }
spec:
  layout: branches
  subscriptions:
    - name: config
      git: {}
  environments:
    - { name: dev, source: envs/dev, promotion: auto }
    - { name: staging, source: envs/staging, after: [dev], promotion: auto }
    - name: prod
      source: envs/prod
      after: [staging]
      promotion: autoMerge
      gates: [{ approvals: { required: 1 } }]
";

/// A pipeline with its locks beside the overlays.
pub(crate) fn in_folders(pipeline: &str) -> String {
    pipeline.replace("layout: branches", "layout: folders")
}

/// The example with the pipeline [`AT_ONCE`].
pub(crate) fn example_at_once() -> Vec<(String, String)> {
    example_with(AT_ONCE)
}

/// The example once more, in a folder and with a pipeline of another name.
pub(crate) fn example_named(name: &str, pipeline: &str) -> Vec<(String, String)> {
    let files = example_with(&pipeline.replace("name: myapp", &format!("name: {name}"))).into_iter();
    files.map(|(path, text)| (path.replace(FOLDER, &format!("apps/{name}")), text)).collect()
}

fn example_with(pipeline: &str) -> Vec<(String, String)> {
    let mut files = example("");
    let found = files.iter_mut().find(|(path, _)| path.ends_with("/promoter.yaml")).unwrap();
    found.1 = pipeline.into();
    files
}

/// Everything that takes part in a test.
pub(crate) struct World {
    pub(crate) repo: TestRepo,
    pub(crate) app: App,
    layout: Layout,
    pub(crate) caches: TempDir,
    now: Cell<i64>,
}

impl World {
    /// The example, not yet looked at by a controller. No branch may be rewound or deleted by anyone.
    pub(crate) fn new() -> Self {
        let app = App::start();
        let files = example(&app.address);
        Self::with(app, &files)
    }

    /// The same with [`AT_ONCE`].
    pub(crate) fn at_once() -> Self {
        Self::with(App::start(), &example_at_once())
    }

    /// The same in the layout `folders`.
    pub(crate) fn folders() -> Self {
        Self { layout: Layout::Folders, ..Self::with(App::start(), &example_with(&in_folders(AT_ONCE))) }
    }

    /// The same world, looked at in the layout `folders`: its pipeline changed.
    pub(crate) fn now_in_folders(self) -> Self {
        Self { layout: Layout::Folders, ..self }
    }

    /// Other files on the dry branch. What this knows of places is about the example.
    pub(crate) fn of(files: &[(String, String)]) -> Self {
        Self::with(App::start(), files)
    }

    fn with(app: App, files: &[(String, String)]) -> Self {
        let repo = TestRepo::new();
        for setting in ["receive.denyNonFastForwards", "receive.denyDeletes", "receive.fsckObjects"] {
            repo.git(&["config", setting, "true"]);
        }
        let caches = TempDir::new().unwrap();
        let world = Self { repo, app, layout: Layout::Branches, caches, now: Cell::new(START) };
        world.commit_all(files);
        world
    }

    /// Commits files to the dry branch.
    pub(crate) fn commit_all(&self, files: &[(String, String)]) -> String {
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (&**path, &**text)).collect();
        self.repo.commit("main", &files)
    }

    /// Commits one file of the app to the dry branch.
    pub(crate) fn commit(&self, path: &str, text: &str) -> String {
        self.repo.commit("main", &[(&format!("{FOLDER}/{path}"), text)])
    }

    /// Gives the base another image.
    pub(crate) fn edit_base(&self, image: &str) -> String {
        let files = example(&self.app.address);
        let base = files.iter().find(|(path, _)| path.ends_with("deployment.yaml")).unwrap();
        self.commit("base/deployment.yaml", &base.1.replace("nginx:1.19", image))
    }

    /// The time now.
    pub(crate) fn now(&self) -> UnixSeconds {
        UnixSeconds(self.now.get())
    }

    /// Moves the clock.
    pub(crate) fn wait(&self, seconds: i64) {
        self.now.set(self.now.get() + seconds);
    }

    /// The repository, reached at a URL, with a cache of its own.
    pub(crate) fn open(&self, url: &str, who: &str) -> Repository {
        let cache_root = self.caches.path().join(self.caches.path().read_dir().unwrap().count().to_string());
        std::fs::create_dir(&cache_root).unwrap();
        let settings = Settings {
            url: url.parse().unwrap(),
            credentials: Credentials::None,
            credentials_file: None,
            transport: Transport::default(),
            cache_root,
            dry_branch: None,
            identity: Identity { name: who.into(), email: format!("{who}@example.com") },
            helm: "helm".into(),
            registries: Default::default(),
            policy: PolicyPlace::default(),
            limits: Limits::default(),
        };
        Repository::open(settings).unwrap()
    }

    /// A controller that has seen nothing yet.
    pub(crate) fn controller(&self) -> Controller {
        Controller::new(self.open(&self.repo.url(), "promoter")).unwrap()
    }

    /// One that looks for itself.
    pub(crate) fn observer(&self) -> Observer {
        Observer::new(self.open(&self.repo.url(), "promoter"), true)
    }

    /// A pass at the world's time. Panics when nothing could be observed.
    pub(crate) fn pass(&self, controller: &mut Controller) -> Pass {
        controller.pass(|| self.now()).unwrap()
    }

    /// Passes, a second apart, until two in a row say nothing new but how the soak grows; gives the lines of the last
    /// plan.
    pub(crate) fn settle(&self, controller: &mut Controller) -> Vec<String> {
        let mut before = Vec::new();
        for _ in 0..20 {
            self.wait(1);
            let pass = self.pass(controller);
            assert_eq!(pass.findings, [], "{:?}", pass.events);
            let lines = lines(&pass);
            let standing: Vec<String> = lines.iter().filter(|it| !it.contains(" soaked ")).cloned().collect();
            if pass.events.is_empty() && standing == before {
                return lines;
            }
            before = standing;
        }
        panic!("it does not come to rest: {before:#?}");
    }

    /// A person whose mail address is `who@example.com`.
    pub(crate) fn person(&self, who: &str) -> Person {
        Person::new(self.open(&self.repo.url(), who))
    }

    /// Ada asks for a rollback to what the environment ran before.
    pub(crate) fn roll_back(&self, environment: &str) -> String {
        let now = self.now();
        self.person("ada")
            .request(&at(&name(environment)), RequestAction::Rollback, None, "INC-42", now)
            .unwrap()
    }

    /// Ada approves what is proposed.
    pub(crate) fn approve(&self, environment: &str) -> String {
        self.person("ada").approve(&at(&name(environment)), None, "", self.now()).unwrap()
    }

    /// Ada approves freight by its name.
    pub(crate) fn approve_named(&self, environment: &str, freight: &str) -> String {
        self.person("ada").approve(&at(&name(environment)), Some(freight), "", self.now()).unwrap()
    }

    /// A person merges one branch into another with git, and pushes.
    pub(crate) fn merge_with_git(&self, branch: &str, into: &str) {
        let clone = TempDir::new().unwrap();
        let git = |arguments: &[&str]| {
            let mut command = std::process::Command::new("git");
            command.current_dir(clone.path()).args(arguments).env("HOME", clone.path());
            for role in ["AUTHOR", "COMMITTER"] {
                command
                    .env(format!("GIT_{role}_NAME"), "Ada")
                    .env(format!("GIT_{role}_EMAIL"), "ada@example.com");
            }
            let output = command.env("GIT_CONFIG_NOSYSTEM", "1").output().unwrap();
            assert!(
                output.status.success(),
                "git {arguments:?}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        };
        git(&["clone", "--quiet", "--branch", into, &self.repo.url(), "."]);
        git(&["merge", "--quiet", "--no-ff", "-m", "Merge by hand", &format!("origin/{branch}")]);
        git(&["push", "--quiet", "origin", into]);
    }

    /// Ada sets or takes back a hold.
    pub(crate) fn hold(&self, environment: &str, reason: Option<&str>) -> Result<String, Diagnosis> {
        self.person("ada").hold(&at(&name(environment)), reason, self.now())
    }

    /// The bytes of a file at a revision.
    pub(crate) fn bytes(&self, revision: &str, path: &str) -> Vec<u8> {
        let output = self.repo.try_git(&["cat-file", "blob", &format!("{revision}:{path}")], b"");
        assert!(output.status.success(), "{revision} has no {path}");
        output.stdout
    }

    /// The text of a file at a revision.
    pub(crate) fn text(&self, revision: &str, path: &str) -> String {
        String::from_utf8(self.bytes(revision, path)).unwrap()
    }

    /// What an environment runs.
    pub(crate) fn manifest(&self, environment: &str) -> String {
        self.text(&active(environment), "myapp/manifest.yaml")
    }

    /// Where the lock of an environment lies: the active branch, and the path there and on the proposed one.
    pub(crate) fn place(&self, environment: &str) -> (String, String) {
        match self.layout {
            Layout::Branches => (active(environment), "myapp/promotion.lock.yaml".into()),
            Layout::Folders => ("main".into(), format!("{FOLDER}/envs/{environment}/promotion.lock.yaml")),
        }
    }

    /// The lock of an environment; `None` when there is none yet.
    pub(crate) fn lock(&self, environment: &str) -> Option<PromotionLock> {
        let (branch, path) = self.place(environment);
        self.repo.id(&format!("{branch}:{path}"))?;
        Some(PromotionLock::parse(&self.text(&branch, &path), "lock").unwrap())
    }

    /// What the plugin makes of the lock of an environment without hydrated manifests.
    pub(crate) fn renders(&self, environment: &str) -> String {
        let pins = Pins::of(self.lock(environment).unwrap(), "lock".into(), Mode::Auto).unwrap();
        let repository = self.open(&self.repo.url(), "argocd");
        let manifests = live(&pins, &Cluster::default(), &promoter_render::Limits::default(), &repository);
        manifests.unwrap().to_yaml().unwrap()
    }

    /// The alias of what an environment runs, or `-`.
    pub(crate) fn runs(&self, environment: &str) -> String {
        self.lock(environment).map_or_else(|| "-".into(), |it| it.freight.id().alias())
    }

    /// Name and target of every ref.
    pub(crate) fn refs(&self) -> String {
        self.repo.git(&["for-each-ref", "--format=%(refname) %(objectname)"])
    }

    /// The subjects of a branch's first parents, oldest first.
    pub(crate) fn history(&self, branch: &str) -> Vec<String> {
        let log = self.repo.git(&["log", "--first-parent", "--reverse", "--format=%s", branch, "--"]);
        log.lines().map(Into::into).collect()
    }
}

/// The active branch of an environment.
pub(crate) fn active(environment: &str) -> String {
    format!("environment/{environment}")
}

/// Its proposed branch.
pub(crate) fn proposed(environment: &str) -> String {
    format!("environment/{environment}-next/myapp")
}

/// A name that is valid.
pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// An environment of the only pipeline.
pub(crate) fn at(environment: &Name) -> Where<'_> {
    Where { pipeline: None, environment }
}

/// The lines of the plans of a pass.
pub(crate) fn lines(pass: &Pass) -> Vec<String> {
    pass.plans.iter().flat_map(|it| &it.report).map(ToString::to_string).collect()
}

/// What happened in a pass.
pub(crate) fn events(pass: &Pass) -> Vec<&str> {
    pass.events.iter().map(|it| it.text.as_str()).collect()
}

/// The line of a plan that says what comes next in an environment.
pub(crate) fn next(lines: &[String], environment: &str) -> String {
    let of = |it: &&String| it.starts_with(&format!("{environment}:"));
    lines.iter().rfind(of).unwrap().clone()
}
