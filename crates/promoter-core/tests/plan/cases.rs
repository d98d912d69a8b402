//! Plans as text: pipeline, observation and clock in, report and actions out.
//!
//! Cases name freight by one of the digits `a` to `f`: its commit is that digit forty times. Answers show the digit
//! where people read the alias.

use promoter_core::observation::{Apps, Dry, DryRender, EnvironmentSeen, Observation, State, Tip, Unread};
use promoter_core::pipeline::{self, Check, Pipeline};
use promoter_core::plan::{Action, Plan, plan};
use promoter_core::record::{
    Approvals, BY_GIT, CommitStatus, CommitStatuses, Discovered, FreightRecord, Pause, Phase, Record,
    Records, Rejection, Request, RequestAction, Reverification, Statement, StatusPhase, Verification, path,
};
use promoter_core::verification::{self, About, Answer, Measurement};
use promoter_core::{
    Artifact, CommitId, Content, Freight, FreightId, Hold, LockVersion, Name, Promotion, PromotionLock,
    Render, UnixSeconds,
};
use promoter_testkit::golden;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

#[test]
fn plans() {
    golden("plan/*.yaml", |case: Case| {
        let pipeline = case.pipeline();
        let seen = case.observation(&pipeline);
        let mut out = String::new();
        for now in &case.now {
            let plan = plan(&pipeline, &seen, time(now));
            let _ = write!(out, "at {now}\n{plan}{}\n", actions(&pipeline, &plan));
        }
        "abcdef".chars().fold(out, |out, digit| out.replace(&freight(digit).id().alias(), &digit.to_string()))
    });
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Case {
    /// `branches` when it is left out.
    #[serde(default)]
    layout: Option<String>,
    /// The apps of a group.
    #[serde(default)]
    apps: Vec<String>,
    /// The subscriptions besides git.
    #[serde(default)]
    subscriptions: Vec<serde_yaml::Value>,
    environments: Vec<serde_yaml::Value>,
    #[serde(default)]
    teams: BTreeMap<String, Vec<String>>,
    /// One plan for each.
    now: Vec<String>,
    /// `same`, `differs`, `broken` or `unread`.
    #[serde(default)]
    dry: Option<String>,
    /// The dry head's digit; that of the newest freight when it is left out.
    #[serde(default)]
    head: Option<char>,
    /// `unread`, or nothing.
    #[serde(default)]
    state: Option<String>,
    /// `unread`, or nothing.
    #[serde(default)]
    policy: Option<String>,
    #[serde(default)]
    freight: BTreeMap<char, Found>,
    #[serde(default)]
    seen: BTreeMap<String, Seen>,
    #[serde(default)]
    verified: Vec<Verified>,
    #[serde(default)]
    approved: Vec<Said>,
    #[serde(default)]
    rejected: Vec<Said>,
    #[serde(default)]
    reverify: Vec<Asked>,
    #[serde(default)]
    requested: Vec<Asked>,
    #[serde(default)]
    paused: Option<Paused>,
    /// Statuses of what is proposed, or of an earlier commit.
    #[serde(default)]
    status: Vec<Reported>,
    /// Files of the state branch that cannot be read: `verified staging b`.
    #[serde(default)]
    unreadable: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Found {
    at: String,
    #[serde(default)]
    by: Option<String>,
    #[serde(default)]
    author: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reported {
    environment: String,
    name: String,
    phase: String,
    #[serde(default)]
    description: String,
    /// The digit of the commit; that of what is proposed when it is left out.
    #[serde(default)]
    commit: Option<char>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Seen {
    active: Option<Lock>,
    proposed: Option<Lock>,
    /// Why the active lock cannot be read.
    broken: Option<String>,
    /// True when the active branch moved after the proposal was made.
    behind: bool,
    refused: BTreeMap<char, String>,
    /// Times and results of the first check, of what is active.
    measured: Vec<(String, String)>,
    /// The same of the first check among the gates, of what is proposed.
    asked: Vec<(String, String)>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct Lock {
    freight: char,
    #[serde(default)]
    previous: Option<char>,
    at: String,
    #[serde(default)]
    hold: Option<Reason>,
    #[serde(default)]
    environment: Option<String>,
    /// Apps of a group that are not there.
    #[serde(default)]
    missing: Vec<String>,
    /// Folders of apps that are none.
    #[serde(default)]
    surplus: Vec<String>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct Reason {
    by: String,
    #[serde(default)]
    at: Option<String>,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Verified {
    environment: String,
    freight: char,
    since: String,
    #[serde(default)]
    at: Option<String>,
    /// Why it failed.
    #[serde(default)]
    failed: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    environment: String,
    freight: char,
    by: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    environment: String,
    #[serde(default)]
    action: String,
    freight: char,
    by: String,
    at: String,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Paused {
    by: String,
    at: String,
    reason: String,
    #[serde(default)]
    until: Option<String>,
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

fn freight(digit: char) -> Freight {
    let url = "https://git.example.com/acme/deploy.git".parse().unwrap();
    let content = Content::Git { url, commit: commit(digit) };
    Freight::new(vec![Artifact { name: name("config"), content }]).unwrap()
}

fn id(digit: char) -> FreightId {
    freight(digit).id()
}

fn lock(rules: &pipeline::Environment, lock: &Lock) -> PromotionLock {
    let hold =
        |it: &Reason| Hold { reason: it.reason.clone(), by: it.by.clone(), at: it.at.as_deref().map(time) };
    PromotionLock {
        version: LockVersion::default(),
        pipeline: name("shop"),
        environment: name(lock.environment.as_deref().unwrap_or(rules.name.as_str())),
        freight: freight(lock.freight),
        render: Render { source: rules.parts.first.source.clone(), ..Render::default() },
        promotion: Some(Promotion { from: None, previous: lock.previous.map(id), at: time(&lock.at) }),
        hold: lock.hold.as_ref().map(hold),
    }
}

impl Case {
    fn pipeline(&self) -> Pipeline {
        let mut subscriptions: Vec<serde_yaml::Value> =
            vec![serde_yaml::from_str("{ name: config, git: {} }").unwrap()];
        subscriptions.extend(self.subscriptions.iter().cloned());
        let teams = serde_yaml::to_value(&self.teams).unwrap();
        let spec = BTreeMap::from([
            ("teams", teams),
            ("subscriptions", serde_yaml::Value::Sequence(subscriptions)),
            ("environments", serde_yaml::Value::Sequence(self.environments.clone())),
        ]);
        let spec = serde_yaml::to_string(&spec).unwrap().replace('\n', "\n  ");
        let spec = match self.apps.as_slice() {
            [] => spec,
            apps => format!("apps: [{}]\n  {spec}", apps.join(", ")),
        };
        let layout = self.layout.as_deref().unwrap_or("branches");
        let text = format!(
            "apiVersion: promoter.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: shop }}\nspec:\n  layout: {layout}\n  {spec}"
        );
        let read = pipeline::read("apps/shop/promoter.yaml", &text);
        read.unwrap_or_else(|error| panic!("{}\n{text}", error.diagnosis())).remove(0)
    }

    fn observation(&self, pipeline: &Pipeline) -> Observation {
        let newest = self.freight.iter().max_by_key(|(_, it)| time(&it.at)).map(|(digit, _)| *digit);
        let head = commit(self.head.or(newest).unwrap_or('a'));
        let render = match self.dry.as_deref() {
            None | Some("same") => Ok(DryRender::Same),
            Some("differs") => Ok(DryRender::Differs),
            Some("broken") => {
                let environment = pipeline.environments.last().unwrap().name.clone();
                Ok(DryRender::Broken { environment, why: "no such file: `base`".into() })
            }
            Some(_) => Err(Unread::new("main", "connection refused")),
        };
        let state = match self.state {
            None => Ok(State { head: Some(commit('9')), records: self.records(pipeline) }),
            Some(_) => Err(Unread::new("promoter/state", "connection refused")),
        };
        let nothing = Seen::default();
        let environment = |rules: &pipeline::Environment| {
            let seen = self.seen.get(rules.name.as_str()).unwrap_or(&nothing);
            (rules.name.clone(), seen.environment(rules))
        };
        Observation {
            repository: "https://git.example.com/acme/deploy.git".parse().unwrap(),
            dry: render.map(|render| Dry { pin: head.clone(), head, author: Some("dev".into()), render }),
            state,
            artifacts: BTreeMap::new(),
            images: BTreeMap::new(),
            policy: match &self.policy {
                None => Ok(()),
                Some(_) => Err(Unread::new("policy.yaml on promoter/policy", "connection refused")),
            },
            measures: true,
            environments: pipeline.environments.iter().map(environment).collect(),
        }
    }

    fn records(&self, pipeline: &Pipeline) -> Records {
        let mut records = Records::default();
        for record in self.all_records(&pipeline.name) {
            records.put(&record.path(), &record.text());
        }
        for file in &self.unreadable {
            let words: Vec<&str> = file.split(' ').collect();
            let digit = words.last().unwrap().chars().next().unwrap();
            let file = match words[0] {
                "freight" => path::freight(&pipeline.name, &id(digit)),
                "verified" => path::verified(&pipeline.name, &name(words[1]), &id(digit)),
                "approved" => path::approved(&pipeline.name, &name(words[1]), &id(digit)),
                "rejected" => path::rejected(&pipeline.name, &name(words[1]), &id(digit)),
                "paused" => path::paused(&pipeline.name),
                "status" => path::status(&pipeline.name, &name(words[1]), &commit(digit)),
                _ => path::requested(&pipeline.name, &name(words[1])),
            };
            records.put(&file, "apiVersion: [");
        }
        records
    }

    fn all_records(&self, pipeline: &Name) -> Vec<Record> {
        let mut all = Vec::new();
        for (digit, found) in &self.freight {
            let by = found.by.clone().unwrap_or(BY_GIT.into());
            let discovered = Discovered { at: time(&found.at), by, author: found.author.clone() };
            all.push(Record::Freight(FreightRecord {
                pipeline: pipeline.clone(),
                freight: freight(*digit),
                discovered,
                about: BTreeMap::new(),
            }));
        }
        for it in &self.verified {
            all.push(Record::Verification(Verification {
                pipeline: pipeline.clone(),
                environment: name(&it.environment),
                freight: id(it.freight),
                phase: if it.failed.is_some() { Phase::Failed } else { Phase::Passed },
                since: time(&it.since),
                at: time(it.at.as_deref().unwrap_or(&it.since)),
                message: it.failed.clone().unwrap_or_default(),
                commit: commit('1'),
            }));
        }
        let says = |by: &str, at: &str, reason: &str| Statement {
            by: by.into(),
            at: time(at),
            reason: reason.into(),
        };
        for it in &self.approved {
            let approvals = it.by.iter().map(|by| says(by, "2026-03-01T09:00:00Z", "")).collect();
            let (environment, freight) = (name(&it.environment), id(it.freight));
            all.push(Record::Approvals(Approvals {
                pipeline: pipeline.clone(),
                environment,
                freight,
                approvals,
            }));
        }
        for it in &self.rejected {
            let rejected = says(&it.by[0], "2026-03-01T09:00:00Z", "too slow");
            let (environment, freight) = (name(&it.environment), id(it.freight));
            all.push(Record::Rejection(Rejection {
                pipeline: pipeline.clone(),
                environment,
                freight,
                rejected,
            }));
        }
        for it in &self.reverify {
            all.push(Record::Reverification(Reverification {
                pipeline: pipeline.clone(),
                environment: name(&it.environment),
                freight: id(it.freight),
                requested: says(&it.by, &it.at, &it.reason),
            }));
        }
        for it in &self.requested {
            all.push(Record::Request(Request {
                pipeline: pipeline.clone(),
                environment: name(&it.environment),
                action: match it.action.as_str() {
                    "promote" => RequestAction::Promote,
                    "hotfix" => RequestAction::Hotfix,
                    _ => RequestAction::Rollback,
                },
                freight: id(it.freight),
                requested: says(&it.by, &it.at, &it.reason),
            }));
        }
        all.extend(self.paused.as_ref().map(|it| {
            let paused = says(&it.by, &it.at, &it.reason);
            Record::Pause(Pause { pipeline: pipeline.clone(), paused, until: it.until.as_deref().map(time) })
        }));
        for it in &self.status {
            let status = CommitStatus {
                name: name(&it.name),
                phase: StatusPhase::ALL.iter().find(|(word, _)| *word == it.phase).unwrap().1,
                description: it.description.clone(),
                url: None,
                by: "ci@example.com".into(),
                at: time("2026-03-01T09:00:00Z"),
            };
            let commit = commit(it.commit.unwrap_or('2'));
            let (environment, statuses) = (name(&it.environment), vec![status]);
            let found = all.iter_mut().find_map(|found| match found {
                Record::CommitStatuses(found)
                    if found.environment == environment && found.commit == commit =>
                {
                    Some(found)
                }
                _ => None,
            });
            match found {
                Some(found) => found.statuses.extend(statuses),
                None => all.push(Record::CommitStatuses(CommitStatuses {
                    pipeline: pipeline.clone(),
                    environment,
                    commit,
                    statuses,
                })),
            }
        }
        all
    }
}

impl Seen {
    fn environment(&self, rules: &pipeline::Environment) -> EnvironmentSeen {
        let environment = &rules.name;
        let tip = |digit: char, found: &Lock| Tip {
            commit: commit(digit),
            lock: Ok(Some(lock(rules, found))),
            apps: Apps {
                missing: found.missing.iter().map(|it| name(it)).collect(),
                changed: Vec::new(),
                surplus: found.surplus.clone(),
            },
        };
        let active = self.active.as_ref().map(|it| tip('1', it));
        let broken = |why: &String| Unread::new(format!("environment/{environment}"), why.clone());
        let measured = |about: &About, check: &Check, (at, result): &(String, String)| Measurement {
            of: verification::Asked { check: check.id.clone(), about: about.clone() },
            at: time(at),
            answer: match (result.as_str(), result.strip_prefix("wait: ")) {
                ("pass", _) => Answer::Passed,
                (_, Some(what)) => Answer::Waiting(what.into()),
                (why, None) => Answer::Failed(why.into()),
            },
        };
        let mut measurements: Vec<Measurement> = Vec::new();
        if let Some(active) = &self.active {
            let about = About::Stay { freight: id(active.freight), promoted_at: time(&active.at) };
            // Some cases measure where there is nothing to ask.
            if let Some(check) = rules.verification.first() {
                measurements.extend(self.measured.iter().map(|it| measured(&about, check, it)));
            }
        }
        let in_gate = rules.checks().nth(rules.verification.len());
        let about = About::Proposal(commit('2'));
        measurements.extend(self.asked.iter().map(|it| measured(&about, in_gate.unwrap(), it)));
        EnvironmentSeen {
            active: self.broken.as_ref().map_or(Ok(active), |why| Err(broken(why))),
            proposed: Ok(self.proposed.as_ref().map(|it| tip('2', it))),
            merges_cleanly: !self.behind,
            refused: self.refused.iter().map(|(digit, why)| (id(*digit), why.clone())).collect(),
            measurements,
        }
    }
}

/// The actions with the values that they expect to replace, by their first digit.
fn actions(pipeline: &Pipeline, plan: &Plan) -> String {
    let mut out = String::new();
    let short = |it: Option<&CommitId>| it.map_or("nothing".into(), |it| it.as_str()[..1].to_owned());
    let alias = |it: Option<&FreightId>| it.map_or("nothing".into(), FreightId::alias);
    for action in &plan.actions {
        let words = match action {
            Action::Record(it) => {
                let files: Vec<String> = it.write.iter().map(|it| kind(it).to_owned()).collect();
                let closed: Vec<String> = it.remove.iter().map(|it| it.says.clone()).collect();
                let all = [files, closed].concat().join(", ");
                format!("commit onto state {}: {all}", short(it.expect_state.as_ref()))
            }
            Action::Propose(it) => format!(
                "propose {} in {}, from {}, over active {} with {}, proposed {}{}",
                it.freight.alias(),
                it.environment,
                it.lock.promotion.as_ref().unwrap().from.as_ref().map_or("nowhere", Name::as_str),
                short(it.expect_active.as_ref()),
                alias(it.expect_lock.as_ref()),
                short(it.expect_proposed.as_ref()),
                it.lock
                    .hold
                    .as_ref()
                    .map_or(String::new(), |it| format!(", held by {}: {}", it.by, it.reason)),
            ),
            Action::Withdraw(it) => {
                format!("withdraw {} from {}: {}", it.freight.alias(), it.environment, it.why)
            }
            Action::Merge(it) => {
                let gates: Vec<&str> = it.gates.iter().map(|it| it.gate.as_str()).collect();
                format!(
                    "merge {} into {}, {} onto {}, judged by [{}]",
                    it.freight.alias(),
                    it.environment,
                    short(Some(&it.expect_proposed)),
                    short(Some(&it.expect_active)),
                    gates.join(", ")
                )
            }
            Action::SetHold(it) => {
                format!(
                    "hold {} on {} by {}: {}",
                    it.environment,
                    short(Some(&it.expect_active)),
                    it.hold.by,
                    it.hold.reason
                )
            }
            Action::Measure(it) => {
                let rules = pipeline.environment(&it.environment).unwrap();
                let check = rules.check(&it.of.check).unwrap();
                let about = match &it.of.about {
                    About::Stay { freight, .. } => {
                        format!("what {} runs, {}", it.environment, freight.alias())
                    }
                    About::Proposal(_) => {
                        format!("what is proposed to {}, {}", it.environment, it.freight.alias())
                    }
                };
                format!("ask {} about {about} at {}", check.title(), short(Some(&it.commit)))
            }
        };
        let _ = writeln!(out, "- {words}");
    }
    out
}

fn kind(record: &Record) -> &'static str {
    match record {
        Record::Freight(_) => "freight",
        Record::Verification(it) if it.phase == Phase::Passed => "passed",
        Record::Verification(_) => "failed",
        Record::Approvals(_) => "approvals",
        Record::Rejection(_) => "rejection",
        Record::Reverification(_) => "reverification",
        Record::Request(_) => "request",
        Record::Pause(_) => "pause",
        Record::CommitStatuses(_) => "statuses",
    }
}
