//! promoter.yaml and the records as text: what is read, what is written, what is said when it is wrong.

use promoter_core::pipeline::{self, Pipeline};
use promoter_core::policy;
use promoter_core::record::{Approvals, Phase, Record, Records, Rejection, Statement, Verification};
use promoter_core::registries::{self, RequestBound};
use promoter_core::sim::story::play;
use promoter_core::{Digest, FreightId, UnixSeconds};
use promoter_testkit::{golden, golden_text};
use proptest::prelude::*;
use serde::Deserialize;
use std::fmt::Write as _;

const PATH: &str = "apps/guestbook/promoter.yaml";

#[test]
fn pipelines_are_read() {
    golden_text("pipeline/*.yaml", |_, text| match pipeline::read(PATH, text) {
        Ok(pipelines) => format!("{pipelines:#?}"),
        Err(error) => error.diagnosis().to_string(),
    });
}

#[test]
fn examples_are_sound() {
    golden_text("examples/*/promoter.yaml", |path, text| {
        let pipelines = pipeline::read(PATH, text).unwrap_or_else(|it| panic!("{}: {it}", path.display()));
        pipelines.iter().map(street).collect()
    });
}

/// Every example of docs/verification.md is what promoter reads: fields of an environment, or else an object of Kubernetes.
#[test]
fn examples_of_docs_are_sound() {
    let text = include_str!("../../../../docs/verification.md");
    let blocks: Vec<&str> =
        text.split("```yaml\n").skip(1).map(|it| it.split("```").next().unwrap()).collect();
    let template = blocks.iter().find(|it| it.starts_with("apiVersion: argoproj.io")).unwrap();
    let of_environments = blocks.iter().filter(|it| !it.starts_with("apiVersion: "));
    let job = "apiVersion: batch/v1\nkind: Job\nspec: { template: { spec: { containers: [{ name: a, image: a }] } } }\n";
    let mut checks = 0;
    for block in of_environments {
        let fields = block.trim_end().replace('\n', "\n      ");
        let pipeline = format!(
            "apiVersion: promoter.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: shop }}\nspec:\n  subscriptions: [{{ name: config, git: {{}} }}]\n  environments:\n    - name: dev\n      source: dev\n      {fields}\n"
        );
        let beside = |path: &str| match path {
            "jobs/smoke.yaml" => Ok(job.to_owned()),
            _ => Ok((*template).to_owned()),
        };
        let read = pipeline::read_beside("main", "promoter.yaml", &pipeline, &beside);
        let read = read.unwrap_or_else(|it| panic!("{}\n{pipeline}", it.diagnosis()));
        assert!(!read[0].environments[0].checks().any(|it| matches!(it.probe, pipeline::Probe::Broken(_))));
        checks += read[0].environments[0].checks().count();
    }
    assert_eq!((blocks.len(), checks), (10, 13));
}

