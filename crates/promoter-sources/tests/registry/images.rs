//! Tags, digests and what they stand for, from both registries.

use promoter_core::discovery::ImageFacts;
use promoter_core::{ImageDigest, ImageTag, UnixSeconds};
use promoter_sources::registry::{Depth, ErrorKind, Registries, RequestKind};
use promoter_testkit::registry::{
    Entrance, Flavor, RegistryFault, RegistryProxy, RegistryRequests, RegistryServer, digest_of,
};

use serde_json::{Value, json};

use crate::{BUILT, BUILT_SECONDS, Setup, repository, said};

fn platforms(facts: &ImageFacts) -> Vec<String> {
    facts.images.iter().map(|it| it.platform.to_string()).collect()
}

#[tokio::test]
async fn both_registries_are_read() {
    for flavor in Flavor::ALL {
        let Some(server) = RegistryServer::start(flavor, Entrance::Open) else { continue };
        let proxy = RegistryProxy::start(server.host());
        let labels = [("org.opencontainers.image.revision", "1111111111111111111111111111111111111111")];
        let one = server.push_image("acme/web", "1.0.0", &["linux/amd64"], BUILT, &labels);
        let two = server.push_image("acme/web", "1.1.0", &["linux/amd64", "linux/arm64/v8"], BUILT, &labels);
        let chart = server.push_chart("charts/redis", "18.1.0+1", b"an archive");
        let setup = Setup::new(&[&proxy.host()]);
        let (client, web) = (setup.client(), repository(&proxy.host(), "acme/web"));

        assert_eq!(*client.tags(&web).await.unwrap(), ["1.0.0", "1.1.0"]);
        for (tag, digest) in [("1.0.0", &one), ("1.1.0", &two)] {
            let found = client.digest(&web, &tag.parse().unwrap()).await.unwrap();
            assert_eq!(found.as_str(), digest);
        }
        let seen = RegistryRequests { tags: 1, heads: 2, ..RegistryRequests::default() };
        assert_eq!(proxy.take_requests(), seen, "{flavor:?}: no ping, and HEAD for what a tag names");

        let facts = client.image(&web, &one.parse().unwrap(), Depth::Config).await.unwrap();
        assert_eq!(platforms(&facts), ["linux/amd64"]);
        assert_eq!(facts.images[0].created, Some(UnixSeconds(BUILT_SECONDS)));
        assert_eq!(facts.images[0].labels[labels[0].0], labels[0].1);

        let missing = client.digest(&web, &"9.9.9".parse().unwrap()).await;
        assert_eq!(said(missing), (ErrorKind::Definite, "registry-missing"));
        let nowhere = client.tags(&repository(&proxy.host(), "acme/nothing")).await;
        assert_eq!(said(nowhere), (ErrorKind::Input, "registry-no-repository"));

        let charts = repository(&proxy.host(), "charts/redis");
        assert_eq!(*client.tags(&charts).await.unwrap(), ["18.1.0_1"]);
        let chart: ImageDigest = chart.parse().unwrap();
        let facts = client.image(&charts, &chart, Depth::Config).await.unwrap();
        assert_eq!((facts.images.len(), facts.annotations.len()), (0, 1), "a chart runs on nothing");
        let manifest = client.manifest(&charts, &chart).await.unwrap();
        assert_eq!(manifest.digest, chart);
        let layer = digest_of(b"an archive").parse().unwrap();
        assert_eq!(client.blob(&charts, &layer, 10).await.unwrap(), b"an archive");
        assert_eq!(said(client.blob(&charts, &layer, 9).await), (ErrorKind::Definite, "registry-malformed"));
        assert_eq!(client.counters()[&(proxy.host(), RequestKind::Blob)], 3);
    }
}

