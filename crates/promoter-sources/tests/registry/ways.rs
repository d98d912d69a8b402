//! The ways to a registry: TLS, plain http, and where it sends us on.

use promoter_sources::registry::{Depth, ErrorKind, RegistryOptions};
use promoter_testkit::git::Authority;
use promoter_testkit::registry::{
    Entrance, Flavor, PASSWORD, RegistryFault, RegistryProxy, RegistryServer, USER,
};

use crate::{BUILT, Setup, repository, said};

#[tokio::test]
async fn an_authority_is_trusted_for_the_host_that_names_it() {
    let Some(server) = RegistryServer::open() else { return };
    server.push_image("acme/web", "1", &["linux/amd64"], BUILT, &[]);
    let (authority, directory) = (Authority::new(), tempfile::tempdir().unwrap());
    let proxy = RegistryProxy::start_behind(server.host(), Some(&authority.certify(&["127.0.0.1"])));
    let web = repository(&proxy.host(), "acme/web");
    let mut setup = Setup::new(&[]);
    let unknown = (ErrorKind::Input, "registry-certificate");
    assert_eq!(said(setup.client().tags(&web).await), unknown);
    assert_eq!(proxy.take_requests().all(), 0);
    let path = authority.write(directory.path());
    setup.host(&proxy.host()).ca_file = Some(path.display().to_string());
    let client = setup.client();
    assert_eq!(*client.tags(&web).await.unwrap(), ["1"]);
    // The file is renewed while we run.
    std::fs::write(&path, "nothing").unwrap();
    assert_eq!(said(client.tags(&web).await), (ErrorKind::Input, "registry-ca-file"));
    Authority::new().write(directory.path());
    assert_eq!(said(client.tags(&web).await), unknown);
}

#[tokio::test]
async fn plain_http_is_spoken_where_the_settings_say_so() {
    let Some(server) = RegistryServer::open() else { return };
    server.push_image("acme/web", "1", &["linux/amd64"], BUILT, &[]);
    let web = repository(server.host(), "acme/web");
    let kind = Setup::new(&[]).client().tags(&web).await.unwrap_err().kind();
    assert_eq!(kind, ErrorKind::Upstream, "https is spoken, loopback or not");
    assert_eq!(*Setup::new(&[server.host()]).client().tags(&web).await.unwrap(), ["1"]);
}

#[tokio::test]
async fn a_redirect_to_another_server_takes_no_credentials_along() {
    let Some(guarded) = RegistryServer::start(Flavor::V3, Entrance::Password) else { return };
    let Some(store) = RegistryServer::open() else { return };
    let (front, other) = (RegistryProxy::start(guarded.host()), RegistryProxy::start(store.host()));
    let digest = guarded.push_image("acme/web", "1", &["linux/amd64"], BUILT, &[]).parse().unwrap();
    store.push_image("acme/web", "1", &["linux/amd64"], BUILT, &[]);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.json");
    let login = serde_json::json!({ "auths": { front.host(): { "username": USER, "password": PASSWORD } } });
    std::fs::write(&file, login.to_string()).unwrap();
    let web = repository(&front.host(), "acme/web");

    front.break_at("/blobs/", RegistryFault::Moved(format!("http://{}", other.host())));
    let setup = Setup::new(&[&front.host()]).with_credentials(&file);
    let clear = setup.client().image(&web, &digest, Depth::Config).await;
    assert_eq!(said(clear), (ErrorKind::Upstream, "registry-protocol"), "not to where https is spoken");
    assert_eq!(other.take_logins(), []);

    let setup = Setup::new(&[&front.host(), &other.host()]).with_credentials(&file);
    setup.client().image(&web, &digest, Depth::Config).await.unwrap();
    assert!(front.take_logins().iter().flatten().count() > 0, "the registry itself got them");
    assert_eq!(other.take_logins(), [None]);
    // Whoever it sends us on to may not ask for credentials either.
    other.break_at(
        "/blobs/",
        RegistryFault::Says(401, vec![("www-authenticate", "Basic realm=x".into())], String::new()),
    );
    let asked = setup.client().image(&web, &digest, Depth::Config).await;
    assert_eq!(said(asked), (ErrorKind::Input, "registry-denied"));
    assert_eq!(other.take_logins(), [None]);
}

#[test]
fn options_name_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("registries.yaml");
    let options = RegistryOptions {
        registries_file: Some(file.clone()),
        registry_config: Some(directory.path().to_owned()),
    };
    assert_eq!(options.config().unwrap_err().code, "registries-file");
    std::fs::write(&file, "apiVersion: promoter.dev/v1alpha1\nkind: Registries\nspec: { mirrors: [] }\n")
        .unwrap();
    assert_eq!(options.config().unwrap_err().code, "registries-wrong");
    std::fs::write(
        &file,
        "apiVersion: promoter.dev/v1alpha1\nkind: Registries\nspec: { requests: { perSecond: 5 } }\n",
    )
    .unwrap();
    let config = options.config().unwrap();
    assert_eq!((config.settings.requests.per_second, config.settings.requests.in_flight), (5, 50));
    assert_eq!(config.credentials_file, Some(directory.path().join("config.json")));
    assert_eq!(RegistryOptions::default().config().unwrap().settings, Default::default());
}
