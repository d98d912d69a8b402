//! Private charts that a lock pins: fetched with the credentials of the plugin, once, and again where that helps.

use std::process::{Command, Stdio};

use promoter_core::{Artifact, Content, Digest, PromotionLock};
use promoter_kustomize::MemoryFiles;
use promoter_plugin::cmp::client::{Archive, ClientError, Request};
use promoter_testkit::ChartArchive;
use promoter_testkit::git::{GitHttp, TestRepo};
use promoter_testkit::registry::{
    Entrance, Flavor, PASSWORD, RegistryFault, RegistryProxy, RegistryServer, USER,
};
use promoter_testkit::{WebFault, WebServer};
use tonic::Code;

use crate::common::{PLUGIN, Served, lock, request};

/// A private repository of charts.
enum Charts {
    Registry { _server: RegistryServer, proxy: RegistryProxy },
    Web(WebServer),
}

impl Charts {
    fn registry(archive: &[u8]) -> Option<Self> {
        let server = RegistryServer::start(Flavor::V3, Entrance::Password)?;
        server.push_chart("charts/web", "1.0.0", archive);
        let proxy = RegistryProxy::start(server.host());
        Some(Self::Registry { _server: server, proxy })
    }

    fn web(archive: &[u8]) -> Self {
        let server = WebServer::start();
        let index = "apiVersion: v1\nentries:\n  web:\n  - version: 1.0.0\n    urls: [web-1.0.0.tgz]\n";
        server.put("/charts/index.yaml", index);
        server.put("/charts/web-1.0.0.tgz", archive);
        server.require_login(USER, PASSWORD);
        Self::Web(server)
    }

    fn host(&self) -> String {
        match self {
            Self::Registry { proxy, .. } => proxy.host(),
            Self::Web(server) => server.host(),
        }
    }

    /// The address of the repository, as a kustomization names it.
    fn address(&self) -> String {
        match self {
            Self::Registry { .. } => format!("oci://{}/charts", self.host()),
            Self::Web(_) => format!("http://{}/charts", self.host()),
        }
    }

    /// The requests since the last call.
    fn take_log(&self) -> Vec<String> {
        match self {
            Self::Registry { proxy, .. } => proxy.take_log(),
            Self::Web(server) => server.take_log(),
        }
    }

    /// Requests for archives are answered so from now on.
    fn answer(&self, status: u16, retry_after: Option<&'static str>) {
        match self {
            Self::Registry { proxy, .. } => {
                let headers = retry_after.map(|it| ("retry-after", it.to_owned())).into_iter().collect();
                proxy.break_at("/blobs/", RegistryFault::Says(status, headers, String::new()));
            }
            Self::Web(server) => server.break_at(".tgz", WebFault::Status(status, retry_after)),
        }
    }

    fn heal(&self) {
        match self {
            Self::Registry { proxy, .. } => proxy.heal(),
            Self::Web(server) => server.heal(),
        }
    }
}

/// Two environments that show a chart, a server with their commit, and a plugin with an empty cache.
struct Scene {
    _repository: TestRepo,
    git: GitHttp,
    commit: String,
    charts: Charts,
    served: Served,
}

impl Scene {
    fn new(chart: &ChartArchive, charts: Charts, with_credentials: bool) -> Self {
        let repository = TestRepo::new();
        let kustomization = |greeting: &str| {
            format!(
                "helmCharts:\n- {{ name: web, repo: \"{}\", releaseName: web, valuesInline: {{ greeting: {greeting} }} }}\n",
                charts.address()
            )
        };
        let (prod, dev) = (kustomization("good-day"), kustomization("hi"));
        let files = [("envs/prod/kustomization.yaml", prod.as_str()), ("envs/dev/kustomization.yaml", &dev)];
        let commit = repository.commit("main", &files);
        let directory = tempfile::tempdir().unwrap();
        let place = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        let settings = format!(
            "apiVersion: promoter.dev/v1alpha1\nkind: Registries\nspec:\n  registries: [{{ host: \"{}\", plainHttp: true }}]\n",
            charts.host()
        );
        std::fs::write(place("registries.yaml"), settings).unwrap();
        let entry = format!("{{ \"username\": \"{USER}\", \"password\": \"{PASSWORD}\" }}");
        let config = format!("{{ \"auths\": {{ \"{}\": {entry} }} }}", charts.host());
        std::fs::write(place("config.json"), if with_credentials { &config } else { "{}" }).unwrap();
        let (cache, here) = (place("cache"), place(""));
        let options = [
            ["--cache-dir", &cache],
            ["--helm", chart.helm.to_str().unwrap()],
            ["--registries-file", &place("registries.yaml")],
            ["--registry-config", &here],
        ];
        let served = Served::start_in(directory, &options.concat());
        let git = GitHttp::start(&repository);
        Self { _repository: repository, git, commit, charts, served }
    }

    /// A request of an environment whose lock pins the chart.
    fn request(&self, environment: &str, digest: &Digest) -> Request {
        let text =
            lock(&self.git.url(), &self.commit, None).replace("envs/prod", &format!("envs/{environment}"));
        let mut lock = PromotionLock::parse(&text, "lock").unwrap();
        let url = format!("{}/web", self.charts.address()).parse().unwrap();
        let content = Content::Chart { url, version: "1.0.0".parse().unwrap(), digest: digest.clone() };
        let chart = Artifact { name: "web".parse().unwrap(), content };
        lock.freight = lock.freight.with(chart);
        let mut files = MemoryFiles::new();
        files.insert("guestbook/promotion.lock.yaml", lock.emit().into_bytes()).unwrap();
        request(Archive::of_files(&files).unwrap())
    }

