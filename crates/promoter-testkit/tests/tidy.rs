//! Keeps what reviewers would otherwise have to remember: the arrows between crates, the codes of docs/errors.md,
//! and that no source knows the machine it was written on.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails here fails the test")]

use regex::Regex;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

const OURS: [&str; 10] = [
    "promoter",
    "promoter-controller",
    "promoter-core",
    "promoter-kustomize",
    "promoter-plugin",
    "promoter-render",
    "promoter-signatures",
    "promoter-sources",
    "promoter-testkit",
    "promoter-yaml",
];

/// Who may list whom. A crate reaches further through these, never past them.
const ARROWS: [(&str, &[&str]); 10] = [
    ("promoter-yaml", &[]),
    ("promoter-testkit", &[]),
    ("promoter-core", &["promoter-yaml"]),
    ("promoter-kustomize", &["promoter-yaml"]),
    ("promoter-render", &["promoter-core", "promoter-kustomize", "promoter-yaml"]),
    ("promoter-signatures", &["promoter-core"]),
    ("promoter-sources", &["promoter-core", "promoter-kustomize", "promoter-render", "promoter-yaml"]),
    (
        "promoter-plugin",
        &["promoter-core", "promoter-kustomize", "promoter-render", "promoter-sources", "promoter-yaml"],
    ),
    (
        "promoter-controller",
        &[
            "promoter-core",
            "promoter-kustomize",
            "promoter-render",
            "promoter-signatures",
            "promoter-sources",
            "promoter-yaml",
        ],
    ),
    (
        "promoter",
        &[
            "promoter-controller",
            "promoter-core",
            "promoter-kustomize",
            "promoter-plugin",
            "promoter-render",
            "promoter-signatures",
            "promoter-sources",
            "promoter-yaml",
        ],
    ),
];

/// Crates that decide and have no effects.
const PURE: [&str; 5] =
    ["promoter-core", "promoter-kustomize", "promoter-render", "promoter-signatures", "promoter-yaml"];

/// What brings effects with it.
const EFFECTS: [&str; 6] = ["gix", "hyper", "reqwest", "rustix", "tokio", "tracing-subscriber"];

/// What would need a C library or toolchain at build time, or a second TLS stack.
const NOWHERE: [&str; 4] = ["aws-lc-rs", "aws-lc-sys", "native-tls", "openssl-sys"];

#[test]
fn crates_depend_along_the_arrows() {
    let graph = Graph::read();
    for (from, allowed) in ARROWS {
        let allowed: BTreeSet<&str> = allowed.iter().copied().collect();
        let listed: BTreeSet<&str> = graph.listed(from).into_iter().filter(|it| OURS.contains(it)).collect();
        let beyond: Vec<&&str> = listed.difference(&allowed).collect();
        assert!(beyond.is_empty(), "`{from}` may not depend on {beyond:?}");
    }
    let plugin = graph.tree("promoter-plugin");
    assert!(!plugin.contains("promoter-controller"), "the plugin only reads");
    assert!(!plugin.contains("promoter-signatures"), "the plugin signs nothing and stays small");
}

#[test]
fn pure_crates_bring_no_effects() {
    let graph = Graph::read();
    for pure in PURE {
        let tree = graph.tree(pure);
        let effects: Vec<&&str> = EFFECTS.iter().filter(|it| tree.contains(**it)).collect();
        assert!(effects.is_empty(), "`{pure}` is pure, but {effects:?} is in its tree");
    }
}

#[test]
fn tls_is_rustls_with_ring() {
    let graph = Graph::read();
    for binary in ["promoter", "promoter-plugin", "promoter-controller"] {
        let tree = graph.tree(binary);
        let found: Vec<&&str> = NOWHERE.iter().filter(|it| tree.contains(**it)).collect();
        assert!(found.is_empty(), "`{binary}` depends on {found:?}");
    }
}

