//! What a pass costs with the number of apps: one monorepo, three environments, a real git server on loopback.
//!
//! The bench process holds both controller and server, so peak memory is that of the controller and of the server's HTTP
//! part; git itself runs as the server's child.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::Result;
use promoter_controller::pass::{Controller, Pass};
use promoter_controller::repository::Repository;
use promoter_controller::run::now;
use promoter_controller::settings::{Identity, PolicyPlace, Settings};
use promoter_sources::git::{Credentials, Limits, Transport};
use promoter_testkit::git::{GitHttp, TestRepo};
use tempfile::TempDir;

use crate::measure::{millis, peak_megabytes, reset_peak};

/// Files of the monorepo, whatever the number of apps.
const FILES: usize = 20_000;
const ENVIRONMENTS: [&str; 3] = ["dev", "staging", "prod"];
/// Passes in which nothing changed.
const ROUNDS: usize = 7;
/// With more apps the passes that write for every app are left out, by `select: manual`: they take minutes.
const WHOLE_MAX: usize = 500;

/// The numbers of apps that are measured.
pub(crate) const APPS: [usize; 3] = [50, 500, 5_000];

/// Measures repositories with so many apps.
pub(crate) fn measure(apps: &[usize], tell: fn(&str) -> Result<()>) -> Result<()> {
    tell(&format!(
        "controller, one monorepo over http, {} environments; time (asks, pushes, new commits)",
        ENVIRONMENTS.len()
    ))?;
    for apps in apps {
        Bench::new(*apps)?.run(tell)?;
    }
    Ok(())
}

struct Bench {
    apps: usize,
    repo: TestRepo,
    server: GitHttp,
    controller: Controller,
    _place: TempDir,
}

/// What one pass cost.
struct Cost {
    time: Duration,
    /// Processor time of this process, and of the git programs that the server ran.
    cpu: (Duration, Duration),
    pass: Pass,
    asks: usize,
    pushes: usize,
    commits: usize,
}

impl Bench {
    fn new(apps: usize) -> Result<Self> {
        let repo = TestRepo::new();
        repo.git_with_input(&["fast-import", "--quiet", "--done"], monorepo(apps).as_bytes());
        let server = GitHttp::start(&repo);
        let place = tempfile::tempdir()?;
        let settings = Settings {
            url: server.url().parse()?,
            credentials: Credentials::None,
            credentials_file: None,
            cache_root: place.path().join("cache"),
            dry_branch: None,
            identity: Identity::default(),
            helm: "helm".into(),
            registries: Default::default(),
            policy: PolicyPlace::default(),
            limits: Limits::default(),
            transport: Transport::default(),
        };
        let repository = Repository::open(settings).map_err(anyhow::Error::new)?;
        let controller = Controller::new(repository).map_err(anyhow::Error::new)?;
        Ok(Self { apps, repo, server, controller, _place: place })
    }

    fn run(mut self, tell: fn(&str) -> Result<()>) -> Result<()> {
        let apps = self.apps;
        let line = |what: &str, cost: &Cost| {
            let Cost { time, cpu, asks, pushes, commits, .. } = cost;
            tell(&format!(
                "{:<44} {:>12} ({asks} asks, {pushes} pushes, {commits} commits; processor {}, git {})",
                format!("{apps} apps, {what}"),
                millis(*time),
                millis(cpu.0),
                millis(cpu.1)
            ))
        };
        reset_peak();
        let first = self.pass()?;
        let some =
            if apps > WHOLE_MAX { "first pass, freight only: nothing is promoted" } else { "first pass" };
        line(some, &first)?;
        let promoted = first.pass.events.iter().filter(|it| it.text.contains(": promoted ")).count();
        let wanted = apps * if apps > WHOLE_MAX { 0 } else { ENVIRONMENTS.len() };
        anyhow::ensure!(promoted == wanted, "{promoted} of {wanted} were promoted");

        let mut costs = (0..ROUNDS).map(|_| self.pass()).collect::<Result<Vec<_>>>()?;
        costs.sort_by_key(|it| it.time);
        let quiet = &costs[ROUNDS / 2];
        anyhow::ensure!(quiet.pass.events.is_empty(), "something moved: {}", quiet.pass.events[0].text);
        line("nothing changed", quiet)?;
        let network = self.network()?;
        let rest = millis(quiet.time.saturating_sub(network));
        tell(&format!("{:<44} {rest:>12}", "  of which beyond one ls-refs"))?;

        self.change(&[("apps/a00007/base/deployment.yaml".into(), deployment("1.20"))]);
        line("one image of one app", &self.pass()?)?;
        self.change(&[("docs/readme.md".into(), "words\n".into())]);
        line("a commit that renders nothing new", &self.pass()?)?;
        if apps > WHOLE_MAX {
            tell(&format!(
                "{:<44} left out: it takes minutes",
                format!("{apps} apps, the shared base of all")
            ))?;
        } else {
            self.change(&[("shared/map.yaml".into(), map("2"))]);
            line("the shared base of all", &self.pass()?)?;
        }
        tell(&format!("{:<44} {:>9} MB", format!("{apps} apps, peak memory"), peak_megabytes()))
    }

