//! Who must have signed images: how it is read, what a policy adds, and what gates say of the answers.

use promoter_core::facts::Facts;
use promoter_core::observation::{Apps, Dry, DryRender, EnvironmentSeen, Observation, State, Tip, Unread};
use promoter_core::pipeline::{self, GateRule, Pipeline, SubscriptionOrigin};
use promoter_core::policy;
use promoter_core::record::{BY_GIT, Discovered, FreightRecord, Record, Records};
use promoter_core::signature::{Answer, asked_by_gates};
use promoter_core::{Artifact, Content, Freight, LockVersion, Name, PromotionLock, Render, UnixSeconds};
use promoter_testkit::golden;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    policy: String,
    pipeline: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Errors {
    signatures: Vec<String>,
    attestations: Vec<String>,
    policies: Vec<String>,
}

fn read(text: &str) -> Result<Pipeline, String> {
    let read = pipeline::read("apps/shop/promoter.yaml", text);
    read.map(|mut it| it.remove(0)).map_err(|it| it.diagnosis().to_string())
}

#[test]
fn signers_are_read() {
    golden("signature/rules.yaml", |case: Case| {
        let policy =
            policy::read("policy.yaml", &case.policy).map_err(|it| it.diagnosis().to_string()).unwrap();
        let effective = policy.apply(&read(&case.pipeline).unwrap());
        let mut out = String::new();
        let of = |policy: &Option<Name>| {
            policy.as_ref().map_or("the pipeline".to_owned(), |it| format!("policy {it}"))
        };
        for it in &effective.pipeline.subscriptions {
            let SubscriptionOrigin::Image(image) = &it.origin else { continue };
            let _ = writeln!(out, "{}", it.name);
            for rule in &image.signatures {
                let _ = writeln!(out, "  {}, of {} ({})", rule.requirement, of(&rule.policy), rule.at);
            }
        }
        for it in &effective.pipeline.environments {
            let _ = writeln!(out, "{}", it.name);
            for gate in &it.gates {
                let needs =
                    gate.rule.needs(&it.name, &promoter_core::gate::Verdict::Closed { why: String::new() });
                let required = if gate.required { ", required" } else { "" };
                let _ = writeln!(
                    out,
                    "  {} `{}`{required}, of {} ({}); needs {needs}",
                    gate.rule,
                    gate.name(),
                    of(&gate.policy),
                    gate.at
                );
            }
        }
        assert_eq!(effective.violations, []);
        out
    });
}

#[test]
fn slips_are_said() {
    golden("signature/errors.yaml", |case: Errors| {
        let mut out = String::new();
        let pipeline = |image: &str, gates: &str| {
            format!(
                "apiVersion: promoter.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: shop }}\nspec:\n  subscriptions:\n    - {{ name: config, git: {{}} }}\n    - name: web\n      image: {{ repoURL: ghcr.io/acme/web{image} }}\n  environments:\n    - {{ name: dev, source: envs/dev{gates} }}\n"
            )
        };
        let mut say = |text: &str, said: Result<(), String>| {
            let _ = writeln!(out, "{text}\n  {}", said.map_or_else(|it| it, |()| "is taken".into()));
        };
        for it in &case.signatures {
            say(it, read(&pipeline(&format!(", signatures: {it}"), "")).map(|_| ()));
        }
        for it in &case.attestations {
            say(it, read(&pipeline("", &format!(", gates: [{{ attestation: {it} }}]"))).map(|_| ()));
        }
        for it in &case.policies {
            let text = format!(
                "apiVersion: promoter.dev/v1alpha1\nkind: Policy\nmetadata: {{ name: acme }}\nspec:\n  images:\n    requireSignature:\n      - {it}\n"
            );
            say(it, policy::read("policy.yaml", &text).map(|_| ()).map_err(|it| it.diagnosis().to_string()));
        }
        out
    });
}

