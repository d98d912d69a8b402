//! Checks as gates and by Argo CD's Applications, and verification on demand, against a real repository.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use promoter_controller::apply::refresh::{RefreshApi, Refreshing};
use promoter_controller::check::Checker;
use promoter_controller::options::CheckOptions;
use promoter_controller::pass::Controller;
use promoter_core::verification::argocd::{Application, Source};
use promoter_sources::checks::{Applications, ApplicationsAsked, Reading};

use super::world::{AT_ONCE, FOLDER, World, active, at, events, lines, name, proposed};

/// Applications that a test moves.
#[derive(Debug, Default)]
struct Apps {
    found: Mutex<Vec<Application>>,
    asked: Mutex<Vec<ApplicationsAsked>>,
}

impl Applications for Apps {
    fn applications<'a>(&'a self, asked: &'a ApplicationsAsked, _: Duration) -> Reading<'a> {
        self.asked.lock().unwrap().push(asked.clone());
        let found = self.found.lock().unwrap().clone();
        Box::pin(async move { Ok(found) })
    }
}

impl Apps {
    /// There is one Application, compared at a revision.
    fn stand(&self, repo: &str, revision: &str, health: &str) {
        let source = Source { repo_url: repo.into(), revision: revision.into() };
        *self.found.lock().unwrap() = vec![Application {
            name: "myapp-dev".into(),
            sources: vec![source],
            sync: "Synced".into(),
            health: health.into(),
            ..Application::default()
        }];
    }
}

/// A world whose dev has these further lines, and a controller with these Applications.
fn world(dev: &str, apps: &Arc<Apps>) -> (World, Controller) {
    let world = World::at_once();
    let line = "    - { name: dev, source: envs/dev, promotion: auto }\n";
    assert!(AT_ONCE.contains(line));
    let text = format!("    - name: dev\n      source: envs/dev\n      promotion: auto\n{dev}");
    let pipeline = AT_ONCE.replace(line, &text.replace("ADDRESS", &world.app.address));
    world.repo.commit("main", &[(&format!("{FOLDER}/promoter.yaml"), &pipeline)]);
    let checker = Checker::reaching(&CheckOptions::default(), apps.clone(), None).unwrap();
    let controller = Controller::measuring(world.open(&world.repo.url(), "promoter"), checker);
    (world, controller)
}

fn line(world: &World, controller: &mut Controller, start: &str) -> String {
    world.wait(10);
    let pass = world.pass(controller);
    assert_eq!(pass.findings, []);
    lines(&pass).into_iter().find(|it| it.starts_with(start)).unwrap()
}

#[test]
fn an_environment_is_verified_when_its_application_runs_what_was_promoted() {
    let apps = Arc::new(Apps::default());
    let (world, mut controller) = world("      verification: [{ argocd: { selector: app=myapp } }]\n", &apps);
    let mut dev = |world: &World| line(world, &mut controller, "dev: runs");
    let said = dev(&world);
    let nothing = "argocd check 1: no Application has the labels `app=myapp` in the namespace `argocd`";
    assert!(said.ends_with(nothing), "{said}");

    let url = world.repo.url();
    apps.stand(&url, &world.repo.id("main").unwrap(), "Healthy");
    let said = dev(&world);
    assert!(said.contains("myapp-dev: it is at ") && said.ends_with(", not at what was promoted"), "{said}");
    apps.stand(&url, &world.repo.id(&active("dev")).unwrap(), "Progressing");
    let said = dev(&world);
    assert!(said.ends_with("argocd check 1: myapp-dev: it is Progressing"), "{said}");

    // Another app came to the branch: this one is where it was promoted to, on both sides of that.
    let promoted = world.repo.id(&active("dev")).unwrap();
    let other = world.repo.commit(&active("dev"), &[("other/manifest.yaml", "kind: List\n")]);
    apps.stand(&url, &promoted, "Healthy");
    let said = dev(&world);
    assert!(said.contains(", verified since "), "{said}");
    apps.stand(&url, &other, "Degraded");
    let said = dev(&world);
    assert!(said.contains("failed verification since"), "{said}");
    apps.stand(&url, &other, "Healthy");
    let said = dev(&world);
    assert!(said.contains(", verified since "), "{said}");
    assert_eq!(apps.asked.lock().unwrap()[0].selector.as_deref(), Some("app=myapp"));
}

