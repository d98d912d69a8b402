//! Checks against servers on the loopback.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed test panics")]

mod server;

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use promoter_core::pipeline::{self, Check, Probe};
use promoter_core::verification::Answer;
use promoter_sources::checks::{Expectation, HttpChecker, Secrets};
use promoter_testkit::golden;
use server::{Asked, Server};

const SOON: Duration = Duration::from_secs(20);

/// The check of a `verification` item in flow style.
fn check(item: &str) -> Check {
    let text = format!(
        "apiVersion: promoter.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: shop }}\nspec:\n  subscriptions: [{{ name: config, git: {{}} }}]\n  environments:\n    - {{ name: dev, source: dev, verification: [{{ {item} }}] }}\n"
    );
    let read = pipeline::read("promoter.yaml", &text);
    let mut pipeline = read.unwrap_or_else(|it| panic!("{}\n{text}", it.diagnosis())).remove(0);
    pipeline.environments.remove(0).verification.remove(0)
}

/// Asks with the secrets of a directory.
async fn ask(check: &Check, secrets: &Path, timeout: Duration) -> Answer {
    let checker = HttpChecker::new(Secrets::below(Some(secrets))).unwrap();
    let expectation = Expectation::of(&check.probe).unwrap().unwrap();
    match &check.probe {
        Probe::Http(probe) => checker.http(probe, &expectation, timeout).await,
        Probe::Prometheus(probe) => checker.prometheus(probe, &expectation, timeout).await,
        other => panic!("{other:?} asks no server"),
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    what: String,
    expect: String,
    #[serde(default = "ok")]
    status: u16,
    #[serde(default)]
    body: String,
}

fn ok() -> u16 {
    200
}

/// What is made of each answer; the port, which is another one each time, is written `PORT`.
fn answers(cases: &[Case], item: impl Fn(&str, &str) -> String) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let secrets = tempfile::tempdir().unwrap();
    std::fs::write(secrets.path().join("token"), "s3cret\n").unwrap();
    let mut out = String::new();
    for case in cases {
        let answer = runtime.block_on(async {
            let server = Server::answering(case.status, &case.body).await;
            let answer = ask(&check(&item(&server.address, &case.expect)), secrets.path(), SOON).await;
            format!("{answer:?}").replace(&server.address, "127.0.0.1:PORT")
        });
        let _ = writeln!(out, "{}: {answer}", case.what);
    }
    out
}

const TOKEN: &str = "headersFrom: [{ name: Authorization, file: token, prefix: \"Bearer \" }]";

#[test]
fn http_answers() {
    golden("checks/http.yaml", |cases: Vec<Case>| {
        answers(&cases, |address, expect| {
            format!("http: {{ url: \"http://{address}\", expect: \"{expect}\", {TOKEN} }}")
        })
    });
}

#[test]
fn prometheus_answers() {
    golden("checks/prometheus.yaml", |cases: Vec<Case>| {
        answers(&cases, |address, expect| {
            format!("prometheus: {{ url: \"http://{address}/\", query: up, expect: \"{expect}\", {TOKEN} }}")
        })
    });
}

#[tokio::test]
async fn a_request_holds_what_the_pipeline_says_and_the_secrets_of_the_moment() {
    let server = Server::answering(200, "").await;
    let secrets = tempfile::tempdir().unwrap();
    let check = check(&format!(
        "http: {{ url: \"http://{}/ready?x=1\", method: POST, headers: {{ X-Probe: \"1\" }}, body: \"{{}}\", {TOKEN} }}",
        server.address
    ));
    let answer = ask(&check, secrets.path(), SOON).await;
    assert_eq!(answer, Answer::Waiting("the secret `token` is not there".into()));
    for token in ["one", "two"] {
        std::fs::write(secrets.path().join("token"), token).unwrap();
        assert_eq!(ask(&check, secrets.path(), SOON).await, Answer::Passed);
    }
    let [one, two] = server.asked().try_into().unwrap();
    let Asked { line, headers, body } = one;
    assert_eq!((line.as_str(), body.as_str()), ("POST /ready?x=1", "{}"));
    assert_eq!(headers["authorization"], "Bearer one");
    assert_eq!(headers["x-probe"], "1");
    assert_eq!(two.headers["authorization"], "Bearer two");
    assert!(!format!("{check:?}").contains("two"));
}

#[tokio::test]
async fn a_query_is_asked_as_prometheus_documents_it() {
    let body = r#"{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}"#;
    let server = Server::answering(200, body).await;
    let check = check(&format!(
        "prometheus: {{ url: \"http://{}/prom/\", query: 'sum(rate(http_requests_total{{code=~\"5..\"}}[5m])) + 1', expect: \"value == 1.0\" }}",
        server.address
    ));
    assert_eq!(ask(&check, Path::new("/"), SOON).await, Answer::Passed);
    let [asked] = server.asked().try_into().unwrap();
    assert_eq!(asked.line, "POST /prom/api/v1/query");
    assert_eq!(asked.headers["content-type"], "application/x-www-form-urlencoded");
    let sent = "query=sum%28rate%28http_requests_total%7Bcode%3D%7E%225..%22%7D%5B5m%5D%29%29+%2B+1";
    assert_eq!(asked.body, sent);
}

