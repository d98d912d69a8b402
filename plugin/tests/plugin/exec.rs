//! What the stock argocd-cmp-server does with argocd/sidecar-exec/plugin.yaml: it runs the commands in the
//! Application's directory of an unpacked tree, with the request's environment on top of its own.

use std::path::{Path, PathBuf};
use std::process::Output;

use promoter_kustomize::Files as _;

use crate::common::{MANIFEST, command_of, hydrated_tree};

/// Unpacks as the stock server does: one directory for each request, below one of a known name.
fn unpacked(directory: &Path) -> PathBuf {
    let tree = hydrated_tree();
    let root = directory.join("_cmp_server/0b1c2d3e");
    std::fs::create_dir_all(root.join("guestbook")).unwrap();
    for name in tree.list("guestbook").unwrap() {
        let path = format!("guestbook/{name}");
        std::fs::write(root.join(&path), tree.read(&path).unwrap()).unwrap();
    }
    root.join("guestbook")
}

fn run(keys: &[&str], env: &[(&str, &str)]) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let (mut command, _) = command_of(keys);
    command.env("ARGOCD_APP_SOURCE_PATH", "apps/guestbook").env("ARGOCD_APP_PARAMETERS", "null");
    command.envs(env.iter().copied()).current_dir(unpacked(directory.path())).output().unwrap()
}

#[test]
fn generate_prints_the_manifests_and_nothing_else() {
    let output = run(&["spec", "generate"], &[]);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), MANIFEST);
}

#[test]
fn a_fault_is_one_line_on_stderr_and_an_exit_code() {
    let output = run(&["spec", "generate"], &[("ARGOCD_ENV_PROMOTER_ENVIRONMENT", "dev")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.ends_with("[environment-mismatch]\n") && stderr.lines().count() == 1, "{stderr}");
}

#[test]
fn parameters_are_a_json_array_as_argo_cd_reads_it() {
    let output = run(&["spec", "parameters", "dynamic"], &[]);
    let announced: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let names: Vec<&str> =
        announced.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["environment", "lockfile", "render", "freight"]);
    assert_eq!(announced[0]["string"], "prod");
    assert_eq!(announced[3]["collectionType"], "map");
    assert_eq!(
        (&announced[2]["string"], &announced[2]["collectionType"]),
        (&"auto".into(), &"string".into())
    );
    assert!(announced[3]["map"]["config"].as_str().unwrap().starts_with("git git.example.com/acme/deploy "));
}