#[tokio::test]
async fn no_more_is_read_than_is_wanted() {
    let Some(server) = RegistryServer::open() else { return };
    let proxy = RegistryProxy::start(server.host());
    let digest = server.push_image("acme/web", "1", &["linux/amd64", "linux/arm64/v8"], BUILT, &[("a", "b")]);
    let (digest, web) = (digest.parse().unwrap(), repository(&proxy.host(), "acme/web"));
    let client = Setup::new(&[&proxy.host()]).client();
    let read = async |depth: Depth| {
        let facts = client.image(&web, &digest, depth).await.unwrap();
        let known = facts.images.iter().map(|it| it.created.is_some()).collect::<Vec<_>>();
        let seen = proxy.take_requests();
        (platforms(&facts).len(), known, seen.manifests, seen.blobs)
    };
    assert_eq!(read(Depth::Platforms).await, (2, vec![false, false], 1, 0));
    assert_eq!(read(Depth::ConfigOf("linux/arm64".parse().unwrap())).await, (2, vec![false, true], 1, 1));
    assert_eq!(read(Depth::Config).await, (2, vec![true, true], 1, 1));
    assert_eq!(read(Depth::Config).await, (2, vec![true, true], 0, 0));
}

#[tokio::test]
async fn what_a_digest_stands_for_outlives_the_process() {
    let Some(server) = RegistryServer::open() else { return };
    let proxy = RegistryProxy::start(server.host());
    let digest = server.push_image("acme/web", "1", &["linux/amd64", "linux/arm64"], BUILT, &[("a", "b")]);
    let (digest, web) = (digest.parse().unwrap(), repository(&proxy.host(), "acme/web"));
    let directory = tempfile::tempdir().unwrap();
    let setup = Setup::new(&[&proxy.host()]).with_cache(directory.path());
    let first = setup.client().image(&web, &digest, Depth::Config).await.unwrap();
    assert_eq!(proxy.take_requests().all(), 5);
    let again = setup.client().image(&web, &digest, Depth::Config).await.unwrap();
    assert_eq!((proxy.take_requests().all(), &again), (0, &first));
    std::fs::remove_dir_all(directory.path().join("facts-1")).unwrap();
    let anew = setup.client().image(&web, &digest, Depth::Config).await.unwrap();
    assert_eq!((proxy.take_requests().all(), anew), (5, first), "it costs requests and nothing else");
}

#[tokio::test]
async fn tags_are_resolved_in_the_way_that_costs_less() {
    let Some(server) = RegistryServer::open() else { return };
    let proxy = RegistryProxy::start(server.host());
    let (web, directory) = (repository(&proxy.host(), "acme/web"), tempfile::tempdir().unwrap());
    let push = |tag: &str, label: &str| {
        server.push_image("acme/web", tag, &["linux/amd64"], BUILT, &[("label", label)])
    };
    let pushed: Vec<String> = (0..10).map(|it| push(&format!("v{it}"), &it.to_string())).collect();
    let setup = Setup::new(&[&proxy.host()]).with_cache(directory.path());
    let resolve = async |client: &Registries| {
        let tags: Vec<ImageTag> = (0..10).map(|it| format!("v{it}").parse().unwrap()).collect();
        let all = tags.iter().map(|it| client.resolve(&web, it, Depth::Config));
        let all = futures::future::try_join_all(all).await.unwrap();
        let labels: Vec<&str> = all.iter().map(|(_, it)| it.images[0].labels["label"].as_str()).collect();
        let digests: Vec<&str> = all.iter().map(|(it, _)| it.as_str()).collect();
        let seen = proxy.take_requests();
        (digests.join(" "), labels.concat(), (seen.heads, seen.manifests, seen.blobs))
    };
    let client = setup.client();
    let known = pushed.join(" ");
    assert_eq!(resolve(&client).await, (known.clone(), "0123456789".into(), (0, 10, 10)), "new to us");
    assert_eq!(resolve(&client).await, (known.clone(), "0123456789".into(), (10, 0, 0)));
    assert_eq!(resolve(&setup.client()).await, (known.clone(), "0123456789".into(), (10, 0, 0)), "restarted");
    // A tag that moved.
    let moved = known.replace(&pushed[3], &push("v3", "x"));
    assert_eq!(resolve(&client).await, (moved.clone(), "012x456789".into(), (10, 1, 1)));
    // What cannot be resolved says why.
    let missing = client.resolve(&web, &"none".parse().unwrap(), Depth::Config).await;
    assert_eq!(said(missing), (ErrorKind::Definite, "registry-missing"));
}

