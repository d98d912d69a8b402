//! What freight is made of what was found, and why none is: pipeline, records and findings in, report and record out.
//!
//! Cases write an image as `1.4.2@a`: its tag, and the digit of its digest. A commit is its digit.

use promoter_core::discovery::{Candidate, Found, Provenance};
use promoter_core::observation::{Apps, Dry, DryRender, EnvironmentSeen, Observation, State, Tip, Unread};
use promoter_core::pipeline::{self, Pipeline};
use promoter_core::plan::{Action, Subject, plan};
use promoter_core::record::{
    BY_GIT, Discovered, FreightRecord, Phase, Record, Records, Rejection, Statement, Verification,
};
use promoter_core::{
    Artifact, CommitId, Content, Freight, LockVersion, Name, Origin, Promotion, PromotionLock, Render,
    UnixSeconds,
};
use promoter_testkit::golden;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

const REPOSITORY: &str = "https://git.example.com/acme/deploy.git";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// Besides `config`, this repository.
    #[serde(default)]
    subscriptions: Vec<serde_yaml::Value>,
    /// `spec.freight`.
    #[serde(default)]
    rules: Option<serde_yaml::Value>,
    now: String,
    /// `same`, `differs`, `broken` or `unread`.
    dry: String,
    /// The digit of the dry head.
    head: char,
    /// What is recorded.
    #[serde(default)]
    freight: Vec<Known>,
    #[serde(default)]
    found: BTreeMap<String, Seen>,
    /// The index of the freight that dev runs; with `previous` the one before.
    #[serde(default)]
    runs: Option<usize>,
    #[serde(default)]
    previous: Option<usize>,
    /// True when what dev runs could not be read.
    #[serde(default)]
    lost: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    at: String,
    /// When dev verified it last.
    #[serde(default)]
    verified: Option<String>,
    /// True when a person rejected it in dev.
    #[serde(default)]
    rejected: bool,
    #[serde(default)]
    by: Option<String>,
    /// By subscription.
    holds: BTreeMap<String, String>,
    #[serde(default)]
    about: BTreeMap<String, About>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Seen {
    is: Option<String>,
    about: About,
    others: Vec<String>,
    unfit: Vec<String>,
    notes: Vec<String>,
    passed_over: Vec<String>,
    /// Why it could not be read.
    unread: Option<String>,
    again: Option<String>,
}

#[derive(Deserialize, Default, Clone)]
#[serde(deny_unknown_fields, default)]
struct About {
    /// The digit of a commit.
    revision: Option<char>,
    created: Option<String>,
    tag: Option<String>,
}

