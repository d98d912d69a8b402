//! A policy in a repository of its own: it holds from the moment that it is read, and stops everything while it is not.

use promoter_controller::pass::Controller;
use promoter_controller::repository::Repository;
use promoter_controller::settings::{PolicyPlace, Settings};
use promoter_testkit::git::TestRepo;

use super::world::{World, lines, next};

const POLICY: &str = "apiVersion: promoter.dev/v1alpha1
kind: Policy
metadata: { name: acme }
spec:
  rules:
    - name: production
      match: { environments: [prod] }
      gates: [{ approvals: { required: 2 } }]
";

#[test]
fn a_policy_elsewhere_holds_and_stops_everything_while_it_cannot_be_read() {
    let (world, rules) = (World::at_once(), TestRepo::new());
    let place = PolicyPlace {
        repo: Some(rules.url().parse().unwrap()),
        branch: "main".into(),
        file: "rules/policy.yaml".into(),
        is_required: true,
    };
    let settings = world.open(&world.repo.url(), "promoter").settings().clone();
    let mut controller =
        Controller::new(Repository::open(Settings { policy: place, ..settings }).unwrap()).unwrap();

    // Asked for, and not there yet.
    let pass = world.pass(&mut controller);
    assert_eq!(pass.findings.iter().map(|it| it.code).collect::<Vec<_>>(), ["policy-missing"]);
    assert_eq!((pass.events.len(), world.runs("dev")), (0, "-".to_owned()));

    rules.commit("main", &[("rules/policy.yaml", POLICY)]);
    world.settle(&mut controller);
    world.approve("prod");
    let waits = world.settle(&mut controller);
    assert!(next(&waits, "prod").ends_with("has 1 of 2 approvals (ada@example.com)"), "{waits:#?}");

    // Less is asked: the one approval is enough.
    rules.commit("main", &[("rules/policy.yaml", &POLICY.replace("required: 2", "required: 1"))]);
    world.settle(&mut controller);
    assert_ne!(world.runs("prod"), "-");

    // Broken, nothing moves; what runs goes on.
    rules.commit("main", &[("rules/policy.yaml", "kind: [")]);
    let before = world.runs("dev");
    world.edit_base("nginx:1.20");
    let pass = world.pass(&mut controller);
    assert_eq!(pass.findings.iter().map(|it| it.code).collect::<Vec<_>>(), ["policy-wrong"]);
    assert!(
        next(&lines(&pass), "dev").contains("rules/policy.yaml on main could not be read"),
        "{:#?}",
        lines(&pass)
    );
    assert_eq!(world.runs("dev"), before);
    rules.commit("main", &[("rules/policy.yaml", POLICY)]);
    world.settle(&mut controller);
    assert_ne!(world.runs("dev"), before);
}
