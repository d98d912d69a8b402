//! Servers that fail and refuse: what is said, what is left, and that it goes on afterwards.

use promoter_controller::pass::Controller;
use promoter_core::Fault as Mends;
use promoter_testkit::git::{Fault, GitHttp, TestRepo};
use tempfile::TempDir;

use super::program::once;
use super::world::{World, events, lines, name};

#[test]
fn a_server_that_fails_is_asked_again() {
    for (part, fault) in [
        ("info/refs?service=git-upload-pack", Fault::Status(500)),
        ("POST /repo.git/git-upload-pack", Fault::Status(503)),
        ("POST /repo.git/git-upload-pack", Fault::Cut(20)),
        ("POST /repo.git/git-upload-pack", Fault::NoAnswer),
    ] {
        let world = World::at_once();
        let http = GitHttp::start(&world.repo);
        let mut controller = Controller::new(world.open(&http.url(), "promoter")).unwrap();
        let before = world.refs();
        http.break_at(part, fault.clone());
        let error = controller.pass(|| world.now()).unwrap_err();
        assert_eq!((error.code, error.fault), ("git-unreachable", Mends::Upstream), "{fault:?}: {error}");
        assert!(error.to_string().contains(&http.url()), "{error}");
        assert_eq!(world.refs(), before);
        http.heal();
        world.settle(&mut controller);
        assert_ne!(world.runs("staging"), "-", "{fault:?}");
    }
}

#[test]
fn a_push_that_fails_is_a_finding_and_is_done_later() {
    for fault in [Fault::Status(500), Fault::Cut(10), Fault::NoAnswer] {
        let world = World::at_once();
        let http = GitHttp::start(&world.repo);
        let mut controller = Controller::new(world.open(&http.url(), "promoter")).unwrap();
        http.break_at("POST /repo.git/git-receive-pack", fault.clone());
        let pass = world.pass(&mut controller);
        // A push whose answer was lost is found to be done; one that was refused by status is not.
        if matches!(fault, Fault::Status(_)) {
            let [finding] = pass.findings.as_slice() else { panic!("{:?}", pass.findings) };
            assert_eq!((finding.code, finding.fault), ("git-unreachable", Mends::Upstream), "{finding}");
            assert!(finding.to_string().contains("500"), "{finding}");
        }
        http.heal();
        world.settle(&mut controller);
        let freight = world.runs("staging");
        let history = world.history("environment/staging");
        assert_eq!(
            history,
            ["Initial commit for environment/staging".into(), format!("Promote {freight} to staging")]
        );
        world.repo.fsck();
    }
}

#[test]
fn a_server_that_dies_half_way_does_not_hide_what_was_done() {
    let world = World::at_once();
    let http = GitHttp::start(&world.repo);
    let mut controller = Controller::new(world.open(&http.url(), "promoter")).unwrap();
    // The hook plays the moment: after the first push nothing is answered any more.
    let calls = std::cell::Cell::new(0);
    let now = || {
        calls.set(calls.get() + 1);
        if world.repo.id("promoter/state").is_some() {
            http.break_at("git-upload-pack", Fault::Status(502));
        }
        world.now()
    };
    let pass = controller.pass(now).unwrap();
    assert!(events(&pass)[0].starts_with("freight "), "{:?}", pass.events);
    assert_eq!(pass.findings.last().unwrap().fault, Mends::Upstream);
}

#[test]
fn a_refused_push_names_ref_and_reason_and_the_others_go_on() {
    let world = World::at_once();
    world.repo.hook(
        "update",
        "case $1 in refs/heads/environment/staging-next/*)\n\
         echo once >> refused; echo 'GH013: Repository rule violations found' >&2; exit 1;; esac",
    );
    let mut controller = world.controller();
    for passes in 1..=3 {
        let pass = world.pass(&mut controller);
        let refused = std::fs::read_to_string(world.repo.path().join("refused")).unwrap();
        assert_eq!(
            refused.lines().count(),
            passes,
            "it is tried once a pass, however many rounds the others take"
        );
        let [finding] = pass.findings.as_slice() else { panic!("{:?}", pass.findings) };
        assert_eq!((finding.code, finding.fault), ("push-rejected", Mends::Input), "{finding}");
        let text = finding.to_string();
        assert!(text.contains("`refs/heads/environment/staging-next/myapp`"), "{text}");
        assert!(text.contains("GH013: Repository rule violations found"), "{text}");
        // The plan goes on saying what it would do; freight is not blamed for the server's rule.
        let staging = lines(&pass).into_iter().filter(|it| it.starts_with("staging: propose")).count();
        assert_eq!(staging, 1, "{:#?}", lines(&pass));
        world.wait(60);
    }
    assert_ne!(world.runs("dev"), "-");
    world.edit_base("nginx:1.20");
    world.pass(&mut controller);
    assert!(world.manifest("dev").contains("nginx:1.20"), "dev goes on");
    let program = once(&[&world.repo.url()], TempDir::new().unwrap().path());
    assert_eq!(program.code, Some(2), "{}", program.log);
    assert!(program.log.contains("GH013"), "{}", program.log);
    world.repo.hook("update", "");
    world.settle(&mut controller);
    assert!(world.manifest("staging").contains("nginx:1.20"), "once it is allowed, it is done");
}

#[test]
fn the_program_ends_with_the_code_of_the_worst_finding() {
    let cache = TempDir::new().unwrap();
    // Nobody listens.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let unreachable = format!("http://{closed}/repo.git");
    let world = World::at_once();
    let ran = once(&[&unreachable, &world.repo.url()], cache.path());
    assert_eq!(ran.code, Some(3), "{}", ran.log);
    assert!(ran.log.contains("git-unreachable") && ran.log.contains(&unreachable), "{}", ran.log);
    assert_ne!(world.runs("staging"), "-", "the other repository is done all the same: {}", ran.log);

    for (repo, word) in [("nowhere", "nowhere"), ("https://ada:pw@example.com/x.git", "***")] {
        let ran = once(&[repo], cache.path());
        assert_eq!(ran.code, Some(2), "{}", ran.log);
        assert!(ran.log.contains(word) && !ran.log.contains("pw@"), "{}", ran.log);
    }
    let empty = TestRepo::new();
    let ran = once(&[&empty.url()], cache.path());
    assert_eq!(ran.code, Some(2), "{}", ran.log);
    assert!(ran.log.contains("dry-branch-missing"), "{}", ran.log);
    let missing = once(&["/nonexistent/repo.git"], cache.path());
    assert_eq!(missing.code, Some(2), "{}", missing.log);
    let other = TestRepo::new();
    other.commit("main", &[("README.md", "no pipeline\n")]);
    let ran = once(&[&other.url()], cache.path());
    assert_eq!(ran.code, Some(2), "{}", ran.log);
    assert!(ran.log.contains("promoter.yaml"), "{}", ran.log);
    let world = World::at_once();
    let fine = once(&[&world.repo.url()], cache.path());
    assert_eq!(fine.code, Some(0), "{}", fine.log);
}

#[test]
fn a_person_is_told_when_the_server_refuses() {
    let world = World::at_once();
    world.settle(&mut world.controller());
    world.repo.hook("pre-receive", "echo 'read-only today' >&2; exit 1");
    let prod = name("prod");
    let at = super::world::at(&prod);
    let error = world.person("ada").approve(&at, None, "", world.now()).unwrap_err();
    assert_eq!(error.code, "push-rejected");
    assert!(error.to_string().contains("read-only today"), "{error}");
}
