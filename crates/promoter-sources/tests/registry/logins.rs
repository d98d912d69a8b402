//! Who is let in: by password, by token, by what a helper knows.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use promoter_sources::registry::{Depth, ErrorKind};
use promoter_testkit::registry::{
    Entrance, Flavor, IDENTITY_TOKEN, PASSWORD, RegistryFault, RegistryProxy, RegistryServer, TokenServer,
    USER,
};
use serde_json::{Value, json};

use crate::{BUILT, Setup, repository, said};

const DENIED: (ErrorKind, &str) = (ErrorKind::Input, "registry-denied");
/// Says to a test that it is the child.
const CHILD: &str = "PROMOTER_TEST_REGISTRY";

fn login(directory: &Path, host: &str, entry: &Value) -> PathBuf {
    let file = directory.join("config.json");
    std::fs::write(&file, json!({ "auths": { host: entry } }).to_string()).unwrap();
    file
}

#[tokio::test]
async fn by_password() {
    for flavor in Flavor::ALL {
        let Some(server) = RegistryServer::start(flavor, Entrance::Password) else { continue };
        let proxy = RegistryProxy::start(server.host());
        server.push_image("acme/web", "1", &["linux/amd64"], BUILT, &[]);
        let (web, directory) = (repository(&proxy.host(), "acme/web"), tempfile::tempdir().unwrap());
        let setup = Setup::new(&[&proxy.host()]);
        assert_eq!(said(setup.client().tags(&web).await), DENIED);
        let file = login(directory.path(), &proxy.host(), &json!({ "username": USER, "password": "wrong" }));
        let setup = setup.with_credentials(&file);
        let client = setup.client();
        let error = client.tags(&web).await.unwrap_err().to_string();
        assert!(error.contains("401") && !error.contains("wrong"), "{error}");
        proxy.take_requests();

        // The file is renewed while we run, and what is refused is read anew.
        login(directory.path(), &proxy.host(), &json!({ "username": USER, "password": PASSWORD }));
        assert_eq!(*client.tags(&web).await.unwrap(), ["1"]);
        client.digest(&web, &"1".parse().unwrap()).await.unwrap();
        client.tags(&web).await.unwrap();
        let seen = proxy.take_requests().all();
        assert_eq!(seen, 4, "{flavor:?}: only what was known before is refused");
    }
}

#[tokio::test]
async fn by_a_token_that_all_share() {
    for flavor in Flavor::ALL {
        let tokens = TokenServer::start();
        let Some(server) = RegistryServer::start(flavor, Entrance::Token(&tokens)) else { continue };
        let proxy = RegistryProxy::start(server.host());
        let digest = server.push_image("acme/web", "1", &["linux/amd64", "linux/arm64"], BUILT, &[]);
        server.push_image("public/web", "1", &["linux/amd64"], BUILT, &[]);
        let (web, directory) = (repository(&proxy.host(), "acme/web"), tempfile::tempdir().unwrap());
        let setup = Setup::new(&[&proxy.host(), &tokens.host()]);

        // Nobody in particular.
        let client = setup.client();
        assert_eq!(*client.tags(&repository(&proxy.host(), "public/web")).await.unwrap(), ["1"]);
        assert_eq!(tokens.take_log(), ["GET repository:public/web:pull nobody"]);
        assert_eq!(said(client.tags(&web).await), DENIED, "{flavor:?}");
        tokens.take_log();
        proxy.take_requests();

        let file = login(directory.path(), &proxy.host(), &json!({ "username": USER, "password": PASSWORD }));
        let setup = setup.with_credentials(&file);
        let client = setup.client();
        let digest = digest.parse().unwrap();
        let (listings, facts) = tokio::join!(
            futures::future::join_all((0..50).map(|_| client.tags(&web))),
            client.image(&web, &digest, Depth::Config)
        );
        assert!(listings.iter().all(Result::is_ok));
        assert_eq!(facts.unwrap().images.len(), 2);
        assert_eq!(tokens.take_log(), ["GET repository:acme/web:pull password"], "{flavor:?}");
        assert_eq!(proxy.take_requests().all(), 7, "one question too many, to learn what is wanted");

        // It is good for 300 seconds, and renewed a little earlier.
        setup.pass(289);
        client.tags(&web).await.unwrap();
        assert_eq!(tokens.take_log().len(), 0);
        setup.pass(2);
        client.tags(&web).await.unwrap();
        assert_eq!(tokens.take_log().len(), 1);
        assert_eq!(proxy.take_requests().all(), 2, "nothing was refused for it");

        // One that is refused before its time is renewed once.
        let wanted = format!("Bearer realm=\"{}\",service=\"registry.test\"", tokens.realm());
        let refused = RegistryFault::Says(401, vec![("www-authenticate", wanted)], String::new());
        proxy.break_times("/tags/list", refused.clone(), 1);
        client.tags(&web).await.unwrap();
        assert_eq!((tokens.take_log().len(), proxy.take_requests().all()), (1, 2));
        proxy.break_at("/tags/list", refused);
        assert_eq!(said(client.tags(&web).await), DENIED);
        assert_eq!((tokens.take_log().len(), proxy.take_requests().all()), (1, 2));
    }
}

#[tokio::test]
async fn by_an_identity_token() {
    let tokens = TokenServer::start();
    let Some(server) = RegistryServer::start(Flavor::V3, Entrance::Token(&tokens)) else { return };
    server.push_image("acme/web", "1", &["linux/amd64"], BUILT, &[]);
    let (web, directory) = (repository(server.host(), "acme/web"), tempfile::tempdir().unwrap());
    let setup = Setup::new(&[server.host(), &tokens.host()]);
    for (token, expected) in [(IDENTITY_TOKEN, true), ("another", false)] {
        let file = login(directory.path(), server.host(), &json!({ "identitytoken": token }));
        let answer = setup.clone().with_credentials(&file).client().tags(&web).await;
        assert_eq!(answer.is_ok(), expected, "{answer:?}");
    }
    let log = ["POST repository:acme/web:pull identity", "POST repository:acme/web:pull wrong"];
    assert_eq!(tokens.take_log(), log);
}

