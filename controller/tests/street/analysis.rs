//! Verification by an AnalysisTemplate that lies beside promoter.yaml, against servers on the loopback.

use promoter_controller::pass::Pass;

use super::app::App;
use super::world::{AT_ONCE, FOLDER, World, lines};

const TEMPLATE: &str = "\
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: { name: success-rate }
spec:
  args: [{ name: metrics }, { name: app }, { name: limit, value: \"0.95\" }]
  metrics:
    - name: success-rate
      interval: 10s
      count: 2
      failureLimit: 1
      successCondition: result[0] >= {{args.limit}}
      provider: { prometheus: { address: \"http://{{args.metrics}}\", query: up } }
    - name: ready
      interval: 10s
      successCondition: result == true
      provider: { web: { url: \"http://{{args.app}}/\", jsonPath: \"{$.data.ok}\" } }
";

fn sample(value: &str) -> String {
    format!(
        "{{\"status\":\"success\",\"data\":{{\"resultType\":\"vector\",\"result\":[{{\"metric\":{{}},\"value\":[1,\"{value}\"]}}]}}}}"
    )
}

fn dev(pass: &Pass) -> String {
    lines(pass).into_iter().find(|it| it.starts_with("dev: runs")).unwrap()
}

#[test]
fn a_template_is_read_with_the_pipeline_and_measured() {
    let world = World::at_once();
    let metrics = App::start();
    let line = "    - { name: dev, source: envs/dev, promotion: auto }\n";
    let dev_with = format!(
        "    - name: dev\n      source: envs/dev\n      promotion: auto\n      verification: [{{ analysisTemplate: {{ file: analysis/rate.yaml, args: {{ metrics: \"{}\", app: \"{}\" }} }} }}]\n",
        metrics.address, world.app.address
    );
    let pipeline = AT_ONCE.replace(line, &dev_with);
    let template = format!("{FOLDER}/analysis/rate.yaml");
    let broken = TEMPLATE.replace("result == true", "result * 2 == 4");
    world.repo.commit("main", &[(&format!("{FOLDER}/promoter.yaml"), &*pipeline), (&template, &*broken)]);
    let mut controller = world.controller();

    // A template that cannot be used: it is said with its place, and dev waits.
    let pass = world.pass(&mut controller);
    let said = pass.findings.first().unwrap().to_string();
    assert!(said.contains("`*` is not understood (apps/myapp/analysis/rate.yaml:15)"), "{said}");
    world.wait(10);
    let said = dev(&world.pass(&mut controller));
    assert!(said.contains("analysisTemplate check 1: `spec.metrics[1].successCondition`: `*`"), "{said}");
    assert!(world.lock("staging").is_none());

    // Only the template is mended.
    world.repo.commit("main", &[(&template, TEMPLATE)]);
    metrics.says(&sample("0.5"));
    world.app.says("{\"data\":{\"ok\":true}}");
    let pass = world.pass(&mut controller);
    assert_eq!(pass.findings, []);
    assert!(dev(&pass).ends_with("1 of 2 answers of success-rate"), "{}", dev(&pass));

    // One failure of two is borne, as Rollouts bears it.
    metrics.says(&sample("0.99"));
    world.wait(10);
    let said = dev(&world.pass(&mut controller));
    assert!(said.contains(", verified since "), "{said}");
    assert!(world.lock("staging").is_some());

    // Errors are waited for; the result stands.
    world.app.answers(503);
    world.wait(10);
    let said = dev(&world.pass(&mut controller));
    assert!(said.contains(", verified since "), "{said}");
    world.app.answers(200);
    world.app.says("{\"data\":{\"ok\":false}}");
    world.wait(10);
    let said = dev(&world.pass(&mut controller));
    assert!(said.contains("failed verification since"), "{said}");
    assert!(said.ends_with("ready: `result == true` is false (result false)"), "{said}");

    // Two failures of two.
    world.app.says("{\"data\":{\"ok\":true}}");
    metrics.says(&sample("0.1"));
    for _ in 0..2 {
        world.wait(10);
        world.pass(&mut controller);
    }
    let pass = world.pass(&mut controller);
    assert!(dev(&pass).contains("failed verification since"), "{}", dev(&pass));
}
