//! Jobs that verify, against a server that keeps objects as the API of `batch/v1` does.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use promoter_controller::apply::job::Jobs;
use promoter_core::pipeline::{self, JobProbe, Probe};
use promoter_core::verification::Answer;
use promoter_core::verification::job::Run;
use promoter_core::{Digest, UnixSeconds};
use promoter_sources::kubernetes::Kubernetes;
use serde_json::{Value, json};

use crate::server::Server;

const SOON: Duration = Duration::from_secs(30);
const MANIFEST: &str = "apiVersion: batch/v1\nkind: Job\nspec: { template: { spec: { restartPolicy: Never, containers: [{ name: a, image: a }] } } }\n";

/// The Jobs of one namespace by name, and what was asked.
#[derive(Default)]
struct Kept {
    jobs: Vec<Value>,
    asked: Vec<String>,
    /// Says once that there is no such Job, as to one who comes a moment too early.
    hides: bool,
}

/// Serves for as long as the test runs: gives a method with its path and a body, takes a status and a body.
fn serve(answers: impl Fn(&str, String) -> (u16, String) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            respond(&stream.unwrap(), &answers);
        }
    });
    address
}

fn respond(mut stream: &TcpStream, answers: &impl Fn(&str, String) -> (u16, String)) {
    let mut reader = BufReader::new(stream);
    let mut lines = reader.by_ref().lines().map_while(Result::ok).take_while(|it| !it.is_empty());
    let Some(first) = lines.next() else { return };
    let line = first.trim_end_matches(" HTTP/1.1").trim_end_matches(['?', '&']).to_owned();
    let length =
        lines.filter_map(|it| it.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned));
    let length: usize = length.last().map_or(0, |it| it.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let (code, text) = answers(&line, String::from_utf8(body).unwrap());
    let head = format!(
        "HTTP/1.1 {code} Word\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        text.len()
    );
    let _ = stream.write_all(format!("{head}{text}").as_bytes());
}

impl Kept {
    fn answer(&mut self, line: &str, body: &str) -> (u16, String) {
        self.asked.push(line.to_owned());
        let path = "/apis/batch/v1/namespaces/checks/jobs";
        let named = |name: &Value| self.jobs.iter().find(|it| it["metadata"]["name"] == *name).cloned();
        let refused = |code: u16, reason: &str| {
            let status = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": reason });
            (code, status)
        };
        let (code, found) = if let Some(name) = line.strip_prefix(&format!("GET {path}/")) {
            let hidden = std::mem::take(&mut self.hides);
            named(&json!(name)).filter(|_| !hidden).map_or_else(|| refused(404, "NotFound"), |it| (200, it))
        } else if line.starts_with(&format!("POST {path}")) {
            let job: Value = serde_json::from_str(body).unwrap();
            if named(&job["metadata"]["name"]).is_some() {
                refused(409, "AlreadyExists")
            } else {
                self.jobs.push(job.clone());
                (201, job)
            }
        } else {
            refused(403, "Forbidden")
        };
        (code, found.to_string())
    }
}

/// A kubeconfig for a server on the loopback.
fn kubeconfig(directory: &Path, address: &str) -> PathBuf {
    let path = directory.join("kubeconfig.yaml");
    let text = "apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters: [{ name: a, cluster: { server: \"http://ADDRESS\" } }]\n\
                users: [{ name: a, user: { token: s3cret } }]\ncontexts: [{ name: a, context: { cluster: a, user: a } }]\n";
    std::fs::write(&path, text.replace("ADDRESS", address)).unwrap();
    path
}

fn run(since: i64) -> Run {
    Run {
        pipeline: "shop".parse().unwrap(),
        environment: "dev".parse().unwrap(),
        freight: Digest::of(b"a").into(),
        commit: "1".repeat(40).parse().unwrap(),
        promoted_at: UnixSeconds(1),
        since: UnixSeconds(since),
    }
}

fn probe() -> JobProbe {
    let text = "apiVersion: promoter.dev/v1alpha1\nkind: Pipeline\nmetadata: { name: shop }\nspec:\n  subscriptions: [{ name: config, git: {} }]\n  environments:\n    - { name: dev, source: dev, verification: [{ job: { file: a.yaml, namespace: checks } }] }\n";
    let read = pipeline::read_beside("main", "promoter.yaml", text, &|_| Ok(MANIFEST.to_owned()));
    let check = read.unwrap().remove(0).environments.remove(0).verification.remove(0);
    let Probe::Job(probe) = check.probe else { unreachable!("a Job") };
    *probe
}

