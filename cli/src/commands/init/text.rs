//! The files that init writes.

use super::order::{Promotion, Step};
use promoter_core::pipeline::Pipeline;
use promoter_core::{
    Artifact, CommitId, Content, Diagnosis, Freight, GitUrl, LockVersion, Name, PromotionLock, Render,
};

/// The name of the artifact that pins the manifests.
const CONFIG: &str = "config";

/// A promoter.yaml.
pub(super) fn pipeline(name: &Name, layout: &str, steps: &[Step]) -> String {
    let mut text = format!(
        "apiVersion: promoter.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: {} }}\nspec:\n  layout: {layout}\n  \
         subscriptions:\n    - name: {CONFIG}\n      git: {{}}                          # this repository\n  environments:\n",
        scalar(name.as_str())
    );
    for step in steps {
        text.push_str(&format!(
            "    - name: {}\n      source: {}\n",
            scalar(step.found.name.as_str()),
            scalar(&step.found.folder)
        ));
        if !step.after.is_empty() {
            let after: Vec<String> = step.after.iter().map(|it| scalar(it.as_str())).collect();
            text.push_str(&format!("      after: [{}]\n", after.join(", ")));
        }
        text.push_str(match step.promotion() {
            Promotion::AtOnce => "      promotion: auto\n",
            Promotion::Soaked => "      promotion: autoMerge\n      gates: [{ soak: 30m }]\n",
            Promotion::Approved => {
                "      promotion: autoMerge\n      # Without selfApproval, whoever wrote a change does not approve it.\n      \
                 gates: [{ approvals: { required: 1, selfApproval: true } }]\n"
            }
        });
    }
    text.push_str(
        "# What is worth checking after a promotion, below an environment:\n\
         #     verification: [{ http: { url: \"https://dev.example.com/healthz\", expect: \"status == 200\" } }]\n",
    );
    text
}

/// The first lock of each environment: what is committed now.
pub(super) fn locks(
    pipeline: &Pipeline,
    url: &GitUrl,
    head: &CommitId,
) -> Result<Vec<PromotionLock>, Diagnosis> {
    let name: Name = CONFIG.parse().map_err(|error| Diagnosis::bug("init-lock", error))?;
    let content = Content::Git { url: url.clone(), commit: head.clone() };
    let freight =
        Freight::new(vec![Artifact { name, content }]).map_err(|error| Diagnosis::bug("init-lock", error))?;
    let lock = |environment: &promoter_core::pipeline::Environment| PromotionLock {
        version: LockVersion::default(),
        pipeline: pipeline.name.clone(),
        environment: environment.name.clone(),
        freight: freight.clone(),
        render: Render { source: environment.parts.first.source.clone(), ..Render::default() },
        promotion: None,
        hold: None,
    };
    Ok(pipeline.environments.iter().map(lock).collect())
}

/// Text as a YAML scalar: plain where nobody takes it for anything else, else quoted.
fn scalar(text: &str) -> String {
    let plain = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'.' | b'_' | b'/' | b'-');
    let word = matches!(text, "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n" | "null");
    let is_plain = text.starts_with(|it: char| it.is_ascii_alphabetic()) && text.bytes().all(plain) && !word;
    if is_plain { text.into() } else { serde_json::Value::from(text).to_string() }
}
