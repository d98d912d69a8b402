//! Repositories with a pipeline of one environment, and the loop over them on a thread of its own.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use promoter_controller::listen::{ListenLimits, Listening, Receivers};
use promoter_controller::pass::Controller;
use promoter_controller::repository::Repository;
use promoter_controller::run;
use promoter_controller::settings::{Identity, PolicyPlace, Settings};
use promoter_controller::signal::{Sender, Signal, signals};
use promoter_controller::watch::Watch;
use promoter_sources::git::{Credentials, Limits, Transport};
use promoter_testkit::git::TestRepo;
use tempfile::TempDir;

use super::client::{PATIENCE, SECRET, ask};

const PIPELINE: &str = "\
apiVersion: promoter.dev/v1alpha1
kind: Pipeline
metadata: { name: shop }
spec:
  layout: branches
  subscriptions:
    - name: config
      git: {}
  environments:
    - { name: dev, source: envs/dev, promotion: auto }
";

/// A repository whose pipeline has everything at once.
pub(crate) fn repository(greeting: &str) -> TestRepo {
    let repo = TestRepo::new();
    repo.commit("main", &[("apps/shop/promoter.yaml", PIPELINE)]);
    push(&repo, greeting);
    repo
}

/// Pushes what the environment will say next.
pub(crate) fn push(repo: &TestRepo, greeting: &str) {
    let config = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: shop }}\ndata: {{ greeting: {greeting} }}\n"
    );
    let kustomization = "resources: [config.yaml]\n";
    repo.commit(
        "main",
        &[
            ("apps/shop/envs/dev/config.yaml", &*config),
            ("apps/shop/envs/dev/kustomization.yaml", kustomization),
        ],
    );
}

/// The loop with a listener and the receiver `shop` of the type `generic`. Both end with the value.
pub(crate) struct Stage {
    directory: TempDir,
    pub(crate) listening: Listening,
    pub(crate) watch: Watch,
    signals: Sender,
    looping: Option<JoinHandle<()>>,
}

impl Stage {
    /// Listens, and makes no pass yet.
    pub(crate) fn new(urls: &[&str], run_it: bool) -> Self {
        let directory = TempDir::new().unwrap();
        std::fs::write(directory.path().join("shop.generic"), SECRET).unwrap();
        let controllers: Vec<Controller> = urls.iter().map(|it| controller(it, &directory)).collect();
        let hour = Duration::from_secs(3600);
        let watch = Watch::new(controllers.iter().map(|it| it.repository().url.clone()), hour);
        let (signals, receiver) = signals();
        let receivers = Receivers::open(directory.path()).unwrap();
        let limits = ListenLimits {
            requests_per_second: 1_000_000,
            requests_burst: 1_000_000,
            ..ListenLimits::default()
        };
        let address = "127.0.0.1:0".parse().unwrap();
        let listening =
            Listening::start(address, Some(receivers), limits, watch.clone(), signals.clone()).unwrap();
        let told = watch.clone();
        let looping =
            run_it.then(|| std::thread::spawn(move || run::run(controllers, hour, &receiver, &told, None)));
        Self { directory, listening, watch, signals, looping }
    }

    /// The value of a series; `None` when there is none.
    pub(crate) fn value(&self, series: &str) -> Option<f64> {
        let text = self.watch.metrics(run::now());
        text.lines().find_map(|it| it.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
    }

    /// Waits until a series has at least this value.
    pub(crate) fn wait(&self, series: &str, value: f64) {
        let begun = Instant::now();
        while self.value(series).is_none_or(|it| it < value) {
            assert!(begun.elapsed() < PATIENCE, "{series}: {}", self.watch.metrics(run::now()));
            std::thread::yield_now();
        }
    }

    /// The series of passes over a repository.
    pub(crate) fn passes(url: &str, result: &str) -> String {
        format!("promoter_passes_total{{repo=\"{url}\",result=\"{result}\"}}")
    }

    /// Status and text of a probe.
    pub(crate) fn probe(&self, path: &str) -> (u16, String) {
        let reply = ask(&self.listening, "GET", path, &[], b"");
        (reply.status, reply.body)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.signals.send(Signal::Stop);
        if let Some(looping) = self.looping.take() {
            looping.join().unwrap();
        }
        assert!(self.directory.path().exists());
    }
}

fn controller(url: &str, directory: &TempDir) -> Controller {
    let cache_root =
        directory.path().join(format!(".cache-{}", directory.path().read_dir().unwrap().count()));
    std::fs::create_dir(&cache_root).unwrap();
    let settings = Settings {
        url: url.parse().unwrap(),
        credentials: Credentials::None,
        credentials_file: None,
        transport: Transport::default(),
        cache_root,
        dry_branch: None,
        identity: Identity { name: "promoter".into(), email: "promoter@example.com".into() },
        helm: "helm".into(),
        registries: Default::default(),
        policy: PolicyPlace::default(),
        limits: Limits::default(),
    };
    Controller::new(Repository::open(settings).unwrap()).unwrap()
}
