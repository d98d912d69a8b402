//! Registries in trouble: what is tried again, what is left alone, and that nothing is decided meanwhile.

use std::time::Duration;

use promoter_sources::registry::{Depth, ErrorKind, RegistryError};
use promoter_testkit::registry::{RegistryFault, RegistryProxy, RegistryServer};

use crate::{BUILT, Setup, repository, said};

fn image() -> Option<(RegistryServer, RegistryProxy, String)> {
    let server = RegistryServer::open()?;
    let proxy = RegistryProxy::start(server.host());
    let digest = server.push_image("acme/web", "1", &["linux/amd64"], BUILT, &[]);
    Some((server, proxy, digest))
}

#[tokio::test]
async fn a_broken_connection_is_tried_again_twice() {
    let Some((_server, proxy, _)) = image() else { return };
    let (client, web) = (Setup::new(&[&proxy.host()]).client(), repository(&proxy.host(), "acme/web"));
    for fault in [RegistryFault::NoAnswer, RegistryFault::Cut(5)] {
        proxy.break_times("/tags/list", fault.clone(), 2);
        assert_eq!(*client.tags(&web).await.unwrap(), ["1"], "{fault:?}");
        assert_eq!(proxy.take_requests().tags, 3, "{fault:?}");
        proxy.break_at("/tags/list", fault.clone());
        assert_eq!(said(client.tags(&web).await), (ErrorKind::Upstream, "registry-unreachable"), "{fault:?}");
        assert_eq!(proxy.take_requests().tags, 3, "{fault:?}");
        proxy.heal();
    }
}

#[tokio::test]
async fn trouble_without_a_time_is_left_alone_ever_longer() {
    let Some((_server, proxy, _)) = image() else { return };
    let setup = Setup::new(&[&proxy.host()]);
    let (client, web) = (setup.client(), repository(&proxy.host(), "acme/web"));
    let busy = RegistryFault::Says(503, Vec::new(), String::new());
    proxy.break_at("/tags/list", busy.clone());
    let start = (setup.config.clock)().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let wait = async || {
        let Err(RegistryError::Later { until, .. }) = client.tags(&web).await else { panic!() };
        let passed = setup.seconds.load(std::sync::atomic::Ordering::Relaxed);
        let wait = u64::try_from(until.0).unwrap() - start - passed;
        setup.pass(wait);
        // The next full second behind the time.
        wait - 1
    };
    assert_eq!([wait().await, wait().await, wait().await, wait().await], [1, 2, 4, 8]);
    assert_eq!(proxy.take_requests().tags, 4);
    proxy.heal();
    assert_eq!(*client.tags(&web).await.unwrap(), ["1"]);
    proxy.break_at("/tags/list", busy);
    assert_eq!(wait().await, 1, "what was is forgotten");
}

#[tokio::test]
async fn an_error_of_the_server_is_no_word_about_tags() {
    let Some((_server, proxy, digest)) = image() else { return };
    let (client, web) = (Setup::new(&[&proxy.host()]).client(), repository(&proxy.host(), "acme/web"));
    proxy.break_at("/v2/", RegistryFault::Says(500, Vec::new(), String::new()));
    let upstream = (ErrorKind::Upstream, "registry-unreachable");
    assert_eq!(said(client.tags(&web).await), upstream);
    assert_eq!(said(client.digest(&web, &"1".parse().unwrap()).await), upstream);
    assert_eq!(said(client.image(&web, &digest.parse().unwrap(), Depth::Config).await), upstream);
    assert_eq!(proxy.take_requests().all(), 3, "an answer is an answer");
}

#[tokio::test]
async fn a_host_that_is_not_there_is_found_out_once() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    drop(listener);
    let setup = Setup::new(&[&host]);
    let (client, web) = (setup.client(), repository(&host, "acme/web"));
    assert_eq!(said(client.tags(&web).await), (ErrorKind::Upstream, "registry-unreachable"));
    assert_eq!(said(client.tags(&web).await), (ErrorKind::Upstream, "registry-later"));
    setup.pass(3);
    assert_eq!(said(client.tags(&web).await), (ErrorKind::Upstream, "registry-unreachable"));
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_waited_for_so_long_and_once() {
    let Some((_server, proxy, _)) = image() else { return };
    let mut setup = Setup::new(&[&proxy.host()]);
    setup.config.attempt_timeout = Duration::from_millis(100);
    let (client, web) = (setup.client(), repository(&proxy.host(), "acme/web"));
    proxy.break_at("/tags/list", RegistryFault::Hang);
    let error = client.tags(&web).await.unwrap_err();
    assert_eq!(error.diagnosis().code, "registry-unreachable");
    assert!(error.to_string().ends_with("no answer in time"), "{error}");
    let tags = ["1", "2", "3"].map(|it| it.parse().unwrap());
    for tag in &tags {
        assert_eq!(said(client.digest(&web, tag).await), (ErrorKind::Upstream, "registry-later"));
    }
    let asked: u64 = client.counters().values().sum();
    assert_eq!(asked, 1, "those behind it do not wait for the same");
}

#[tokio::test]
async fn other_bytes_than_the_digest_names_are_refused() {
    let Some((_server, proxy, digest)) = image() else { return };
    let (client, web) = (Setup::new(&[&proxy.host()]).client(), repository(&proxy.host(), "acme/web"));
    let digest = digest.parse().unwrap();
    let wrong = (ErrorKind::Upstream, "registry-wrong-digest");
    for part in ["/manifests/", "/blobs/"] {
        proxy.break_at(part, RegistryFault::Flip(10));
        assert_eq!(said(client.image(&web, &digest, Depth::Config).await), wrong, "{part}");
    }
    proxy.break_at("GET /v2/acme/web/manifests", RegistryFault::Flip(10));
    assert_eq!(said(client.manifest(&web, &digest).await), wrong);
    proxy.heal();
    assert!(client.image(&web, &digest, Depth::Config).await.is_ok(), "nothing of it was kept");
}
