//! Lockfiles as text: what is read, what is written, how little an edit changes, what is said when it is wrong.

use promoter_core::{Artifact, Content, Hold, PromotionLock, Setting};
use promoter_testkit::{golden, golden_text};
use serde::Deserialize;

const PATH: &str = "envs/prod/promotion.lock.yaml";

/// The canonical text of each file, which is the file itself for those named `canonical…`.
#[test]
fn locks_are_read_and_written() {
    golden_text("lock/*.yaml", |path, text| match PromotionLock::parse(text, PATH) {
        Ok(lock) => {
            let emitted = lock.emit();
            assert_eq!(PromotionLock::parse(&emitted, PATH).as_ref(), Ok(&lock));
            let named_so = path.file_stem().unwrap().to_string_lossy().starts_with("canonical");
            assert_eq!(emitted == text, named_so, "{}\n{emitted}", path.display());
            emitted
        }
        Err(error) => error.diagnosis().to_string(),
    });
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct EditCase {
    /// The lock as found.
    found: String,
    /// Each step starts from what was found.
    steps: Vec<Step>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Step {
    what: String,
    set: Vec<String>,
    remove: Vec<String>,
    hold: Option<String>,
    release: bool,
    digest: Option<String>,
    source: Option<String>,
    at: Option<String>,
    handmade: bool,
    allow_secrets: Option<Vec<String>>,
}

impl Step {
    fn apply(&self, lock: &mut PromotionLock) {
        let mut artifacts: Vec<Artifact> = lock.freight.artifacts().to_vec();
        artifacts.retain(|it| !self.remove.contains(&it.name.to_string()));
        lock.freight = promoter_core::Freight::new(artifacts).unwrap();
        for set in &self.set {
            let set: Setting = set.parse().unwrap();
            let origin = lock.freight.get(&set.name).map(Content::origin);
            lock.freight = lock.freight.clone().with(set.resolve(origin.as_ref()).unwrap());
        }
        if let Some(reason) = &self.hold {
            lock.hold = Some(Hold { reason: reason.clone(), by: "ada@example.com".into(), at: None });
        }
        if self.release {
            lock.hold = None;
        }
        match self.digest.as_deref() {
            Some("none") => lock.render.digest = None,
            Some(digest) => lock.render.digest = Some(digest.parse().unwrap()),
            None => {}
        }
        if let Some(source) = &self.source {
            lock.render.source = source.clone();
        }
        if let Some(names) = &self.allow_secrets {
            lock.render.allow_secrets = names.to_vec();
        }
        if let Some(at) = &self.at {
            let promotion = promoter_core::Promotion { from: None, previous: None, at: at.parse().unwrap() };
            lock.promotion = Some(promotion);
        }
        if self.handmade {
            lock.promotion = None;
        }
    }
}

#[test]
fn an_edit_changes_only_the_lines_that_differ() {
    golden("lock/edit/*.yaml", |case: EditCase| {
        let found = PromotionLock::read(&case.found, PATH).unwrap().lock;
        let step = |step: &Step| {
            let mut wanted = found.clone();
            step.apply(&mut wanted);
            let edited = wanted.edit(&case.found, PATH).unwrap();
            let again = PromotionLock::parse(&edited, PATH).unwrap();
            assert_eq!(again.freight.id(), wanted.freight.id());
            assert_eq!((&again.render, &again.hold), (&wanted.render, &wanted.hold), "{edited}");
            assert_eq!(again.promotion, wanted.promotion);
            assert_eq!(wanted.edit(&edited, PATH).unwrap(), edited, "a second edit changes nothing");
            let diff = similar::TextDiff::from_lines(&case.found, &edited);
            let diff = diff.unified_diff().context_radius(0).to_string();
            format!("== {}\n{}", step.what, if diff.is_empty() { "no change\n".into() } else { diff })
        };
        case.steps.iter().map(step).collect()
    });
}

#[test]
fn formatting_keeps_comments() {
    golden_text("lock/format/*.yaml", |path, text| {
        let formatted = PromotionLock::format(text, PATH).unwrap();
        let comments = |it: &str| it.matches('#').count();
        assert_eq!(comments(&formatted), comments(text), "{}", path.display());
        assert_eq!(PromotionLock::format(&formatted, PATH).unwrap(), formatted);
        formatted
    });
    for canonical in ["canonical", "canonical-all", "canonical-least"] {
        let text = std::fs::read_to_string(format!("../../testdata/lock/{canonical}.yaml")).unwrap();
        assert_eq!(PromotionLock::format(&text, PATH).unwrap(), text);
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ErrorCase {
    sound: String,
    errors: Vec<Slip>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Slip {
    what: String,
    from: String,
    to: String,
}

#[test]
fn a_broken_lock_gets_one_line_with_cause_place_and_hint() {
    golden("errors/lock.yaml", |case: ErrorCase| {
        PromotionLock::parse(&case.sound, PATH).unwrap();
        let line = |slip: &Slip| {
            assert!(case.sound.contains(&slip.from), "{}: nothing to replace", slip.what);
            let text = case.sound.replacen(&slip.from, &slip.to, 1);
            let diagnosis = PromotionLock::parse(&text, PATH).map_err(|it| it.diagnosis());
            let diagnosis = diagnosis.err().unwrap_or_else(|| panic!("{}: no error", slip.what));
            assert_eq!(diagnosis.fault.exit_code(), 2);
            format!("{}:\n  {diagnosis}\n", slip.what)
        };
        case.errors.iter().map(line).collect()
    });
}

#[test]
fn one_line_per_artifact_changes_when_its_pin_does() {
    let text = std::fs::read_to_string("../../testdata/lock/canonical.yaml").unwrap();
    let lock = PromotionLock::parse(&text, PATH).unwrap();
    let set: Setting = format!("web=1.4.3@sha256:{}", "5".repeat(64)).parse().unwrap();
    let origin = lock.freight.get(&set.name).map(Content::origin);
    let mut next = lock.clone();
    next.freight = lock.freight.with(set.resolve(origin.as_ref()).unwrap());
    let differs = text.lines().zip(next.emit().lines()).filter(|(a, b)| a != b).count();
    assert_eq!(differs, 3, "id, alias and the artifact");
    assert_eq!(next.emit(), next.edit(&text, PATH).unwrap(), "an edit of canonical text is canonical");
}
