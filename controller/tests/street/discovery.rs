//! From a pushed tag to production: the examples' pipelines against real registries, with a proxy that counts and breaks.

use std::sync::{Arc, Mutex};

use promoter_controller::discover::Discoverer;
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
        Some(Self { world, server, proxy, repository, pipeline })
    }

    fn push(&self, tag: &str) -> String {
        self.server.push_image(self.repository, tag, AMD64, BUILT, &[("version", tag)])
    }

    /// What asks the registry, by the world's clock.
    fn discoverer(&self) -> Discoverer {
        let text = format!(
            "apiVersion: promoter.dev/v1alpha1\nkind: Registries\nspec:\n  requests: {{ perSecond: 10000 }}\n  registries: [{{ host: \"{}\", plainHttp: true }}]\n",
            self.proxy.host()
        );
        let settings = registries::read("registries.yaml", &text).unwrap();
        let config = RegistryConfig { settings, ..RegistryConfig::default() };
        Discoverer::asking(Registries::new(config, None).unwrap()).unwrap()
    }

    fn controller(&self) -> Controller {
        self.world.controller().discovering(Arc::new(Mutex::new(self.discoverer())))
    }

    /// Passes, a second apart, until nothing happens any more; gives all events.
    fn settle(&self, controller: &mut Controller) -> Vec<String> {
        let mut all = Vec::new();
        for _ in 0..30 {
            self.world.wait(1);
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
        street.world.wait(INTERVAL);
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
        street.world.wait(INTERVAL);
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

    // The last page, with the new release, does not come.
    street.push("1.9.0");
    let later = RegistryFault::Says(429, vec![("retry-after", "3600".into())], "slow down".into());
    street.proxy.break_at("last=1.5.0", later);
    street.world.wait(INTERVAL);
    let pass = street.world.pass(&mut controller);
    assert!(pass.events.is_empty(), "{:?}", pass.events);
    assert_eq!(pass.findings.iter().map(|it| it.code).collect::<Vec<_>>(), ["registry-later"]);
    assert_eq!(street.world.refs(), before);
    let asked_at = pass.findings[0].not_before;
    assert!(asked_at.is_some_and(|it| it > UnixSeconds(0)));
}
