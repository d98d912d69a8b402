//! `promoter kustomize build` against the real kustomize: whole processes, from start to end.

use std::ffi::OsStr;

use anyhow::Result;

use crate::measure::{compare, in_turn, run};
use crate::{Programs, tree};

const ROUNDS: usize = 31;

/// Measures a small overlay and a single ConfigMap.
pub(crate) fn measure(programs: &Programs) -> Result<Vec<String>> {
    let place = tempfile::tempdir()?;
    tree::write_app(place.path())?;
    tree::write(place.path(), "one/kustomization.yaml", "resources: [map.yaml]\n")?;
    tree::write(
        place.path(),
        "one/map.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: one\ndata:\n  a: b\n",
    )?;
    let mut report =
        vec![format!("kustomize build, whole process, median of {ROUNDS} (kustomize v5.8.1 in turn)")];
    for (what, directory) in
        [("overlay of 10 objects with a patch", "apps/shop/envs/prod"), ("one ConfigMap", "one")]
    {
        let directory = place.path().join(directory);
        let directory = directory.as_os_str();
        let (ours, peer) = in_turn(
            ROUNDS,
            || run(&programs.our("promoter"), &[OsStr::new("kustomize"), OsStr::new("build"), directory]),
            || run(&programs.kustomize, &[OsStr::new("build"), directory]),
        )?;
        report.push(compare(what, &ours, &peer, "kustomize"));
    }
    Ok(report)
}
