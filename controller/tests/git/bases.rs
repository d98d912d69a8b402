//! Bases that kustomizations pin in other repositories: as whom they are read, and which are not.

use promoter_controller::repository::Repository;
use promoter_controller::settings::{Identity, PolicyPlace, Settings};
use promoter_core::{Diagnosis, Fault};
use promoter_render::{PinnedSource, World};
use promoter_sources::git::{Credentials, Limits, Transport};
use promoter_testkit::git::{GitHttp, TestRepo};

#[test]
fn another_repository_gets_the_credentials_of_its_line_and_no_others() {
    let (own, other) = (TestRepo::new(), TestRepo::new());
    let commit = other.commit("main", &[("app/kustomization.yaml", "resources: []\n")]);
    let server = GitHttp::start_with_login(&other, "ada", "s3cret");
    let caches = tempfile::tempdir().unwrap();
    let store = caches.path().join("store");
    std::fs::write(&store, server.url().replace("http://", "http://ada:s3cret@")).unwrap();
    let read = |url: &str, credentials_file| -> Result<Vec<String>, Diagnosis> {
        let settings = Settings {
            url: own.url().parse().unwrap(),
            credentials: Credentials::basic("ada", "s3cret"),
            credentials_file,
            transport: Transport::default(),
            cache_root: caches.path().to_owned(),
            dry_branch: None,
            identity: Identity::default(),
            helm: "helm".into(),
            registries: Default::default(),
            policy: PolicyPlace::default(),
            limits: Limits::default(),
        };
        let tree = Repository::open(settings)?.base(&PinnedSource::base(url, &commit)?)?;
        Ok(tree.list("app").unwrap())
    };
    // Those of the pipeline's own repository do not travel.
    assert_eq!(read(&server.url(), None).unwrap_err().code, "git-denied");
    assert_eq!(read(&server.url(), Some(store.clone())).unwrap(), ["kustomization.yaml"]);
    assert_eq!(read(&other.url(), Some(store)).unwrap_err().code, "git-local-elsewhere");
    drop(server);
    let gone = read("http://127.0.0.1:9/a/b.git", None).unwrap_err();
    assert_eq!((gone.code, gone.fault), ("git-unreachable", Fault::Upstream));
}
