//! A bare repository with an example at its root, the controller, people, and Argo CD's questions to the plugin.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use promoter_controller::pass::Controller;
use promoter_controller::people::{Person, Where};
use promoter_controller::repository::Repository;
use promoter_controller::settings::{Identity, PolicyPlace, Settings};
use promoter_core::{Digest, FreightId, UnixSeconds};
use promoter_render::{Cluster, Limits, Parameters, answer};
use promoter_sources::git::{self, Credentials, Transport};
use promoter_testkit::git::TestRepo;
use promoter_testkit::texts_below;
use promoter_yaml::{Dialect, Node, parse_all};
use regex::Regex;
use tempfile::TempDir;

/// 2026-11-20T09:00:00Z.
const START: i64 = 1_795_165_200;
/// Looks without news after which nothing moves: longer than any soak of the examples.
const QUIET: usize = 2;
const LOOKS_MAX: usize = 60;

pub(crate) struct World {
    repo: TestRepo,
    home: TempDir,
    controller: Controller,
    helm: PathBuf,
    now: i64,
    /// What each Application got last.
    answers: BTreeMap<String, String>,
}

/// An Application that names the plugin.
struct Asked {
    name: String,
    revision: String,
    path: String,
    environment: Option<String>,
}

impl World {
    /// The example, not yet looked at.
    pub(crate) fn of(example: &Path, helm: &Path) -> Self {
        let (repo, home) = (TestRepo::new(), TempDir::new().unwrap());
        let name = example.file_name().unwrap().to_str().unwrap();
        let files = texts_below(&format!("examples/{name}"));
        let files = files.iter().filter(|(path, _)| path != "story.txt");
        let files: Vec<(&str, &str)> = files.map(|(path, text)| (&**path, &**text)).collect();
        repo.commit("main", &files);
        let controller = Controller::new(open(&repo, &home, helm, "promoter")).unwrap();
        let answers = BTreeMap::new();
        Self { repo, home, controller, helm: helm.to_owned(), now: START, answers }
    }

    fn open(&self, who: &str) -> Repository {
        open(&self.repo, &self.home, &self.helm, who)
    }

    /// Lets the controller work, so many seconds between two looks, until it has had nothing to do for a while.
    pub(crate) fn rest(&mut self, step: i64) -> String {
        let (mut said, mut quiet) = (String::new(), 0);
        for _ in 0..LOOKS_MAX {
            let now = UnixSeconds(self.now);
            let pass = self.controller.pass(|| now).unwrap();
            assert_eq!(pass.findings, [], "{:?}", pass.events);
            said.extend(pass.events.iter().map(|it| format!("{}\n", it.text)));
            quiet = if pass.events.is_empty() { quiet + 1 } else { 0 };
            if quiet == QUIET {
                return self.named(&said);
            }
            self.now += step;
        }
        panic!("it does not come to rest: {said}");
    }

    pub(crate) fn approve(&mut self, environment: &str, pipeline: Option<&str>) -> String {
        let environment = environment.parse().unwrap();
        let pipeline = pipeline.map(|it| it.parse().unwrap());
        let at = Where { pipeline: pipeline.as_ref(), environment: &environment };
        let said = Person::new(self.open("ada")).approve(&at, None, "", UnixSeconds(self.now)).unwrap();
        self.named(&format!("{said}\n"))
    }

    pub(crate) fn freight(&mut self, pipeline: &str, artifacts: &[&str]) -> String {
        let artifacts: Vec<_> = artifacts.iter().map(|it| it.parse().unwrap()).collect();
        let pipeline = pipeline.parse().unwrap();
        let mut ci = Person::new(self.open("ci"));
        let (_, said) = ci.create_freight(Some(&pipeline), &artifacts, UnixSeconds(self.now)).unwrap();
        self.named(&format!("{said}\n"))
    }

    pub(crate) fn edit(&self, path: &str, old: &str, new: &str) -> String {
        let text = self.text("main", path);
        assert!(text.contains(old), "{path} holds no `{old}`");
        self.repo.commit("main", &[(path, &text.replace(old, new))]);
        String::new()
    }

    /// The built command over the example's folder, as it is in a repository of its own.
    pub(crate) fn lint(&self) -> String {
        let clone = TempDir::new_in(self.home.path()).unwrap();
        let mut git = Command::new("git");
        git.args(["clone", "--quiet", &self.repo.url(), "."]).current_dir(clone.path());
        assert!(
            git.env("GIT_CONFIG_NOSYSTEM", "1").env("HOME", self.home.path()).status().unwrap().success()
        );
        let mut lint = Command::new(env!("CARGO_BIN_EXE_promoter"));
        lint.args(["lint", "."]).current_dir(clone.path()).env_clear().env("HOME", self.home.path());
        lint.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("PROMOTER_HELM", &self.helm);
        let output = lint.output().unwrap();
        let complaint = String::from_utf8(output.stderr).unwrap();
        let code = output.status.code().unwrap();
        format!("{}{complaint}[{code}]\n", String::from_utf8(output.stdout).unwrap())
    }

