//! Jobs as checks: what a manifest becomes, what a Job's status means, and what is said of manifests that cannot be used.

use crate::files::Errors;
use promoter_core::pipeline::{self, Check, JobProbe, Probe};
use promoter_core::verification::Answer;
use promoter_core::verification::job::{Run, judge};
use promoter_core::{Digest, UnixSeconds};
use promoter_testkit::golden;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    item: String,
    manifest: String,
}

fn check(item: &str, manifest: &str) -> Check {
    let text = format!(
        "apiVersion: promoter.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: shop }}\nspec:\n  subscriptions: [{{ name: config, git: {{}} }}]\n  environments:\n    - {{ name: dev, source: dev, verification: [{{ {item} }}] }}\n"
    );
    let beside = |path: &str| match path {
        "apps/shop/jobs/smoke.yaml" => Ok(manifest.to_owned()),
        _ => Err("is not there".to_owned()),
    };
    let read = pipeline::read_beside("main", "apps/shop/promoter.yaml", &text, &beside);
    let mut pipeline = read.unwrap_or_else(|it| panic!("{}\n{text}", it.diagnosis())).remove(0);
    pipeline.environments.remove(0).verification.remove(0)
}

fn job(check: &Check) -> &JobProbe {
    match &check.probe {
        Probe::Job(probe) => probe,
        other => panic!("{other:?}"),
    }
}

fn run() -> Run {
    Run {
        pipeline: "shop".parse().unwrap(),
        environment: "dev".parse().unwrap(),
        freight: Digest::of(b"a").into(),
        commit: "1".repeat(40).parse().unwrap(),
        promoted_at: UnixSeconds(1),
        since: UnixSeconds(i64::MIN),
    }
}

#[test]
fn manifests_become_jobs() {
    golden("job/*.yaml", |case: Case| {
        let check = check(&case.item, &case.manifest);
        let probe = job(&check);
        let manifest = serde_yaml::to_string(&run().manifest(probe)).unwrap();
        format!("{:?}\nnamespace {}, cluster {:?}\n{manifest}", check.pace, probe.namespace, probe.cluster)
    });
}

#[test]
fn slips_in_a_manifest_are_said() {
    golden("errors/job.yaml", |case: Errors| {
        case.said(|text| match &check("job: { file: jobs/smoke.yaml }", text).probe {
            Probe::Broken(probe) => Err(probe.why.diagnosis().to_string()),
            _ => Ok(()),
        })
    });
}

#[test]
fn a_job_belongs_to_one_stay() {
    let manifest = include_str!("../../../../testdata/job/own.yaml").split_once("manifest: |\n").unwrap().1;
    let check = check("job: { file: jobs/smoke.yaml }", &manifest.replace("\n  ", "\n")[2..]);
    let (probe, first) = (job(&check), run());
    let name = first.name(probe);
    assert!(name.starts_with("promoter-shop-dev-") && name.len() == "promoter-shop-dev-".len() + 8, "{name}");
    // A restart, or a branch that others moved, goes on with it.
    assert_eq!(Run { commit: "2".repeat(40).parse().unwrap(), ..first.clone() }.name(probe), name);
    for other in [
        Run { freight: Digest::of(b"b").into(), ..first.clone() },
        Run { promoted_at: UnixSeconds(2), ..first.clone() },
        Run { since: UnixSeconds(2), ..first.clone() },
        Run { environment: "test".parse().unwrap(), ..first.clone() },
    ] {
        assert_ne!(other.name(probe), name);
    }
    let long = Run { pipeline: "p".repeat(63).parse().unwrap(), ..first }.name(probe);
    assert_eq!(long.len(), 63);
}

#[test]
fn a_status_is_judged() {
    let judged = |status: serde_json::Value| {
        let labels = json!({ "app.kubernetes.io/managed-by": "promoter" });
        judge(&json!({ "metadata": { "name": "smoke", "labels": labels }, "status": status }))
    };
    let waits = |words: &str| Answer::Waiting(words.to_owned());
    assert_eq!(judged(json!(null)), waits("the Job `smoke` has not begun"));
    assert_eq!(judged(json!({ "active": 1 })), waits("the Job `smoke` is running"));
    let condition = |kind: &str, status: &str| json!({ "conditions": [{ "type": kind, "status": status, "reason": "BackoffLimitExceeded", "message": "Job has reached\nthe limit" }] });
    assert_eq!(judged(condition("Complete", "True")), Answer::Passed);
    assert_eq!(judged(condition("Complete", "False")), waits("the Job `smoke` has not begun"));
    assert_eq!(
        judged(condition("Failed", "True")),
        Answer::Failed("the Job `smoke` failed: Job has reached the limit".into())
    );
    let other = judge(&json!({ "metadata": { "name": "smoke" }, "status": condition("Complete", "True") }));
    assert_eq!(other, waits("the Job `smoke` is there and is not promoter's"));
}
