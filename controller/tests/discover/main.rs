//! What repositories and registries have for subscriptions, asked of real servers.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails here fails the test")]

mod charts;
mod commits;

use promoter_core::Content;
use promoter_core::discovery::Found;
use promoter_core::pipeline::{self, SubscriptionOrigin};

/// The origin of a subscription with these fields.
fn origin(fields: &str) -> SubscriptionOrigin {
    let text = format!(
        "apiVersion: promoter.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: myapp }}\nspec:\n  subscriptions:\n    \
         - {{ name: config, git: {{}} }}\n    - {{ name: other, {fields} }}\n  environments:\n    \
         - {{ name: dev, source: dev, promotion: auto }}\n"
    );
    let pipelines = pipeline::read("promoter.yaml", &text).unwrap_or_else(|it| panic!("{}", it.diagnosis()));
    pipelines[0].subscriptions[1].origin.clone()
}

/// How people call what was found, the chosen one first.
fn names(found: &Found) -> Vec<String> {
    let name = |content: &Content| match content {
        Content::Git { commit, .. } => commit.to_string(),
        Content::Chart { version, .. } => version.to_string(),
        Content::Image(image) => image.to_string(),
    };
    let named =
        |it: &promoter_core::discovery::Candidate| it.about.tag.clone().unwrap_or_else(|| name(&it.content));
    found.candidates().map(named).collect()
}