#[test]
fn a_job_is_created_once_and_read_until_it_ends() {
    let kept: Arc<Mutex<Kept>> = Arc::default();
    let server = kept.clone();
    let address = serve(move |line, body| server.lock().unwrap().answer(line, &body));
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = kubeconfig(directory.path(), &address);
    let start = || Jobs::new(Some(Arc::new(Kubernetes::new(Some(kubeconfig.clone())))));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let probe = probe();
    let name = run(0).name(&probe);
    let (jobs, asks) =
        (start(), |jobs: &Jobs, since: i64| runtime.block_on(jobs.run(&probe, &run(since), SOON)));
    let asked = || std::mem::take(&mut kept.lock().unwrap().asked);
    let (get, post) = (
        format!("GET /apis/batch/v1/namespaces/checks/jobs/{name}"),
        "POST /apis/batch/v1/namespaces/checks/jobs",
    );

    let waits = |what: &str| Answer::Waiting(format!("the Job `{name}` {what}"));
    assert_eq!(asks(&jobs, 0), waits("has not begun"));
    assert_eq!(asked(), [get.clone(), post.to_owned()]);
    assert_eq!(kept.lock().unwrap().jobs, [run(0).manifest(&probe)]);

    // Another controller, which looks a moment too early, and goes on with the same Job.
    let other = start();
    kept.lock().unwrap().jobs[0]["status"] = json!({ "active": 1 });
    kept.lock().unwrap().hides = true;
    assert_eq!(asks(&other, 0), waits("is running"));
    assert_eq!(asked(), [get.clone(), post.to_owned(), get]);
    assert_eq!(kept.lock().unwrap().jobs.len(), 1);

    // It ends, and goes: it is not run again.
    kept.lock().unwrap().jobs[0]["status"] =
        json!({ "conditions": [{ "type": "Failed", "status": "True", "message": "DeadlineExceeded" }] });
    let failed = Answer::Failed(format!("the Job `{name}` failed: DeadlineExceeded"));
    assert_eq!(asks(&jobs, 0), failed);
    kept.lock().unwrap().jobs.clear();
    asked();
    assert_eq!((asks(&jobs, 0), asked()), (failed, Vec::new()));

    // When it is to be verified again, another one runs.
    assert_ne!(run(9).name(&probe), name);
    assert!(matches!(asks(&jobs, 9), Answer::Waiting(_)));
    assert_eq!(kept.lock().unwrap().jobs.len(), 1);

    let elsewhere = JobProbe { namespace: "other".into(), ..probe.clone() };
    let Answer::Waiting(why) = runtime.block_on(jobs.run(&elsewhere, &run(0), SOON)) else {
        unreachable!("no right")
    };
    assert!(why.ends_with("could not be read or made: Forbidden (403)"), "{why}");
    let said = "Jobs are not allowed: start the controller with `--allow-jobs`";
    assert_eq!(asks(&Jobs::new(None), 0), Answer::Waiting(said.into()));
}

/// The API of `batch` is no part of the server that tests have, and it takes no custom resource into a group without a
/// dot: names of another group are put in their place on the way, in both directions.
#[test]
fn a_job_is_created_and_read_on_a_real_server() {
    let Some(server) = Server::start() else { return };
    server.define_open("batch.example.com", "jobs", "Job");
    let forward = server.forwarder();
    let address = serve(move |line, body| {
        let to = |it: &str| it.replace("batch/v1", "batch.example.com/v1");
        let (method, path) = line.split_once(' ').unwrap();
        let (status, text) = forward(method, &to(path), "application/json", to(&body));
        (status, text.replace("batch.example.com/v1", "batch/v1"))
    });
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = kubeconfig(directory.path(), &address);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (probe, run) = (probe(), run(0));
    let name = run.name(&probe);
    let jobs = Jobs::new(Some(Arc::new(Kubernetes::new(Some(kubeconfig)))));
    let asks = || runtime.block_on(jobs.run(&probe, &run, SOON));
    assert_eq!(asks(), Answer::Waiting(format!("the Job `{name}` has not begun")));
    let patch = server.forwarder();
    let path = format!("/apis/batch.example.com/v1/namespaces/checks/jobs/{name}");
    let (status, kept) = patch("GET", &path, "application/json", String::new());
    let kept: Value = serde_json::from_str(&kept).unwrap();
    assert_eq!((status, &kept["spec"]), (200, &run.manifest(&probe)["spec"]));
    let is = |status: Value| {
        let body = json!({ "status": status }).to_string();
        let (code, text) = patch("PATCH", &format!("{path}/status"), "application/merge-patch+json", body);
        assert_eq!(code, 200, "{text}");
    };
    is(json!({ "active": 1 }));
    assert_eq!(asks(), Answer::Waiting(format!("the Job `{name}` is running")));
    is(json!({ "conditions": [{ "type": "Complete", "status": "True" }] }));
    assert_eq!(asks(), Answer::Passed);
}
