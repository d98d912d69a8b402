//! Listings: whole, page by page, or none.

use promoter_sources::registry::{ErrorKind, RegistryError};
use promoter_testkit::registry::{Entrance, Flavor, LinkStyle, RegistryFault, RegistryProxy, RegistryServer};

use crate::{BUILT, Setup, repository, said};

/// A registry with so many tags, `t00` and so on, and a proxy before it.
fn with_tags(flavor: Flavor, number: usize) -> Option<(RegistryServer, RegistryProxy, Vec<String>)> {
    let server = RegistryServer::start(flavor, Entrance::Open)?;
    let tags: Vec<String> = (0..number).map(|it| format!("t{it:02}")).collect();
    server.push_image("acme/web", "t00", &["linux/amd64"], BUILT, &[]);
    server.tag_again("acme/web", "t00", &tags[1..]);
    let proxy = RegistryProxy::start(server.host());
    Some((server, proxy, tags))
}

#[tokio::test]
async fn the_pages_of_a_real_registry_are_followed() {
    let Some((_server, proxy, tags)) = with_tags(Flavor::V3, 35) else { return };
    proxy.page_by(10);
    let (client, web) = (Setup::new(&[&proxy.host()]).client(), repository(&proxy.host(), "acme/web"));
    assert_eq!(*client.tags(&web).await.unwrap(), tags);
    assert_eq!(proxy.take_requests().tags, 4);
}

#[tokio::test]
async fn links_of_all_kinds_are_followed() {
    let Some((_server, proxy, tags)) = with_tags(Flavor::Debian, 35) else { return };
    let (client, web) = (Setup::new(&[&proxy.host()]).client(), repository(&proxy.host(), "acme/web"));
    for style in [LinkStyle::Relative, LinkStyle::Absolute, LinkStyle::Opaque] {
        proxy.paginate(10, style);
        assert_eq!(*client.tags(&web).await.unwrap(), tags, "{style:?}");
        assert_eq!(proxy.take_requests().tags, 4, "{style:?}");
    }
}

#[tokio::test]
async fn a_page_that_fails_fails_the_listing_and_nobody_asks_before_its_time() {
    let Some((_server, proxy, tags)) = with_tags(Flavor::V3, 35) else { return };
    proxy.page_by(10);
    let setup = Setup::new(&[&proxy.host()]);
    let (client, web) = (setup.client(), repository(&proxy.host(), "acme/web"));
    proxy.break_at("last=t19", RegistryFault::Says(429, vec![("retry-after", "120".into())], String::new()));
    let error = client.tags(&web).await.unwrap_err();
    let RegistryError::Later { until, .. } = &error else { panic!("{error}") };
    assert_eq!((error.kind(), error.diagnosis().not_before), (ErrorKind::Upstream, Some(*until)));
    assert_eq!(proxy.take_requests().tags, 3, "it is not asked again at once");

    setup.pass(119);
    let tag = "t00".parse().unwrap();
    assert_eq!(said(client.tags(&web).await), (ErrorKind::Upstream, "registry-later"));
    assert_eq!(said(client.digest(&web, &tag).await), (ErrorKind::Upstream, "registry-later"));
    assert_eq!(said(setup.client().tags(&web).await), (ErrorKind::Upstream, "registry-later"));
    assert_eq!(proxy.take_requests().all(), 0, "not for anything, and by no client of this process");

    proxy.heal();
    setup.pass(2);
    assert_eq!(*client.tags(&web).await.unwrap(), tags);
}

#[tokio::test]
async fn pages_that_stand_are_not_sent_again() {
    let Some((_server, proxy, tags)) = with_tags(Flavor::Debian, 3) else { return };
    let setup = Setup::new(&[&proxy.host()]);
    let (client, web) = (setup.client(), repository(&proxy.host(), "acme/web"));
    proxy.break_at("/tags/list", RegistryFault::Etags);
    assert_eq!(*client.tags(&web).await.unwrap(), tags);
    assert_eq!(*client.tags(&web).await.unwrap(), tags);
    let seen = proxy.take_requests();
    assert_eq!((seen.tags, seen.unchanged), (2, 1));
    proxy.break_at("/tags/list", RegistryFault::Says(304, Vec::new(), String::new()));
    assert_eq!(said(setup.client().tags(&web).await), (ErrorKind::Upstream, "registry-protocol"));
}
