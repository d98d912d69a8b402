//! The table, case by case: Applications as the API gives them.

use promoter_core::GitUrl;
use promoter_core::verification::Answer;
use promoter_core::verification::argocd::{Holds, judge, worst};
use promoter_sources::kubernetes::application;
use promoter_testkit::golden;
use serde_json::{Value, json};
use std::fmt::Write as _;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    repository: String,
    holds: Vec<String>,
    unread: Vec<String>,
    base: Value,
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    what: String,
    patch: Value,
}

#[test]
fn states_of_applications() {
    golden("argocd-health/*.yaml", |table: Table| {
        let repository: GitUrl = table.repository.parse().unwrap();
        let holds = |revision: &str| match revision.to_owned() {
            it if table.holds.contains(&it) => Holds::Yes,
            it if table.unread.contains(&it) => Holds::Unknown("connection refused".into()),
            _ => Holds::No,
        };
        let mut out = String::new();
        for case in &table.cases {
            let mut object = table.base.clone();
            merge(&mut object, &case.patch);
            merge(&mut object, &json!({ "metadata": { "name": "guestbook-dev" } }));
            let app = application(&serde_json::from_value(object).unwrap());
            let _ = writeln!(out, "{}: {:?}", case.what, judge(&app, &repository, holds));
        }
        out
    });
}

/// A merge patch (RFC 7386).
fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = json!({});
    }
    for (key, patch) in patch {
        match patch {
            Value::Null => drop(value.as_object_mut().unwrap().remove(key)),
            patch => merge(&mut value[key], patch),
        }
    }
}

#[test]
fn of_several_applications_the_worst_counts() {
    let named = |answers: &[(&str, Answer)]| {
        let answers = answers.iter().map(|(name, answer)| ((*name).to_owned(), answer.clone()));
        worst(answers.collect(), "nothing is there".into())
    };
    let (good, wait, bad) = (Answer::Passed, Answer::Waiting("w".into()), Answer::Failed("f".into()));
    assert_eq!(named(&[]), Answer::Waiting("nothing is there".into()));
    assert_eq!(named(&[("a", good.clone()), ("b", good.clone())]), Answer::Passed);
    let words = Answer::Waiting("b: w (of 3 Applications)".into());
    assert_eq!(named(&[("c", wait.clone()), ("b", wait.clone()), ("a", good)]), words);
    assert_eq!(named(&[("a", wait), ("b", bad)]), Answer::Failed("b: f (of 2 Applications)".into()));
}
