//! Spans of requests, as a collector gets them; and that a collector is never in the way.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::process::Command;

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use promoter_testkit::git::Authority;
use tonic::Code;

use crate::collector::{Collector, Manner, texts};
use crate::common::{OBJECTS, PLUGIN, Served, begin_request, hydrated_request};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";
const NAME: &str = "plugin.ConfigManagementPluginService/GenerateManifest";
/// What a request with hydrated manifests goes through.
const PHASES: [&str; 7] = ["wait", "receive", "queue", "resolve", "render", "verify", "respond"];

/// A caller's header, with these flags.
fn caller(flags: &str) -> String {
    format!("00-{TRACE}-{CALLER}-{flags}")
}

fn serve(collector: &Collector, more: &[&str]) -> Served {
    let address = collector.address();
    Served::start(&[&["--otlp-address", &address], more].concat())
}

/// Lets it answer what runs and send what is queued.
fn stop(mut served: Served) {
    served.terminate();
    served.logged("stopped");
    assert!(served.wait().success());
}

/// How many spans were lost, as each line says it, to the end of the process.
fn lost(served: &Served) -> Vec<u64> {
    let mut lost = Vec::new();
    loop {
        let wanted = ["spans were not exported", "stopped"];
        let line = served.log_line(|it| wanted.iter().any(|wanted| it["message"] == *wanted));
        if line["message"] == "stopped" {
            return lost;
        }
        assert_eq!(line["level"], "WARN");
        lost.push(line["spans"].as_u64().unwrap());
    }
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|it| format!("{it:02x}")).collect()
}

fn attributes(span: &Span) -> BTreeMap<String, String> {
    texts(&span.attributes).into_iter().collect()
}

/// The span of the only request, and those below it by their time, which must lie within its own.
fn tree(spans: Vec<Span>) -> (Span, Vec<Span>) {
    let (mut requests, mut phases): (Vec<_>, Vec<_>) =
        spans.into_iter().partition(|it| it.kind() == SpanKind::Server);
    assert_eq!(requests.len(), 1);
    let request = requests.remove(0);
    phases.sort_by_key(|it| (it.start_time_unix_nano, it.end_time_unix_nano));
    let (mut at, end) = (request.start_time_unix_nano, request.end_time_unix_nano);
    for phase in &phases {
        assert_eq!((&phase.trace_id, &phase.parent_span_id), (&request.trace_id, &request.span_id));
        assert_eq!((phase.kind(), phase.start_time_unix_nano), (SpanKind::Internal, at), "{}", phase.name);
        at = phase.end_time_unix_nano;
    }
    assert_eq!(at, end);
    (request, phases)
}

fn names(phases: &[Span]) -> Vec<&str> {
    phases.iter().map(|it| it.name.as_str()).collect()
}

fn status(span: &Span) -> (StatusCode, &str) {
    span.status.as_ref().map_or((StatusCode::Unset, ""), |it| (it.code(), it.message.as_str()))
}

#[tokio::test]
async fn a_request_becomes_spans_below_the_callers() {
    let collector = Collector::start(Manner::Takes);
    let served = serve(
        &collector,
        &["--otlp-headers", "X-Tenant=shop,authorization=Bearer s3cret", "--otlp-attrs", "cluster:eu"],
    );
    let client = served.client().await.traced(&caller("01"));
    assert_eq!(client.generate(&hydrated_request()).await.unwrap(), OBJECTS);
    // The line belongs to the caller's span, as without an exporter.
    let line = served.logged("answered");
    assert_eq!((&line["trace_id"], &line["span_id"]), (&TRACE.into(), &CALLER.into()));

    // They come while the plugin runs.
    let call = collector.call();
    let header = |name: &str| call.headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default();
    assert_eq!((header("x-tenant"), header("authorization")), ("shop", "Bearer s3cret"));
    let resource: BTreeMap<String, String> = call.resource.into_iter().collect();
    assert_eq!(
        ["service.name", "service.version", "cluster"].map(|it| resource[it].as_str()),
        ["promoter-plugin", env!("CARGO_PKG_VERSION"), "eu"]
    );
    let mut spans = call.spans;
    spans.extend(collector.spans(1 + PHASES.len() - spans.len()));
    let (request, phases) = tree(spans);
    assert_eq!((request.name.as_str(), request.kind()), (NAME, SpanKind::Server));
    assert_eq!((hex(&request.trace_id).as_str(), hex(&request.parent_span_id).as_str()), (TRACE, CALLER));
    assert_ne!(hex(&request.span_id), CALLER);
    assert_eq!(names(&phases), PHASES);
    let told = attributes(&request);
    let wanted = [
        ("argocd.app.name", "guestbook-prod"),
        ("promoter.environment", "prod"),
        ("promoter.mode", "hydrated"),
        ("promoter.objects", "2"),
        ("rpc.response.status_code", "OK"),
    ];
    for (key, value) in wanted {
        assert_eq!(told[key], value, "{key}");
    }
    assert_eq!(told["promoter.request"], line["request"].as_str().unwrap());
    assert_eq!(told["promoter.freight"], line["freight"].as_str().unwrap());
    assert!([&request].into_iter().chain(&phases).all(|it| status(it).0 == StatusCode::Unset));
    stop(served);
    assert!(collector.rest().is_empty());
}

