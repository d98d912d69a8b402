//! `promoter kustomize build` against the real kustomize: whole processes, from start to end, time and memory.
//!
//! Two trees are made here. The others are real ones, read from the conformance corpus if it lies beside the checkout.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::measure::{in_turn, millis, output, ratio, run};
use crate::{Programs, tree};

/// A case has as many rounds as the peer manages in this time, within bounds.
const PEER_TIME: Duration = Duration::from_secs(5);

/// Cases of the corpus, from small to large.
const CORPUS: [&str; 11] = [
    "open/krusty/baseandoverlaysmall--TestSmallOverlay",
    "open/realworld/GoogleCloudPlatform-microservices-demo--kustomize-tests-service-mesh-istio-with-all-components",
    "open/realworld/kubeflow-manifests--applications-pipeline-upstream-env-plain-multi-user",
    "open/realworld/argoproj-argo-cd--manifests-ha-base",
    "open/realworld/argoproj-labs-gitops-promoter--config-apiserver-release-combined-cert-manager",
    "open/realworld/kedacore-keda--config-default",
    "open/realworld/kubernetes-sigs-cluster-api--core-config-default",
    "open/realworld/kubernetes-sigs-kueue--test-e2e-config-multikueue-extended-shard-0",
    "perf/argo-rollouts-cluster-install",
    "perf/kserve-overlays-kubeflow",
    "perf/argo-workflows-cluster-install",
];

/// One kustomization to build.
pub(crate) struct Case {
    /// What the report calls it.
    pub(crate) name: String,
    /// The tree that it needs.
    pub(crate) root: PathBuf,
    /// Its directory below the root.
    pub(crate) target: String,
}

/// The cases that are there. Archives of the corpus are unpacked below `place`.
pub(crate) fn cases(programs: &Programs, place: &Path) -> Result<Vec<Case>> {
    tree::write_one(place)?;
    tree::write_app(place)?;
    let made = |name: &str, target: String| Case { name: name.to_owned(), root: place.to_owned(), target };
    let mut cases = vec![
        made("one ConfigMap", tree::ONE.to_owned()),
        made("overlay of 10 objects with a patch", format!("{}/envs/prod", tree::APP)),
    ];
    let Some(corpus) = &programs.corpus else {
        return Ok(cases);
    };
    for path in CORPUS {
        let packed = corpus.join(format!("{path}.tar.xz"));
        let below = if packed.exists() { place } else { &corpus.join(path).join("..") };
        let folder = below.join(path.rsplit('/').next().unwrap_or(path));
        if packed.exists() {
            output(
                Path::new("tar"),
                &["-xJf".as_ref(), packed.as_os_str(), "-C".as_ref(), place.as_os_str()],
            )?;
        }
        let about = std::fs::read(folder.join("case.json")).with_context(|| folder.display().to_string())?;
        let about: serde_json::Value = serde_json::from_slice(&about)?;
        let target = about["target"].as_str().context("a case without target")?.to_owned();
        cases.push(Case { name: short(path), root: folder.join("input"), target });
    }
    Ok(cases)
}

/// `keda--config-default` of a path that ends in `kedacore-keda--config-default`, at most 44 letters.
fn short(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.chars().take(44).collect()
}

/// Measures all cases and tells each as it is done: the large ones take a while.
pub(crate) fn measure(programs: &Programs, cases: &[Case], tell: fn(&str) -> Result<()>) -> Result<()> {
    tell("kustomize build, whole process: median time and peak memory, kustomize v5.8.1 in turn")?;
    tell(&format!(
        "{:<44} {:>9} {:>11} {:>7}   {:>8} {:>9} {:>7}",
        "case", "promoter", "kustomize", "times", "promoter", "kustomize", "times"
    ))?;
    let mut logarithms = 0.0;
    for case in cases {
        let (line, times) = measure_one(programs, case)?;
        tell(&line)?;
        logarithms += times.ln();
    }
    let mean = (logarithms / cases.len() as f64).exp();
    tell(&format!("geometric mean of the times: {mean:.1} times less"))?;
    match programs.corpus {
        Some(_) => tell(""),
        None => tell("the real trees are left out: no corpus lies beside the checkout\n"),
    }
}

fn measure_one(programs: &Programs, case: &Case) -> Result<(String, f64)> {
    let directory = case.root.join(&case.target);
    let ours =
        (programs.our("promoter"), vec![OsStr::new("kustomize"), OsStr::new("build"), directory.as_os_str()]);
    let peer = (programs.kustomize.clone(), vec![OsStr::new("build"), directory.as_os_str()]);
    let started = Instant::now();
    let wanted = output(&peer.0, &peer.1)?;
    let rounds = PEER_TIME.as_secs_f64() / started.elapsed().as_secs_f64();
    anyhow::ensure!(output(&ours.0, &ours.1)? == wanted, "{}: the outputs differ", case.name);
    let (our_times, peer_times) = in_turn(
        rounds.clamp(5.0, 101.0) as usize,
        || run(&ours.0, &ours.1).map(drop),
        || run(&peer.0, &peer.1).map(drop),
    )?;
    let our_memory = run(&ours.0, &ours.1)? as f64;
    let peer_memory = run(&peer.0, &peer.1)? as f64;
    let times = ratio(&our_times, &peer_times);
    let line = format!(
        "{:<44} {:>9} {:>11} {times:>7.1}   {:>5.1} MB {:>6.1} MB {:>7.1}",
        case.name,
        millis(our_times.median()),
        millis(peer_times.median()),
        our_memory / 1e6,
        peer_memory / 1e6,
        peer_memory / our_memory,
    );
    Ok((line, times))
}