    async fn ask(&self, environment: &str, digest: &Digest) -> Result<Vec<String>, ClientError> {
        self.served.client().await.generate(&self.request(environment, digest)).await
    }

    /// The code of the wire and the line that a person reads.
    async fn refused(&self, digest: &Digest) -> (Code, String) {
        let error = self.ask("prod", digest).await.unwrap_err();
        let (code, line) = error.status().unwrap();
        (code, line.to_owned())
    }
}

fn shown(greeting: &str) -> [String; 1] {
    let data = format!("{{\"chart\":\"1.0.0\",\"greeting\":\"{greeting}\"}}");
    [format!(
        "{{\"apiVersion\":\"v1\",\"data\":{data},\"kind\":\"ConfigMap\",\"metadata\":{{\"name\":\"web\"}}}}"
    )]
}

/// A scene with each kind of repository.
fn scenes(with_credentials: bool) -> Option<Vec<(Scene, Digest)>> {
    let chart = ChartArchive::package("web", "1.0.0")?;
    let charts = Charts::registry(&chart.bytes).into_iter().chain([Charts::web(&chart.bytes)]);
    let scene = |it| (Scene::new(&chart, it, with_credentials), Digest::of(&chart.bytes));
    Some(charts.map(scene).collect())
}

#[tokio::test]
async fn private_charts_are_rendered_with_credentials_and_fetched_once() {
    for (scene, digest) in scenes(true).unwrap_or_default() {
        assert_eq!(scene.ask("prod", &digest).await.unwrap(), shown("good-day"));
        let log = scene.charts.take_log();
        assert!(
            !log.is_empty() && log.iter().all(|it| !it.contains("/manifests/") && !it.contains("/tags/"))
        );
        let line = scene.served.logged("answered");
        assert!(line["fetch_ms"].is_number(), "{line}");
        assert_eq!(scene.ask("dev", &digest).await.unwrap(), shown("hi"));
        assert_eq!(scene.charts.take_log(), [""; 0], "another app with the same chart asks nobody");
    }
}

#[tokio::test]
async fn without_credentials_one_line_says_what_is_missing() {
    for (scene, digest) in scenes(false).unwrap_or_default() {
        let (code, line) = scene.refused(&digest).await;
        let wanted = format!("version `1.0.0` of `{}/web` is not to be had: ", scene.charts.address());
        assert!(code == Code::InvalidArgument && line.starts_with(&wanted), "{line}");
        assert!(line.contains("`--registry-config`") && line.ends_with("[registry-denied]"), "{line}");
        assert_eq!(scene.charts.take_log().len(), 1, "it is not tried again");
        let logged = scene.served.log_line(|it| it["code"] == "registry-denied");
        assert_eq!(logged["phase"], "fetch", "{logged}");
    }
}

#[tokio::test]
async fn another_archive_is_refused() {
    for (scene, digest) in scenes(true).unwrap_or_default() {
        let (code, line) = scene.refused(&Digest::of(b"another archive")).await;
        let wanted = match scene.charts {
            // A registry is asked for the digest, and has nothing of that name.
            Charts::Registry { .. } => "[chart-gone]",
            Charts::Web(_) => "[chart-digest-wrong]",
        };
        assert!(code == Code::InvalidArgument && line.ends_with(wanted), "{line}");
        assert_eq!(scene.ask("prod", &digest).await.unwrap(), shown("good-day"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_comes_back_in_time_leaves_no_error() {
    for later in [None, Some("1")] {
        for (scene, digest) in scenes(true).unwrap_or_default() {
            scene.charts.answer(503, later);
            let client = scene.served.client().await;
            let request = scene.request("prod", &digest);
            let asked = tokio::spawn(async move { client.generate(&request).await });
            tokio::task::block_in_place(|| scene.served.logged("trying again"));
            scene.charts.heal();
            assert_eq!(asked.await.unwrap().unwrap(), shown("good-day"));
            let line = scene.served.logged("answered");
            assert!(line["tries"].as_u64().unwrap() >= 2, "{line}");
        }
    }
}

#[tokio::test]
async fn nothing_definite_is_asked_twice() {
    for (status, later, wire, code) in [
        (404, None, Code::InvalidArgument, ["[chart-gone]", "[chart-unusable]"]),
        (403, None, Code::InvalidArgument, ["[registry-denied]"; 2]),
        (429, Some("3600"), Code::Unavailable, ["[registry-later]"; 2]),
    ] {
        for (scene, digest) in scenes(true).unwrap_or_default() {
            scene.charts.answer(status, later);
            let (found, line) = scene.refused(&digest).await;
            assert!(found == wire && code.iter().any(|it| line.ends_with(it)), "{line}");
            let archives = scene.charts.take_log().into_iter().filter(|it| it.contains("/web"));
            assert_eq!(archives.count(), 1, "{line}");
        }
    }
}

#[test]
fn a_broken_file_about_registries_is_told_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("registries.yaml");
    for (text, code) in [(Some("kind: Registries\n"), "registries-"), (None, "registries-file")] {
        text.iter().for_each(|it| std::fs::write(&file, it).unwrap());
        if text.is_none() {
            std::fs::remove_file(&file).unwrap();
        }
        for command in [&["serve", "--socket-dir", directory.path().to_str().unwrap()][..], &["generate"]] {
            let mut plugin = Command::new(PLUGIN);
            plugin.args(command).env("PROMOTER_REGISTRIES_FILE", &file).current_dir(directory.path());
            let output = plugin.stdout(Stdio::null()).output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(
                output.status.code() == Some(2) && said.contains(&format!("[{code}")),
                "{command:?}: {said}"
            );
        }
    }
}
