//! `--output`, into a directory: the files that kustomize writes.

use crate::{kustomize, promoter, read, write};

const RESOURCES: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: eu}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: Web}
spec: {replicas: 12345678, on: 'yes', at: 2001-01-01}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: 'system:web', labels: {b: '1', a10: x, a9: y}}
---
apiVersion: example.com/v1alpha1
kind: Widget
metadata: {name: w, namespace: default}
spec: {text: \"a\\nb\\n\", none: null}
";

#[test]
fn a_directory_gets_a_file_for_each_resource() {
    for overlay in ["resources: [all.yaml]\n", "resources: [all.yaml, eu.yaml]\nnameSuffix: -x\n"] {
        let directory = tempfile::tempdir().unwrap();
        let eu = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: EU}\n";
        let path = directory.path();
        write(path, &[("kustomization.yaml", overlay), ("all.yaml", RESOURCES), ("eu.yaml", eu)]);
        write(path, &[("ours/old.yaml", "old"), ("theirs/old.yaml", "old")]);
        let said = promoter(path, &["kustomize", "build", "-o", "ours"]);
        assert_eq!((said.code, said.stdout.as_str(), said.stderr.as_str()), (0, "", ""));
        let ours = read(path.join("ours"));
        assert!(ours.len() >= 5, "{ours:?}");
        if kustomize(path, &["build", "-o", "theirs"]).is_some() {
            assert_eq!(ours, read(path.join("theirs")));
        }
    }
}

#[test]
fn nothing_is_written_when_something_cannot_be() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let named = |name: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n");
    for (second, words) in [("A", "would be written to the same file"), ("x/y", "a file of its own")] {
        write(path, &[("kustomization.yaml", "resources: [a.yaml, b.yaml]\n"), ("out/old.yaml", "old")]);
        write(path, &[("a.yaml", &named("a")), ("b.yaml", &named(second))]);
        let said = promoter(path, &["kustomize", "build", "-o", "out"]);
        assert_eq!((said.code, said.stdout.as_str()), (2, ""));
        assert!(said.stderr.contains(words), "{said:?}");
        assert_eq!(read(path.join("out")).into_keys().collect::<Vec<_>>(), ["old.yaml"]);
    }
    write(path, &[("b.yaml", &named("b"))]);
    std::fs::create_dir(path.join("out/v1_configmap_b.yaml")).unwrap();
    let said = promoter(path, &["kustomize", "build", "-o", "out"]);
    assert!(said.code == 2 && said.stderr.contains("v1_configmap_b.yaml` cannot be written"), "{said:?}");
    std::fs::remove_dir(path.join("out/v1_configmap_b.yaml")).unwrap();
    assert_eq!(read(path.join("out")).into_keys().collect::<Vec<_>>(), ["old.yaml"]);
}

#[test]
fn a_file_keeps_its_bytes_when_the_build_fails() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &[("kustomization.yaml", "resources: [missing.yaml]\n"), ("out.yaml", "old")]);
    let said = promoter(directory.path(), &["kustomize", "build", "-o", "out.yaml"]);
    assert_eq!((said.code, said.stdout.as_str()), (2, ""));
    assert_eq!(std::fs::read_to_string(directory.path().join("out.yaml")).unwrap(), "old");
}
