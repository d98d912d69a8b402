//! The examples of docs/gates.md and docs/discovery.md are pipelines, or parts of one, and are read as such.

use promoter_core::pipeline;

#[test]
fn examples_of_gates_are_read() {
    let text = include_str!("../../../../docs/gates.md");
    let blocks: Vec<&str> =
        text.split("```").skip(1).step_by(2).filter_map(|it| it.strip_prefix("yaml\n")).collect();
    assert!(blocks.len() >= 6, "{}", blocks.len());
    for block in blocks {
        let text = if block.starts_with("apiVersion:") { block.to_owned() } else { around(block) };
        if let Err(error) = pipeline::read("docs/gates.md", &text) {
            panic!("{}\n{text}", error.diagnosis());
        }
    }
}

#[test]
fn examples_of_discovery_are_read() {
    let text = include_str!("../../../../docs/discovery.md");
    let blocks: Vec<&str> =
        text.split("```").skip(1).step_by(2).filter_map(|it| it.strip_prefix("yaml\n")).collect();
    assert!(blocks.len() >= 5, "{}", blocks.len());
    for block in blocks {
        let text = if block.starts_with("apiVersion:") { block.to_owned() } else { with(block) };
        if let Err(error) = pipeline::read("docs/discovery.md", &text) {
            panic!("{}\n{text}", error.diagnosis());
        }
    }
}

/// A pipeline with fields of `spec`; those that the block lacks are put in.
fn with(block: &str) -> String {
    let config = "- { name: config, git: {} }";
    let fields = match block.strip_prefix("subscriptions:\n") {
        Some(items) if items.contains("name: config") => block.to_owned(),
        Some(items) => format!("subscriptions:\n  {config}\n{items}"),
        None => format!(
            "subscriptions:\n  {config}\n  - {{ name: web, image: {{ repoURL: ghcr.io/acme/web }} }}\n{block}"
        ),
    };
    let fields: String = fields.lines().map(|it| format!("  {it}\n")).collect();
    format!(
        "apiVersion: promoter.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: shop }}\nspec:\n{fields}  environments: [{{ name: dev, source: dev }}]\n"
    )
}

/// A pipeline with fields of the environment `prod`.
fn around(fields: &str) -> String {
    let fields: String = fields.lines().map(|it| format!("      {it}\n")).collect();
    format!(
        "apiVersion: promoter.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: shop }}\nspec:\n  teams: {{ sre: [ada@example.com, bob@example.com] }}\n  subscriptions:\n    - {{ name: config, git: {{}} }}\n    - {{ name: web, image: {{ repoURL: ghcr.io/acme/web }} }}\n    - {{ name: redis, chart: {{ repoURL: \"https://charts.example.com\", name: redis }} }}\n  environments:\n    - {{ name: staging, source: envs/staging }}\n    - name: prod\n      source: envs/prod\n      after: [staging]\n{fields}"
    )
}
