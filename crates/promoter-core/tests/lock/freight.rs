//! Freight ids: reproduced by the real `sha256sum`, blind to layout, sharp for content.

use promoter_core::{Artifact, Content, Freight, FreightError, GitUrl, Setting};
use promoter_testkit::golden;
use serde::Deserialize;
use std::io::Write as _;
use std::process::{Command, Stdio};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Case {
    /// What is known before, as settings.
    #[serde(default)]
    known: Vec<String>,
    /// Settings, each resolved beside what is known.
    set: Vec<String>,
}

fn artifact(setting: &str, known: Option<&Freight>) -> Result<Artifact, String> {
    let setting: Setting =
        setting.parse().map_err(|it: promoter_core::SettingError| it.diagnosis().to_string())?;
    let origin = known.and_then(|it| it.get(&setting.name)).map(Content::origin);
    setting.resolve(origin.as_ref()).map_err(|it| it.diagnosis().to_string())
}

#[test]
fn settings_name_artifacts() {
    golden("freight/*.yaml", |case: Case| {
        let known: Vec<Artifact> = case.known.iter().map(|it| artifact(it, None).unwrap()).collect();
        let known = Freight::new(known).ok();
        let line = |it: &String| match artifact(it, known.as_ref()) {
            Ok(artifact) => format!("{it}\n  {artifact}\n"),
            Err(error) => format!("{it}\n  error: {error}\n"),
        };
        case.set.iter().map(line).collect()
    });
}

fn freight(settings: &[&str]) -> Freight {
    Freight::new(settings.iter().map(|it| artifact(it, None).unwrap()).collect()).unwrap()
}

const CONFIG: &str =
    "config=https://git.example.com/acme/deploy.git@4e1f000000000000000000000000000000000001";
const WEB: &str =
    "web=ghcr.io/acme/web:1.4.2@sha256:1111111111111111111111111111111111111111111111111111111111111111";
const REDIS: &str = "redis=https://charts.example.com/redis:18.1.0@sha256:2222222222222222222222222222222222222222222222222222222222222222";

#[test]
fn sha256sum_reproduces_the_id() {
    let freight = freight(&[CONFIG, WEB, REDIS]);
    insta::assert_snapshot!(freight.canonical(), @r"
    promoter-freight v1
    config git git.example.com/acme/deploy 4e1f000000000000000000000000000000000001
    redis chart https://charts.example.com/redis 18.1.0 sha256:2222222222222222222222222222222222222222222222222222222222222222
    web image ghcr.io/acme/web:1.4.2@sha256:1111111111111111111111111111111111111111111111111111111111111111
    ");
    let mut child =
        Command::new("sha256sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("coreutils");
    child.stdin.take().unwrap().write_all(freight.canonical().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(printed.split_whitespace().next(), Some(freight.id().hex()));
}

#[test]
fn the_id_ignores_layout_and_feels_every_pin() {
    let whole = freight(&[CONFIG, WEB, REDIS]);
    assert_eq!(freight(&[REDIS, CONFIG, WEB]).id(), whole.id());
    assert_eq!(
        freight(&[&CONFIG.replace("https://git.example.com/", "git@git.example.com:"), WEB, REDIS]).id(),
        whole.id()
    );
    for other in [
        freight(&[&CONFIG.replace("0001", "0002"), WEB, REDIS]),
        freight(&[CONFIG, &WEB.replace("1111@", "1112@").replace(":1111", ":1112"), REDIS]),
        freight(&[CONFIG, &WEB.replace("1.4.2", "1.4.3"), REDIS]),
        freight(&[CONFIG, WEB, &REDIS.replace("18.1.0", "18.1.1")]),
        freight(&[CONFIG, &WEB.replace("web=", "front="), REDIS]),
        freight(&[CONFIG, WEB]),
    ] {
        assert_ne!(other.id(), whole.id(), "{}", other.canonical());
    }
}

#[test]
fn freight_has_artifacts_and_each_name_once() {
    assert_eq!(Freight::new(vec![]), Err(FreightError::Empty));
    let twice = vec![artifact(WEB, None).unwrap(), artifact(&WEB.replace("1.4.2", "1.5"), None).unwrap()];
    assert_eq!(Freight::new(twice), Err(FreightError::Twice("web".parse().unwrap())));
}

#[test]
fn changes_name_what_differs_and_skip_other_spellings() {
    let before = freight(&[CONFIG, WEB]);
    let respelled = CONFIG.replace("https://", "ssh://git@");
    let after = freight(&[&respelled, &WEB.replace("1.4.2", "1.4.3"), REDIS]);
    let names: Vec<String> = before.changes(&after).iter().map(|it| it.name.to_string()).collect();
    assert_eq!(names, ["redis", "web"]);
    assert_eq!(after.changes(&before).len(), 2);
    assert!(before.changes(&before).is_empty());
}

#[test]
fn an_alias_is_two_words_and_stays() {
    // Aliases stand in lockfiles: these must never change.
    let alias = |hex: &str| format!("sha256:{hex:0<64}").parse::<promoter_core::FreightId>().unwrap().alias();
    assert_eq!(alias(""), "able-adder");
    assert_eq!(alias("0d6d"), "brave-otter");
    assert_eq!(alias("ffff"), "warm-wolf");
}

#[test]
fn spellings_of_one_git_repository_share_their_normal_form() {
    let normal = |it: &str| it.parse::<GitUrl>().map(|it| it.normal()).map_err(|it| it.to_string());
    for spelling in [
        "https://git.example.com/acme/deploy",
        "https://git.example.com/acme/deploy.git",
        "https://git.example.com/acme/deploy.git/",
        "https://GIT.example.com:443/acme/deploy",
        "HTTPS://git.example.com/acme/deploy",
        "https://ada@git.example.com/acme/deploy",
        "http://git.example.com:80/acme/deploy",
        "ssh://git@git.example.com/acme/deploy.git",
        "ssh://git@git.example.com:22/acme/deploy.git",
        "git@git.example.com:acme/deploy.git",
        "git.example.com:/acme/deploy",
        "git://git.example.com:9418/acme/deploy",
    ] {
        assert_eq!(normal(spelling).as_deref(), Ok("git.example.com/acme/deploy"), "{spelling}");
    }
    assert_eq!(normal("https://git.example.com:8443/a/b").as_deref(), Ok("git.example.com:8443/a/b"));
    assert_eq!(normal("https://git.example.com/Acme/Deploy").as_deref(), Ok("git.example.com/Acme/Deploy"));
    assert_eq!(normal("file:///srv/git/deploy.git").as_deref(), Ok("/srv/git/deploy"));
    assert_eq!(normal("/srv/git/deploy.git").as_deref(), Ok("/srv/git/deploy"));
    for refused in [
        "",
        "deploy",
        "../deploy",
        "./a:b",
        "https://git.example.com",
        "https://git.example.com/",
        "https:///acme/deploy",
        "ftp://git.example.com/a",
        "https://git.example.com/a b",
        "https://git.example.com/a?x=1",
        "https://git.example.com/ä",
    ] {
        assert!(normal(refused).is_err(), "{refused}");
    }
    for secret in [
        "https://ada:hunter2@git.example.com/acme/deploy",
        "https://ghp_hunter2@git.example.com/acme/deploy",
        "ada:hunter2@git.example.com:acme/deploy",
    ] {
        let said = normal(secret).unwrap_err();
        assert_eq!(said.split('`').nth(1).map(|it| &it[..15]), Some("git.example.com"));
        assert!(said.contains("password") && !said.contains("hunter2"), "{said}");
    }
}