const GATED: &str = "apiVersion: promoter.dev/v1alpha1
kind: Pipeline
metadata: { name: shop }
spec:
  subscriptions:
    - { name: config, git: {} }
    - { name: web, image: { repoURL: ghcr.io/acme/web } }
  environments:
    - name: prod
      source: envs/prod
      promotion: auto
      gates:
        - attestation: { artifact: web, predicateType: https://slsa.dev/provenance/v1, key: cosign.pub }
";

/// A world in which freight with an image is proposed for `prod`, and nobody looked for its attestation.
fn proposed() -> (Pipeline, Observation) {
    let pipeline = read(GATED).unwrap();
    let url: promoter_core::GitUrl = "https://git.example.com/acme/deploy.git".parse().unwrap();
    let commit = "1".repeat(40).parse().unwrap();
    let image = format!("ghcr.io/acme/web:1.4.0@sha256:{}", "2".repeat(64));
    let artifact = |name: &str, content| Artifact { name: name.parse().unwrap(), content };
    let git = artifact("config", Content::Git { url: url.clone(), commit });
    let web = artifact("web", Content::Image(image.parse().unwrap()));
    let freight = Freight::new(vec![git, web]).unwrap();
    let mut records = Records::default();
    let discovered = Discovered { at: UnixSeconds(0), by: BY_GIT.into(), author: None };
    let record = Record::Freight(FreightRecord {
        pipeline: pipeline.name.clone(),
        freight: freight.clone(),
        discovered,
        about: BTreeMap::new(),
    });
    records.put(&record.path(), &record.text());
    let head: promoter_core::CommitId = "3".repeat(40).parse().unwrap();
    let tip = |lock| Ok(Some(Tip { commit: head.clone(), lock: Ok(lock), apps: Apps::default() }));
    let lock = PromotionLock {
        version: LockVersion::default(),
        pipeline: pipeline.name.clone(),
        environment: "prod".parse().unwrap(),
        freight,
        render: Render { source: "apps/shop/envs/prod".into(), ..Render::default() },
        promotion: None,
        hold: None,
    };
    let seen = EnvironmentSeen {
        active: tip(None),
        proposed: tip(Some(lock)),
        merges_cleanly: true,
        refused: BTreeMap::new(),
        measurements: Vec::new(),
    };
    let dry = Dry { head: head.clone(), pin: head.clone(), author: None, render: DryRender::Same };
    let seen = Observation {
        repository: url,
        dry: Ok(dry),
        state: Ok(State { head: Some(head.clone()), records }),
        artifacts: BTreeMap::new(),
        images: BTreeMap::new(),
        policy: Ok(()),
        measures: true,
        environments: BTreeMap::from([("prod".parse().unwrap(), seen)]),
    };
    (pipeline, seen)
}

#[test]
fn gates_wait_until_somebody_looked_and_found_it() {
    let (pipeline, mut seen) = proposed();
    let judge = |seen: &Observation| {
        let facts = Facts::new(&pipeline, seen).unwrap();
        let prod = &pipeline.environments[0];
        format!("{:?}", prod.gates[0].judge(facts.freight[0].id, prod, &facts, UnixSeconds(100)))
    };
    let asked = asked_by_gates(&Facts::new(&pipeline, &seen).unwrap());
    let [question] = asked.as_slice() else { panic!("one question, not {asked:?}") };
    assert_eq!(question.digest.as_str(), format!("sha256:{}", "2".repeat(64)));
    assert_eq!(question.repository.to_string(), "ghcr.io/acme/web");
    assert!(judge(&seen).starts_with(
        "Waiting { until: None, what: \"waits for the attestation https://slsa.dev/provenance/v1"
    ));
    for (answer, says) in [
        (
            Err(Unread::new("ghcr.io", "connection refused")),
            "Waiting { until: None, what: \"cannot be judged: ghcr.io could not be read: connection refused\"",
        ),
        (
            Ok(Answer::Unmet { why: "there is none".into() }),
            "Waiting { until: None, what: \"lacks the attestation https://slsa.dev/provenance/v1 of key cosign.pub for web: there is none\"",
        ),
        (
            Ok(Answer::Met { by: "key x".into() }),
            "Open { how: \"has the attestation https://slsa.dev/provenance/v1 for web of key x\"",
        ),
    ] {
        seen.images = BTreeMap::from([(question.key(), answer)]);
        assert!(judge(&seen).starts_with(says), "{}", judge(&seen));
    }
    // The answer for another digest, key or kind is none.
    let mut other = question.clone();
    other.digest = format!("sha256:{}", "4".repeat(64)).parse().unwrap();
    seen.images = BTreeMap::from([(other.key(), Ok(Answer::Met { by: "key x".into() }))]);
    assert!(judge(&seen).starts_with("Waiting"));
    let renamed = read(&GATED.replace("cosign.pub", "other.pub")).unwrap();
    let GateRule::Image(gate) = &renamed.environments[0].gates[0].rule else { panic!("a gate of an image") };
    assert_ne!(gate.requirement.id(), question.requirement.id());
}

#[test]
fn examples_of_docs_are_read() {
    let text = include_str!("../../../../docs/image-signing.md");
    let blocks: Vec<&str> =
        text.split("```yaml\n").skip(1).map(|it| it.split("```").next().unwrap()).collect();
    let [subscriptions, gates, rules] = blocks.as_slice() else { panic!("three examples") };
    let indented = |text: &str, by: &str| text.lines().map(|it| format!("{by}{it}\n")).collect::<String>();
    let pipeline = format!(
        "apiVersion: promoter.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: shop }}\nspec:\n{}  environments:\n    - name: prod\n      source: prod\n{}",
        indented(subscriptions, "  "),
        indented(gates, "      "),
    );
    read(&pipeline).unwrap_or_else(|it| panic!("{it}\n{pipeline}"));
    policy::read("policy.yaml", rules).unwrap_or_else(|it| panic!("{}", it.diagnosis()));
}
