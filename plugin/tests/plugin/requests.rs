//! Requests that are kept, and run again.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use promoter_plugin::cmp::client::Archive;

use crate::common::{MANIFEST, OBJECTS, PLUGIN, Served, hydrated_request, request};

/// The kept requests of a directory, oldest first.
fn kept(directory: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(directory).unwrap().map(|it| it.unwrap().path()).collect();
    found.sort();
    found
}

fn replay(file: &Path, more: &[&str]) -> Output {
    Command::new(PLUGIN).arg("replay").arg(file).args(more).output().unwrap()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_kept_request_gives_the_same_answer_and_holds_no_secret() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("kept");
    let served = Served::start(&["--keep-requests", place.to_str().unwrap()]);
    let client = served.client().await;
    let mut asked = hydrated_request();
    let secrets = [
        ("ARGOCD_GIT_AUTH_HEADER", "Authorization: Basic czNjcmV0"),
        ("ARGOCD_APP_SOURCE_REPO_URL", "https://ada:s3cret@git.example.com/acme/deploy.git"),
        ("HTTPS_PROXY", "http://ada:s3cret@proxy.example.com"),
    ];
    asked.env.extend(secrets.map(|(name, value)| (name.into(), value.into())));
    assert_eq!(client.generate(&asked).await.unwrap(), OBJECTS);
    let [file] = &kept(&place)[..] else { panic!("one request is kept") };

    let bytes = std::fs::read(file).unwrap();
    for secret in ["s3cret", "czNjcmV0"] {
        assert!(!bytes.windows(secret.len()).any(|it| it == secret.as_bytes()), "{secret}");
    }
    let again = replay(file, &[]);
    assert!(again.status.success());
    assert_eq!(text(again.stdout), MANIFEST);
    let told = text(again.stderr);
    assert!(told.starts_with("GenerateManifest of `guestbook`"), "{told}");
    assert!(told.contains("without the values of ARGOCD_GIT_AUTH_HEADER, HTTPS_PROXY;"), "{told}");
    for word in ["environment prod, freight ", ", hydrated\n", "receive ", "resolve ", "verify "] {
        assert!(told.contains(word), "{word} in {told}");
    }
    let json = replay(file, &["-o", "json"]);
    assert_eq!(text(json.stdout), OBJECTS.map(|it| format!("{it}\n")).concat());
}

#[tokio::test]
async fn a_failure_is_kept_and_fails_again_until_a_variable_is_another() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().to_str().unwrap();
    let served = Served::start(&["--keep-requests", place, "--keep-requests-max", "2"]);
    let client = served.client().await;
    // The first one goes.
    client.generate(&request(Archive::from_bytes(&b"garbage"[..]))).await.unwrap_err();
    client.generate(&request(Archive::from_bytes(&b"garbage"[..]))).await.unwrap_err();
    let mut asked = hydrated_request();
    asked.env.push(("ARGOCD_ENV_PROMOTER_ENVIRONMENT".into(), "dev".into()));
    let error = client.generate(&asked).await.unwrap_err();
    let message = error.status().unwrap().1;
    let [garbage, mismatch] = &kept(directory.path())[..] else { panic!("two requests are kept") };

    let again = replay(garbage, &[]);
    assert_eq!(again.status.code(), Some(2));
    assert!(text(again.stderr).trim_end().ends_with("[archive-broken]"));
    let again = replay(mismatch, &[]);
    assert_eq!(again.status.code(), Some(2));
    assert_eq!(text(again.stderr).lines().last(), Some(message));
    let mended = replay(mismatch, &["--env", "ARGOCD_ENV_PROMOTER_ENVIRONMENT=prod"]);
    assert_eq!(text(mended.stdout), MANIFEST);
}

#[tokio::test]
async fn what_the_parameters_tab_asked_is_run_again_too() {
    let directory = tempfile::tempdir().unwrap();
    let served = Served::start(&["--keep-requests", directory.path().to_str().unwrap()]);
    served.client().await.announce(&hydrated_request()).await.unwrap();
    let again = replay(&kept(directory.path())[0], &[]);
    let announced: serde_json::Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!((&announced[0]["string"], &announced[3]["name"]), (&"prod".into(), &"freight".into()));
}

#[tokio::test]
async fn nothing_is_kept_unless_asked_for() {
    let served = Served::start(&[]);
    served.client().await.generate(&hydrated_request()).await.unwrap();
    assert_eq!(kept(served.directory.path()), std::slice::from_ref(&served.socket));
    let output = replay(&served.directory.path().join("nothing"), &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(output.stderr).trim_end().ends_with("[request-file]"));
}