    /// Argo CD asks for every Application; one line each says what came and whether it is news.
    pub(crate) fn ask(&mut self) -> String {
        let mut said = String::new();
        for asked in self.applications() {
            let text = self.answered(&asked);
            let news = match self.answers.insert(asked.name.clone(), text.clone()) {
                None => "first",
                Some(before) if before == text => "unchanged",
                Some(_) => "changed",
            };
            let digest = Digest::of(text.as_bytes());
            said.push_str(&format!("{}: {} ({})\n", asked.name, news, &digest.hex()[..12]));
        }
        said
    }

    /// What an Application got last.
    pub(crate) fn show(&self, application: &str) -> String {
        self.answers.get(application).unwrap_or_else(|| panic!("nobody asked for {application}")).clone()
    }

    /// What the plugin answers for an Application, as repo-server would ask it.
    fn answered(&self, asked: &Asked) -> String {
        let repository = self.open("argocd");
        let commit = self.repo.git(&["rev-parse", &asked.revision]).trim().parse().unwrap();
        let tree = repository.cache.tree(&commit, "").unwrap();
        let environment = asked.environment.as_ref().map(|it| it.parse().unwrap());
        let parameters = Parameters { environment, ..Parameters::default() };
        let answer =
            answer(&tree, &asked.path, &parameters, &Cluster::default(), &Limits::default(), &repository);
        answer.unwrap().to_yaml().unwrap()
    }

    /// The Applications of the example that name the plugin, those of ApplicationSets too, in the order of their files.
    fn applications(&self) -> Vec<Asked> {
        let listed = self.repo.git(&["ls-tree", "-r", "--name-only", "main"]);
        let mut found = Vec::new();
        for path in listed.lines().filter(|it| it.ends_with(".yaml")) {
            let text = self.text("main", path);
            if !text.contains("name: promoter\n") {
                continue;
            }
            for document in parse_all(&text, Dialect::Resource, &Default::default()).unwrap_or_default() {
                found.extend(asked(&document));
            }
        }
        found
    }

    fn text(&self, revision: &str, path: &str) -> String {
        let output = self.repo.try_git(&["cat-file", "blob", &format!("{revision}:{path}")], b"");
        assert!(output.status.success(), "{revision} has no {path}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Freight is named by the order in which it came.
    fn named(&self, text: &str) -> String {
        let mut text = text.to_owned();
        let seen = Person::new(self.open("reader")).observe_unrendered().unwrap();
        let records = seen.pipelines.iter().map(|(_, it)| &it.state.as_ref().unwrap().records.freight);
        let mut freight: Vec<(UnixSeconds, &FreightId)> =
            records.flatten().map(|(id, it)| (it.as_ref().unwrap().discovered.at, id)).collect();
        freight.sort();
        freight.dedup();
        for (index, (_, id)) in freight.iter().enumerate() {
            let name = format!("freight-{}", index + 1);
            text = text.replace(&format!("{} {}", id.alias(), id.short()), &name).replace(&id.alias(), &name);
        }
        Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ").unwrap().replace_all(&text, "TIME").into_owned()
    }
}

fn open(repo: &TestRepo, home: &TempDir, helm: &Path, who: &str) -> Repository {
    let cache_root = home.path().join(who);
    std::fs::create_dir_all(&cache_root).unwrap();
    let settings = Settings {
        url: repo.url().parse().unwrap(),
        credentials: Credentials::None,
        credentials_file: None,
        transport: Transport::default(),
        cache_root,
        dry_branch: None,
        identity: Identity { name: who.into(), email: format!("{who}@example.com") },
        helm: helm.to_owned(),
        registries: Default::default(),
        policy: PolicyPlace::default(),
        limits: git::Limits::default(),
    };
    Repository::open(settings).unwrap()
}

fn asked(document: &Node) -> Vec<Asked> {
    let kind = document.get("kind").and_then(Node::as_str).unwrap_or_default();
    let one = |body: &Node, fill: &dyn Fn(&str) -> String| -> Option<Asked> {
        let text = |keys: &[&str]| body.path(keys).and_then(Node::text).map(fill);
        text(&["spec", "source", "plugin", "name"]).filter(|it| it == "promoter")?;
        let parameters = body.path(&["spec", "source", "plugin", "parameters"]).and_then(Node::as_seq);
        Some(Asked {
            name: text(&["metadata", "name"])?,
            revision: text(&["spec", "source", "targetRevision"])?,
            path: text(&["spec", "source", "path"])?,
            environment: parameters.and_then(|it| it.first()?.get("string")?.text().map(fill)),
        })
    };
    if kind == "Application" {
        return one(document, &|it| it.to_owned()).into_iter().collect();
    }
    if kind != "ApplicationSet" {
        return Vec::new();
    }
    let (Some(template), Some(generators)) =
        (document.path(&["spec", "template"]), document.path(&["spec", "generators"]).and_then(Node::as_seq))
    else {
        return Vec::new();
    };
    let lists = generators.iter().filter_map(|it| it.path(&["list", "elements"])?.as_seq());
    let made = lists.flatten().filter_map(|element| {
        let fill = |text: &str| {
            let values = element.as_map().into_iter().flat_map(|it| it.iter());
            values.fold(text.to_owned(), |text, (key, value)| {
                text.replace(&format!("{{{{{key}}}}}"), value.text().unwrap_or_default())
            })
        };
        one(template, &fill)
    });
    made.collect()
}
