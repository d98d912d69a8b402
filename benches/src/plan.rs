//! What the planner alone costs, on one core: pipeline and observation in, plan out. Nothing is read or written.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use promoter_core::observation::{Apps, Dry, DryRender, EnvironmentSeen, Observation, State, Tip};
use promoter_core::pipeline::{self, Pipeline};
use promoter_core::plan::plan;
use promoter_core::record::{BY_GIT, Discovered, FreightRecord, Phase, Record, Records, Verification};
use promoter_core::verification::{About, Answer, Asked, Measurement};
use promoter_core::{
    Artifact, CommitId, Content, Freight, LockVersion, Promotion, PromotionLock, Render, UnixSeconds,
};

use crate::measure::{alone, millis, peak_megabytes, reset_peak};

const ROUNDS: usize = 21;
/// When the freight that runs was promoted, and an hour later.
const PROMOTED: UnixSeconds = UnixSeconds(1_772_355_600);
const NOW: UnixSeconds = UnixSeconds(1_772_359_200);
/// Environments in a row, each after the one before.
const ROW: usize = 10;

/// Measures pipelines of so many environments, at rest and with new freight.
pub(crate) fn measure(tell: fn(&str) -> Result<()>) -> Result<()> {
    tell("planner, rows of ten environments, median (and least) of whole plans on one core")?;
    case(1, 10_000, tell)?;
    case(1_000, 10, tell)
}

fn case(pipelines: usize, environments: usize, tell: fn(&str) -> Result<()>) -> Result<()> {
    let pipeline = pipeline(environments)?;
    for news in [false, true] {
        let seen = seen(&pipeline, news)?;
        let actions = plan(&pipeline, &seen, NOW).actions.len();
        let wanted = if news { environments / ROW } else { 0 };
        anyhow::ensure!(actions == wanted, "{actions} actions instead of {wanted}");
        reset_peak();
        let before = peak_megabytes();
        let times = alone(ROUNDS, || {
            for _ in 0..pipelines {
                let _ = std::hint::black_box(plan(&pipeline, &seen, NOW));
            }
            Ok(())
        })?;
        let what = format!(
            "{pipelines} × {environments} environments, {}",
            if news { "new freight" } else { "at rest" }
        );
        let memory = peak_megabytes().saturating_sub(before);
        tell(&format!(
            "{what:<44} {:>12} (least {}), {memory} MB more while planning, {before} MB with what was seen",
            millis(times.median()),
            millis(times.least())
        ))?;
    }
    Ok(())
}

fn pipeline(environments: usize) -> Result<Pipeline> {
    let mut text = String::from(
        "apiVersion: promoter.dev/v1alpha1\nkind: Pipeline\nmetadata: { name: shop }\nspec:\n  subscriptions: [{ name: config, git: {} }]\n  environments:\n",
    );
    for index in 0..environments {
        let after = match index % ROW {
            0 => String::new(),
            _ => format!(", after: [e{}], gates: [{{ soak: 30m }}]", index - 1),
        };
        let check = "verification: [{ http: { url: \"http://e.example.com\", interval: 1d } }]";
        let _ = writeln!(
            text,
            "    - {{ name: e{index}, source: envs/e{index}, promotion: auto, {check}{after} }}"
        );
    }
    let read = pipeline::read("promoter.yaml", &text);
    read.map_err(|it| anyhow::anyhow!(it.diagnosis().to_string()))?.pop().context("one pipeline")
}

/// Every environment runs the first freight, verified; with news there is a second one.
fn seen(pipeline: &Pipeline, news: bool) -> Result<Observation> {
    let [first, second] = [freight('a')?, freight('b')?];
    let mut records = Records::default();
    let mut put = |record: Record| records.put(&record.path(), &record.text());
    for (freight, at) in [(&first, PROMOTED), (&second, NOW)].into_iter().take(if news { 2 } else { 1 }) {
        let discovered = Discovered { at, by: BY_GIT.into(), author: None };
        put(Record::Freight(FreightRecord {
            pipeline: pipeline.name.clone(),
            freight: freight.clone(),
            discovered,
            about: BTreeMap::new(),
        }));
    }
    let commit = commit('c')?;
    let mut environments = std::collections::BTreeMap::new();
    for rules in &pipeline.environments {
        put(Record::Verification(Verification {
            pipeline: pipeline.name.clone(),
            environment: rules.name.clone(),
            freight: first.id(),
            phase: Phase::Passed,
            since: PROMOTED,
            at: PROMOTED,
            message: "1 of 1 checks passed".into(),
            commit: commit.clone(),
        }));
        let lock = PromotionLock {
            version: LockVersion::default(),
            pipeline: pipeline.name.clone(),
            environment: rules.name.clone(),
            freight: first.clone(),
            render: Render {
                source: rules.parts.first.source.clone(),
                digest: None,
                engine: None,
                allow_empty: false,
                allow_secrets: Vec::new(),
            },
            promotion: Some(Promotion { from: None, previous: None, at: PROMOTED }),
            hold: None,
        };
        let tip = Tip { commit: commit.clone(), lock: Ok(Some(lock)), apps: Apps::default() };
        let about = About::Stay { freight: first.id(), promoted_at: PROMOTED };
        let measured = rules.verification.first().map(|check| Measurement {
            of: Asked { check: check.id.clone(), about },
            at: PROMOTED,
            answer: Answer::Passed,
        });
        environments.insert(
            rules.name.clone(),
            EnvironmentSeen {
                active: Ok(Some(tip.clone())),
                proposed: Ok(Some(tip)),
                merges_cleanly: true,
                refused: std::collections::BTreeMap::new(),
                measurements: measured.into_iter().collect(),
            },
        );
    }
    let dry = Dry { head: commit.clone(), pin: commit.clone(), render: DryRender::Same, author: None };
    Ok(Observation {
        repository: "https://git.example.com/acme/deploy.git".parse()?,
        dry: Ok(dry),
        artifacts: BTreeMap::new(),
        images: BTreeMap::new(),
        state: Ok(State { head: Some(commit), records }),
        policy: Ok(()),
        measures: true,
        environments,
    })
}

fn freight(digit: char) -> Result<Freight> {
    let url = "https://git.example.com/acme/deploy.git".parse()?;
    let content = Content::Git { url, commit: commit(digit)? };
    Ok(Freight::new(vec![Artifact { name: "config".parse()?, content }])?)
}

fn commit(digit: char) -> Result<CommitId> {
    Ok(digit.to_string().repeat(40).parse()?)
}
