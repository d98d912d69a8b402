//! Signatures and attestations as cosign leaves them, read from real registries.

use promoter_core::ImageDigest;
use promoter_sources::registry::{Attached, AttachedForm, RequestKind};
use promoter_testkit::registry::{Entrance, Flavor, RegistryFault, RegistryProxy, RegistryServer, digest_of};
use serde_json::{Value, json};

use crate::{Setup, repository};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn says(status: u16) -> RegistryFault {
    RegistryFault::Says(status, Vec::new(), String::new())
}

/// What cosign left beside an image (testdata/cosign), and its digest.
fn case(name: &str) -> (ImageDigest, Vec<Attached>) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/cosign");
    let text = std::fs::read_to_string(path.join(format!("{name}.json"))).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    let found = json["found"].as_array().unwrap().iter().map(|it| Attached {
        form: match it["form"].as_str().unwrap() {
            "simple" => AttachedForm::Simple,
            "envelope" => AttachedForm::Envelope,
            _ => AttachedForm::Bundle,
        },
        content: it["content"].as_str().unwrap().into(),
        annotations: serde_json::from_value(it.get("annotations").cloned().unwrap_or(json!({}))).unwrap(),
    });
    (json["digest"].as_str().unwrap().parse().unwrap(), found.collect())
}

#[tokio::test]
async fn everything_that_cosign_leaves_is_found() {
    for flavor in Flavor::ALL {
        let Some(server) = RegistryServer::start(flavor, Entrance::Open) else { continue };
        let proxy = RegistryProxy::start(server.host());
        let (client, web) = (Setup::new(&[&proxy.host()]).client(), repository(&proxy.host(), "acme/web"));
        for name in ["key-simple-p256", "key-attestation", "key-bundle", "keyless-bundle", "several"] {
            let (digest, found) = case(name);
            assert_eq!(server.push_signed("acme/web", name, name), digest.as_str());
            let read = client.attached(&web, &digest).await.unwrap();
            assert_eq!((read.found, read.left_out), (found, 0), "{flavor:?} {name}");
        }
        let (digest, _) = case("unsigned");
        assert_eq!(client.attached(&web, &digest).await.unwrap().found, []);
    }
}

#[tokio::test]
async fn what_is_broken_is_left_out_and_what_is_unread_is_an_error() {
    let Some(server) = RegistryServer::start(Flavor::V3, Entrance::Open) else { return };
    let proxy = RegistryProxy::start(server.host());
    let (client, web) = (Setup::new(&[&proxy.host()]).client(), repository(&proxy.host(), "acme/web"));
    let (digest, found) = case("several");
    server.push_signed("acme/web", "several", "several");
    let tag = digest.as_str().replace(':', "-");

    // A layer that says it is larger than we read, and one that does not exist.
    let layers = json!([
        { "mediaType": "application/vnd.dsse.envelope.v1+json", "digest": digest_of(b"x"), "size": 1_u64 << 40 },
        { "mediaType": "application/vnd.dsse.envelope.v1+json", "digest": digest_of(b"y"), "size": 1 },
        { "mediaType": "text/plain", "digest": digest_of(b"{}"), "size": 2 },
    ]);
    let config = json!({ "mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(b"{}"), "size": 2 });
    let broken = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers });
    // Registries check what a manifest names, so it is there while it is pushed.
    server.push_blob("acme/web", b"x");
    server.push_blob("acme/web", b"y");
    server.push_manifest("acme/web", &format!("{tag}.att"), MANIFEST, broken.to_string().as_bytes());
    proxy.break_at(&format!("blobs/{}", digest_of(b"y")), says(404));
    let read = client.attached(&web, &digest).await.unwrap();
    assert_eq!((read.found, read.left_out), (found, 2));

    for part in [format!("manifests/{tag}.sig"), format!("referrers/{digest}"), "blobs/".to_owned()] {
        proxy.break_at(&part, says(403));
        assert!(client.attached(&web, &digest).await.is_err(), "{part}");
        proxy.heal();
    }
    assert!(client.counters().keys().any(|(_, kind)| *kind == RequestKind::Referrers));
}
