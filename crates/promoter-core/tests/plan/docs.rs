//! The examples of docs/gates.md and docs/discovery.md are pipelines, or parts of one, and are read as such; the reference pages of
//! promoter.yaml and the lockfile have every key that the readers know, and no other.

use std::collections::{BTreeMap, BTreeSet};

use promoter_core::{PromotionLock, pipeline};
use promoter_yaml::{Dialect, Limits, Node, parse_first};

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

/// A reference page: the keys of its tables by the path of the mapping, and its first example.
struct Page {
    tables: BTreeMap<String, BTreeSet<String>>,
    example: Node,
}

impl Page {
    fn of(text: &str) -> Self {
        let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut paths: Vec<String> = Vec::new();
        for line in text.lines() {
            if let Some(heading) = line.strip_prefix("### ") {
                paths =
                    heading.split(", ").map(|it| if it == "document" { "" } else { it }.to_owned()).collect();
            } else if line.starts_with('#') {
                paths.clear();
            } else if let Some(row) = line.strip_prefix("| `") {
                let keys = row.split('|').next().unwrap().split('`').step_by(2);
                let keys: Vec<String> = keys.filter(|it| !it.trim().is_empty()).map(str::to_owned).collect();
                for path in &paths {
                    tables.entry(path.clone()).or_default().extend(keys.iter().cloned());
                }
            }
        }
        let example = text.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
        let example = parse_first(example, Dialect::Own, &Limits::default()).unwrap().unwrap();
        Self { tables, example }
    }

    /// Compares each table with what `read` says to a key that nobody knows, in the mapping of that path.
    fn hold_against(&self, page: &str, read: impl Fn(&str) -> Option<String>) {
        let emitted = |node: &Node| {
            let mut text = String::new();
            promoter_yaml::emit_kustomize(node, &mut text).unwrap();
            text
        };
        let mut paths = BTreeMap::new();
        places(&self.example, "", &[], &mut paths);
        let mut compared = BTreeSet::new();
        for (path, steps) in paths {
            // Beside what is there; where one key has to stand alone, alone.
            let answers = [false, true].map(|alone| {
                let mut document = self.example.clone();
                let map = steps.iter().fold(&mut document, |node, step| match step {
                    Step::Key(key) => node.get_mut(key).unwrap(),
                    Step::Item(index) => &mut node.as_seq_mut().unwrap()[*index],
                });
                let map = map.as_map_mut().unwrap();
                if alone {
                    map.retain(|_, _| false);
                }
                map.insert("zzqq", Node::int(1));
                read(&emitted(&document))
            });
            let answer = answers.into_iter().flatten().find(|it| it.contains("zzqq` is unknown"));
            let Some(answer) = answer else {
                assert!(!self.tables.contains_key(&path), "{page}: any key may stand in `{path}`");
                continue;
            };
            // Of both readers the hint lists the keys.
            let hint = answer.split_once("hint: ").unwrap().1;
            let list = hint.split([';', '[']).next().unwrap();
            let list = list.trim_start_matches("known here: ").trim_start_matches("the fields here are ");
            let known: BTreeSet<String> =
                list.split(", ").map(|it| it.trim().trim_matches('`').to_owned()).collect();
            let table = self
                .tables
                .get(&path)
                .unwrap_or_else(|| panic!("{page} has no table for `{path}`: {known:?}"));
            assert_eq!(*table, known, "{page}, `{path}`");
            compared.insert(path);
        }
        let left: Vec<&String> = self.tables.keys().filter(|it| !compared.contains(*it)).collect();
        assert!(left.is_empty(), "{page} has tables for what its example does not have: {left:?}");
    }
}

#[derive(Clone)]
enum Step {
    Key(String),
    Item(usize),
}

/// The first mapping of each path that holds something.
fn places(node: &Node, path: &str, steps: &[Step], found: &mut BTreeMap<String, Vec<Step>>) {
    let then = |step: Step| [steps, &[step]].concat();
    if let Some(map) = node.as_map() {
        if !map.is_empty() {
            found.entry(path.to_owned()).or_insert_with(|| steps.to_vec());
        }
        for (key, value) in map.iter() {
            let below = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
            places(value, &below, &then(Step::Key(key.to_owned())), found);
        }
    }
    // `allow` takes one entry or several, which are no items of a list to people.
    let items = if path.ends_with(".allow") { "" } else { "[]" };
    for (index, item) in node.as_seq().unwrap_or_default().iter().enumerate() {
        places(item, &format!("{path}{items}"), &then(Step::Item(index)), found);
    }
}

#[test]
fn the_page_about_pipelines_has_every_key_and_no_other() {
    let page = Page::of(include_str!("../../../../docs/pipeline.md"));
    page.hold_against("docs/pipeline.md", |text| {
        pipeline::read("promoter.yaml", text).err().map(|it| it.diagnosis().to_string())
    });
}

#[test]
fn the_page_about_locks_has_every_key_and_no_other() {
    let page = Page::of(include_str!("../../../../docs/lockfile.md"));
    page.hold_against("docs/lockfile.md", |text| {
        PromotionLock::read(text, "promotion.lock.yaml").err().map(|it| it.diagnosis().to_string())
    });
}
