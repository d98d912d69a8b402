//! Commits and tags of other repositories.

use promoter_controller::discover::{GitAsk, GitDiscovery};
use promoter_controller::repository::Repository;
use promoter_controller::settings::{Identity, PolicyPlace, Settings};
use promoter_core::discovery::Found;
use promoter_core::pipeline::{GitSubscription, SubscriptionOrigin};
use promoter_core::{Content, Diagnosis, GitUrl};
use promoter_sources::git::{Credentials, Limits, Transport};
use promoter_testkit::git::{Fault, GitHttp, TestRepo};
use tempfile::TempDir;

use super::{names, origin};

struct World {
    repo: TestRepo,
    http: GitHttp,
    /// Holds the caches.
    _root: TempDir,
    discovery: GitDiscovery,
}

impl World {
    fn new() -> Self {
        let (own, repo, root) = (TestRepo::new(), TestRepo::new(), TempDir::new().unwrap());
        let http = GitHttp::start(&repo);
        let settings = Settings {
            url: own.url().parse().unwrap(),
            credentials: Credentials::None,
            credentials_file: None,
            transport: Transport::default(),
            cache_root: root.path().to_owned(),
            dry_branch: None,
            identity: Identity::default(),
            helm: "helm".into(),
            registries: Default::default(),
            policy: PolicyPlace::default(),
            limits: Limits::default(),
        };
        let discovery = GitDiscovery::new(Repository::open(settings).unwrap());
        Self { repo, http, _root: root, discovery }
    }

    fn subscription(&self, fields: &str) -> GitSubscription {
        match origin(&format!("git: {{ repoURL: \"{}\", {fields} }}", self.http.url())) {
            SubscriptionOrigin::Git(git) => git,
            other => panic!("{other:?}"),
        }
    }

    fn content(&self, commit: &str) -> Content {
        let url: GitUrl = self.http.url().parse().unwrap();
        Content::Git { url, commit: commit.parse().unwrap() }
    }

    fn ask(&mut self, fields: &str, held: Option<&str>) -> Result<Found, Diagnosis> {
        let subscription = self.subscription(fields);
        let held = held.map(|it| self.content(it));
        self.discovery.found(&[GitAsk { subscription: &subscription, held: held.as_ref() }]).remove(0)
    }

    fn chosen(&mut self, fields: &str, held: Option<&str>) -> Option<String> {
        names(&self.ask(fields, held).unwrap()).first().cloned()
    }
}

#[test]
fn a_repository_is_asked_once_and_nothing_is_fetched_while_its_refs_stand() {
    let mut world = World::new();
    world.repo.commits("main", 30);
    for version in 0..5 {
        world.repo.git(&["tag", &format!("v1.{version}.0"), &format!("main~{version}")]);
    }
    let asked = [
        "",
        "branch: main",
        "strategy: SemVer",
        "strategy: NewestTag",
        "strategy: Lexical",
        "strategy: SemVer",
    ];
    let asked = asked.map(|it| world.subscription(it));
    let asks = asked.each_ref().map(|it| GitAsk { subscription: it, held: None });
    let found: Vec<Vec<String>> =
        world.discovery.found(&asks).iter().map(|it| names(it.as_ref().unwrap())).collect();
    let head = world.repo.id("main").unwrap();
    assert_eq!((&found[0][0], &found[1][0], found[0].len()), (&head, &head, 21));
    assert_eq!(found[2], ["v1.4.0", "v1.3.0", "v1.2.0", "v1.1.0", "v1.0.0"]);
    assert_eq!(
        (&found[3][0], &found[4][0]),
        (&"v1.0.0".to_owned(), &"v1.4.0".to_owned()),
        "by time, by letters"
    );
    let listings = |log: Vec<String>| log.iter().filter(|it| it.starts_with("GET")).count();
    assert!(listings(world.http.take_log()) <= 4, "one listing, and what was fetched");
    let again = world.discovery.found(&asks);
    assert_eq!(again.iter().map(|it| names(it.as_ref().unwrap())).collect::<Vec<_>>(), found);
    assert_eq!(world.http.take_log().len(), 2, "one listing: what the server can, and the refs");
    world.repo.git(&["tag", "v2.0.0", "main"]);
    assert_eq!(world.chosen("strategy: SemVer", None).as_deref(), Some("v2.0.0"));
}

