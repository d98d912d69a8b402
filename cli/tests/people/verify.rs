//! `promoter verify` where a transcript cannot show it: files that come and go, copies without a server, other engines.

use std::process::Command;

use serde_json::Value;

use super::stage::Stage;

/// What `promoter verify` says of `environment/dev` in a repository, and how it ends.
fn verify(stage: &Stage, repository: &str, arguments: &[&str]) -> (Option<i32>, Value) {
    let mut command = stage.command(stage.home.path());
    command.args(["verify", "--repo", repository, "-o", "json"]).args(arguments);
    let output = command.output().unwrap();
    let rows = serde_json::from_slice(&output.stdout);
    (output.status.code(), rows.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr))))
}

fn stage() -> Stage {
    let stage = Stage::new();
    stage.pass();
    stage
}

/// Each difference as `path:line kind`.
fn differences(rows: &Value) -> Vec<String> {
    let all = rows.as_array().unwrap().iter().filter_map(|it| it["differences"].as_array()).flatten();
    all.map(|it| format!("{}:{} {}", it["path"].as_str().unwrap(), it["line"], it["kind"].as_str().unwrap()))
        .collect()
}

#[test]
fn files_that_are_missing_or_too_many_are_found() {
    const DEV: &str = "environment/dev";
    type Spoil = fn(&Stage);
    let spoiled: [(Spoil, &str); 6] = [
        (
            |it| drop(it.repo.on(DEV).remove("myapp/manifest.yaml").commit()),
            "myapp/manifest.yaml:null missing",
        ),
        (|it| drop(it.repo.on(DEV).remove("myapp/README.md").commit()), "myapp/README.md:null missing"),
        (|it| drop(it.repo.on(DEV).remove("hydrator.metadata").commit()), "hydrator.metadata:null missing"),
        (|it| drop(it.repo.on(DEV).file("myapp/more.yaml", b"x").commit()), "myapp/more.yaml:null extra"),
        (|it| drop(it.repo.on(DEV).file("myapp/sub/x.yaml", b"x").commit()), "myapp/sub:null extra"),
        (|it| drop(it.repo.on(DEV).file(".gitattributes", b"x").commit()), ".gitattributes:1 line"),
    ];
    for (spoil, wanted) in spoiled {
        let stage = stage();
        spoil(&stage);
        let (code, rows) = verify(&stage, &stage.repo.url(), &[DEV]);
        assert_eq!((code, differences(&rows)), (Some(1), vec![wanted.to_owned()]), "{rows}");
        // The commit before is as it was.
        let (_, rows) = verify(&stage, &stage.repo.url(), &[DEV, "--history=2"]);
        assert_eq!(rows[rows.as_array().unwrap().len() - 1]["result"], "ok", "{rows}");
    }
}

#[test]
fn what_cannot_be_seen_is_shown() {
    let stage = stage();
    let output = stage.repo.try_git(&["cat-file", "blob", "environment/dev:myapp/manifest.yaml"], b"");
    let text = String::from_utf8(output.stdout).unwrap();
    for (hidden, shown) in [
        ("apps/v1\t", "apps/v1\\t"),
        ("apps/v1 ", "apps/v1\\x20"),
        ("apps/v1\r", "apps/v1\\r"),
        ("apps/\u{202e}v1", "apps/\\u{202e}v1"),
        ("apps/v1\u{1b}[8m", "apps/v1\\u{1b}[8m"),
        ("apps\u{a0}/v1", "apps\\u{a0}/v1"),
    ] {
        let spoiled = text.replace("apps/v1", hidden);
        stage.repo.commit("environment/dev", &[("myapp/manifest.yaml", &spoiled)]);
        let (code, rows) = verify(&stage, &stage.repo.url(), &["environment/dev"]);
        let difference = &rows[0]["differences"][0];
        assert_eq!(
            (code, difference["found"].as_str().unwrap()),
            (Some(1), &*format!("apiVersion: {shown}"))
        );
        assert_eq!(difference["rendered"], "apiVersion: apps/v1");
    }
}

