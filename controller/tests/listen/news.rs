//! What the loop makes of news, with an interval of an hour: who waits for the poll waits too long.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tempfile::TempDir;

use super::client::{SECRET, reply, request};
use super::stage::{Stage, push, repository};

fn post(stage: &Stage, body: &str) -> u16 {
    let signature = signature(body);
    let headers = [("X-Promoter-Signature", signature.as_str())];
    super::client::ask(&stage.listening, "POST", "/webhook/shop", &headers, body.as_bytes()).status
}

fn signature(body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|it| format!("{it:02x}")).collect();
    format!("sha256={hex}")
}

/// News passes over the repository that it names, once for all that came, and over no other.
#[test]
fn a_flood_is_few_passes_over_one_repository() {
    let (named, other) = (repository("hello"), repository("hello"));
    let stage = Stage::new(&[&named.url(), &other.url()], true);
    let passes = |repo: &str| Stage::passes(repo, "ok");
    stage.wait(&passes(&other.url()), 1.0);
    push(&named, "good evening");
    let body = format!("{{\"repository\": \"{}\"}}", named.url());
    let begun = std::time::Instant::now();
    for _ in 0..200 {
        assert_eq!(post(&stage, &body), 202);
    }
    stage.wait(&passes(&named.url()), 2.0);
    assert!(named.git(&["show", "environment/dev:shop/manifest.yaml"]).contains("good evening"));
    // What came before a pass began is that pass; what came later is one more, a second after it.
    let most = 3.0 + begun.elapsed().as_secs_f64();
    assert!(stage.value(&passes(&named.url())) <= Some(most));
    assert_eq!(stage.value(&passes(&other.url())), Some(1.0));
    // News that names nothing known concerns everybody, and the stop at the end is heard at once.
    assert_eq!(post(&stage, ""), 202);
    stage.wait(&passes(&other.url()), 2.0);
}

/// The program itself: a push and a message, and the environment has it.
#[test]
fn a_push_and_a_message_are_promoted_before_the_interval() {
    let repo = repository("hello");
    let directory = TempDir::new().unwrap();
    let secrets = directory.path().join("webhooks");
    std::fs::create_dir(&secrets).unwrap();
    std::fs::write(secrets.join("shop.generic"), SECRET).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_promoter-controller"))
        .args(["--interval", "1h", "--listen", "127.0.0.1:0", "--repo", &repo.url()])
        .arg("--cache-dir")
        .arg(directory.path().join("cache"))
        .arg("--webhook-secrets-dir")
        .arg(&secrets)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut line = |has: &dyn Fn(&serde_json::Value) -> bool| loop {
        let line = log.next().unwrap().unwrap();
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        if has(&line) {
            return line;
        }
    };
    let listening = line(&|it| it["address"].is_string());
    assert_eq!(listening["message"], "listening; webhooks: shop (generic)");
    let runs = |it: &serde_json::Value| it["subject"] == "dev" && it["kind"] == "is";
    let first = line(&runs)["message"].clone();
    push(&repo, "good evening");
    let body = format!("{{\"repository\": \"{}\"}}", repo.url());
    let mut stream = std::net::TcpStream::connect(listening["address"].as_str().unwrap()).unwrap();
    let head = [("X-Promoter-Signature", &*signature(&body))];
    std::io::Write::write_all(&mut stream, &request("POST", "/webhook/shop", &head, body.as_bytes()))
        .unwrap();
    assert_eq!(reply(&mut stream).status, 202);
    let news = line(&|it| it["webhook"] == "shop");
    assert!(news["message"].as_str().unwrap().starts_with("may have moved: "), "{news}");
    assert_ne!(line(&runs)["message"], first);
    assert!(repo.git(&["show", "environment/dev:shop/manifest.yaml"]).contains("good evening"));
    let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(told.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
