//! What the sources of the examples render to, beside the real kustomize and helm.

use std::path::{Path, PathBuf};
use std::process::Command;

use promoter_core::pipeline::read;
use promoter_testkit::tool;

/// Every environment's directory of every pipeline below `testdata/examples`.
fn sources() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/examples").canonicalize().unwrap();
    let (mut found, mut directories) = (Vec::new(), vec![root]);
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.ends_with("promoter.yaml") {
                let pipelines = read("promoter.yaml", &std::fs::read_to_string(&path).unwrap()).unwrap();
                let parts = pipelines.iter().flat_map(|it| &it.environments).flat_map(|it| it.parts.iter());
                found.extend(parts.map(|it| directory.join(&it.source)));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn examples_render_as_kustomize_renders_them() {
    let (Some(kustomize), Some(helm)) = (tool("kustomize-v5.8.1", "kustomize"), tool("helm-v4.2.4", "helm"))
    else {
        return;
    };
    let flags = ["--enable-helm", "--helm-command", helm.to_str().unwrap()];
    let printed = |mut command: Command, directory: &Path| {
        let output = command.arg("build").arg(directory).args(flags).output().unwrap();
        assert!(
            output.status.success(),
            "{}: {}",
            directory.display(),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    };
    let mut compared = 0;
    for directory in sources().iter().filter(|it| it.join("kustomization.yaml").exists()) {
        let mut ours = Command::new(env!("CARGO_BIN_EXE_promoter"));
        ours.arg("kustomize");
        assert_eq!(
            printed(ours, directory),
            printed(Command::new(&kustomize), directory),
            "{}",
            directory.display()
        );
        compared += 1;
    }
    assert!(compared >= 20, "only {compared} kustomizations were found");
}
