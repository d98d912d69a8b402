//! Signatures and attestations that the real cosign made (testdata/cosign), and everything that must refuse them.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod change;
mod keyless;
mod keys;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use promoter_core::ImageDigest;
use promoter_core::pipeline::{self, GateRule, SubscriptionOrigin};
use promoter_core::signature::{Answer, Requirement, Signer};
use promoter_signatures::image::{Found, PublicKey, SigstoreRoot, Trust, judge};
use serde_json::Value;

const SLSA: &str = "https://slsa.dev/provenance/v1";
const IDENTITY: &str = "https://github.com/acme/web/.github/workflows/release.yaml@refs/tags/v1.4.0";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// What cosign left beside one image.
#[derive(Clone)]
struct Case {
    digest: ImageDigest,
    found: Vec<Found>,
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/cosign")
}

fn text(file: &str) -> String {
    std::fs::read_to_string(directory().join(file)).unwrap()
}

fn case(name: &str) -> Case {
    let json: Value = serde_json::from_str(&text(&format!("{name}.json"))).unwrap();
    let found = json["found"].as_array().unwrap().iter().map(|it| {
        let content = it["content"].as_str().unwrap().as_bytes().to_vec();
        let annotations: BTreeMap<String, String> =
            serde_json::from_value(it.get("annotations").cloned().unwrap_or(serde_json::json!({}))).unwrap();
        match it["form"].as_str().unwrap() {
            "simple" => Found::Simple { payload: content, annotations },
            "envelope" => Found::Envelope { envelope: content, annotations },
            _ => Found::Bundle(content),
        }
    });
    Case { digest: json["digest"].as_str().unwrap().parse().unwrap(), found: found.collect() }
}

fn key(name: &str) -> PublicKey {
    PublicKey::read(&text(&format!("{name}.pub"))).unwrap()
}

fn root() -> SigstoreRoot {
    SigstoreRoot::read(&text("trusted_root.json"), "trusted_root.json").unwrap()
}

/// A requirement as promoter.yaml has it: `signer` stands in a `signatures` item, or with `predicateType` in a gate.
fn requirement(signer: &str, attestation: Option<(&str, &str)>) -> Requirement {
    let gate = attestation.map_or_else(String::new, |(kind, expression)| {
        let expression =
            if expression.is_empty() { String::new() } else { format!(", expression: {expression}") };
        format!(
            "gates: [{{ attestation: {{ artifact: web, predicateType: {kind}, {signer}{expression} }} }}]"
        )
    });
    let file = format!(
        "apiVersion: promoter.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: shop }}\nspec:\n  subscriptions:\n    \
         - {{ name: config, git: {{}} }}\n    - name: web\n      image: {{ repoURL: ghcr.io/acme/web, signatures: [ {{ {signer} }} ] }}\n  \
         environments:\n    - {{ name: dev, source: dev, promotion: auto, {gate} }}\n"
    );
    let pipeline =
        pipeline::read("promoter.yaml", &file).map_err(|it| it.diagnosis().to_string()).unwrap().remove(0);
    let gate = pipeline.environments[0].gates.first().map(|it| match &it.rule {
        GateRule::Image(gate) => gate.requirement.clone(),
        other => unreachable!("{other}"),
    });
    let SubscriptionOrigin::Image(image) = &pipeline.subscriptions[1].origin else { unreachable!() };
    gate.unwrap_or_else(|| image.signatures[0].requirement.clone())
}

const BY_KEY: &str = "key: cosign.pub";

fn keyless(issuer: &str, identity: &str) -> String {
    format!("keyless: {{ issuer: \"{issuer}\", identity: \"{identity}\" }}")
}

/// What a case is worth by a key.
fn by_key(case: &Case, key: &PublicKey, requirement: &Requirement) -> Result<String, String> {
    said(judge(&case.digest, requirement, Trust::Key(key), &case.found))
}

/// What a case is worth without one.
fn by_root(case: &Case, root: &SigstoreRoot, requirement: &Requirement) -> Result<String, String> {
    let Signer::Keyless(who) = &requirement.signer else { unreachable!() };
    said(judge(&case.digest, requirement, Trust::Root(root, who), &case.found))
}

fn said(answer: Answer) -> Result<String, String> {
    match answer {
        Answer::Met { by } => Ok(by),
        Answer::Unmet { why } => Err(why),
    }
}
