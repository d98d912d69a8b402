//! From a pushed tag to production: the examples' pipelines against real registries, with a proxy that counts and breaks.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use promoter_controller::discover::{Discoverer, Subscriber};
use promoter_controller::image_signatures::SigstoreOptions;
use promoter_controller::pass::{Controller, Pass};
use promoter_controller::people::Report;
use promoter_core::UnixSeconds;
use promoter_core::record::StatusPhase;
use promoter_core::{Content, PromotionLock, registries};
use promoter_sources::registry::{Registries, RegistryConfig};
use promoter_testkit::registry::{Entrance, Flavor, RegistryFault, RegistryProxy, RegistryServer};
use promoter_testkit::texts_below;

use super::world::{World, active, at, events, lines, name, next};

/// The interval of subscriptions that name none.
const INTERVAL: i64 = 300;
const BUILT: &str = "2026-03-01T09:00:00Z";
const AMD64: &[&str] = &["linux/amd64"];

/// An example with its registry and its checks on this machine.
struct Street {
    world: World,
    /// The world's time, for the client of registries.
    seconds: Arc<AtomicU64>,
    server: RegistryServer,
    proxy: RegistryProxy,
    repository: &'static str,
    pipeline: &'static str,
}

impl Street {
    /// `image` is how the example names the image, `repository` where it is in the registry.
    fn new(
        flavor: Flavor,
        (example, pipeline): (&str, &'static str),
        (image, repository): (&str, &'static str),
        change: impl Fn(String) -> String,
    ) -> Option<Self> {
        let server = RegistryServer::start(flavor, Entrance::Open)?;
        let proxy = RegistryProxy::start(server.host());
        let here = format!("{}/{repository}", proxy.host());
        let world = World::of(&[("README.md".into(), "empty\n".into())]);
        let files = texts_below(&format!("examples/{example}")).into_iter().map(|(path, text)| {
            let text = text.replace(image, &here).replace("127.0.0.1:8080", &world.app.address);
            (format!("apps/{example}/{path}"), change(text))
        });
        world.commit_all(&files.collect::<Vec<_>>());
        let street = Self { world, seconds: Arc::default(), server, proxy, repository, pipeline };
        street.wait(0);
        Some(street)
    }

    fn wait(&self, seconds: i64) {
        self.world.wait(seconds);
        self.seconds.store(u64::try_from(self.world.now().0).unwrap(), Ordering::Relaxed);
    }

    fn push(&self, tag: &str) -> String {
        self.server.push_image(self.repository, tag, AMD64, BUILT, &[("version", tag)])
    }

    /// The client of the registry, by the world's clock.
    fn registries(&self) -> Registries {
        let text = format!(
            "apiVersion: promoter.dev/v1alpha1\nkind: Registries\nspec:\n  requests: {{ perSecond: 10000 }}\n  registries: [{{ host: \"{}\", plainHttp: true }}]\n",
            self.proxy.host()
        );
        let settings = registries::read("registries.yaml", &text).unwrap();
        let seconds = self.seconds.clone();
        let clock = move || SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.load(Ordering::Relaxed));
        let config = RegistryConfig { settings, clock: Arc::new(clock), ..RegistryConfig::default() };
        Registries::new(config, None).unwrap()
    }

    fn discoverer(&self) -> Discoverer {
        Discoverer::asking(self.registries()).unwrap()
    }

    fn controller(&self) -> Controller {
        self.world.controller().discovering(Arc::new(Mutex::new(self.discoverer())))
    }

    /// Passes, a second apart, until nothing happens any more; gives all events.
    fn settle(&self, controller: &mut Controller) -> Vec<String> {
        let mut all = Vec::new();
        for _ in 0..30 {
            self.wait(1);
            let pass = self.pass(controller);
            if pass.events.is_empty() && !controller.is_measuring() {
                return all;
            }
            all.extend(events(&pass).into_iter().map(str::to_owned));
        }
        panic!("it does not come to rest: {all:#?}");
    }

    fn pass(&self, controller: &mut Controller) -> Pass {
        let pass = self.world.pass(controller);
        assert_eq!(pass.findings, [], "{:?}", pass.events);
        pass
    }

    fn lock(&self, environment: &str) -> PromotionLock {
        let text = self.world.text(&active(environment), &format!("{}/promotion.lock.yaml", self.pipeline));
        PromotionLock::parse(&text, "lock").unwrap()
    }

    /// The tag that an environment runs.
    fn tag(&self, environment: &str) -> String {
        match self.lock(environment).freight.get(&name(self.pipeline)) {
            Some(Content::Image(image)) => image.tag.as_ref().unwrap().to_string(),
            other => panic!("no image: {other:?}"),
        }
    }

    fn manifest(&self, environment: &str) -> String {
        self.world.text(&active(environment), &format!("{}/manifest.yaml", self.pipeline))
    }

    fn tags(&self, environments: [&str; 3]) -> [String; 3] {
        environments.map(|it| self.tag(it))
    }
}

/// Words of events without the names of freight, which depend on ports.
fn without_names(events: &[String], street: &Street, environment: &str) -> Vec<String> {
    let id = street.lock(environment).freight.id();
    let named = format!("{} {}", id.alias(), id.short());
    events.iter().map(|it| it.replace(&named, "FREIGHT").replace(&id.alias(), "FREIGHT")).collect()
}

#[test]
fn the_pipeline_of_the_rfc_takes_releases_and_leaves_candidates() {
    for flavor in Flavor::ALL {
        let image = ("ghcr.io/dokaseca/my-app", "dokaseca/my-app");
        let Some(street) = Street::new(flavor, ("my-app", "my-app"), image, |it| it) else {
            return;
        };
        let environments = ["dev", "staging", "production"];
        let first = street.push("1.0.0");
        let mut controller = street.controller();
        street.settle(&mut controller);
        assert_eq!([street.tag("dev"), street.tag("staging")], ["1.0.0", "1.0.0"]);
        assert!(street.world.repo.id(&active("production")).is_some());
        street.world.approve("production");
        street.settle(&mut controller);
        assert_eq!(street.tags(environments), ["1.0.0"; 3]);
        let pinned = format!("image: {}/dokaseca/my-app:1.0.0@{first}\n", street.proxy.host());
        assert!(street.manifest("production").contains(&pinned), "{}", street.manifest("production"));

        // A release goes to production by a person's word; a candidate goes nowhere.
        street.push("1.1.0");
        street.push("1.2.0-rc.1");
        assert!(street.settle(&mut controller).is_empty(), "nobody asked the registry again yet");
        street.wait(INTERVAL);
        let said = street.settle(&mut controller);
        assert_eq!(street.tags(environments), ["1.1.0", "1.1.0", "1.0.0"]);
        let said = without_names(&said, &street, "dev");
        assert!(said[0].starts_with("freight FREIGHT from my-app"), "{said:#?}");
        let lines = lines(&street.pass(&mut controller));
        assert!(next(&lines, "production").ends_with("has 0 of 1 approvals"), "{lines:#?}");
        street.world.approve("production");
        street.settle(&mut controller);
        assert_eq!(street.tags(environments), ["1.1.0"; 3]);

        // At rest: one listing, and one question what the tag names.
        street.proxy.take_requests();
        street.wait(INTERVAL);
        assert!(street.settle(&mut controller).is_empty());
        let asked = street.proxy.take_requests();
        assert_eq!((asked.tags, asked.heads, asked.all()), (1, 1, 2), "{:?}", street.proxy.take_log());
    }
}

#[test]
fn the_seven_steps_of_a_promotion_are_in_the_log() {
    let image = ("docker.io/acme/webapp", "acme/webapp");
    let Some(street) = Street::new(Flavor::V3, ("kargo-pipeline", "webapp"), image, |it| it) else {
        return;
    };
    let first = street.push("1.0.0");
    let mut controller = street.controller();
    let said = street.settle(&mut controller);
    assert_eq!(
        without_names(&said, &street, "development"),
        [
            "freight FREIGHT from config, webapp",
            "development: proposed FREIGHT",
            "development: promoted FREIGHT",
            "development: FREIGHT verified (1 of 1 checks passed)",
            "staging: proposed FREIGHT",
        ]
    );
    // CI scanned the image.
    let (staging, trivy) = (name("staging"), name("trivy"));
    let scanned =
        Report { name: &trivy, phase: StatusPhase::Success, description: "", url: None, commit: None };
    street.world.person("ci").report(&at(&staging), &scanned, street.world.now()).unwrap();
    let said = street.settle(&mut controller);
    assert_eq!(
        without_names(&said, &street, "staging"),
        [
            "staging: promoted FREIGHT",
            "staging: FREIGHT verified (1 of 1 checks passed)",
            "production: proposed FREIGHT",
        ]
    );
    // A person merges what is proposed for production.
    street.world.merge_with_git("environment/production-next/webapp", &active("production"));
    let said = street.settle(&mut controller);
    assert_eq!(
        without_names(&said, &street, "production"),
        ["production: FREIGHT verified (nothing to check)"]
    );
    let environments = ["development", "staging", "production"];
    assert_eq!(street.tags(environments), ["1.0.0"; 3]);

    // Each overlay has its own limits and variables, and all the same image.
    for (environment, (memory, level)) in
        environments.into_iter().zip([("128Mi", "debug"), ("256Mi", "info"), ("512Mi", "warn")])
    {
        let manifest = street.manifest(environment);
        for word in
            [format!("memory: {memory}\n"), format!("value: {level}\n"), format!("webapp:1.0.0@{}\n", first)]
        {
            assert!(manifest.contains(&word), "{environment}: {word}: {manifest}");
        }
    }
}

#[test]
fn a_throttled_listing_decides_nothing() {
    let image = ("ghcr.io/dokaseca/my-app", "dokaseca/my-app");
    let Some(street) = Street::new(Flavor::V3, ("my-app", "my-app"), image, |it| it) else {
        return;
    };
    for minor in 0..9 {
        street.push(&format!("1.{minor}.0"));
    }
    street.proxy.page_by(3);
    let mut controller = street.controller();
    street.settle(&mut controller);
    assert_eq!(street.tag("dev"), "1.8.0");
    let before = street.world.refs();

    // The last page, with the new release, does not come: the registry wants to be left alone for an hour.
    street.push("1.9.0");
    let later = RegistryFault::Says(429, vec![("retry-after", "3600".into())], "slow down".into());
    street.proxy.break_times("last=1.5.0", later, 1);
    street.wait(INTERVAL);
    let pass = street.world.pass(&mut controller);
    let until = UnixSeconds(street.world.now().0 + 3_600);
    assert!(pass.events.is_empty(), "{:?}", pass.events);
    assert_eq!(pass.findings.iter().map(|it| it.code).collect::<Vec<_>>(), ["registry-later"]);
    assert_eq!(street.world.refs(), before);
    assert_eq!((pass.findings[0].not_before, controller.discovers_at()), (Some(until), Some(until)));

    // Nobody asks before that.
    street.proxy.take_requests();
    for _ in 0..11 {
        street.wait(INTERVAL);
        assert!(street.world.pass(&mut controller).events.is_empty());
    }
    assert_eq!((street.proxy.take_requests().all(), street.world.refs()), (0, before));
    street.wait(INTERVAL);
    street.settle(&mut controller);
    assert_eq!(street.tag("dev"), "1.9.0");
}

#[test]
fn a_tag_that_is_gone_or_broken_takes_nothing_back() {
    let image = ("ghcr.io/dokaseca/my-app", "dokaseca/my-app");
    let Some(street) = Street::new(Flavor::V3, ("my-app", "my-app"), image, |it| it) else {
        return;
    };
    street.push("1.0.0");
    let second = street.push("1.1.0");
    let mut controller = street.controller();
    street.settle(&mut controller);
    assert_eq!(street.tag("dev"), "1.1.0");
    let before = street.world.refs();

    // A half-deleted tag is passed over, and nothing goes back for it.
    street.proxy.break_at("manifests/1.1.0", RegistryFault::Says(404, Vec::new(), String::new()));
    street.wait(INTERVAL);
    assert!(street.settle(&mut controller).is_empty());
    street.proxy.heal();
    street.server.delete_manifest("dokaseca/my-app", &second);
    street.wait(INTERVAL);
    assert!(street.settle(&mut controller).is_empty());
    assert_eq!(street.world.refs(), before);
    let said = lines(&street.pass(&mut controller)).join("\n");
    assert!(said.contains("my-app"), "{said}");

    // What is newer goes on from there.
    street.push("1.2.0");
    street.wait(INTERVAL);
    street.settle(&mut controller);
    assert_eq!(street.tag("dev"), "1.2.0");
}

#[test]
fn five_hundred_pipelines_on_one_image_ask_once() {
    let image = ("ghcr.io/dokaseca/my-app", "dokaseca/my-app");
    let Some(street) = Street::new(Flavor::V3, ("my-app", "my-app"), image, |it| it) else {
        return;
    };
    street.push("1.0.0");
    let repository = format!("{}/dokaseca/my-app", street.proxy.host());
    let pipelines: Vec<_> = (0..500)
        .map(|index| {
            let text = format!(
                "apiVersion: promoter.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: app-{index} }}\nspec:\n  subscriptions:\n    - {{ name: config, git: {{}} }}\n    - {{ name: web, image: {{ repoURL: \"{repository}\" }} }}\n  environments: [{{ name: dev, source: dev, promotion: auto }}]\n"
            );
            promoter_core::pipeline::read("promoter.yaml", &text).unwrap().remove(0)
        })
        .collect();
    let mut discoverer = street.discoverer();
    let subscribers = pipelines.iter().map(|pipeline| Subscriber { pipeline, newest: None });
    let main = street.world.repo.url().parse().unwrap();
    let given = discoverer.discover(&main, subscribers, street.world.now()).artifacts;
    let found = given.values().filter(|it| it[&name("web")].found.as_ref().unwrap().chosen.is_some());
    assert_eq!(found.count(), 500);
    let asked = street.proxy.take_requests();
    assert_eq!((asked.tags, asked.heads + asked.manifests, asked.blobs), (1, 1, 1));
}

/// The pipeline of the RFC, whose staging takes only what was attested.
fn attested(text: &str) -> String {
    let gate =
        "attestation: { artifact: my-app, predicateType: \"https://slsa.dev/provenance/v1\", key: p256.pub }";
    text.replace("after: [dev]\n", &format!("after: [dev]\n      gates: [{{ {gate} }}]\n"))
}

/// A controller that judges by the keys of testdata.
fn judging(street: &Street) -> Controller {
    let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/cosign");
    let options = SigstoreOptions::default();
    let discoverer = Discoverer::judging(street.registries(), &options, Some(&keys)).unwrap();
    street.world.controller().discovering(Arc::new(Mutex::new(discoverer)))
}

#[test]
fn only_signed_images_become_freight() {
    let image = ("ghcr.io/dokaseca/my-app", "dokaseca/my-app");
    let signed = |text: String| {
        attested(&text).replace("strategy: SemVer }", "strategy: SemVer, signatures: [{ key: p256.pub }] }")
    };
    let Some(street) = Street::new(Flavor::V3, ("my-app", "my-app"), image, signed) else {
        return;
    };
    let digest = street.server.push_signed("dokaseca/my-app", "1.0.0", "key-simple-p256");
    street.push("1.1.0");
    let mut controller = judging(&street);
    street.settle(&mut controller);
    assert_eq!(street.tag("dev"), "1.0.0", "1.1.0 is not signed");
    assert!(
        street.manifest("dev").contains(&format!("my-app:1.0.0@{digest}\n")),
        "what was judged is pinned"
    );
    let lines = lines(&street.pass(&mut controller));
    assert!(lines.join("\n").contains("not signed"), "{lines:#?}");
    let said = next(&lines, "staging");
    assert!(said.contains("lacks the attestation https://slsa.dev/provenance/v1"), "{said}");
}

#[test]
fn what_is_attested_goes_on() {
    let image = ("ghcr.io/dokaseca/my-app", "dokaseca/my-app");
    let Some(street) = Street::new(Flavor::V3, ("my-app", "my-app"), image, |it| attested(&it)) else {
        return;
    };
    street.server.push_signed("dokaseca/my-app", "1.0.0", "key-attestation");
    let mut controller = judging(&street);
    street.settle(&mut controller);
    assert_eq!([street.tag("dev"), street.tag("staging")], ["1.0.0", "1.0.0"]);
}

#[test]
fn a_tag_that_a_person_names_is_looked_up() {
    let image = ("ghcr.io/dokaseca/my-app", "dokaseca/my-app");
    let Some(street) = Street::new(Flavor::V3, ("my-app", "my-app"), image, |it| it) else {
        return;
    };
    let candidate = street.push("1.1.0-rc.1");
    street.push("1.0.0");
    let mut controller = street.controller();
    street.settle(&mut controller);
    assert_eq!(street.tag("dev"), "1.0.0");

    let create = |tag: &str| {
        let settings = [format!("my-app={tag}").parse().unwrap()];
        let (mut ada, now) = (street.world.person("ada"), street.world.now());
        ada.look_up(None, &settings, &mut street.discoverer(), now)?;
        ada.create_freight(None, &settings, now)
    };
    assert_eq!(create("1.1.0").unwrap_err().code, "registry-missing");
    create("1.1.0-rc.1").unwrap();
    street.settle(&mut controller);
    assert!(street.manifest("dev").contains(&format!("my-app:1.1.0-rc.1@{candidate}\n")));
}