/// The log line leads to the spans, whoever began the trace.
#[tokio::test]
async fn without_a_caller_a_trace_of_its_own_begins() {
    let collector = Collector::start(Manner::Takes);
    let served = serve(&collector, &[]);
    served.client().await.announce(&hydrated_request()).await.unwrap();
    let line = served.logged("answered");
    stop(served);
    let (request, phases) = tree(collector.rest());
    assert_eq!(request.name, "plugin.ConfigManagementPluginService/GetParametersAnnouncement");
    assert!(request.parent_span_id.is_empty());
    assert_eq!(
        (line["trace_id"].as_str(), line.get("span_id")),
        (Some(hex(&request.trace_id).as_str()), None)
    );
    assert_eq!(names(&phases), ["wait", "receive", "resolve", "respond"]);
}

#[tokio::test]
async fn a_failure_is_told_with_its_code_and_line() {
    let collector = Collector::start(Manner::Takes);
    let served = serve(&collector, &[]);
    let mut other = hydrated_request();
    other.env.push(("ARGOCD_ENV_PROMOTER_ENVIRONMENT".into(), "dev".into()));
    let error = served.client().await.traced(&caller("01")).generate(&other).await.unwrap_err();
    stop(served);
    let (request, phases) = tree(collector.rest());
    assert_eq!(status(&request), (StatusCode::Error, error.status().unwrap().1));
    let told = attributes(&request);
    let keys = ["error.type", "promoter.fault", "rpc.response.status_code"];
    assert_eq!(keys.map(|it| told[it].as_str()), ["environment-mismatch", "input", "INVALID_ARGUMENT"]);
    let (last, before) = phases.split_last().unwrap();
    assert_eq!((last.name.as_str(), status(last).0), ("resolve", StatusCode::Error));
    assert!(before.iter().all(|it| status(it).0 == StatusCode::Unset));
}

#[tokio::test]
async fn a_caller_that_leaves_is_told_too() {
    let collector = Collector::start(Manner::Takes);
    let served = serve(&collector, &["--log-level", "debug"]);
    drop(begin_request(&served));
    served.logged("the caller left");
    stop(served);
    let (request, phases) = tree(collector.rest());
    assert_eq!(attributes(&request)["rpc.response.status_code"], "CANCELLED");
    assert_eq!((status(&request).0, names(&phases)), (StatusCode::Unset, vec!["wait", "receive"]));
}

#[tokio::test]
async fn the_callers_word_holds_and_the_ratio_decides_for_others() {
    for (ratio, exported) in [("0", vec![TRACE]), ("1.0", vec![TRACE, "own"])] {
        let collector = Collector::start(Manner::Takes);
        let served = serve(&collector, &["--otlp-sample-ratio", ratio]);
        let client = served.client().await;
        client.clone().traced(&caller("00")).generate(&hydrated_request()).await.unwrap();
        client.clone().traced(&caller("01")).generate(&hydrated_request()).await.unwrap();
        client.generate(&hydrated_request()).await.unwrap();
        stop(served);
        let requests = collector.rest().into_iter().filter(|it| it.kind() == SpanKind::Server);
        let traces: Vec<String> = requests.map(|it| hex(&it.trace_id)).collect();
        let shown: Vec<&str> = traces.iter().map(|it| if it == TRACE { TRACE } else { "own" }).collect();
        assert_eq!(shown, exported, "{ratio}");
    }
}

/// The collector holds its first call to the end of the test: whatever waited for it would hold up the test.
#[tokio::test]
async fn a_collector_that_never_answers_holds_up_neither_answers_nor_the_end() {
    let collector = Collector::start(Manner::Holds);
    let mut served = serve(&collector, &[]);
    let client = served.client().await;
    client.generate(&hydrated_request()).await.unwrap();
    collector.call();
    for _ in 0..9 {
        assert_eq!(client.generate(&hydrated_request()).await.unwrap(), OBJECTS);
    }
    served.terminate();
    assert_eq!(lost(&served).iter().sum::<u64>(), 10 * (1 + PHASES.len()) as u64);
    assert!(served.wait().success());
}