/// Who is asked to refresh, and refuses.
#[derive(Debug, Default)]
struct Refreshed(Mutex<Vec<ApplicationsAsked>>);

impl RefreshApi for Refreshed {
    fn refresh<'a>(&'a self, asked: &'a ApplicationsAsked) -> Refreshing<'a> {
        self.0.lock().unwrap().push(asked.clone());
        Box::pin(async { Err("forbidden".into()) })
    }
}

#[test]
fn argo_cd_is_asked_to_look_after_a_merge_and_nothing_waits_for_it() {
    let (apps, refreshed) = (Arc::new(Apps::default()), Arc::new(Refreshed::default()));
    let (world, _) = world("      verification: [{ argocd: { selector: app=myapp } }]\n", &apps);
    let checker = Checker::reaching(&CheckOptions::default(), apps, None).unwrap();
    let checker = checker.refreshing(Some(refreshed.clone()));
    let mut controller = Controller::measuring(world.open(&world.repo.url(), "promoter"), checker);
    let asked = || refreshed.0.lock().unwrap().iter().map(|it| it.selector.clone()).collect::<Vec<_>>();
    let pass = world.pass(&mut controller);
    assert!(events(&pass).iter().any(|it| it.starts_with("dev: promoted ")), "{:?}", events(&pass));
    assert_eq!(asked(), [Some("app=myapp".to_owned())]);
    world.wait(60);
    world.pass(&mut controller);
    assert_eq!(asked().len(), 1, "nothing was merged since");
}

#[test]
fn a_gate_asks_about_the_proposal_before_it_is_merged() {
    let apps = Arc::default();
    let gate =
        "      gates: [{ name: smoke, http: { url: \"http://ADDRESS/\", count: 2, interval: 10s } }]\n";
    let (world, mut controller) = world(gate, &apps);
    world.app.answers(503);
    world.pass(&mut controller);
    let first = world.lock("dev");
    assert!(first.is_none(), "the gate is shut");
    let said = line(&world, &mut controller, "dev: wait");
    assert!(said.ends_with(" fails smoke: `status == 200` is false (status 503)"), "{said}");
    world.app.answers(200);
    let said = line(&world, &mut controller, "dev: wait");
    assert!(said.ends_with(" has 1 of 2 passes of smoke"), "{said}");

    // The proposal is renewed: what was measured of the one before does not count.
    let before = world.repo.id(&proposed("dev")).unwrap();
    world.edit_base("nginx:1.20");
    let said = line(&world, &mut controller, "dev: wait");
    assert_ne!(world.repo.id(&proposed("dev")).unwrap(), before);
    assert!(said.ends_with(" has 1 of 2 passes of smoke"), "{said}");
    world.wait(10);
    let pass = world.pass(&mut controller);
    assert!(events(&pass).iter().any(|it| it.starts_with("dev: promoted ")), "{:?}", events(&pass));
    let message = world.repo.git(&["log", "-1", "--format=%B", &active("dev")]);
    assert!(message.contains("Commit-status-proposed-smoke-phase: success"), "{message}");
}

#[test]
fn a_person_has_it_verified_again() {
    let apps = Arc::default();
    let checks = "      verification: [{ http: { url: \"http://ADDRESS/\", interval: 10s } }]\n";
    let (world, mut controller) = world(checks, &apps);
    world.pass(&mut controller);
    let said = line(&world, &mut controller, "dev: runs");
    assert!(said.contains(", verified since "), "{said}");
    let staging = world.runs("staging");
    assert_eq!(staging, world.runs("dev"));

    let text = world.person("ada").reverify(&at(&name("dev")), "a flaky node", world.now()).unwrap();
    assert!(text.starts_with("dev: ") && text.ends_with(" is to be verified again"), "{text}");
    world.app.answers(503);
    let said = line(&world, &mut controller, "dev: runs");
    assert!(said.contains(", failed verification since "), "{said}");
    world.app.answers(200);
    let said = line(&world, &mut controller, "dev: runs");
    assert!(said.contains(", verified since "), "{said}");
    let history = world.repo.git(&["log", "--format=%B", "promoter/state", "--"]);
    assert!(history.contains("is to be verified again, says ada@example.com"), "{history}");
}