#[test]
fn every_code_has_a_section_and_every_section_a_code() {
    let root = root();
    let used = Regex::new(r#"Diagnosis::(?:input|upstream|bug)\(\s*"([^"]*)""#).unwrap();
    let computed = Regex::new(r"Diagnosis::(?:input|upstream|bug)\(\s*[^\s\x22)]").unwrap();
    // The engine knows no `Diagnosis`; its codes are told by how they begin.
    let of_engine = Regex::new(r#""(kustomize-[a-z-]+)""#).unwrap();
    let mut codes: BTreeMap<String, PathBuf> = BTreeMap::new();
    for path in sources(&root).into_iter().filter(|it| !it.ends_with("tests/tidy.rs")) {
        let text = std::fs::read_to_string(&path).unwrap();
        let place = path.strip_prefix(&root).unwrap().to_owned();
        let pattern = if place.starts_with("crates/promoter-kustomize/src") { &of_engine } else { &used };
        codes.extend(pattern.captures_iter(&text).map(|it| (it[1].to_owned(), place.clone())));
        let place = place.display();
        assert!(
            !computed.is_match(&text),
            "{place}: a code is a string literal, so that this test can find it"
        );
    }
    let kebab = Regex::new("^[a-z0-9]+(-[a-z0-9]+)*$").unwrap();
    for (code, path) in &codes {
        assert!(kebab.is_match(code), "`{code}` in {} is not kebab-case", path.display());
    }

    let errors = std::fs::read_to_string(root.join("docs/errors.md")).unwrap();
    let headings: Vec<&str> = errors.lines().filter_map(|it| it.strip_prefix("### ")).collect();
    let mut sorted = headings.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(headings, sorted, "the sections of docs/errors.md are sorted, each once");
    let missing: Vec<&String> = codes.keys().filter(|it| !headings.contains(&it.as_str())).collect();
    assert!(missing.is_empty(), "docs/errors.md has no section for {missing:?}");
    let unused: Vec<&&str> = headings.iter().filter(|it| !codes.contains_key(**it)).collect();
    assert!(unused.is_empty(), "no source makes the codes {unused:?} of docs/errors.md");
}

#[test]
fn sources_know_no_machine() {
    let root = root();
    // Put together here, so that this file passes its own test.
    let roots = ["/work", "/home", "/Users", "/root", "/tmp"].map(|it| format!("{it}/"));
    for path in sources(&root).into_iter().filter(|it| !it.ends_with("tests/tidy.rs")) {
        let text = std::fs::read_to_string(&path).unwrap();
        for (index, line) in text.lines().enumerate() {
            // Where Argo CD's images keep the sockets of plugins.
            let line = line.replace("/home/argocd/cmp-server/", "");
            let found = roots.iter().find(|it| line.contains(it.as_str()));
            let place = path.strip_prefix(&root).unwrap().display();
            assert!(found.is_none(), "{place}:{}: a path of some machine: {line}", index + 1);
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Every Rust source of the workspace, without what is built.
fn sources(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut directories: Vec<PathBuf> =
        ["benches", "cli", "controller", "crates", "plugin"].map(|it| root.join(it)).into();
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                directories.push(path);
            } else if name.ends_with(".rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(found.len() > 20, "the sources were not found");
    found
}

/// The packages that are built for Linux, by name, with what each lists as a normal dependency.
struct Graph {
    nodes: BTreeMap<String, (String, Vec<String>)>,
}

impl Graph {
    fn read() -> Self {
        let output = Command::new(env!("CARGO"))
            .args([
                "metadata",
                "--format-version=1",
                "--locked",
                "--filter-platform=x86_64-unknown-linux-gnu",
            ])
            .current_dir(root())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
        let text = |it: &Value| it.as_str().unwrap().to_owned();
        let packages = metadata["packages"].as_array().unwrap().iter();
        let names: BTreeMap<String, String> =
            packages.map(|it| (text(&it["id"]), text(&it["name"]))).collect();
        let is_normal =
            |it: &&Value| it["dep_kinds"].as_array().unwrap().iter().any(|it| it["kind"].is_null());
        let node = |it: &Value| {
            let id = text(&it["id"]);
            let normal = it["deps"].as_array().unwrap().iter().filter(is_normal);
            (id.clone(), (names[&id].clone(), normal.map(|it| text(&it["pkg"])).collect()))
        };
        Self { nodes: metadata["resolve"]["nodes"].as_array().unwrap().iter().map(node).collect() }
    }

    fn id(&self, name: &str) -> &str {
        let found = self.nodes.iter().find(|(_, (it, _))| it == name);
        found.unwrap_or_else(|| panic!("no package `{name}`")).0
    }

    fn listed(&self, name: &str) -> BTreeSet<&str> {
        self.nodes[self.id(name)].1.iter().map(|it| self.nodes[it].0.as_str()).collect()
    }

    /// Everything that is linked into a crate, by normal dependencies.
    fn tree(&self, name: &str) -> BTreeSet<&str> {
        let mut seen = BTreeSet::from([self.id(name)]);
        let mut next = vec![self.id(name)];
        while let Some(id) = next.pop() {
            for dependency in &self.nodes[id].1 {
                if seen.insert(dependency) {
                    next.push(dependency);
                }
            }
        }
        seen.into_iter().map(|it| self.nodes[it].0.as_str()).collect()
    }
}
