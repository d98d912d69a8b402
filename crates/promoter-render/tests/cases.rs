//! The street, case by case: what is asked of which tree, and the manifests or the diagnosis that come out.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::sync::Arc;

use promoter_core::{Diagnosis, Digest, PromotionLock};
use promoter_kustomize::{Files, MemoryFiles};
use promoter_render::{
    ChartCall, Cluster, Limits, MANIFEST_FILE, Manifests, Parameters, PinnedSource, Verified, World, answer,
};
use promoter_testkit::golden;
use promoter_yaml::{Dialect, Node, emit_json, parse_all};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Case {
    #[serde(default)]
    app: String,
    environment: Option<String>,
    lockfile: Option<String>,
    render: Option<String>,
    /// Written to `<app>/promotion.lock.yaml`; `$ID` stands for the right id, `$DIGEST` for that of `manifest`.
    lock: Option<String>,
    /// Written beside the lock.
    manifest: Option<String>,
    /// The request's other files.
    #[serde(default)]
    tree: BTreeMap<String, String>,
    /// The pinned commit's files; a text `-> target` is a link.
    #[serde(default)]
    commit: BTreeMap<String, String>,
    /// Files of further commits, by id.
    #[serde(default)]
    bases: BTreeMap<String, BTreeMap<String, String>>,
    /// What each chart gives, run by run; the last one is given from then on.
    #[serde(default)]
    charts: BTreeMap<String, Vec<String>>,
    objects_max: Option<usize>,
    output_bytes_max: Option<usize>,
    /// `json` (default), `yaml` or `hydrated`.
    show: Option<String>,
}

#[test]
fn cases() {
    golden("render/*.yaml", |case: Case| {
        let shown = run(&case);
        // Whatever it is, it is the same again.
        assert_eq!(shown, run(&case));
        shown
    });
}

fn run(case: &Case) -> String {
    let mut files = tree(&case.tree);
    let path = |name: &str| if case.app.is_empty() { name.into() } else { format!("{}/{name}", case.app) };
    if let Some(lock) = &case.lock {
        let manifest = case.manifest.as_deref().unwrap_or_default();
        files.insert(&path("promotion.lock.yaml"), lock_text(lock, manifest).into_bytes()).unwrap();
    }
    if let Some(manifest) = &case.manifest {
        files.insert(&path(MANIFEST_FILE), manifest.clone().into_bytes()).unwrap();
    }
    let parameters = Parameters {
        environment: case.environment.as_ref().map(|it| it.parse().unwrap()),
        lockfile: case.lockfile.clone(),
        render: case.render.as_deref().unwrap_or("auto").parse().unwrap(),
    };
    let mut limits = Limits::default();
    limits.objects_max = case.objects_max.unwrap_or(limits.objects_max);
    limits.output_bytes_max = case.output_bytes_max.unwrap_or(limits.output_bytes_max);
    let world = CaseWorld { case, commit: Arc::new(tree(&case.commit)) };
    let cluster = Cluster { kube_version: Some("1.33.0".into()), api_versions: vec!["v1".into()] };
    match answer(&files, &case.app, &parameters, &cluster, &limits, &world) {
        Ok(manifests) => show(case, &manifests),
        Err(error) => format!("{}\n", error.diagnosis()),
    }
}

fn show(case: &Case, manifests: &Verified<Manifests>) -> String {
    hydrating_changes_nothing(manifests);
    let shown = match case.show.as_deref() {
        None | Some("json") => manifests.to_json_objects().map(|it| it.join("\n") + "\n"),
        Some("yaml") => manifests.to_yaml(),
        Some("hydrated") => manifests.to_hydrated().map(|it| String::from_utf8(it.bytes).unwrap()),
        Some(other) => panic!("`{other}` is no form of output"),
    };
    let warnings: String = manifests.warnings.iter().map(|it| format!("warning: {it}\n")).collect();
    warnings + &shown.unwrap_or_else(|error| format!("{}\n", error.diagnosis()))
}

/// Argo CD gets the same objects from the hydrated text as from the live answer.
fn hydrating_changes_nothing(manifests: &Verified<Manifests>) {
    let (Ok(live), Ok(hydrated)) = (manifests.to_json_objects(), manifests.to_hydrated()) else { return };
    let text = String::from_utf8(hydrated.bytes).unwrap();
    let documents = parse_all(&text, Dialect::Resource, &promoter_yaml::Limits::default()).unwrap();
    let json = |node: &Node| {
        let mut text = String::new();
        emit_json(node, false, &mut text).unwrap();
        text
    };
    assert_eq!(live, documents.iter().map(json).collect::<Vec<_>>());
}

/// Fills in the id and the digest. A lock without `$ID` is taken as it stands.
fn lock_text(text: &str, manifest: &str) -> String {
    let text = text.replace("$DIGEST", &Digest::of(manifest.as_bytes()).to_string());
    if !text.contains("$ID") {
        return text;
    }
    let any = format!("sha256:{:064}", 0);
    let lock = PromotionLock::read(&text.replace("$ID", &any), "promotion.lock.yaml").unwrap().lock;
    text.replace("$ID", &lock.freight.id().to_string())
}

fn tree(texts: &BTreeMap<String, String>) -> MemoryFiles {
    let mut files = MemoryFiles::new();
    for (path, text) in texts {
        match text.strip_prefix("-> ") {
            Some(target) => files.insert_link(path, target.trim_end()).unwrap(),
            None => files.insert(path, text.clone().into_bytes()).unwrap(),
        }
    }
    files
}

struct CaseWorld<'a> {
    case: &'a Case,
    commit: Arc<MemoryFiles>,
}

impl World for CaseWorld<'_> {
    fn tree(&self, source: &PinnedSource) -> Result<Arc<dyn Files>, Diagnosis> {
        if source.commit.as_str().starts_with("dead") {
            let line = format!("commit `{}` cannot be fetched", source.commit);
            return Err(Diagnosis::upstream("git-unreachable", line));
        }
        match self.case.bases.get(source.commit.as_str()) {
            Some(base) => Ok(Arc::new(tree(base))),
            None => Ok(Arc::clone(&self.commit) as Arc<dyn Files>),
        }
    }

    fn template(&self, call: &ChartCall<'_>) -> Result<String, Diagnosis> {
        let name = call.chart.directory.as_ref().unwrap_or(&call.chart.name);
        let runs = self.case.charts.get(name).unwrap_or_else(|| panic!("no chart `{name}` in the case"));
        let text = runs.get(usize::from(call.run)).or(runs.last()).unwrap();
        if let Some(line) = text.strip_prefix("error: ") {
            return Err(Diagnosis::input("helm-failed", line.trim_end()));
        }
        let version = call.chart.version.as_deref().unwrap_or("-");
        let kube = call.chart.kube_version.as_deref().unwrap_or("-");
        Ok(text
            .replace("$RELEASE", &call.chart.release_name)
            .replace("$VERSION", version)
            .replace("$KUBE", kube))
    }
}
