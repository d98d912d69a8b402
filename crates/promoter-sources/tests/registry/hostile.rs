//! Answers that no registry should give.

use promoter_sources::registry::{Depth, ErrorKind};
use promoter_testkit::registry::{RegistryFault, RegistryProxy, RegistryServer};

use crate::{BUILT, Setup, repository, said};

#[tokio::test]
async fn endless_and_huge_listings_end() {
    let Some(server) = RegistryServer::open() else { return };
    let proxy = RegistryProxy::start(server.host());
    let (client, web) = (Setup::new(&[&proxy.host()]).client(), repository(&proxy.host(), "acme/web"));
    let links = |target: &str| vec![("link", format!("<{target}>; rel=\"next\""))];
    let says = |links, body: &str| RegistryFault::Says(200, links, body.to_owned());
    let (input, protocol) =
        ((ErrorKind::Input, "registry-too-large"), (ErrorKind::Upstream, "registry-protocol"));
    for (fault, expected, most) in [
        (RegistryFault::EndlessPages, input, 2_000),
        (RegistryFault::Huge((16 << 20) + 1), input, 1),
        (says(links("/v2/acme/web/tags/list?n=1000"), r#"{"tags":["a"]}"#), protocol, 1),
        (says(links("https://elsewhere.example.com/v2/"), r#"{"tags":["a"]}"#), protocol, 1),
        (says(Vec::new(), "<html>please log in</html>"), protocol, 1),
        (says(Vec::new(), r#"{"tags":[1]}"#), protocol, 1),
        (says(Vec::new(), r#"{"tags":"a"}"#), protocol, 1),
        (says(Vec::new(), "{}"), protocol, 1),
        (RegistryFault::Says(418, Vec::new(), String::new()), protocol, 1),
        (RegistryFault::Moved(format!("http://{}", proxy.host())), protocol, 6),
    ] {
        proxy.break_at("/tags/list", fault.clone());
        assert_eq!(said(client.tags(&web).await), expected, "{fault:?}");
        assert_eq!(proxy.take_requests().tags, most, "{fault:?}");
    }
}

#[tokio::test]
async fn a_repository_without_tags_is_empty() {
    let Some(server) = RegistryServer::open() else { return };
    let proxy = RegistryProxy::start(server.host());
    let (client, web) = (Setup::new(&[&proxy.host()]).client(), repository(&proxy.host(), "acme/web"));
    proxy.break_at(
        "/tags/list",
        RegistryFault::Says(200, Vec::new(), r#"{"name":"acme/web","tags":null}"#.into()),
    );
    assert!(client.tags(&web).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_bad_manifest_is_one_bad_tag() {
    let Some(server) = RegistryServer::open() else { return };
    let proxy = RegistryProxy::start(server.host());
    let digest = server.push_image("acme/web", "1", &["linux/amd64"], BUILT, &[]).parse().unwrap();
    let (client, web) = (Setup::new(&[&proxy.host()]).client(), repository(&proxy.host(), "acme/web"));
    proxy.break_at("/manifests/", RegistryFault::Huge((4 << 20) + 1));
    let malformed = (ErrorKind::Definite, "registry-malformed");
    assert_eq!(said(client.image(&web, &digest, Depth::Config).await), malformed);

    let body = r#"{"schemaVersion":1}"#;
    let old = vec![
        ("content-type", "application/vnd.docker.distribution.manifest.v1+prettyjws".to_owned()),
        ("docker-content-digest", promoter_testkit::registry::digest_of(body.as_bytes())),
    ];
    let (refused, tag) = ((ErrorKind::Definite, "registry-schema-one"), "1".parse().unwrap());
    for part in ["HEAD", "GET"] {
        proxy.break_at(part, RegistryFault::Says(200, old.clone(), body.into()));
        let answer = match part {
            "HEAD" => client.digest(&web, &tag).await.map(drop),
            _ => client.resolve(&web, &tag, Depth::Config).await.map(drop),
        };
        assert_eq!(said(answer), refused, "{part}");
    }

    for body in ["nonsense", "{}", r#"{"manifests":[{}]}"#] {
        let digest = promoter_testkit::registry::digest_of(body.as_bytes()).parse().unwrap();
        proxy.break_at("/manifests/", RegistryFault::Says(200, Vec::new(), body.into()));
        assert_eq!(said(client.image(&web, &digest, Depth::Config).await), malformed, "{body}");
    }
}