#[tokio::test]
async fn many_ask_the_same_and_it_is_asked_once() {
    let Some(server) = RegistryServer::open() else { return };
    let proxy = RegistryProxy::start(server.host());
    let digest = server.push_image("acme/web", "1", &["linux/amd64"], BUILT, &[]);
    let (digest, web) = (digest.parse::<ImageDigest>().unwrap(), repository(&proxy.host(), "acme/web"));
    let client = Setup::new(&[&proxy.host()]).client();
    // As the controller asks: from tasks of its own.
    let (other, repository) = (client.clone(), web.clone());
    let (tag, wanted) = ("1".parse().unwrap(), digest.clone());
    let task = tokio::spawn(async move {
        let found = other.resolve(&repository, &tag, Depth::Config).await.unwrap();
        assert_eq!(
            (found.0, other.referrers(&repository, &wanted, None).await.unwrap().len()),
            (wanted.clone(), 0)
        );
        other.blob(&repository, &wanted, 1).await.unwrap_err();
        (other.tags(&repository).await.unwrap().len(), other.digest(&repository, &tag).await.is_ok())
    });
    assert_eq!(task.await.unwrap(), (1, true));
    let client = Setup::new(&[&proxy.host()]).client();
    proxy.take_requests();
    let listings = futures::future::join_all((0..500).map(|_| client.tags(&web))).await;
    assert!(listings.iter().all(|it| it.as_ref().unwrap().len() == 1));
    let facts = futures::future::join_all((0..500).map(|_| client.image(&web, &digest, Depth::Config))).await;
    assert!(facts.iter().all(Result::is_ok));
    let seen = proxy.take_requests();
    assert_eq!((seen.tags, seen.manifests, seen.blobs), (1, 1, 1));
}

#[tokio::test]
async fn a_half_deleted_index_is_one_bad_tag() {
    let Some(server) = RegistryServer::open() else { return };
    let digest = server.push_image("acme/web", "1", &["linux/amd64", "linux/arm64"], BUILT, &[]);
    let (digest, web) = (digest.parse::<ImageDigest>().unwrap(), repository(server.host(), "acme/web"));
    let client = Setup::new(&[server.host()]).client();
    let manifest = client.manifest(&web, &digest).await.unwrap();
    let index: serde_json::Value = serde_json::from_slice(&manifest.bytes).unwrap();
    server.delete_manifest("acme/web", index["manifests"][0]["digest"].as_str().unwrap());
    let facts = client.image(&web, &digest, Depth::Config).await;
    assert_eq!(said(facts), (ErrorKind::Definite, "registry-missing"));
    let other = Depth::ConfigOf("linux/arm64".parse().unwrap());
    assert!(client.image(&web, &digest, other).await.is_ok(), "the other platform is whole");
}

#[tokio::test]
async fn a_registry_that_says_no_digest_is_read() {
    let Some(server) = RegistryServer::open() else { return };
    let proxy = RegistryProxy::start(server.host());
    let digest = server.push_image("acme/web", "1", &["linux/amd64"], BUILT, &[]);
    let (client, web) = (Setup::new(&[&proxy.host()]).client(), repository(&proxy.host(), "acme/web"));
    proxy.break_at("/manifests/", RegistryFault::Without("docker-content-digest"));
    assert_eq!(client.digest(&web, &"1".parse().unwrap()).await.unwrap().as_str(), digest);
    proxy.break_at("HEAD", RegistryFault::Says(405, Vec::new(), String::new()));
    assert_eq!(client.digest(&web, &"1".parse().unwrap()).await.unwrap().as_str(), digest);
    let seen = proxy.take_requests();
    assert_eq!((seen.heads, seen.manifests), (2, 2));
}

