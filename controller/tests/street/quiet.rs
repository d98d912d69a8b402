//! What a pass costs when nothing changed.

use promoter_controller::pass::Controller;
use promoter_testkit::git::GitHttp;
use tempfile::TempDir;

use super::program::once_alone;
use super::world::{World, active, events};

#[test]
fn a_quiet_pass_is_one_question() {
    one_question(&World::at_once());
    one_question(&World::folders());
}

fn one_question(world: &World) {
    let http = GitHttp::start(&world.repo);
    let mut controller = Controller::new(world.open(&http.url(), "promoter")).unwrap();
    world.settle(&mut controller);
    let refs = world.refs();
    for _ in 0..3 {
        http.take_log();
        world.wait(60);
        assert!(events(&world.pass(&mut controller)).is_empty());
        let log = http.take_log();
        let questions: Vec<&String> = log.iter().filter(|it| it.starts_with("POST")).collect();
        assert_eq!(questions, ["POST /repo.git/git-upload-pack"], "{log:#?}");
        assert!(log.len() <= 2, "the greeting and the question: {log:#?}");
    }
    assert_eq!(world.refs(), refs);
}

/// Over HTTP the whole street needs no other program, and what it did stays done.
#[test]
fn no_program_is_started() {
    let world = World::at_once();
    let http = GitHttp::start(&world.repo);
    let cache = TempDir::new().unwrap();
    let ran = once_alone(&[&http.url()], cache.path());
    assert_eq!(ran.code, Some(0), "{}", ran.log);
    assert!(ran.log.contains("staging: promoted "), "{}", ran.log);
    let refs = world.refs();
    http.take_log();
    let again = once_alone(&[&http.url()], cache.path());
    assert_eq!(again.code, Some(0), "{}", again.log);
    assert!(!again.log.contains("promoted"), "{}", again.log);
    assert_eq!(world.refs(), refs);
    assert!(!http.take_log().iter().any(|it| it.contains("receive-pack")), "nothing is pushed");
    assert!(world.repo.id(&active("staging")).is_some());
}
