//! What discovery costs at a real registry: requests and time, first and at rest, for each strategy.
//!
//! The peer is what the usual tools do for the newest build: one listing, then one manifest and one configuration for each
//! tag, one after the other.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use promoter_controller::discover::{Discoverer, Subscriber};
use promoter_core::pipeline::{self, Pipeline};
use promoter_core::{GitUrl, UnixSeconds, registries};
use promoter_sources::registry::{Registries, RegistryConfig};
use promoter_testkit::registry::{RegistryProxy, RegistryRequests, RegistryServer};

use crate::measure::millis;

/// The moment of the first pass, and how far apart passes are.
const START: UnixSeconds = UnixSeconds(1_772_355_600);
const INTERVAL: i64 = 300;
/// How long each request is on its way, as to a registry that is not far.
const WAY: Duration = Duration::from_millis(30);
/// The tags that Image Updater's own documentation has a figure for.
const MANY: usize = 864;

/// Measures each strategy over a growing number of tags, the newest build at some distance, and many apps on one image.
pub(crate) fn measure(tell: fn(&str) -> Result<()>) -> Result<()> {
    let Some(server) = RegistryServer::open() else {
        return tell("registry: not measured, there is none (`make tools` installs it)");
    };
    let proxy = RegistryProxy::start(server.host());
    tell(
        "discovery at distribution v3.1.1 on the loopback: requests and time of the first pass; at rest; with one new tag",
    )?;
    for tags in [1, 100, 1_000] {
        let repository = format!("tags-{tags}");
        push(&server, &repository, tags);
        for strategy in ["SemVer", "Lexical", "NewestBuild", "Digest"] {
            let app = pipelines(1, &proxy, &repository, strategy)?;
            let mut discoverer = discoverer(&proxy)?;
            let first = pass(&mut discoverer, &app, &proxy, 0)?;
            let rest = pass(&mut discoverer, &app, &proxy, 1)?;
            push_one(&server, &repository, &format!("2.0.{tags}-{strategy}").to_lowercase(), tags + 1);
            let new = pass(&mut discoverer, &app, &proxy, 2)?;
            tell(&format!("{tags:>5} tags, {strategy:<12} {first:>24}  {rest:>24}  {new:>24}"))?;
        }
    }
    apps(&server, &proxy, tell)?;
    newest(&server, &proxy, tell)
}

/// Many apps on one image: one listing for all.
fn apps(server: &RegistryServer, proxy: &RegistryProxy, tell: fn(&str) -> Result<()>) -> Result<()> {
    push(server, "shared", 100);
    let apps = pipelines(500, proxy, "shared", "SemVer")?;
    let mut discoverer = discoverer(proxy)?;
    let first = pass(&mut discoverer, &apps, proxy, 0)?;
    let rest = pass(&mut discoverer, &apps, proxy, 1)?;
    tell(&format!("500 apps on one image of 100 tags{first:>16}  {rest:>24}"))
}

/// The newest build of many tags over a way that takes time, against one request after the other.
fn newest(server: &RegistryServer, proxy: &RegistryProxy, tell: fn(&str) -> Result<()>) -> Result<()> {
    push(server, "many", MANY);
    proxy.slow_down(WAY);
    let app = pipelines(1, proxy, "many", "NewestBuild")?;
    let mut discoverer = discoverer(proxy)?;
    let first = pass(&mut discoverer, &app, proxy, 0)?;
    let rest = pass(&mut discoverer, &app, proxy, 1)?;
    proxy.take_requests();
    let serial = serial(proxy)?;
    let ratio = |it: &Passed| serial.as_secs_f64() / it.time.as_secs_f64();
    tell(&format!("newest build of {MANY} tags, each request {} ms on its way", WAY.as_millis()))?;
    tell(&format!("{:<44} {first:>24}, {:.0} times less", "first pass", ratio(&first)))?;
    tell(&format!("{:<44} {rest:>24}, {:.0} times less", "at rest", ratio(&rest)))?;
    let asked = proxy.take_requests();
    tell(&format!("{:<44} {:>5} requests {:>12}", "one after the other", asked.all(), millis(serial)))?;
    proxy.slow_down(Duration::ZERO);
    Ok(())
}

/// Requests and time of one pass.
struct Passed {
    requests: RegistryRequests,
    time: Duration,
}

impl std::fmt::Display for Passed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&format!("{} requests {}", self.requests.all(), millis(self.time)))
    }
}

