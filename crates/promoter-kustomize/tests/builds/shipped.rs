//! What promoter ships as kustomizations builds, to the bytes of the real kustomize.

use std::path::Path;

use promoter_kustomize::MemoryFiles;
use promoter_testkit::Kustomize;

use crate::support::{add, ours};

const SHIPPED: [&str; 6] = [
    "manifests/base",
    "testdata/argocd/native",
    "testdata/argocd/exec",
    "testdata/examples/myapp/envs/dev",
    "testdata/examples/myapp/envs/staging",
    "testdata/examples/myapp/envs/prod",
];

#[test]
fn what_is_shipped_builds_as_kustomize_builds_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = MemoryFiles::new();
    for folder in ["argocd", "manifests", "testdata/argocd", "testdata/examples"] {
        add(&mut files, &root.join(folder), &format!("{folder}/"));
    }
    let kustomize = Kustomize::installed();
    for directory in SHIPPED {
        let said = ours(&files, directory);
        assert_eq!(said.refused, None, "{directory}");
        if let Some(kustomize) = &kustomize {
            assert_eq!(said.printed, kustomize.build(&root.join(directory)).ok(), "{directory}");
        }
    }
}