#[test]
fn freight_is_made_of_what_was_found() {
    golden("plan/discover/*.yaml", |case: Case| {
        let pipeline = case.pipeline();
        let seen = case.observation(&pipeline);
        let plan = plan(&pipeline, &seen, time(&case.now));
        let mut out = String::new();
        let about_environments = |it: &Subject| matches!(it, Subject::Environment(_));
        for line in plan.report.iter().filter(|it| !about_environments(&it.subject)) {
            let _ = writeln!(out, "{line}");
        }
        let _ = writeln!(
            out,
            "next look: {}",
            plan.wake_at().map_or("on the next poll".into(), |it| it.to_string())
        );
        for action in &plan.actions {
            if let Action::Record(it) = action {
                for record in it.write.iter().filter(|it| matches!(it, Record::Freight(_))) {
                    let _ = write!(out, "---\n{}", record.text());
                    // What is written is read again.
                    assert_eq!(Record::read(&record.path(), &record.text()).as_ref(), Ok(record));
                }
                for it in &it.remove {
                    let says = if it.says.is_empty() { String::new() } else { format!(", {}", it.says) };
                    let _ = writeln!(out, "---\nremoved: {}{says}", it.path);
                }
            }
        }
        let short = |out: String, it: char| {
            let out = out.replace(&it.to_string().repeat(64), &it.to_string().repeat(4));
            let out = out.replace(&it.to_string().repeat(40), &it.to_string().repeat(4));
            out.replace(&it.to_string().repeat(10), &it.to_string().repeat(4))
        };
        "123456abcdef".chars().fold(out, short)
    });
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn time(text: &str) -> UnixSeconds {
    text.parse().unwrap()
}

fn commit(digit: char) -> CommitId {
    digit.to_string().repeat(40).parse().unwrap()
}

impl About {
    fn provenance(&self) -> Provenance {
        Provenance {
            revision: self.revision.map(|it| commit(it).to_string()),
            created: self.created.as_deref().map(time),
            tag: self.tag.clone(),
            ..Provenance::default()
        }
    }
}

impl Case {
    fn pipeline(&self) -> Pipeline {
        let mut subscriptions = vec![serde_yaml::from_str("{ name: config, git: {} }").unwrap()];
        subscriptions.extend(self.subscriptions.iter().cloned());
        let mut spec = BTreeMap::from([("subscriptions", serde_yaml::Value::Sequence(subscriptions))]);
        spec.extend(self.rules.clone().map(|it| ("freight", it)));
        let spec = serde_yaml::to_string(&spec).unwrap().replace('\n', "\n  ");
        let text = format!(
            "apiVersion: promoter.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: shop }}\nspec:\n  {spec}environments: [{{ name: dev, source: dev, promotion: auto }}]\n"
        );
        let read = pipeline::read("promoter.yaml", &text);
        read.unwrap_or_else(|error| panic!("{}\n{text}", error.diagnosis())).remove(0)
    }

    fn observation(&self, pipeline: &Pipeline) -> Observation {
        let head = commit(self.head);
        let render = match self.dry.as_str() {
            "same" => Ok(DryRender::Same),
            "differs" => Ok(DryRender::Differs),
            "broken" => {
                Ok(DryRender::Broken { environment: name("dev"), why: "no such file: `base`".into() })
            }
            _ => Err(Unread::new("main", "connection refused")),
        };
        let mut records = Records::default();
        for known in &self.freight {
            let record = Record::Freight(known.record(pipeline));
            records.put(&record.path(), &record.text());
            for record in known.said(pipeline) {
                records.put(&record.path(), &record.text());
            }
        }
        let tip = self.runs.map(|it| Tip {
            commit: commit('1'),
            lock: Ok(Some(self.lock(it, pipeline))),
            apps: Apps::default(),
        });
        let nothing = EnvironmentSeen {
            active: if self.lost {
                Err(Unread::new("environment/dev", "connection refused"))
            } else {
                Ok(tip)
            },
            proposed: Ok(None),
            merges_cleanly: true,
            refused: BTreeMap::new(),
            measurements: Vec::new(),
        };
        let found = self.found.iter().map(|(own, it)| (name(own), it.found(own, pipeline)));
        Observation {
            repository: REPOSITORY.parse().unwrap(),
            dry: render.map(|render| Dry { pin: head.clone(), head, author: Some("dev".into()), render }),
            artifacts: found.collect(),
            state: Ok(State { head: Some(commit('9')), records }),
            policy: Ok(()),
            images: BTreeMap::new(),
            measures: true,
            environments: BTreeMap::from([(name("dev"), nothing)]),
        }
    }
}

impl Case {
    fn lock(&self, index: usize, pipeline: &Pipeline) -> PromotionLock {
        let id = |index: usize| self.freight[index].record(pipeline).freight.id();
        let (previous, at) = (self.previous.map(id), time(&self.freight[index].at));
        PromotionLock {
            version: LockVersion::default(),
            pipeline: pipeline.name.clone(),
            environment: name("dev"),
            freight: self.freight[index].record(pipeline).freight,
            render: Render { source: "dev".into(), ..Render::default() },
            promotion: Some(Promotion { from: None, previous, at }),
            hold: None,
        }
    }
}

impl Known {
    /// What dev says of it.
    fn said(&self, pipeline: &Pipeline) -> Vec<Record> {
        let (pipeline, environment, freight) =
            (pipeline.name.clone(), name("dev"), self.record(pipeline).freight.id());
        let rejected = Statement { by: "ada".into(), at: time(&self.at), reason: "too slow".into() };
        let rejection = self.rejected.then(|| {
            Record::Rejection(Rejection {
                pipeline: pipeline.clone(),
                environment: environment.clone(),
                freight: freight.clone(),
                rejected,
            })
        });
        let verification = self.verified.as_deref().map(|at| {
            Record::Verification(Verification {
                pipeline,
                environment,
                freight,
                phase: Phase::Passed,
                since: time(&self.at),
                at: time(at),
                message: String::new(),
                commit: commit('1'),
            })
        });
        rejection.into_iter().chain(verification).collect()
    }

    fn record(&self, pipeline: &Pipeline) -> FreightRecord {
        let artifact = |(own, text): (&String, &String)| Artifact {
            name: name(own),
            content: content(own, text, pipeline),
        };
        FreightRecord {
            pipeline: pipeline.name.clone(),
            freight: Freight::new(self.holds.iter().map(artifact).collect()).unwrap(),
            discovered: Discovered {
                at: time(&self.at),
                by: self.by.clone().unwrap_or(BY_GIT.into()),
                author: Some("old".into()),
            },
            about: self.about.iter().map(|(own, it)| (name(own), it.provenance())).collect(),
        }
    }
}

impl Seen {
    fn found(&self, own: &str, pipeline: &Pipeline) -> Result<Found, Unread> {
        let content = |it: &String| content(own, it, pipeline);
        if let Some(why) = &self.unread {
            let unread = Unread::new(format!("ghcr.io/acme/{own}"), why.clone());
            return Err(self.again.as_deref().map_or(unread.clone(), |it| unread.again(time(it))));
        }
        let candidate = |it: &String| Candidate { content: content(it), about: self.about.provenance() };
        Ok(Found {
            chosen: self.is.as_ref().map(candidate),
            notes: self.notes.clone(),
            passed_over: self.passed_over.clone(),
            others: self.others.iter().map(candidate).collect(),
            unfit: self.unfit.iter().map(content).collect(),
        })
    }
}

/// An artifact as its subscription has it.
fn content(own: &str, text: &str, pipeline: &Pipeline) -> Content {
    let origin = &pipeline.subscription(&name(own)).unwrap().origin;
    let (tag, digit) = text.rsplit_once('@').unwrap_or(("", text));
    let digest = format!("sha256:{}", digit.repeat(64));
    match origin.origin(&REPOSITORY.parse().unwrap()) {
        Origin::Git(url) => Content::Git { url, commit: digit.repeat(40).parse().unwrap() },
        Origin::Image(repository) => Content::Image(format!("{repository}:{tag}@{digest}").parse().unwrap()),
        Origin::Chart(url) => {
            Content::Chart { url, version: tag.parse().unwrap(), digest: digest.parse().unwrap() }
        }
    }
}