#[test]
fn the_newest_commit_that_fits_is_chosen() {
    let mut world = World::new();
    let first = world.repo.commit("main", &[("src/a", "1"), ("docs/a", "1")]);
    let rule = "includePaths: [src], expression: \"!subject.startsWith('wip')\"";
    assert_eq!(world.chosen(rule, None), Some(first.clone()));
    let docs = world.repo.commit("main", &[("docs/a", "2")]);
    assert_eq!(world.chosen(rule, Some(&first)), Some(first.clone()), "nothing that counts has changed");
    assert_eq!(world.chosen("", Some(&first)), Some(docs));
    world.repo.on("main").message("wip: src").file("src/a", b"2").commit();
    assert_eq!(world.chosen(rule, Some(&first)), Some(first.clone()), "the change is not meant");
    let later = world.repo.commit("main", &[("docs/a", "3")]);
    assert_eq!(world.chosen(rule, Some(&first)), Some(later.clone()), "with any later commit it is there");
    world.repo.commit("main", &[("src/a", "3")]);
    world.repo.commit("main", &[("src/a", "2")]);
    assert_eq!(world.chosen(rule, Some(&later)), Some(later), "what was taken back is no change");
    let found = world.ask("expression: \"author == 'nobody'\"", None).unwrap();
    assert_eq!((found.chosen, found.notes.is_empty()), (None, false));
    let gone = "0123456789abcdef0123456789abcdef01234567";
    assert_eq!(world.chosen(rule, Some(gone)), world.repo.id("main"), "what is gone is not compared with");
}

#[test]
fn tags_are_compared_with_what_is_held() {
    let mut world = World::new();
    let rule = "strategy: SemVer, includePaths: [src]";
    let first = world.repo.commit("main", &[("src/a", "1")]);
    world.repo.git(&["tag", "v1.0.0"]);
    world.repo.commit("main", &[("src/a", "2")]);
    world.repo.git(&["tag", "v1.1.0", "main"]);
    world.repo.commit("main", &[("src/a", "1"), ("docs", "")]);
    world.repo.git(&["tag", "-a", "-m", "x", "v1.2.0", "main"]);
    let blob = world.repo.git(&["rev-parse", "main:docs"]);
    world.repo.git(&["tag", "v9.0.0", &blob]);
    let found = world.ask(rule, Some(&first)).unwrap();
    assert_eq!(found.chosen.as_ref().map(|it| &it.content), Some(&world.content(&first)), "{found:?}");
    assert!(found.notes.iter().any(|it| it.contains("`v9.0.0` leads to no commit")), "{:?}", found.notes);
    world.repo.commit("main", &[("src/b", "")]);
    world.repo.git(&["tag", "v1.3.0", "main"]);
    assert_eq!(world.chosen(rule, Some(&first)).as_deref(), Some("v1.3.0"));
    assert_eq!(world.chosen(rule, None).as_deref(), Some("v1.3.0"));
}

#[test]
fn what_cannot_be_read_decides_nothing() {
    let mut world = World::new();
    world.repo.commit("main", &[("a", "1")]);
    let why = |found: Result<Found, Diagnosis>| found.unwrap_err().to_string();
    assert!(why(world.ask("branch: gone", None)).contains("[subscription-branch-missing]"));
    world.http.break_at("", Fault::Status(500));
    assert!(why(world.ask("", None)).contains("[git-unreachable]"));
    world.http.heal();
    assert!(world.ask("", None).is_ok());
    let elsewhere = TestRepo::new();
    let fields = format!("git: {{ repoURL: \"{}\" }}", elsewhere.url());
    let SubscriptionOrigin::Git(subscription) = origin(&fields) else { panic!("{fields}") };
    let found = world.discovery.found(&[GitAsk { subscription: &subscription, held: None }]).remove(0);
    assert!(why(found).contains("[git-local-elsewhere]"));
}

#[test]
fn thousands_of_tags_cost_two_conversations_and_then_one() {
    const TAGS: usize = 2_000;
    let mut world = World::new();
    let commits = world.repo.commits("main", TAGS);
    let tags = commits.iter().enumerate().map(|(step, it)| format!("create refs/tags/v1.{step}.0 {it}\n"));
    world.repo.git_with_input(&["update-ref", "--stdin"], tags.collect::<String>().as_bytes());
    let newest = format!("v1.{}.0", TAGS - 1);
    for strategy in ["strategy: SemVer", "strategy: NewestTag"] {
        assert_eq!(world.chosen(strategy, None).as_deref(), Some(newest.as_str()));
        assert_eq!(world.http.take_log().len(), 4, "{strategy}: the refs, and what they lead to");
        assert_eq!(world.chosen(strategy, None).as_deref(), Some(newest.as_str()));
        assert_eq!(world.http.take_log().len(), 2, "{strategy}: the refs");
    }
}