/// `dev -> staging -> prod`, with who comes after whom.
fn street(pipeline: &Pipeline) -> String {
    let mut out = format!("{}\n", pipeline.name);
    for it in &pipeline.environments {
        let after: Vec<&str> = it.after.environments.iter().map(|it| it.as_str()).collect();
        let from: Vec<&str> = it.parts.iter().map(|it| it.source.as_str()).collect();
        let _ = writeln!(out, "{} after [{}] from {}", it.name, after.join(", "), from.join(", "));
    }
    out
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Errors {
    #[serde(default)]
    path: Option<String>,
    sound: String,
    errors: Vec<Slip>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Slip {
    what: String,
    from: String,
    to: String,
    #[serde(default)]
    empty: bool,
}

impl Errors {
    /// What is said about each slip; panics when one is not made or not noticed.
    pub(crate) fn said(&self, read: impl Fn(&str) -> Result<(), String>) -> String {
        assert_eq!(read(&self.sound), Ok(()));
        let mut out = String::new();
        for slip in &self.errors {
            let text = if slip.empty { String::new() } else { self.sound.replacen(&slip.from, &slip.to, 1) };
            assert_ne!(text, self.sound, "`{}` changes nothing", slip.what);
            match read(&text) {
                Ok(()) => panic!("`{}` is not noticed", slip.what),
                Err(said) => drop(writeln!(out, "{}:\n  {said}", slip.what)),
            }
        }
        out
    }
}

#[test]
fn slips_in_a_pipeline_are_said() {
    golden("errors/pipeline.yaml", |case: Errors| {
        let said = |it: promoter_core::pipeline::PipelineError| it.diagnosis().to_string();
        case.said(|text| pipeline::read(PATH, text).map(drop).map_err(said))
    });
}

#[test]
fn slips_in_a_story_are_said() {
    golden("errors/story.yaml", |case: Errors| {
        case.said(|text| play("shop.txt", text).map(drop).map_err(|it| it.diagnosis().to_string()))
    });
}

#[test]
fn slips_in_a_group_are_said() {
    golden("errors/group.yaml", |case: Errors| {
        let said = |it: promoter_core::pipeline::PipelineError| it.diagnosis().to_string();
        case.said(|text| pipeline::read(PATH, text).map(drop).map_err(said))
    });
}

#[test]
fn slips_in_a_record_are_said() {
    golden("errors/record.yaml", |case: Errors| {
        let path = case.path.clone().unwrap();
        case.said(|text| Record::read(&path, text).map(drop).map_err(|it| it.diagnosis().to_string()))
    });
}

#[test]
fn slips_about_registries_are_said() {
    golden("errors/registries.yaml", |case: Errors| {
        case.said(|text| {
            registries::read("registries.yaml", text).map(drop).map_err(|it| it.diagnosis().to_string())
        })
    });
}

#[test]
fn registries_of_docs_are_read() {
    let text = include_str!("../../../../docs/registries.md");
    let example = text.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let settings =
        registries::read("registries.yaml", example).unwrap_or_else(|it| panic!("{}", it.diagnosis()));
    let plain: Vec<&str> =
        settings.hosts.iter().filter(|(_, it)| it.plain_http).map(|(name, _)| name.as_str()).collect();
    assert_eq!((settings.hosts.len(), plain), (4, vec!["registry.test.example.com:5000"]));
    let hub = &settings.hosts["docker.io"];
    assert_eq!(hub.requests.unwrap(), RequestBound { in_flight: 50, per_second: 10 });
    assert_eq!((hub.mirrors.len(), hub.mirrors[0].path.as_str(), hub.mirrors[1].tags), (2, "hub", true));
}

#[test]
fn slips_in_a_policy_are_said() {
    golden("errors/policy.yaml", |case: Errors| {
        case.said(|text| policy::read("policy.yaml", text).map(drop).map_err(|it| it.diagnosis().to_string()))
    });
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordCase {
    path: String,
    text: String,
}

/// The canonical text of each record, which is the text itself: cases of records are named `canonical…`.
#[test]
fn records_are_read_and_written() {
    golden("record/*.yaml", |case: RecordCase| match Record::read(&case.path, &case.text) {
        Ok(record) => {
            assert_eq!(record.text(), case.text);
            assert_eq!(record.path(), case.path);
            record.text()
        }
        Err(error) => error.diagnosis().to_string(),
    });
}

#[test]
fn pipelines_of_one_repository_are_checked_together() {
    let one = |name: &str, active: &str| {
        let text = format!(
            "apiVersion: promoter.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: {name} }}\nspec:\n  branches: {{ active: \"{active}\" }}\n  subscriptions: [{{ name: config, git: {{}} }}]\n  environments: [{{ name: dev, source: dev }}]\n"
        );
        pipeline::read(&format!("apps/{name}/promoter.yaml"), &text).unwrap().remove(0)
    };
    let said = |pipelines: &[Pipeline]| pipeline::check_together(pipelines).map_err(|it| it.to_string());
    assert_eq!(said(&[one("a", "environment/{environment}"), one("b", "environment/{environment}")]), Ok(()));
    let twice = said(&[one("a", "x/{environment}"), one("a", "y/{environment}")]).unwrap_err();
    assert_eq!(twice, "pipeline `a` is there twice, first at apps/a/promoter.yaml:1");
    let nested = said(&[one("a", "x/{environment}"), one("b", "x/{environment}/{pipeline}")]).unwrap_err();
    assert_eq!(nested, "git cannot hold the branches `x/dev` and `x/dev/b` side by side");
}

#[test]
fn a_lock_has_one_writer() {
    let folders = |name: &str, sources: [&str; 2]| {
        let [dev, prod] = sources;
        let text = format!(
            "apiVersion: promoter.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: {name} }}\nspec:\n  layout: folders\n  subscriptions: [{{ name: config, git: {{}} }}]\n  environments:\n    - {{ name: dev, source: {dev} }}\n    - {{ name: prod, source: {prod} }}\n"
        );
        pipeline::read_on("trunk", "apps/promoter.yaml", &text).map_err(|it| it.diagnosis().to_string())
    };
    let twice = folders("a", ["envs/dev", "./envs/dev/."]).unwrap_err();
    let words = "`prod` and dev of a both write `apps/envs/dev/promotion.lock.yaml` on `trunk` (apps/promoter.yaml:9)";
    assert!(twice.starts_with(words), "{twice}");
    let both = [folders("a", ["dev", "prod"]), folders("b", ["test", "dev"])].map(|it| it.unwrap().remove(0));
    let said = pipeline::check_together(&both).unwrap_err().to_string();
    assert_eq!(said, "`prod` and dev of a both write `apps/dev/promotion.lock.yaml` on `trunk`");
}

fn words() -> impl Strategy<Value = String> {
    let odd = ["null", "2026-03-01", " ", "a\nb", "\u{0}", "~", "- x", "{", "a: b", "#"];
    prop_oneof![
        "[a-z]{1,9}",
        "[ -~]{0,20}",
        "\\PC{0,12}",
        prop::sample::select(odd.to_vec()).prop_map(str::to_owned)
    ]
}

/// Words as a record keeps them.
fn plain(text: &str) -> String {
    text.split(char::is_control).collect::<Vec<_>>().join(" ").trim().to_owned()
}

fn statement() -> impl Strategy<Value = Statement> {
    let by = words().prop_filter("by someone", |it| !plain(it).is_empty());
    (by, 0..4_000_000_000_i64, words()).prop_map(|(by, at, reason)| Statement {
        by,
        at: UnixSeconds(at),
        reason,
    })
}

fn freight_id() -> impl Strategy<Value = FreightId> {
    any::<u64>().prop_map(|it| FreightId::from(Digest::of(&it.to_be_bytes())))
}

proptest! {
    /// Whatever people and servers say, a record that is written is read back, up to control characters and spaces at
    /// the ends, and is then written the same.
    #[test]
    fn records_come_back(said in prop::collection::vec(statement(), 0..4), freight in freight_id(), message in words(), phase in any::<bool>()) {
        let (pipeline, environment) = ("shop".parse().unwrap(), "prod".parse().unwrap());
        let approvals = Record::Approvals(Approvals {
            pipeline, environment, freight: freight.clone(), approvals: said.clone(),
        });
        let (pipeline, environment) = ("on".parse().unwrap(), "0x1f".parse().unwrap());
        let verification = Record::Verification(Verification {
            pipeline, environment, freight: freight.clone(),
            phase: if phase { Phase::Passed } else { Phase::Failed },
            since: UnixSeconds(1), at: UnixSeconds(2),
            message,
            commit: "0000000000000000000000000000000000000001".parse().unwrap(),
        });
        let rejections = said.into_iter().map(|rejected| Record::Rejection(Rejection {
            pipeline: "1e3".parse().unwrap(), environment: "null".parse().unwrap(), freight: freight.clone(), rejected,
        }));
        let mut records = Records::default();
        for record in [approvals, verification].into_iter().chain(rejections) {
            let text = record.text();
            let read = Record::read(&record.path(), &text);
            prop_assert!(read.is_ok(), "{:?}\n{}", read, text);
            let read = read.unwrap();
            prop_assert_eq!(&read.text(), &text);
            if let (Record::Verification(read), Record::Verification(said)) = (&read, &record) {
                prop_assert_eq!(&read.message, &plain(&said.message));
            }
            if let (Record::Approvals(read), Record::Approvals(said)) = (&read, &record) {
                let reasons = |it: &Approvals| it.approvals.iter().map(|it| plain(&it.reason)).collect::<Vec<_>>();
                prop_assert_eq!(reasons(read), reasons(said));
            }
            records.put(&record.path(), &text);
            records.put(&record.path(), "");
            records.remove(&record.path());
        }
        prop_assert_eq!(records.foreign.len(), 0);
        prop_assert!(records.environments.values().all(|it| *it == Default::default()));
    }

    /// Hostile text is refused and never breaks the reader.
    #[test]
    fn any_text_has_an_answer(text in "[ -~\n]{0,200}", sound in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>()) {
        drop(pipeline::read(PATH, &text));
        drop(Record::read("shop/requested/prod.yaml", &text));
        let full = include_str!("../../../../testdata/pipeline/full.yaml");
        let (a, b) = (sound.index(full.len()), cut.index(full.len()));
        let mangled = format!("{}{}", &full[..a.min(b)], &full[a.max(b)..]);
        drop(pipeline::read(PATH, &mangled));
    }
}

#[test]
fn a_group_is_bounded() {
    let group = |apps: usize, environments: usize| {
        let mut text = "apiVersion: promoter.dev/v1alpha1\nkind: Pipeline\nmetadata: { name: shop }\nspec:\n  subscriptions: [{ name: config, git: {} }]\n  apps:\n".to_owned();
        text.extend((0..apps).map(|it| format!("    - a{it}\n")));
        text.push_str("  environments:\n");
        let one = |it| format!("    - {{ name: e{it}, source: \"{{app}}/e{it}\" }}\n");
        text.extend((0..environments).map(one));
        pipeline::read(PATH, &text)
            .map(|it| it[0].environments[0].parts.iter().count())
            .map_err(|it| it.to_string())
    };
    assert_eq!(group(200, 50), Ok(200));
    for (apps, environments) in [(201, 1), (200, 51)] {
        let said = group(apps, environments).unwrap_err();
        assert!(
            said.starts_with(&format!("`spec.apps`: {apps} apps in {environments} environments")),
            "{said}"
        );
    }
}
