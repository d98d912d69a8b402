//! `promoter demo` runs through on a machine that has git.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

#[test]
fn the_demo_runs_through_and_can_be_kept() {
    let promoter = Path::new(env!("CARGO_BIN_EXE_promoter"));
    if !promoter.with_file_name("promoter-plugin").exists() {
        eprintln!("skipped: promoter-plugin is not built, run make test");
        return;
    }
    let home = TempDir::new().unwrap();
    let place = home.path().join("kept");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(promoter);
        command.args(arguments).env_clear().env("HOME", home.path()).env("GIT_CONFIG_NOSYSTEM", "1");
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), text, String::from_utf8(output.stderr).unwrap())
    };
    let kept = place.display().to_string();
    let (code, text, complaint) = run(&["demo", "--keep", &kept]);
    assert_eq!(code, Some(0), "{text}{complaint}");
    for word in [
        "Argo CD asks for dev      Deployment dev/myapp, replicas 1, nginx:1.20",
        "Argo CD asks for staging  Deployment staging/myapp, replicas 2, nginx:1.19  [unchanged",
        "Argo CD asks for prod     Deployment prod/myapp, replicas 3, nginx:1.19  [unchanged",
        "prod: held by ada@example.com",
        "byte for byte the one from before nginx 1.20",
        "What to try next",
    ] {
        assert!(text.contains(word), "`{word}` is missing:\n{text}");
    }
    // What it left is a repository to go on with.
    let (code, status, complaint) = run(&["status", "--repo", &format!("{kept}/repo.git")]);
    assert_eq!(code, Some(0), "{status}{complaint}");
    assert!(status.contains("(held)"), "{status}");
    // A folder in use is not touched.
    let (code, _, complaint) = run(&["demo", "--keep", &kept]);
    assert_eq!(code, Some(2), "{complaint}");
    assert!(complaint.contains("is not empty"), "{complaint}");
}