#[tokio::test]
async fn hundreds_of_tags_are_resolved_side_by_side_but_not_all_at_once() {
    let Some(server) = RegistryServer::open() else { return };
    let proxy = RegistryProxy::start(server.host());
    let digest = server.push_image("acme/web", "v0", &["linux/amd64"], BUILT, &[]);
    let tags: Vec<String> = (1..864).map(|it| format!("v{it}")).collect();
    server.tag_again("acme/web", "v0", &tags);
    let (client, web) = (Setup::new(&[&proxy.host()]).client(), repository(&proxy.host(), "acme/web"));
    let tags = client.tags(&web).await.unwrap();
    assert_eq!(tags.len(), 864);
    let tags: Vec<_> = tags.iter().map(|it| it.parse().unwrap()).collect();
    let digests = futures::future::join_all(tags.iter().map(|it| client.digest(&web, it))).await;
    assert!(digests.into_iter().all(|it| it.unwrap().as_str() == digest));
    assert_eq!(proxy.take_requests().heads, 864);
    let most = proxy.take_most_at_once();
    assert!((2..=20).contains(&most), "{most} at once");
}

#[tokio::test]
async fn what_refers_to_an_image_is_found() {
    let Some(server) = RegistryServer::open() else { return };
    let proxy = RegistryProxy::start(server.host());
    let image = server.push_image("acme/web", "1", &["linux/amd64"], BUILT, &[]);
    let (client, web) = (Setup::new(&[&proxy.host()]).client(), repository(&proxy.host(), "acme/web"));
    let digest = image.parse().unwrap();
    assert_eq!(client.referrers(&web, &digest, None).await.unwrap(), [], "nothing refers to it");

    let (manifest, index) =
        ("application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json");
    let empty = server.push_blob("acme/web", b"{}");
    let entry = |name: &str| {
        let empty = json!({ "mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2 });
        let kind = format!("application/{name}");
        let text = json!({ "schemaVersion": 2, "mediaType": manifest, "artifactType": kind, "config": empty,
            "layers": [empty], "subject": { "mediaType": manifest, "digest": image, "size": 1 } });
        let text = text.to_string();
        let digest = digest_of(text.as_bytes());
        server.push_manifest("acme/web", &digest, manifest, text.as_bytes());
        json!({ "mediaType": manifest, "digest": digest, "size": text.len(), "artifactType": kind,
            "annotations": { "for": name } })
    };
    // distribution does not know the question: clients keep the list under a tag.
    let (signature, sbom) = (entry("signature"), entry("sbom"));
    let list = json!({ "schemaVersion": 2, "mediaType": index, "manifests": [signature, sbom] }).to_string();
    server.push_manifest("acme/web", &image.replace(':', "-"), index, list.as_bytes());
    let found = client.referrers(&web, &digest, None).await.unwrap();
    assert_eq!((found.len(), found[0].artifact_type.as_str()), (2, "application/signature"));
    assert_eq!(
        (found[0].digest.as_str(), found[0].annotations["for"].as_str()),
        (signature["digest"].as_str().unwrap(), "signature")
    );
    assert_eq!(client.referrers(&web, &digest, Some("application/sbom")).await.unwrap(), found[1..]);
    let bytes = client.manifest(&web, &found[1].digest).await.unwrap().bytes;
    assert_eq!(bytes.len() as u64, found[1].size);

    // One that knows it.
    let says = |headers: &[(&'static str, String)], entry: &Value| {
        let list = json!({ "schemaVersion": 2, "manifests": [entry] }).to_string();
        RegistryFault::Says(200, headers.to_vec(), list)
    };
    proxy.break_at("/referrers/", says(&[], &signature));
    assert_eq!(client.referrers(&web, &digest, None).await.unwrap(), found[..1]);
    let more = ("link", "<https://elsewhere.example.com/>; rel=\"next\"".to_owned());
    proxy.break_at("/referrers/", says(&[more], &signature));
    assert_eq!(said(client.referrers(&web, &digest, None).await), (ErrorKind::Upstream, "registry-protocol"));
    proxy.break_at("/referrers/", RegistryFault::Says(500, Vec::new(), String::new()));
    assert_eq!(
        said(client.referrers(&web, &digest, None).await),
        (ErrorKind::Upstream, "registry-unreachable")
    );
}
