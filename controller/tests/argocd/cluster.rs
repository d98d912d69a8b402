//! The reader of Applications against a real API server.

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use promoter_controller::apply::refresh::RefreshApi as _;
use promoter_core::verification::argocd::Application;
use promoter_sources::checks::{Applications as _, ApplicationsAsked};
use promoter_sources::kubernetes::Kubernetes;
use serde_json::json;

use crate::server::Server;

const SOON: Duration = Duration::from_secs(30);

fn asked(selector: Option<&str>, name: Option<&str>) -> ApplicationsAsked {
    let text = |it: &str| it.to_owned();
    ApplicationsAsked {
        cluster: None,
        namespace: "argocd".into(),
        selector: selector.map(text),
        name: name.map(text),
    }
}

fn read(kubeconfig: &Path, asked: &ApplicationsAsked, timeout: Duration) -> Result<Vec<Application>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let reader = Kubernetes::new(Some(kubeconfig.to_owned()));
    runtime.block_on(reader.applications(asked, timeout))
}

#[test]
fn applications_are_read_from_a_real_server() {
    let Some(server) = Server::start() else { return };
    let kubeconfig = server.kubeconfig();
    let names = |selector: &str| {
        let found = read(&kubeconfig, &asked(Some(selector), None), SOON).unwrap();
        found.into_iter().map(|it| it.name).collect::<Vec<_>>()
    };
    assert_eq!(names("app=guestbook"), [""; 0]);
    let status = json!({
        "reconciledAt": "2026-03-01T12:00:10Z",
        "sync": { "status": "Synced", "revision": "1".repeat(40) },
        "health": { "status": "Healthy" },
        "conditions": [{ "type": "OrphanedResourceWarning", "message": "one" }],
        "operationState": {
            "phase": "Succeeded",
            "message": "successfully synced",
            "startedAt": "2026-03-01T11:59:50Z",
            "finishedAt": "2026-03-01T12:00:00Z",
            "operation": { "sync": {} },
            "syncResult": {
                "revision": "1".repeat(40),
                "source": { "repoURL": "https://git.example.com/acme/deploy.git" },
            },
        },
    });
    server.application("guestbook-dev", &json!({ "app": "guestbook", "env": "dev" }), &status);
    // More than a page holds.
    for number in 0..120 {
        server.application(&format!("other-{number:03}"), &json!({ "app": "other" }), &json!({}));
    }
    assert_eq!(names("app=guestbook,env in (dev, test)"), ["guestbook-dev"]);
    assert_eq!(names("app=guestbook,env!=dev"), [""; 0]);
    assert_eq!(names("app=other").len(), 120);

    let named = read(&kubeconfig, &asked(None, Some("guestbook-dev")), SOON).unwrap();
    let [app] = named.try_into().unwrap();
    assert_eq!((app.sync.as_str(), app.health.as_str()), ("Synced", "Healthy"));
    assert_eq!(app.sources[0].revision, "1".repeat(40));
    assert_eq!(app.reconciled_at, Some("2026-03-01T12:00:10Z".parse().unwrap()));
    assert_eq!(app.operation.unwrap().revisions, ["1".repeat(40)]);
    assert_eq!(app.conditions, [("OrphanedResourceWarning".to_owned(), "one".to_owned())]);
    assert_eq!(read(&kubeconfig, &asked(None, Some("gustbook-dev")), SOON), Ok(Vec::new()));

    let why = read(&kubeconfig, &asked(Some("app in guestbook"), None), SOON).unwrap_err();
    assert!(why.contains("unable to parse requirement") && why.ends_with("(400)"), "{why}");
    let elsewhere = ApplicationsAsked { cluster: Some("prod".into()), ..asked(Some("app=guestbook"), None) };
    assert_eq!(read(&kubeconfig, &elsewhere, SOON).unwrap_err(), "the kubeconfig has no context `prod`");
}

#[test]
fn a_server_that_does_not_answer_is_said() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = directory.path().join("kubeconfig.yaml");
    let text = "apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters: [{ name: a, cluster: { server: \"http://ADDRESS\" } }]\n\
                users: [{ name: a, user: { token: s3cret } }]\ncontexts: [{ name: a, context: { cluster: a, user: a } }]\n";
    std::fs::write(&kubeconfig, text.replace("ADDRESS", &listener.local_addr().unwrap().to_string()))
        .unwrap();
    let short = Duration::from_millis(300);
    let why = read(&kubeconfig, &asked(None, Some("x")), short).unwrap_err();
    assert_eq!(why, "no answer within 0.3 s");
    drop(listener);
    let why = read(&kubeconfig, &asked(None, Some("x")), SOON).unwrap_err();
    assert!(why.contains("refused") && !why.contains("s3cret"), "{why}");
    std::fs::write(&kubeconfig, "s3cret: [").unwrap();
    assert_eq!(
        read(&kubeconfig, &asked(None, Some("x")), SOON).unwrap_err(),
        "the kubeconfig cannot be read"
    );
}

#[test]
fn applications_are_asked_to_refresh() {
    let Some(server) = Server::start() else { return };
    let kubeconfig = server.kubeconfig();
    for env in ["dev", "prod"] {
        server.application(&format!("guestbook-{env}"), &json!({ "env": env }), &json!({}));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let clusters = Kubernetes::new(Some(kubeconfig));
    let refresh = |selector: &str| runtime.block_on(clusters.refresh(&asked(Some(selector), None)));
    assert_eq!((refresh("env=dev"), refresh("env=test")), (Ok(1), Ok(0)));
    let annotation = |name: &str| {
        let (status, text) = server.forwarder()(
            "GET",
            &format!("/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/{name}"),
            "application/json",
            String::new(),
        );
        assert_eq!(status, 200);
        let object: serde_json::Value = serde_json::from_str(&text).unwrap();
        object["metadata"]["annotations"]["argocd.argoproj.io/refresh"].as_str().map(str::to_owned)
    };
    assert_eq!(
        (annotation("guestbook-dev").as_deref(), annotation("guestbook-prod")),
        (Some("normal"), None)
    );
}
