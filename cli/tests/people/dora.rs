//! The four figures, of a history that went wrong once.

use super::stage::Stage;

#[test]
fn figures_come_of_what_the_branches_tell() {
    let stage = Stage::new();
    let figures = |arguments: &[&str]| -> serde_json::Value {
        let mut command = stage.command(stage.home.path());
        command.args(["dora", "-o", "json"]).args(arguments).env("PROMOTER_REPO", stage.repo.url());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let all = figures(&[]);
    assert_eq!(all.as_array().unwrap().len(), 3, "nothing ran yet, and that is no error");
    assert_eq!(all[0]["deployments"], 0);
    stage.pass();
    stage.run("edit main apps/myapp/base/deployment.yaml nginx:1.19 nginx:1.20");
    stage.pass();
    stage.run("promoter rollback dev --to {1} --reason INC-42");
    stage.pass();
    // The first commit only makes the branch: the base has no lock, so both promotions count.
    let dev = &figures(&["dev"])[0];
    assert_eq!(
        (&dev["deployments"], &dev["failures"], &dev["unrestored"]),
        (&2.into(), &1.into(), &0.into()),
        "{dev}"
    );
    assert_eq!(dev["changeFailureRate"], 0.5);
    assert!(
        dev["leadTime"]["medianSeconds"].is_u64() && dev["timeToRestore"]["p90Seconds"].is_u64(),
        "{dev}"
    );
    let staging = &figures(&["staging", "--since", "1d"])[0];
    assert_eq!((&staging["deployments"], &staging["failures"]), (&2.into(), &0.into()), "{staging}");
    assert_eq!(staging["deploymentFrequency"], 14.0);
}