#[tokio::test]
async fn an_absent_collector_costs_a_line_or_two() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let mut served = Served::start(&["--otlp-address", &address]);
    let client = served.client().await;
    for _ in 0..3 {
        assert_eq!(client.generate(&hydrated_request()).await.unwrap(), OBJECTS);
    }
    served.terminate();
    let lost = lost(&served);
    assert_eq!(lost.iter().sum::<u64>(), 3 * (1 + PHASES.len()) as u64);
    // What is lost after the first line is said at the end.
    assert!(lost.len() <= 2, "{lost:?}");
    assert!(served.wait().success());
}

#[tokio::test]
async fn a_refusal_is_told_by_its_code() {
    let collector = Collector::start(Manner::Refuses(Code::Unauthenticated));
    let served = serve(&collector, &["--otlp-headers", "authorization=Bearer s3cret"]);
    served.client().await.generate(&hydrated_request()).await.unwrap();
    let line = served.logged("spans were not exported");
    assert!(line["error"].as_str().unwrap().contains("Unauthenticated"), "{line}");
    assert!(!line.to_string().contains("s3cret"));
    stop(served);
}

/// As deployments made for the stock server say it; with TLS, by the authorities of the machine.
#[tokio::test]
async fn the_stock_servers_variables_are_taken_and_tls_is_checked() {
    let directory = tempfile::tempdir().unwrap();
    let (trusted, other) = (Authority::new(), Authority::new());
    let file = trusted.write(directory.path());
    for (authority, arrives) in [(&trusted, true), (&other, false)] {
        let certificate = authority.certify(&["127.0.0.1"]);
        let collector = Collector::start_behind(Manner::Takes, Some(&certificate));
        let variables = [
            ("ARGOCD_CMP_SERVER_OTLP_ADDRESS", collector.address()),
            ("ARGOCD_CMP_SERVER_OTLP_INSECURE", "false".into()),
            ("ARGOCD_CMP_SERVER_OTLP_HEADERS", "x-tenant=shop".into()),
            ("ARGOCD_CMP_SERVER_OTLP_ATTRS", "service.name:shop-plugin,cluster:eu".into()),
            ("ARGOCD_CMP_SERVER_OTLP_SAMPLE_RATIO", "1".into()),
            ("SSL_CERT_FILE", file.to_str().unwrap().into()),
        ];
        let served = Served::start_with(tempfile::tempdir().unwrap(), &[], &variables);
        served.client().await.generate(&hydrated_request()).await.unwrap();
        if arrives {
            let call = collector.call();
            assert_eq!(call.headers.get("x-tenant").unwrap(), "shop");
            let named = call.resource.iter().filter(|(key, _)| key == "service.name");
            assert_eq!(named.map(|it| it.1.as_str()).collect::<Vec<_>>(), ["shop-plugin"]);
            stop(served);
        } else {
            served.logged("spans were not exported");
            stop(served);
            assert!(collector.rest().is_empty());
        }
    }
}

#[test]
fn values_that_cannot_be_read_are_told_at_the_start() {
    let start = |args: &[&str]| {
        let directory = tempfile::tempdir().unwrap();
        let mut command = Command::new(PLUGIN);
        let output =
            command.arg("serve").arg("--socket-dir").arg(directory.path()).args(args).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let wrong = [
        &["--otlp-address", "http://collector:4317"][..],
        &["--otlp-address", "collector:4317", "--otlp-insecure=perhaps"],
        &["--otlp-address", "collector:4317", "--otlp-headers", "a=1,s3cret"],
        &["--otlp-address", "collector:4317", "--otlp-attrs", "cluster"],
        &["--otlp-address", "collector:4317", "--otlp-sample-ratio", "2"],
    ];
    for args in wrong {
        let (status, stderr) = start(args);
        assert_eq!(status, Some(2), "{stderr}");
        assert!(stderr.ends_with(" [plugin-otlp]\n") && !stderr.contains("s3cret"), "{stderr}");
    }
    // Without an address nothing is exported, and the rest is not looked at.
    let (_, stderr) = start(&["--name", "a/b", "--otlp-sample-ratio", "2"]);
    assert!(stderr.ends_with("[plugin-name]\n"), "{stderr}");
}