#[tokio::test]
async fn tokens_do_not_travel_in_clear_text_unless_it_is_said() {
    let tokens = TokenServer::start();
    let Some(server) = RegistryServer::start(Flavor::V3, Entrance::Token(&tokens)) else { return };
    server.push_image("public/web", "1", &["linux/amd64"], BUILT, &[]);
    let web = repository(server.host(), "public/web");
    let answer = Setup::new(&[server.host()]).client().tags(&web).await;
    assert_eq!(said(answer), (ErrorKind::Input, "registry-clear-text"));
    assert_eq!(tokens.take_log().len(), 0);
}

#[tokio::test]
async fn a_token_server_in_trouble_decides_nothing() {
    let tokens = TokenServer::start();
    let Some(server) = RegistryServer::start(Flavor::V3, Entrance::Token(&tokens)) else { return };
    server.push_image("public/web", "1", &["linux/amd64"], BUILT, &[]);
    let says = |status, headers, body: &str| RegistryFault::Says(status, headers, body.to_owned());
    let protocol = (ErrorKind::Upstream, "registry-protocol");
    let elsewhere = vec![("location", "https://login.example.com/".to_owned())];
    for (fault, expected) in [
        (says(429, vec![("retry-after", "60".into())], ""), (ErrorKind::Upstream, "registry-later")),
        (says(500, Vec::new(), ""), (ErrorKind::Upstream, "registry-unreachable")),
        (says(200, Vec::new(), "<html>"), protocol),
        (says(200, Vec::new(), r#"{"token":"a\nb"}"#), protocol),
        (says(302, elsewhere, ""), protocol),
        (says(403, Vec::new(), ""), DENIED),
    ] {
        let (front, before) = (RegistryProxy::start(server.host()), RegistryProxy::start(&tokens.host()));
        // The registry names its server of tokens; here it names the proxy before that.
        let realm = format!("http://{}/token", before.host());
        let wanted = format!("Bearer realm=\"{realm}\",service=\"registry.test\"");
        front.break_times("/tags/list", says(401, vec![("www-authenticate", wanted)], ""), 2);
        before.break_times("/token", fault.clone(), 1);
        let setup = Setup::new(&[&front.host(), &before.host()]);
        let (client, web) = (setup.client(), repository(&front.host(), "public/web"));
        assert_eq!(said(client.tags(&web).await), expected, "{fault:?}");
        if expected.1 == "registry-later" {
            assert_eq!(said(client.tags(&web).await), expected, "tokens are questions like others");
            assert_eq!(before.requests().all(), 1);
            setup.pass(61);
        }
        assert_eq!(*client.tags(&web).await.unwrap(), ["1"], "{fault:?}: it goes on afterwards");
    }
}

/// Runs the test `helper_child` of this binary with helpers of its own.
#[tokio::test]
async fn by_a_helper() {
    let Some(server) = RegistryServer::start(Flavor::V3, Entrance::Password) else { return };
    server.push_image("acme/web", "1", &["linux/amd64"], BUILT, &[]);
    let directory = tempfile::tempdir().unwrap();
    let config = |name: &str| json!({ "credHelpers": { server.host(): name } }).to_string();
    let answer = json!({ "ServerURL": server.host(), "Username": USER, "Secret": PASSWORD });
    for (name, script, expected) in [
        (
            "good",
            format!("[ \"$1\" = get ] && [ \"$(cat)\" = \"{}\" ] && echo '{answer}'", server.host()),
            "1",
        ),
        (
            "empty",
            "cat >/dev/null; echo 'credentials not found in native keychain'; exit 1".into(),
            "registry-denied",
        ),
        ("broken", "cat >/dev/null; echo 'no route to cloud'; exit 1".into(), "registry-credential-helper"),
        ("wordy", "cat >/dev/null; head -c 1000000 /dev/zero".into(), "registry-credential-helper"),
        ("odd", "cat >/dev/null; echo s3cret".into(), "registry-credential-helper"),
        ("../odd", "exit 0".into(), "registry-credential-helper"),
        ("missing", String::new(), "registry-credential-helper"),
    ] {
        let program = directory.path().join(format!("docker-credential-{name}"));
        if !script.is_empty() && !name.contains('/') {
            std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        std::fs::write(directory.path().join("config.json"), config(name)).unwrap();
        let path = format!("{}:{}", directory.path().display(), std::env::var("PATH").unwrap());
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "logins::helper_child", "--ignored", "--nocapture"])
            .env("PATH", path)
            .env(CHILD, format!("{} {}", server.host(), directory.path().join("config.json").display()))
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(printed.contains(&format!("<{expected}>")), "{name}: {printed}");
        assert!(!printed.contains(PASSWORD), "{printed}");
    }
}

#[tokio::test]
#[ignore = "run by `by_a_helper`, which sets up its world"]
async fn helper_child() {
    let task = std::env::var(CHILD).unwrap();
    let (host, file) = task.split_once(' ').unwrap();
    let client = Setup::new(&[host]).with_credentials(Path::new(file)).client();
    match client.tags(&repository(host, "acme/web")).await {
        Ok(tags) => println!("<{}>", tags.join(" ")),
        Err(error) => println!("<{}> {}", error.diagnosis().code, error.diagnosis()),
    }
}
