//! Applications and ApplicationSets as files have them, as far as lint looks.
//!
//! Reads leniently: what is no Application is none, and what Argo CD will refuse is left to Argo CD unless lint has words
//! for it.

use promoter_core::Place;
use promoter_yaml::{Dialect, Limits, Map, Node, parse_all};

/// Our plugin's name; a version may stand behind it (`promoter-2`).
const PLUGIN: &str = "promoter";
const MANIFEST_PATHS: &str = "argocd.argoproj.io/manifest-generate-paths";
/// Tools that Argo CD takes one of.
const TOOLS: [&str; 4] = ["helm", "kustomize", "directory", "chart"];

/// An Application, or what an ApplicationSet makes Applications of.
#[derive(Debug)]
pub(super) struct Application {
    /// `Application/myapp-dev`.
    pub(super) shown: String,
    /// Its sources.
    pub(super) sources: Vec<Source>,
    /// Where `syncPolicy.manual` stands.
    pub(super) manual: Option<Place>,
    /// The annotation with the paths that matter, and where it stands.
    pub(super) manifest_paths: Option<(String, Place)>,
}

/// One source.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) at: Place,
    pub(super) repository: String,
    /// Empty: the default branch.
    pub(super) revision: String,
    /// Normal form; `""` is the root.
    pub(super) path: String,
    /// Set where it names our plugin.
    pub(super) plugin: Option<Plugin>,
}

/// What an Application says to our plugin.
#[derive(Debug)]
pub(super) struct Plugin {
    /// Entries of `env`.
    pub(super) env: Vec<(String, String, Place)>,
    /// Entries of `parameters`, as JSON, with their places.
    pub(super) parameters: Vec<(serde_json::Value, Place)>,
    /// Other tools beside it.
    pub(super) beside: Vec<(&'static str, Place)>,
}

/// The Applications of a file; none where it is no YAML.
pub(super) fn applications(path: &str, text: &str) -> Vec<Application> {
    let documents = parse_all(text, Dialect::Resource, &Limits::DEFAULT).unwrap_or_default();
    let of_document = |node: &Node| -> Vec<Application> {
        let items = node.get("items").and_then(Node::as_seq).unwrap_or(std::slice::from_ref(node));
        items.iter().filter_map(|it| application(path, it)).collect()
    };
    documents.iter().flat_map(of_document).collect()
}

fn application(path: &str, node: &Node) -> Option<Application> {
    let is_argo =
        node.get("apiVersion").and_then(Node::as_str).is_some_and(|it| it.starts_with("argoproj.io/"));
    let kind = node.get("kind").and_then(Node::as_str).filter(|_| is_argo)?;
    let body = match kind {
        "Application" => node,
        "ApplicationSet" => node.path(&["spec", "template"])?,
        _ => return None,
    };
    let name = node.path(&["metadata", "name"]).and_then(Node::as_str).unwrap_or("?");
    let spec = body.get("spec")?;
    let place = |key: &str, map: &Map| map.entry(key).map(|it| Place::new(path, it.key_mark.line));
    let policy = spec.get("syncPolicy").and_then(Node::as_map);
    let annotations = body.path(&["metadata", "annotations"]).and_then(Node::as_map);
    let paths = annotations
        .and_then(|it| Some((it.get(MANIFEST_PATHS)?.text()?.to_owned(), place(MANIFEST_PATHS, it)?)));
    let one = spec.get("source").into_iter();
    let several = spec.get("sources").and_then(Node::as_seq).unwrap_or_default();
    Some(Application {
        shown: format!("{kind}/{name}"),
        sources: one.chain(several).filter_map(|it| source(path, it)).collect(),
        manual: policy.and_then(|it| place("manual", it)),
        manifest_paths: paths,
    })
}

fn source(path: &str, node: &Node) -> Option<Source> {
    let map = node.as_map()?;
    let text = |key: &str| node.get(key).and_then(Node::text).unwrap_or_default().to_owned();
    let plugin = node.get("plugin").filter(|it| {
        let name = it.get("name").and_then(Node::as_str).unwrap_or_default();
        name.strip_prefix(PLUGIN).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    });
    let written = text("path");
    let parts: Vec<&str> = written.split('/').filter(|it| !matches!(*it, "" | ".")).collect();
    let revision = text("targetRevision");
    let revision = revision.strip_prefix("refs/heads/").unwrap_or(&revision);
    let at =
        map.entry("path").or_else(|| map.entries().first()).map_or(node.mark.line, |it| it.key_mark.line);
    Some(Source {
        at: Place::new(path, at),
        repository: text("repoURL"),
        revision: if revision == "HEAD" { String::new() } else { revision.to_owned() },
        path: parts.join("/"),
        plugin: plugin.map(|it| said(path, it, map)),
    })
}

fn said(path: &str, plugin: &Node, source: &Map) -> Plugin {
    let at = |node: &Node| Place::new(path, node.mark.line);
    let items = |key: &str| plugin.get(key).and_then(Node::as_seq).unwrap_or_default();
    let env = items("env").iter().filter_map(|it| {
        let value = it.get("value").and_then(Node::text).unwrap_or_default();
        Some((it.get("name")?.text()?.to_owned(), value.to_owned(), at(it)))
    });
    let parameters = items("parameters").iter().filter_map(|it| {
        let mut text = String::new();
        promoter_yaml::emit_json(it, false, &mut text).ok()?;
        Some((serde_json::from_str(&text).ok()?, at(it)))
    });
    let beside = TOOLS.into_iter().filter_map(|tool| {
        let entry = source.entry(tool).filter(|it| !it.value.is_null())?;
        Some((tool, Place::new(path, entry.key_mark.line)))
    });
    Plugin { env: env.collect(), parameters: parameters.collect(), beside: beside.collect() }
}
