//! Expressions: a condition over the freight itself. It opens never by itself, since freight does not change.

use super::Verdict;
use crate::discovery::Provenance;
use crate::expression::{Expression, Given};
use crate::facts::Facts;
use crate::pipeline::Environment;
use crate::{Content, Freight, FreightId, Name};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The variables of an expression over freight.
pub(crate) const VARIABLES: [&str; 4] = ["freight", "artifacts", "environment", "pipeline"];
/// What is known of freight.
pub(crate) const FREIGHT_FIELDS: [&str; 3] = ["id", "alias", "artifacts"];
/// What is known of each artifact; a text that is empty where the kind of artifact has none.
pub(crate) const ARTIFACT_FIELDS: [&str; 11] =
    ["name", "kind", "url", "repo", "tag", "version", "commit", "digest", "revision", "source", "created"];

/// Judges freight: open where the expression is true, and closed where it is false or cannot be evaluated.
pub(super) fn judge(
    expression: &Expression,
    freight: &FreightId,
    environment: &Environment,
    facts: &Facts<'_>,
) -> Verdict {
    let Some(known) = facts.known(freight) else {
        return Verdict::Waiting { until: None, what: "has no readable record".into() };
    };
    let artifacts = by_name(&known.record.freight, &known.record.about);
    let all: Vec<Value> = artifacts.values().cloned().collect();
    let given = [
        ("artifacts", Given::Json(artifacts.into())),
        (
            "freight",
            Given::Json(json!({ "id": freight.to_string(), "alias": freight.alias(), "artifacts": all })),
        ),
        ("environment", Given::Json(environment.name.as_str().into())),
        ("pipeline", Given::Json(facts.pipeline.name.as_str().into())),
    ];
    match expression.judge(given) {
        Ok(true) => Verdict::Open { how: format!("satisfies `{expression}`") },
        Ok(false) => Verdict::Closed { why: format!("is kept out, `{expression}` is false") },
        Err(why) => Verdict::Closed { why: format!("is kept out, `{expression}` {why}") },
    }
}

/// Holds freight that is about to be made against a condition over its artifacts. `Err` says why it is none, for people.
pub(crate) fn satisfies(
    criteria: &Expression,
    freight: &Freight,
    about: &BTreeMap<Name, Provenance>,
) -> Result<(), String> {
    match criteria.judge([("artifacts", Given::Json(by_name(freight, about).into()))]) {
        Ok(true) => Ok(()),
        Ok(false) => Err(format!("`{criteria}` is false")),
        Err(why) => Err(format!("`{criteria}` {why}")),
    }
}

fn by_name(freight: &Freight, about: &BTreeMap<Name, Provenance>) -> serde_json::Map<String, Value> {
    let nothing = Provenance::default();
    let all = freight.artifacts().iter();
    all.map(|it| (it.name.to_string(), artifact(it, about.get(&it.name).unwrap_or(&nothing)))).collect()
}

fn artifact(it: &crate::Artifact, about: &Provenance) -> Value {
    let name = it.name.as_str();
    let words = |it: &Option<String>| it.clone().unwrap_or_default();
    let created = about.created.map_or_else(String::new, |it| it.to_string());
    let [kind, url, repo, tag, version, commit, digest]: [String; 7] = match &it.content {
        Content::Git { url, commit } => [
            "git".into(),
            url.to_string(),
            String::new(),
            words(&about.tag),
            String::new(),
            commit.to_string(),
            String::new(),
        ],
        Content::Image(image) => {
            let tag = image.tag.as_ref().map_or_else(String::new, ToString::to_string);
            [
                "image".into(),
                String::new(),
                image.repository.to_string(),
                tag,
                String::new(),
                String::new(),
                image.digest.to_string(),
            ]
        }
        Content::Chart { url, version, digest } => [
            "chart".into(),
            url.to_string(),
            String::new(),
            String::new(),
            version.to_string(),
            String::new(),
            digest.to_string(),
        ],
    };
    json!({
        "name": name, "kind": kind, "url": url, "repo": repo, "tag": tag, "version": version, "commit": commit,
        "digest": digest, "revision": words(&about.revision), "source": words(&about.source), "created": created,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn artifacts_have_every_field() {
        let image =
            "ghcr.io/acme/web:1.4@sha256:1111111111111111111111111111111111111111111111111111111111111111";
        let content = Content::Image(image.parse().unwrap());
        let json =
            artifact(&crate::Artifact { name: "web".parse().unwrap(), content }, &Provenance::default());
        let fields: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
        let mut known = ARTIFACT_FIELDS;
        known.sort_unstable();
        assert_eq!(fields, known);
        assert_eq!(
            (&json["kind"], &json["repo"], &json["tag"], &json["url"]),
            (&"image".into(), &"ghcr.io/acme/web".into(), &"1.4".into(), &"".into())
        );
    }
}
