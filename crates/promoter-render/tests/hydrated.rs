//! The bytes of hydrated branches, against goldens that Argo CD's own templates and encoders made.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::PathBuf;

use promoter_core::{PromotionLock, UnixSeconds};
use promoter_render::hydrate::{
    DryCommit, Hydration, Inputs, Metadata, Trailer, commit_message, hydrate, note, readme,
};
use promoter_render::{Hydrated, Limits, Manifests, Object, Rules, verify};
use promoter_testkit::golden;
use promoter_yaml::{Dialect, parse_first};
use serde::Deserialize;

const INPUTS: [&str; 4] = ["plain", "commands", "refs", "nobody"];

fn testdata(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/hydrated").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn metadata(input: &str) -> Metadata {
    let name = format!("hydrator.metadata-{input}.json");
    Metadata::read(&testdata(&name), &name).unwrap()
}

#[test]
fn metadata_is_written_as_argo_cd_writes_it() {
    for input in INPUTS {
        assert_eq!(
            metadata(input).to_json(),
            testdata(&format!("hydrator.metadata-{input}.json")),
            "{input}"
        );
    }
}

#[test]
fn readmes_are_argo_cds() {
    for input in INPUTS {
        assert_eq!(readme(&metadata(input), None), testdata(&format!("readme-{input}.md")), "{input}");
    }
}

#[test]
fn messages_are_argo_cds_after_gits_clean_up() {
    for input in INPUTS {
        let golden = testdata(&format!("commit-message-{input}.txt"));
        let mut cleaned = golden.replace("\n\n\n", "\n\n").trim_end().to_owned();
        cleaned.push('\n');
        assert_eq!(commit_message(&metadata(input), &[]), cleaned, "{input}");
    }
}

#[test]
fn trailers_are_one_block_at_the_end() {
    let trailers =
        [Trailer::new(Trailer::FREIGHT, "sha256:1"), Trailer::new(Trailer::REASON, "INC-42\n\nx: y")];
    let message = commit_message(&metadata("nobody"), &trailers);
    let block =
        "\n\nCo-authored-by: CI <ci@example.com>\nPromoter-freight: sha256:1\nPromoter-reason: INC-42 x: y\n";
    assert!(message.ends_with(block), "{message}");
    let message = commit_message(&metadata("plain"), &trailers);
    assert!(
        message.ends_with(">\n\nPromoter-freight: sha256:1\nPromoter-reason: INC-42 x: y\n"),
        "{message}"
    );
}

#[test]
fn manifests_are_argo_cds() {
    let objects = testdata("manifest.input.jsonl").lines().map(object).collect();
    let manifests = Manifests { objects, source: "x".into(), rules: Rules::default(), warnings: Vec::new() };
    let hydrated = verify(manifests, &Limits::default()).unwrap().to_hydrated().unwrap();
    assert_eq!(String::from_utf8(hydrated.bytes).unwrap(), testdata("manifest.golden.yaml"));
}

fn object(line: &str) -> Object {
    let node = parse_first(line, Dialect::Resource, &promoter_yaml::Limits::default()).unwrap().unwrap();
    Object { node, at: None }
}

/// Reads a lock of a case, where `$ID` stands for the right id.
fn lock(text: &str) -> PromotionLock {
    let text = text.replace("$ID", &format!("sha256:{:064}", 0));
    PromotionLock::read(&text, "promotion.lock.yaml").unwrap().lock
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Case {
    lock: String,
    manifest: String,
    repo_url: String,
    author: String,
    message: String,
    now: String,
    last_date: Option<String>,
}

#[test]
fn what_did_not_change_keeps_its_bytes() {
    let path = "hydrator.metadata-refs.json";
    let text = testdata("guestbook.case.yaml");
    let case: Case = serde_yaml::from_str(&text).unwrap();
    let lock = lock(&case.lock);
    let manifests = Hydrated::of(case.manifest.clone().into_bytes());
    let dry = DryCommit::read(&case.author, &case.message);
    let mut inputs = Inputs {
        lock: &lock,
        folder: lock.pipeline.as_str(),
        found_lock: None,
        manifests: &manifests,
        dry: &dry,
        repo_url: &case.repo_url,
        now: UnixSeconds(0),
        last_date: None,
    };
    let first = hydrate(&inputs).unwrap();
    let lock_path = "guestbook/promotion.lock.yaml";
    let commented =
        format!("# kept by hand\n{}", String::from_utf8(first.files[lock_path].bytes.clone()).unwrap());
    inputs.found_lock = Some(&commented);
    let second = hydrate(&inputs).unwrap();
    assert_eq!(String::from_utf8(second.files[lock_path].bytes.clone()).unwrap(), commented);
    let others = |it: &Hydration| {
        it.files.iter().filter(|it| it.0 != lock_path).map(|it| it.1.clone()).collect::<Vec<_>>()
    };
    assert_eq!(others(&first), others(&second));
    assert!(Metadata::read(&testdata(path), path).unwrap().date().is_some());
}

#[test]
fn branches() {
    golden("hydrated/*.case.yaml", |case: Case| {
        let lock = lock(&case.lock);
        let manifests = Manifests {
            objects: vec![object(&case.manifest)],
            source: String::new(),
            rules: Rules::default(),
            warnings: Vec::new(),
        };
        let manifests = verify(manifests, &Limits::default()).unwrap().to_hydrated().unwrap();
        let dry = DryCommit::read(&case.author, &case.message);
        let time = |text: &str| -> UnixSeconds { text.parse().unwrap() };
        let inputs = Inputs {
            lock: &lock,
            folder: lock.pipeline.as_str(),
            found_lock: None,
            manifests: &manifests,
            dry: &dry,
            repo_url: &case.repo_url,
            now: time(&case.now),
            last_date: case.last_date.as_deref().map(time),
        };
        let hydration = hydrate(&inputs).unwrap();
        let mut shown = String::new();
        for (path, file) in &hydration.files {
            let mode = if file.executable { "100755" } else { "100644" };
            let text = std::str::from_utf8(&file.bytes).unwrap();
            shown.push_str(&format!("==> {mode} {path}\n{text}\n"));
        }
        let freight = hydration.lock.freight.id();
        let trailers = [
            Trailer::new(Trailer::FREIGHT, freight.to_string()),
            Trailer::new(Trailer::ENVIRONMENT, hydration.lock.environment.as_str()),
        ];
        shown.push_str(&format!("==> message\n{}\n", commit_message(&hydration.metadata, &trailers)));
        shown.push_str(&format!("==> note\n{}\n", note(&freight)));
        shown
    });
}
