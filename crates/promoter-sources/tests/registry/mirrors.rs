//! Mirrors are asked first and believed as far as the settings say.

use promoter_core::registries::Mirror;
use promoter_sources::registry::{Depth, ErrorKind};
use promoter_testkit::registry::{RegistryFault, RegistryProxy, RegistryServer};

use crate::{BUILT, Setup, repository, said};

fn mirror(host: &str, path: &str, tags: bool) -> Mirror {
    Mirror { host: host.into(), path: path.into(), tags }
}

#[tokio::test]
async fn content_comes_from_mirrors_and_tags_from_the_registry() {
    let (Some(origin), Some(copy)) = (RegistryServer::open(), RegistryServer::open()) else { return };
    let (first, last) = (RegistryProxy::start(copy.host()), RegistryProxy::start(origin.host()));
    let digest = origin.push_image("acme/web", "1", &["linux/amd64"], BUILT, &[]);
    assert_eq!(copy.push_image("hub/acme/web", "old", &["linux/amd64"], BUILT, &[]), digest);
    let (digest, web) = (digest.parse().unwrap(), repository(&last.host(), "acme/web"));
    let mut setup = Setup::new(&[&first.host(), &last.host()]);
    setup.host(&last.host()).mirrors = vec![mirror(&first.host(), "hub", false)];

    let client = setup.client();
    assert_eq!(*client.tags(&web).await.unwrap(), ["1"]);
    client.digest(&web, &"1".parse().unwrap()).await.unwrap();
    assert_eq!((first.take_requests().all(), last.take_requests().all()), (0, 2));
    client.image(&web, &digest, Depth::Config).await.unwrap();
    assert_eq!((first.take_requests().all(), last.take_requests().all()), (2, 0));

    setup.host(&last.host()).mirrors = vec![mirror(&first.host(), "hub", true)];
    assert_eq!(*setup.client().tags(&web).await.unwrap(), ["old"]);
    assert_eq!((first.take_requests().tags, last.take_requests().tags), (1, 0));
}

#[tokio::test]
async fn whatever_is_wrong_with_a_mirror_leads_on() {
    let (Some(origin), Some(copy)) = (RegistryServer::open(), RegistryServer::open()) else { return };
    let (first, last) = (RegistryProxy::start(copy.host()), RegistryProxy::start(origin.host()));
    let digest = origin.push_image("acme/web", "1", &["linux/amd64"], BUILT, &[]);
    copy.push_image("acme/web", "1", &["linux/amd64"], BUILT, &[]);
    let (digest, web) = (digest.parse().unwrap(), repository(&last.host(), "acme/web"));
    let mut setup = Setup::new(&[&first.host(), &last.host()]);
    setup.host(&last.host()).mirrors = vec![mirror(&first.host(), "", true)];
    let says = |status| RegistryFault::Says(status, Vec::new(), String::new());
    for fault in [says(404), says(401), says(500), RegistryFault::Flip(3), RegistryFault::NoAnswer, says(429)]
    {
        first.break_at("/v2/", fault.clone());
        let client = setup.client();
        assert_eq!(*client.tags(&web).await.unwrap(), ["1"], "{fault:?}");
        assert!(client.image(&web, &digest, Depth::Config).await.is_ok(), "{fault:?}");
    }
    assert!(last.take_requests().all() > 0);
    last.break_at("/v2/", says(404));
    let answer = setup.client().tags(&repository(&last.host(), "acme/web")).await;
    assert_eq!(said(answer), (ErrorKind::Input, "registry-no-repository"), "the registry's own word counts");
}