#[test]
fn a_note_that_is_not_of_the_freight_is_found() {
    let stage = stage();
    let note = ["notes", "--ref=hydrator.metadata"];
    let forged = format!("{{\"drySha\":\"{}\"}}", "1".repeat(40));
    let identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"];
    let add = ["add", "-f", "-m", &forged, "environment/dev"];
    stage.repo.git(&[&identity[..], &note, &add].concat());
    let (code, rows) = verify(&stage, &stage.repo.url(), &["environment/dev"]);
    assert_eq!(code, Some(1));
    assert_eq!(differences(&rows), ["refs/notes/hydrator.metadata:null broken"]);
    stage.repo.git(&[&identity[..], &note, &["remove", "environment/dev"]].concat());
    let (_, rows) = verify(&stage, &stage.repo.url(), &["environment/dev"]);
    assert_eq!(differences(&rows), ["refs/notes/hydrator.metadata:null missing"]);
}

#[test]
fn a_bare_copy_is_enough_when_the_repository_is_gone() {
    let stage = stage();
    let copy = stage.home.path().join("copy.git");
    let from = stage.repo.path().display().to_string();
    let done = Command::new("git").args(["clone", "--quiet", "--mirror", &from]).arg(&copy).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    std::fs::rename(stage.repo.path(), stage.home.path().join("away.git")).unwrap();
    let copy = copy.display().to_string();
    let (code, rows) = verify(&stage, &copy, &["environment/dev", "environment/staging", "--history"]);
    assert_eq!((code, differences(&rows)), (Some(0), Vec::new()), "{rows}");
    assert_eq!(rows.as_array().unwrap().len(), 2, "{rows}");
}

#[test]
fn a_source_commit_that_is_gone_is_said() {
    let stage = stage();
    let copy = stage.home.path().join("copy.git");
    let from = format!("file://{}", stage.repo.path().display());
    // Only the environment's branch: the commit that its lock pins is on another one.
    let clone = ["clone", "--quiet", "--bare", "--single-branch", "--branch", "environment/dev"];
    let done = Command::new("git").args(clone).arg(&from).arg(&copy).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    std::fs::rename(stage.repo.path(), stage.home.path().join("away.git")).unwrap();
    let (code, rows) = verify(&stage, &copy.display().to_string(), &["environment/dev"]);
    assert_eq!(rows[0]["result"], "unproved", "{rows}");
    assert!(rows[0]["why"].as_str().unwrap().contains("[git-no-commit]"), "{rows}");
    assert_eq!(code, Some(2));
}

#[test]
fn a_lock_in_the_folder_of_another_pipeline_is_found() {
    let stage = stage();
    let text = |path: &str| {
        stage.repo.try_git(&["cat-file", "blob", &format!("environment/dev:myapp/{path}")], b"").stdout
    };
    let mut commit = stage.repo.on("environment/dev");
    for name in ["promotion.lock.yaml", "manifest.yaml", "hydrator.metadata", "README.md"] {
        commit = commit.file(&format!("copy/{name}"), &text(name));
    }
    commit.commit();
    let (code, rows) = verify(&stage, &stage.repo.url(), &["environment/dev"]);
    assert_eq!(
        (code, differences(&rows)),
        (Some(1), vec!["copy/promotion.lock.yaml:null broken".to_owned()]),
        "{rows}"
    );
}

/// An older engine that renders otherwise is no tampering, and no proof.
#[test]
fn a_lock_of_another_engine_that_renders_otherwise_is_unproved() {
    let stage = stage();
    let text = |path: &str| {
        let output = stage.repo.try_git(&["cat-file", "blob", &format!("environment/dev:{path}")], b"");
        String::from_utf8(output.stdout).unwrap()
    };
    let (lock, manifest) = (text("myapp/promotion.lock.yaml"), text("myapp/manifest.yaml"));
    let other = manifest.replace("replicas: 1", "replicas:  1");
    let digest = |text: &str| promoter_core::Digest::of(text.as_bytes()).to_string();
    let lock = lock.replace(&digest(&manifest), &digest(&other));
    for (engine, result, exit) in
        [("promoter/0.1.0", "differs", 1), ("promoter/0.0.9", "unproved", 2), ("other/1.0", "unproved", 2)]
    {
        let lock = lock.replace("engine: promoter/0.1.0", &format!("engine: {engine}"));
        let files = [("myapp/promotion.lock.yaml", &*lock), ("myapp/manifest.yaml", &*other)];
        stage.repo.commit("environment/dev", &files);
        let (code, rows) = verify(&stage, &stage.repo.url(), &["environment/dev"]);
        assert_eq!((code, rows[0]["result"].as_str().unwrap()), (Some(exit), result), "{rows}");
        if result == "unproved" {
            assert!(rows[0]["why"].as_str().unwrap().contains(engine), "{rows}");
        }
    }
}