fn pass(discoverer: &mut Discoverer, apps: &[Pipeline], proxy: &RegistryProxy, at: i64) -> Result<Passed> {
    let main: GitUrl = "https://git.example.com/acme/deploy".parse()?;
    proxy.take_requests();
    let start = Instant::now();
    let subscribers = apps.iter().map(|pipeline| Subscriber { pipeline, newest: None });
    let given = discoverer.discover(&main, subscribers, UnixSeconds(START.0 + at * INTERVAL)).artifacts;
    let time = start.elapsed();
    for artifacts in given.values() {
        let web = artifacts.values().next().context("an answer")?;
        let found = web.found.as_ref().map_err(|it| anyhow::anyhow!(it.to_string()))?;
        anyhow::ensure!(found.chosen.is_some(), "nothing was chosen: {:?}", found.notes);
    }
    Ok(Passed { requests: proxy.take_requests(), time })
}

fn discoverer(proxy: &RegistryProxy) -> Result<Discoverer> {
    let wrong = |it: promoter_core::Diagnosis| anyhow::anyhow!(it.to_string());
    let text = format!(
        "apiVersion: promoter.dev/v1alpha1\nkind: Registries\nspec:\n  registries: [{{ host: \"{}\", plainHttp: true, requests: {{ perSecond: 10000 }} }}]\n",
        proxy.host()
    );
    let settings = registries::read("registries.yaml", &text).map_err(|it| wrong(it.diagnosis()))?;
    let client =
        Registries::new(RegistryConfig { settings, ..RegistryConfig::default() }, None).map_err(wrong)?;
    Discoverer::asking(client).map_err(wrong)
}

fn pipelines(count: usize, proxy: &RegistryProxy, repository: &str, strategy: &str) -> Result<Vec<Pipeline>> {
    let constraint = if strategy == "Digest" { ", constraint: \"1.0.0\"" } else { "" };
    let one = |index: usize| {
        let text = format!(
            "apiVersion: promoter.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: app-{index} }}\nspec:\n  subscriptions:\n    - {{ name: config, git: {{}} }}\n    - {{ name: web, image: {{ repoURL: \"{}/{repository}\", strategy: {strategy}{constraint} }} }}\n  environments: [{{ name: dev, source: dev, promotion: auto }}]\n",
            proxy.host()
        );
        let read = pipeline::read("promoter.yaml", &text);
        read.map_err(|it| anyhow::anyhow!(it.diagnosis().to_string()))?.pop().context("one pipeline")
    };
    (0..count).map(one).collect()
}

/// Pushes images that differ, built a minute apart.
fn push(server: &RegistryServer, repository: &str, tags: usize) {
    for index in 0..tags {
        push_one(server, repository, &format!("1.0.{index}"), index);
    }
}

fn push_one(server: &RegistryServer, repository: &str, tag: &str, minute: usize) {
    let built = UnixSeconds(START.0 + 60 * i64::try_from(minute).unwrap_or_default()).to_string();
    server.push_image(repository, tag, &["linux/amd64"], &built, &[("version", tag)]);
}

/// The listing, then manifest and configuration of each tag, one after the other on one connection.
fn serial(proxy: &RegistryProxy) -> Result<Duration> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    promoter_sources::install_tls();
    runtime.block_on(async {
        let client = reqwest::Client::new();
        let base = format!("http://{}/v2/many", proxy.host());
        let start = Instant::now();
        let mut newest: Option<(String, String)> = None;
        let mut page = Some(format!("{base}/tags/list?n=1000"));
        while let Some(url) = page.take() {
            let listing: serde_json::Value =
                serde_json::from_slice(&client.get(url).send().await?.bytes().await?)?;
            for tag in listing["tags"].as_array().context("tags")?.iter().filter_map(|it| it.as_str()) {
                let kind = "application/vnd.oci.image.manifest.v1+json";
                let manifest =
                    client.get(format!("{base}/manifests/{tag}")).header("accept", kind).send().await?;
                let manifest: serde_json::Value = serde_json::from_slice(&manifest.bytes().await?)?;
                let digest = manifest["config"]["digest"].as_str().context("a configuration")?;
                let config = client.get(format!("{base}/blobs/{digest}")).send().await?.bytes().await?;
                let config: serde_json::Value = serde_json::from_slice(&config)?;
                let built = config["created"].as_str().context("a time")?.to_owned();
                newest = newest.max(Some((built, tag.to_owned())));
            }
        }
        anyhow::ensure!(newest.is_some(), "nothing was found");
        Ok(start.elapsed())
    })
}
