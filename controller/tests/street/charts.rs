//! A chart of a private registry, from its tag to an environment's branch: found and rendered with the same credentials.

use std::sync::{Arc, Mutex};

use promoter_controller::discover::Discoverer;
use promoter_controller::image_signatures::SigstoreOptions;
use promoter_controller::pass::Controller;
use promoter_controller::repository::Repository;
use promoter_controller::settings::Settings;
use promoter_core::{Digest, registries};
use promoter_sources::clients::RegistryAccess;
use promoter_sources::registry::RegistryConfig;
use promoter_testkit::ChartArchive;
use promoter_testkit::registry::{Entrance, Flavor, PASSWORD, RegistryProxy, RegistryServer, USER};

use super::world::{World, active, events};

const PIPELINE: &str = r#"apiVersion: promoter.dev/v1alpha1
kind: Pipeline
metadata: { name: shop }
spec:
  subscriptions:
    - { name: config, git: {} }
    - { name: web, chart: { repoURL: "oci://HOST/charts/web", constraint: "^1" } }
  environments:
    - { name: dev, source: dev, promotion: auto }
    - { name: prod, source: prod, after: [dev], promotion: auto }
"#;

/// The same before it had a chart.
fn plain_files(host: &str) -> Vec<(String, String)> {
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: plain }\n";
    let pipeline =
        PIPELINE.lines().filter(|it| !it.contains("name: web")).map(|it| format!("{it}\n")).collect();
    let others = files(host).into_iter().skip(1);
    let others = others.map(|(path, _)| (path.replace("kustomization", "map"), map.to_owned()));
    others.chain([("shop/promoter.yaml".into(), pipeline)]).collect()
}

fn files(host: &str) -> Vec<(String, String)> {
    let kustomization = |greeting: &str| {
        format!(
            "helmCharts:\n- {{ name: web, repo: \"oci://{host}/charts\", releaseName: web, valuesInline: {{ greeting: {greeting} }} }}\n"
        )
    };
    vec![
        ("shop/promoter.yaml".into(), PIPELINE.replace("HOST", host)),
        ("shop/dev/kustomization.yaml".into(), kustomization("hi")),
        ("shop/prod/kustomization.yaml".into(), kustomization("good-day")),
    ]
}

/// How the registry is reached, with or without its credentials.
fn access(world: &World, host: &str, with_credentials: bool) -> RegistryAccess {
    let text = format!(
        "apiVersion: promoter.dev/v1alpha1\nkind: Registries\nspec:\n  registries: [{{ host: \"{host}\", plainHttp: true }}]\n"
    );
    let settings = registries::read("registries.yaml", &text).unwrap();
    let file = world.caches.path().join("config.json");
    let entry = format!("{{ \"username\": \"{USER}\", \"password\": \"{PASSWORD}\" }}");
    std::fs::write(&file, format!("{{ \"auths\": {{ \"{host}\": {entry} }} }}")).unwrap();
    let credentials_file = with_credentials.then_some(file);
    RegistryAccess::new(RegistryConfig { settings, credentials_file, ..RegistryConfig::default() }, None)
}

/// A controller that discovers by one access and renders by another.
fn controller(
    world: &World,
    chart: &ChartArchive,
    discovers: &RegistryAccess,
    renders: &RegistryAccess,
) -> Controller {
    let settings = world.open(&world.repo.url(), "promoter").settings().clone();
    let discoverer =
        Discoverer::new(discovers, &SigstoreOptions::default(), None, &settings.cache_root).unwrap();
    let settings = Settings { helm: chart.helm.clone(), registries: renders.clone(), ..settings };
    let controller = Controller::new(Repository::open(settings).unwrap()).unwrap();
    controller.discovering(Arc::new(Mutex::new(discoverer)))
}

#[test]
fn a_private_chart_goes_to_production() {
    let Some(chart) = ChartArchive::package("web", "1.0.0") else { return };
    let Some(server) = RegistryServer::start(Flavor::V3, Entrance::Password) else { return };
    let proxy = RegistryProxy::start(server.host());
    server.push_chart("charts/web", "1.0.0", &chart.bytes);
    let world = World::of(&files(&proxy.host()));
    let known = access(&world, &proxy.host(), true);

    // Found with credentials, rendered without any.
    let mut one_eyed = controller(&world, &chart, &known, &access(&world, &proxy.host(), false));
    let pass = world.pass(&mut one_eyed);
    let codes: Vec<&str> = pass.findings.iter().map(|it| it.code).collect();
    assert!(codes.contains(&"registry-denied"), "{:?} {:?}", pass.findings, events(&pass));
    assert_eq!(world.repo.id(&active("dev")), None);

    proxy.take_requests();
    let mut controller = controller(&world, &chart, &known, &known);
    world.settle(&mut controller);
    for (environment, greeting) in [("dev", "hi"), ("prod", "good-day")] {
        let manifest = world.text(&active(environment), "shop/manifest.yaml");
        assert!(manifest.contains(&format!("greeting: {greeting}\n")), "{manifest}");
        let lock = world.text(&active(environment), "shop/promotion.lock.yaml");
        assert!(lock.contains(Digest::of(&chart.bytes).as_str()), "{lock}");
    }
    assert_eq!(proxy.take_requests().blobs, 1, "the archive: {:?}", proxy.take_log());
}

#[test]
fn a_pipeline_takes_up_a_chart() {
    let Some(chart) = ChartArchive::package("web", "1.0.0") else { return };
    let Some(server) = RegistryServer::start(Flavor::V3, Entrance::Password) else { return };
    server.push_chart("charts/web", "1.0.0", &chart.bytes);
    let world = World::of(&plain_files(server.host()));
    let access = access(&world, server.host(), true);
    let mut controller = controller(&world, &chart, &access, &access);
    world.settle(&mut controller);
    assert!(world.text(&active("prod"), "shop/manifest.yaml").contains("name: plain"));
    // One commit subscribes to it and uses it. No freight holds it before.
    world.commit_all(&files(server.host()));
    world.settle(&mut controller);
    for (environment, greeting) in [("dev", "hi"), ("prod", "good-day")] {
        let manifest = world.text(&active(environment), "shop/manifest.yaml");
        assert!(manifest.contains(&format!("greeting: {greeting}\n")), "{manifest}");
    }
    let records = world.repo.git(&["ls-tree", "-r", "--name-only", "promoter/state"]);
    assert_eq!(records.lines().filter(|it| it.contains("/freight/")).count(), 2, "{records}");
}
