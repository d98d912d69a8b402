//! Probes and metrics before the first pass, after it, and when passes fail.

use promoter_controller::run;
use promoter_testkit::git::TestRepo;

use super::open_metrics::samples;
use super::stage::{Stage, repository};

#[test]
fn before_and_after_the_first_pass() {
    let repo = repository("hello");
    let url = repo.url();
    let before = Stage::new(&[&url], false);
    assert_eq!(before.probe("/healthz"), (200, "ok\n".into()));
    assert_eq!(before.probe("/readyz"), (503, format!("`{url}` had no pass yet\n")));
    samples(&before.probe("/metrics").1);
    drop(before);
    let stage = Stage::new(&[&url], true);
    stage.wait(&Stage::passes(&url, "ok"), 1.0);
    assert_eq!(stage.probe("/readyz"), (200, "ok\n".into()));
    let text = stage.probe("/metrics").1;
    let samples = samples(&text);
    let value = |name: &str, labels: &[(&str, &str)]| {
        let has = |it: &super::open_metrics::Sample| {
            it.name == name
                && labels.iter().all(|(key, value)| it.labels.get(*key).is_some_and(|it| it == value))
        };
        samples.iter().find(|it| has(it)).map(|it| it.value)
    };
    let of = [("repo", url.as_str())];
    assert_eq!(value("promoter_build_info", &[("version", env!("CARGO_PKG_VERSION"))]), Some(1.0));
    assert_eq!(value("promoter_pass_duration_seconds_count", &of), Some(1.0));
    assert_eq!(value("promoter_promotions_total", &of), Some(1.0));
    assert_eq!(value("promoter_checks_asked_total", &of), Some(0.0));
    assert!(value("promoter_git_requests_total", &of) > Some(2.0));
    assert!(value("promoter_last_successful_pass_timestamp_seconds", &of) > Some(1.7e9));
    for (state, count) in [("stays", 1.0), ("waits", 0.0), ("held", 0.0), ("failed", 0.0), ("moves", 0.0)] {
        assert_eq!(value("promoter_environments", &[("state", state)]), Some(count), "{state}: {text}");
    }
    let age = value("promoter_freight_age_seconds", &[("pipeline", "shop"), ("environment", "dev")]);
    assert!(age.is_some_and(|it| (0.0..3600.0).contains(&it)), "{age:?}");
    assert_eq!(value("promoter_findings", &of), None);
    assert_eq!(stage.value("promoter_working"), Some(1.0));
    stage.watch.stands_by(true);
    assert_eq!(stage.value("promoter_working"), Some(0.0));
    let text = stage.watch.metrics(run::now());
    assert!(!text.contains("promoter_environments{"), "{text}");
}

#[test]
fn when_passes_fail() {
    let (gone, good) = (TestRepo::new(), repository("hello"));
    let stage = Stage::new(&[&gone.url()], true);
    stage.wait(&Stage::passes(&gone.url(), "failed"), 1.0);
    assert_eq!(stage.probe("/healthz").0, 200);
    assert_eq!(stage.probe("/readyz"), (503, "no repository could be observed\n".into()));
    let finding = format!("promoter_findings{{repo=\"{}\",code=\"dry-branch-missing\"}}", gone.url());
    assert_eq!(stage.value(&finding), Some(1.0));
    // One that works is reason enough to be sent webhooks.
    let both = Stage::new(&[&gone.url(), &good.url()], true);
    both.wait(&Stage::passes(&good.url(), "ok"), 1.0);
    assert_eq!(both.probe("/readyz").0, 200);
}