#[tokio::test]
async fn a_server_that_does_not_answer_fails_its_own_check_and_no_metric() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // Connections are taken by the system and never answered.
    let http = check(&format!("http: {{ url: \"http://{address}\" }}"));
    let query =
        check(&format!("prometheus: {{ url: \"http://{address}\", query: up, expect: \"value == 1\" }}"));
    let (short, secrets) = (Duration::from_millis(300), Path::new("/"));
    let silent = format!("GET http://{address}: no answer within 0.3 s");
    assert_eq!(ask(&http, secrets, short).await, Answer::Failed(silent));
    let unread = format!("http://{address} could not be read: no answer within 0.3 s");
    assert_eq!(ask(&query, secrets, short).await, Answer::Waiting(unread));
    drop(listener);
    let Answer::Failed(why) = ask(&http, secrets, SOON).await else { panic!("nobody listens") };
    assert!(why.contains("refused"), "{why}");
    let Answer::Waiting(why) = ask(&query, secrets, SOON).await else { panic!("nobody listens") };
    assert!(why.contains("refused"), "{why}");
}

#[tokio::test]
async fn an_answer_has_a_size() {
    let server = Server::answering(200, &"x".repeat((1 << 20) + 1)).await;
    let answer =
        ask(&check(&format!("http: {{ url: \"http://{}\" }}", server.address)), Path::new("/"), SOON).await;
    let Answer::Failed(why) = answer else { panic!("{answer:?}") };
    assert!(why.ends_with("larger than 1 MiB"), "{why}");
}

#[tokio::test]
async fn a_certificate_of_ones_own_is_trusted_where_it_is_named() {
    let authority = promoter_testkit::git::Authority::new();
    let secrets = tempfile::tempdir().unwrap();
    authority.write(secrets.path());
    let server = Server::answering_over_tls(&authority, 200).await;
    let item = |more: &str| check(&format!("http: {{ url: \"https://{}\"{more} }}", server.address));
    assert_eq!(ask(&item(", caFile: ca.pem"), secrets.path(), SOON).await, Answer::Passed);
    let Answer::Failed(why) = ask(&item(""), secrets.path(), SOON).await else { panic!("nobody trusts it") };
    assert!(why.to_lowercase().contains("issuer"), "{why}");
    std::fs::write(secrets.path().join("ca.pem"), "no certificate").unwrap();
    let Answer::Waiting(why) = ask(&item(", caFile: ca.pem"), secrets.path(), SOON).await else { panic!() };
    assert_eq!(why, "`ca.pem` holds no certificates in PEM");
}

/// Metrics of a template for a server, with a secret header each.
fn metrics(address: &str) -> Vec<Check> {
    let headers = "headers: [{ key: Authorization, value: \"Bearer {{args.token}}\" }]";
    let template = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: AnalysisTemplate\nmetadata: {{ name: a }}\nspec:\n  args: [{{ name: token, valueFrom: {{ secretKeyRef: {{ name: metrics, key: token }} }} }}]\n  metrics:\n    - {{ name: web, successCondition: result.ok, provider: {{ web: {{ url: \"http://{address}/m\", method: POST, jsonBody: {{ a: 1 }}, {headers} }} }} }}\n    - {{ name: rate, successCondition: result > 1, provider: {{ prometheus: {{ address: \"http://{address}\", query: up, {headers} }} }} }}\n"
    );
    let text = "apiVersion: promoter.dev/v1alpha1\nkind: Pipeline\nmetadata: { name: shop }\nspec:\n  subscriptions: [{ name: config, git: {} }]\n  environments:\n    - { name: dev, source: dev, verification: [{ analysisTemplate: { file: a.yaml } }] }\n";
    let read = pipeline::read_beside("main", "promoter.yaml", text, &|_| Ok(template.clone()));
    read.unwrap().remove(0).environments.remove(0).verification
}

#[tokio::test]
async fn metrics_of_templates_are_asked_with_their_secrets_and_errors_wait() {
    let secrets = tempfile::tempdir().unwrap();
    std::fs::create_dir(secrets.path().join("metrics")).unwrap();
    std::fs::write(secrets.path().join("metrics/token"), "s3cret").unwrap();
    let checker = HttpChecker::new(Secrets::below(Some(secrets.path()))).unwrap();
    let ask = async |check: &Check| match &check.probe {
        Probe::Analysis(probe) => checker.analysis(probe, SOON).await,
        other => panic!("{other:?}"),
    };
    let server = Server::answering(200, "{\"ok\":false,\"who\":\"s3cret\"}").await;
    let [web, rate] = metrics(&server.address).try_into().unwrap();
    let seen = "`result.ok` is false (result {\"ok\":false,\"who\":\"***\"})";
    assert_eq!(ask(&web).await, Answer::Failed(seen.into()));
    let Answer::Waiting(why) = ask(&rate).await else { panic!() };
    assert!(why.ends_with("gives no result: status 200"), "{why}");
    let [web, rate] = server.asked().try_into().unwrap();
    assert_eq!((web.line.as_str(), web.body.as_str()), ("POST /m", "{\"a\":1}"));
    assert_eq!(
        (&*web.headers["authorization"], &*web.headers["content-type"]),
        ("Bearer s3cret", "application/json")
    );
    assert_eq!(
        (rate.line.as_str(), &*rate.headers["authorization"]),
        ("POST /api/v1/query", "Bearer s3cret")
    );
    for (status, body, words) in [
        (500, "{\"ok\":true}", "gives no result: status 500"),
        (200, "ok", "gives no result: it is no JSON"),
        (200, "{}", "`result.ok` cannot be evaluated: No such key: ok (result {})"),
    ] {
        let server = Server::answering(status, body).await;
        let Answer::Waiting(why) = ask(&metrics(&server.address)[0]).await else { panic!("{status} {body}") };
        assert!(why.ends_with(words), "{why}");
    }
}
