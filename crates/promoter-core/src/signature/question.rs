//! Which images are asked about: those that a subscription would take, and those that are proposed.

use super::{Question, SignatureRule};
use crate::facts::Facts;
use crate::pipeline::GateRule;
use crate::{ImageDigest, Repository};
use std::collections::BTreeMap;

/// What a subscription asks of a digest before it becomes its candidate.
pub fn asked_by_subscription<'a>(
    rules: &'a [SignatureRule],
    repository: &'a Repository,
    digest: &'a ImageDigest,
) -> impl Iterator<Item = Question> + 'a {
    rules.iter().map(|rule| Question {
        repository: repository.clone(),
        digest: digest.clone(),
        requirement: rule.requirement.clone(),
    })
}

/// What gates ask of the freight that is proposed: each question once. Freight that is not proposed is not asked about, so
/// that the cost follows what can move.
pub fn asked_by_gates(facts: &Facts<'_>) -> Vec<Question> {
    let mut asked = BTreeMap::new();
    for rules in &facts.pipeline.environments {
        let proposed = facts.environment(&rules.name).and_then(|it| it.proposed.as_ref().ok());
        let Some(known) = proposed.and_then(|it| it.locked.as_ref()).and_then(|it| facts.known(&it.id))
        else {
            continue;
        };
        for gate in &rules.gates {
            let GateRule::Image(gate) = &gate.rule else { continue };
            for (_, image) in gate.images(&known.record.freight).unwrap_or_default() {
                let question = Question {
                    repository: image.repository.clone(),
                    digest: image.digest.clone(),
                    requirement: gate.requirement.clone(),
                };
                asked.entry(question.key()).or_insert(question);
            }
        }
    }
    asked.into_values().collect()
}
