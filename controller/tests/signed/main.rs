//! Images that the real cosign signed, in a real registry, judged as pipelines ask for it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed test panics")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use promoter_controller::image_signatures::{ImageSignatures, SigstoreOptions};
use promoter_core::pipeline::{self, SubscriptionOrigin};
use promoter_core::registries::{HostSettings, RegistrySettings, RequestBound};
use promoter_core::signature::SignatureRule;
use promoter_core::{ImageDigest, Repository, UnixSeconds};
use promoter_sources::registry::{Registries, RegistryConfig};
use promoter_testkit::registry::{Entrance, Flavor, RegistryFault, RegistryProxy, RegistryServer};

const NOW: UnixSeconds = UnixSeconds(1_000);

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/cosign")
}

/// A registry behind a proxy, and a reader of signatures.
struct Stage {
    server: RegistryServer,
    proxy: RegistryProxy,
    cache: tempfile::TempDir,
}

impl Stage {
    fn start() -> Option<Self> {
        let server = RegistryServer::start(Flavor::V3, Entrance::Open)?;
        let proxy = RegistryProxy::start(server.host());
        Some(Self { server, proxy, cache: tempfile::tempdir().unwrap() })
    }

    fn repository(&self) -> Repository {
        format!("{}/acme/web", self.proxy.host()).parse().unwrap()
    }

    fn push(&self, case: &str) -> ImageDigest {
        self.server.push_signed("acme/web", case, case).parse().unwrap()
    }

    /// A process that was just started.
    fn reader(&self, root: Option<PathBuf>) -> ImageSignatures {
        let plain = HostSettings { plain_http: true, ..HostSettings::default() };
        let config = RegistryConfig {
            settings: RegistrySettings {
                requests: RequestBound { in_flight: 20, per_second: 10_000 },
                hosts: BTreeMap::from([(self.proxy.host(), plain)]),
            },
            ..RegistryConfig::default()
        };
        let registries = Registries::new(config, None).unwrap();
        let options = SigstoreOptions { sigstore_root: root };
        ImageSignatures::new(registries, &options, Some(&testdata()), Some(self.cache.path())).unwrap()
    }
}

/// What a subscription asks for.
fn rules(signatures: &str) -> Vec<SignatureRule> {
    let text = format!(
        "apiVersion: promoter.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: shop }}\nspec:\n  subscriptions:\n    - {{ name: config, git: {{}} }}\n    - {{ name: web, image: {{ repoURL: ghcr.io/acme/web, signatures: [{signatures}] }} }}\n  environments:\n    - {{ name: dev, source: envs/dev }}\n"
    );
    let pipeline = pipeline::read("promoter.yaml", &text).unwrap().remove(0);
    let SubscriptionOrigin::Image(image) = &pipeline.subscriptions[1].origin else { panic!("an image") };
    image.signatures.clone()
}

const KEY: &str = "{ key: p256.pub }";
const KEYLESS: &str = "{ keyless: { issuer: https://token.actions.githubusercontent.com, identity: \"https://github.com/acme/web/*\" } }";

#[tokio::test]
async fn signed_images_are_taken_and_others_passed_over() {
    let Some(stage) = Stage::start() else { return };
    let (reader, web) = (stage.reader(Some(testdata().join("trusted_root.json"))), stage.repository());
    let both = rules(&format!("{KEY}, {KEYLESS}"));
    let several = stage.push("several");
    assert_eq!(reader.refuses(&both, &web, &several, NOW).await, Ok(None));
    for case in ["key-simple-p256", "key-bundle"] {
        let digest = stage.push(case);
        assert_eq!(reader.refuses(&rules(KEY), &web, &digest, NOW).await, Ok(None), "{case}");
        let why = reader.refuses(&both, &web, &digest, NOW).await.unwrap().unwrap();
        assert!(why.starts_with("not signed, signature of https://github.com/acme/web/* by"), "{why}");
    }
    let why = reader.refuses(&rules("{ key: other.pub }"), &web, &several, NOW).await.unwrap().unwrap();
    assert!(
        why.starts_with(
            "not signed, signature of key other.pub is asked for: it is not signed with key SHA256:"
        ),
        "{why}"
    );
    let unsigned = stage.push("unsigned");
    let why = reader.refuses(&rules(KEY), &web, &unsigned, NOW).await.unwrap();
    assert_eq!(why.as_deref(), Some("not signed, signature of key p256.pub is asked for: there is none"));
    // Nothing is asked for, nothing is read.
    stage.proxy.take_log();
    assert_eq!(reader.refuses(&[], &web, &unsigned, NOW).await, Ok(None));
    assert_eq!(stage.proxy.take_log(), [""; 0]);
}

#[tokio::test]
async fn good_answers_outlive_the_process_and_others_a_minute() {
    let Some(stage) = Stage::start() else { return };
    let (web, signed, unsigned) = (stage.repository(), stage.push("key-simple-p256"), stage.push("unsigned"));
    let (reader, wanted) = (stage.reader(None), rules(KEY));
    assert_eq!(reader.refuses(&wanted, &web, &signed, NOW).await, Ok(None));
    assert!(reader.refuses(&wanted, &web, &unsigned, NOW).await.unwrap().is_some());
    stage.proxy.take_log();
    // Both are known, then the good one alone, in a new process too.
    let later = UnixSeconds(NOW.0 + 59);
    assert!(reader.refuses(&wanted, &web, &unsigned, later).await.unwrap().is_some());
    let reader = stage.reader(None);
    assert_eq!(reader.refuses(&wanted, &web, &signed, later).await, Ok(None));
    assert_eq!(stage.proxy.take_log(), [""; 0], "nothing was asked");
    let later = UnixSeconds(NOW.0 + 60);
    assert!(reader.refuses(&wanted, &web, &unsigned, later).await.unwrap().is_some());
    assert!(!stage.proxy.take_log().is_empty(), "a signature may have come");
    // Another key is another question, whatever its file is called.
    assert!(reader.refuses(&rules("{ key: other.pub }"), &web, &signed, later).await.unwrap().is_some());
}

#[tokio::test]
async fn what_cannot_be_read_decides_nothing() {
    let Some(stage) = Stage::start() else { return };
    let (web, digest) = (stage.repository(), stage.push("key-simple-p256"));
    let reader = stage.reader(None);
    stage.proxy.break_at(".sig", RegistryFault::Says(403, Vec::new(), String::new()));
    let unread = reader.refuses(&rules(KEY), &web, &digest, NOW).await.unwrap_err();
    assert_eq!(unread.reader, format!("signatures of {web}@{digest}"));
    stage.proxy.heal();
    assert_eq!(reader.refuses(&rules(KEY), &web, &digest, NOW).await, Ok(None));
    // A key that is not there, and a root that nobody named.
    let unread = reader.refuses(&rules("{ key: no.pub }"), &web, &digest, NOW).await.unwrap_err();
    assert_eq!(unread.to_string(), "the key no.pub could not be read: the secret `no.pub` is not there");
    let unread = reader.refuses(&rules(KEYLESS), &web, &digest, NOW).await.unwrap_err();
    assert!(unread.why.contains("`--sigstore-root FILE` [sigstore-root]"), "{unread}");
    let broken = testdata().join("p256.pub");
    let options = SigstoreOptions { sigstore_root: Some(broken) };
    let registries = Registries::new(RegistryConfig::default(), None).unwrap();
    let error = ImageSignatures::new(registries, &options, None, None).unwrap_err();
    assert_eq!(error.code, "sigstore-root");
}
