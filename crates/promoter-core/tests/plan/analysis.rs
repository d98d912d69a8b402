//! AnalysisTemplates of Argo Rollouts: what each becomes, what its results mean, and what is said of those that cannot be used.

use crate::files::Errors;
use promoter_core::UnixSeconds;
use promoter_core::expression::Given;
use promoter_core::pipeline::{self, Check, Probe, Provider};
use promoter_core::verification::{About, Answer, Asked, Measurement, Tally};
use promoter_testkit::golden;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

const PATH: &str = "apps/shop/promoter.yaml";
const TEMPLATE: &str = "apps/shop/analysis/template.yaml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(default)]
    name: Option<String>,
    args: BTreeMap<String, String>,
    template: String,
    results: Vec<serde_yaml::Value>,
}

/// The checks of an item of `verification` whose template holds this text.
fn checks(name: Option<&str>, args: &BTreeMap<String, String>, template: Option<&str>) -> Vec<Check> {
    let name = name.map(|it| format!("name: {it}, ")).unwrap_or_default();
    let args = serde_json::to_string(args).unwrap();
    let text = format!(
        "apiVersion: promoter.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: shop }}\nspec:\n  subscriptions: [{{ name: config, git: {{}} }}]\n  environments:\n    - name: dev\n      source: dev\n      verification: [{{ {name}analysisTemplate: {{ file: analysis/template.yaml, args: {args} }} }}]\n"
    );
    let beside = |path: &str| match (path, template) {
        (TEMPLATE, Some(template)) => Ok(template.to_owned()),
        _ => Err("is not there".to_owned()),
    };
    let read = pipeline::read_beside("main", PATH, &text, &beside);
    let mut pipeline = read.unwrap_or_else(|it| panic!("{}\n{text}", it.diagnosis())).remove(0);
    pipeline.environments.remove(0).verification
}

/// What is wrong with the template of a check.
fn broken(checks: &[Check]) -> Option<String> {
    checks.iter().find_map(|it| match &it.probe {
        Probe::Broken(probe) => Some(probe.why.diagnosis().to_string()),
        _ => None,
    })
}

#[test]
fn templates_become_checks() {
    golden("analysis/*.yaml", |case: Case| {
        let checks = checks(case.name.as_deref(), &case.args, Some(&case.template));
        let mut out = String::new();
        for check in &checks {
            let Probe::Analysis(probe) = &check.probe else { panic!("{:?}", broken(&checks)) };
            let _ = writeln!(
                out,
                "{} ({})\n  {:?}\n  {:#?}",
                check.title(),
                check.at,
                check.pace,
                probe.provider
            );
            for (what, condition) in [("success", &probe.success), ("failure", &probe.failure)] {
                if let Some(condition) = condition {
                    let _ = writeln!(out, "  {what}: {condition}\n    in CEL: {}", condition.cel());
                }
            }
            for result in &case.results {
                let _ = writeln!(
                    out,
                    "  {}",
                    answer(probe.provider.clone(), result, |it, seen| probe.judge(it, seen))
                );
            }
        }
        out
    });
}

/// What is made of one answer of a provider.
fn answer(provider: Provider, result: &serde_yaml::Value, judge: impl Fn(&Given, &str) -> Answer) -> String {
    match provider {
        Provider::Prometheus { .. } => {
            let values: Vec<f64> =
                result.as_sequence().unwrap().iter().map(|it| it.as_f64().unwrap_or(f64::NAN)).collect();
            format!("{values:?}: {:?}", judge(&Given::Floats(values.clone()), "seen"))
        }
        Provider::Web { path, .. } => {
            let body = serde_json::to_value(result).unwrap();
            match path.follow(&body) {
                Some(value) => format!("{body}: {:?}", judge(&Given::Json(value.clone()), "seen")),
                None => format!("{body}: nothing at {path}"),
            }
        }
    }
}

#[test]
fn slips_in_a_template_are_said() {
    golden("errors/analysis.yaml", |case: Errors| {
        let args = BTreeMap::from([("service".to_owned(), "web".to_owned())]);
        case.said(|text| broken(&checks(None, &args, Some(text))).map_or(Ok(()), Err))
    });
}

#[test]
fn a_template_that_is_not_there_is_a_check_that_waits() {
    let checks = checks(Some("rate"), &BTreeMap::new(), None);
    let said = broken(&checks).unwrap();
    let words = "`spec.environments[0].verification[0].analysisTemplate.file`: `apps/shop/analysis/template.yaml` is not there (apps/shop/promoter.yaml:9)";
    assert!(said.starts_with(words), "{said}");
    assert_eq!((checks.len(), checks[0].title()), (1, "rate"));
}

/// A story of answers (`p` passes, `f` fails, `w` waits) and what is said after each.
fn counted(metric: &str, answers: &str) -> Vec<String> {
    let template = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: AnalysisTemplate\nmetadata: {{ name: a }}\nspec:\n  dryRun: [{{ metricName: dry }}]\n  metrics:\n    - {{ provider: {{ web: {{ url: \"http://a\" }} }}, {metric} }}\n"
    );
    let check = checks(None, &BTreeMap::new(), Some(&template)).remove(0);
    let about = About::Proposal("1".repeat(40).parse().unwrap());
    let of = Asked { check: check.id.clone(), about: about.clone() };
    let mut all = Vec::new();
    let said = answers.chars().zip(1..).map(|(letter, at)| {
        let answer = match letter {
            'p' => Answer::Passed,
            'f' => Answer::Failed("no".into()),
            _ => Answer::Waiting("later".into()),
        };
        all.push(Measurement { of: of.clone(), at: UnixSeconds(at), answer });
        format!("{:?}", Tally::of(&check, &about, UnixSeconds(0), &all).state("m"))
    });
    said.collect()
}

#[test]
fn failures_are_counted_as_rollouts_counts_them() {
    let pass = "Passed".to_owned();
    let said = counted("name: m, count: 3, failureLimit: 1", "pfpwfppp");
    let expected = [
        "Counting(\"1 of 3 answers of m\")",
        "Counting(\"2 of 3 answers of m\")",
        "Passed",
        "Waiting(\"m: later\")",
        // Never two in a row, and two of three.
        "Failed(\"m: no (2 of 3 fail)\")",
        "Failed(\"m: no (2 of 3 fail)\")",
        "Passed",
        "Passed",
    ];
    // The window slides: f p f, p f p, f p p.
    assert_eq!(said[..5], expected[..5]);
    assert_eq!(said[5..], [pass.clone(), pass.clone(), pass.clone()]);
    // Without a count, and with a row of successes, it is in a row.
    assert_eq!(counted("name: m, failureLimit: 1", "fpff")[3], "Failed(\"m: no\")");
    let said = counted("name: m, count: 9, consecutiveSuccessLimit: 2, failureLimit: 1", "pfpp");
    assert_eq!(said[2..], ["Counting(\"1 of 2 passes of m\")".to_owned(), pass.clone()]);
    // A dry run fails nothing.
    assert_eq!(counted("name: dry, count: 2", "fff"), [pass.clone(), pass.clone(), pass]);
}