    fn pass(&mut self) -> Result<Cost> {
        let before = self.commits();
        self.server.take_log();
        let (started, used) = (Instant::now(), cpu());
        let pass = self.controller.pass(now).map_err(anyhow::Error::new)?;
        let time = started.elapsed();
        let cpu = (cpu().0.saturating_sub(used.0), cpu().1.saturating_sub(used.1));
        anyhow::ensure!(pass.findings.is_empty(), "{}", pass.findings[0]);
        let log = self.server.take_log();
        let posts =
            |service: &str| log.iter().filter(|it| it.starts_with("POST") && it.ends_with(service)).count();
        let (asks, pushes) = (posts("git-upload-pack"), posts("git-receive-pack"));
        Ok(Cost { time, cpu, pass, asks, pushes, commits: self.commits() - before })
    }

    fn commits(&self) -> usize {
        self.repo.git(&["rev-list", "--count", "--all"]).parse().unwrap_or(0)
    }

    /// How long one ls-refs takes alone.
    fn network(&self) -> Result<Duration> {
        let cache = &self.controller.repository().cache;
        let names = ["refs/heads/environment/", "refs/heads/promoter/state", "refs/notes/hydrator.metadata"];
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            let started = Instant::now();
            cache.ls_refs(&names)?;
            times.push(started.elapsed());
        }
        times.sort();
        Ok(times[ROUNDS / 2])
    }

    fn change(&self, files: &[(String, String)]) {
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (&**path, &**text)).collect();
        self.repo.commit("main", &files);
    }
}

/// The dry branch, as `git fast-import` reads it.
fn monorepo(apps: usize) -> String {
    let mut input = String::new();
    let person = "Bench <bench@example.com> 1700000000 +0000";
    let _ = write!(input, "commit refs/heads/main\nauthor {person}\ncommitter {person}\ndata 3\nall\n");
    let mut files = 0;
    let mut write = |path: &str, text: &str| {
        files += 1;
        let _ = write!(input, "M 100644 inline {path}\ndata {}\n{text}\n", text.len());
    };
    write("shared/map.yaml", &map("1"));
    write("shared/kustomization.yaml", "resources: [map.yaml]\n");
    for app in 0..apps {
        let at = format!("apps/a{app:05}");
        write(&format!("{at}/promoter.yaml"), &pipeline(app, apps > WHOLE_MAX));
        write(&format!("{at}/base/deployment.yaml"), &deployment("1.19"));
        write(&format!("{at}/base/service.yaml"), SERVICE);
        let base = "resources: [deployment.yaml, service.yaml, ../../../shared]\n";
        write(&format!("{at}/base/kustomization.yaml"), base);
        for environment in ENVIRONMENTS {
            let overlay =
                format!("resources: [../../base]\nnamespace: {environment}\nnamePrefix: a{app:05}-\n");
            write(&format!("{at}/envs/{environment}/kustomization.yaml"), &overlay);
        }
    }
    let own = 2 + apps * 7;
    for number in own..FILES {
        let text = format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: n{number}\ndata:\n  a: b\n");
        write(&format!("other/n{:03}/f{:02}.yaml", number / 50, number % 50), &text);
    }
    input.push_str("done\n");
    input
}

fn pipeline(app: usize, by_hand: bool) -> String {
    let mut text = format!(
        "apiVersion: promoter.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: a{app:05} }}\nspec:\n  layout: branches\n  \
         subscriptions:\n    - name: config\n      git: {{}}\n  environments:\n"
    );
    let mut before = "";
    for environment in ENVIRONMENTS {
        let _ = write!(
            text,
            "    - name: {environment}\n      source: envs/{environment}\n      promotion: auto\n"
        );
        if by_hand {
            text.push_str("      select: manual\n");
        }
        if !before.is_empty() {
            let _ = writeln!(text, "      after: [{before}]");
        }
        before = environment;
    }
    text
}

const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  selector:\n    app: web\n  ports:\n  \
                       - port: 80\n    targetPort: 8080\n";

fn deployment(tag: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 1\n  selector:\n    \
         matchLabels:\n      app: web\n  template:\n    metadata:\n      labels:\n        app: web\n    spec:\n      \
         containers:\n      - name: web\n        image: nginx:{tag}\n        ports:\n        - containerPort: 8080\n"
    )
}

fn map(value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: shared\ndata:\n  key: \"{value}\"\n")
}

/// Processor time so far: of this process, and of its children that have ended.
fn cpu() -> (Duration, Duration) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<u64> = stat
        .rsplit(')')
        .next()
        .map(|it| it.split_whitespace().skip(11).take(4).filter_map(|it| it.parse().ok()).collect())
        .unwrap_or_default();
    // Linux counts in hundredths of a second.
    let of =
        |at: usize| Duration::from_millis(fields.get(at..at + 2).map_or(0, |it| it.iter().sum::<u64>() * 10));
    (of(0), of(2))
}
