//! The program as a service: it ends when it is told to, and its log can be read by programs.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::program::once;
use super::world::World;

#[test]
fn it_goes_on_until_it_is_told_to_end() {
    for signal in ["-TERM", "-INT"] {
        let world = World::at_once();
        let cache = TempDir::new().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_promoter-controller"))
            .args(["--interval", "1h", "--repo", &world.repo.url(), "--cache-dir"])
            .arg(cache.path())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = Vec::new();
        // The last environment's line is the end of the first pass.
        while !said.iter().any(|it: &String| it.contains("0 of 1 approvals")) {
            said.push(log.next().expect("it waits for the next pass").unwrap());
        }
        for line in &said {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(line["timestamp"].is_string() && line["level"].is_string(), "{line}");
            assert_eq!(line["repo"], world.repo.url(), "{line}");
            assert_eq!(line["pipeline"], "myapp", "{line}");
            assert!(line["message"].is_string(), "{line}");
        }
        let told = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(told.success());
        assert_eq!(child.wait().unwrap().code(), Some(0), "{signal}");
    }
}

/// What is measured is forgotten with the process, so that it ends when the check has its two passes.
#[test]
fn once_measures_to_the_end() {
    let world = World::new();
    let ran = once(&[&world.repo.url()], TempDir::new().unwrap().path());
    assert_eq!(ran.code, Some(0), "{}", ran.log);
    let freight = world.lock("dev").unwrap().freight.id();
    assert!(ran.log.contains(&format!("dev: {} verified", freight.alias())), "{}", ran.log);
    assert_eq!(world.app.asked(), 2);
    assert!(ran.log.contains("soaked 0s of 30m in dev"), "half an hour is not waited for: {}", ran.log);
    let record = format!("promoter/state:myapp/verified/dev/{}.yaml", freight.hex());
    assert!(world.repo.id(&record).is_some());
}

#[test]
fn a_finding_carries_its_code_in_the_log() {
    let world = World::at_once();
    world.commit("envs/dev/kustomization.yaml", "replicaz: []\n");
    let cache = TempDir::new().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_promoter-controller"))
        .args(["--once", "--repo", &world.repo.url(), "--cache-dir"])
        .arg(cache.path())
        .output()
        .unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    let lines = log.lines().map(|it| serde_json::from_str::<serde_json::Value>(it).unwrap());
    let findings: Vec<_> = lines.filter(|it| it["code"].is_string()).collect();
    let [finding] = findings.as_slice() else { panic!("{log}") };
    assert_eq!(finding["code"], "kustomize-unknown-field");
    assert_eq!(finding["level"], "ERROR");
}
