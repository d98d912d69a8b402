//! Records to their canonical text: block mappings, what people said in flow style on one line.

use super::{
    Approvals, CommitStatus, CommitStatuses, FreightRecord, Pause, Phase, Record, Rejection, Request,
    RequestAction, Reverification, Statement, Verification,
};
use crate::Name;
use crate::discovery::Provenance;
use crate::fields::API_VERSION;
use crate::lock::{flow, scalar, write_artifact};
use std::fmt::Write as _;

pub(super) fn text(record: &Record) -> String {
    match record {
        Record::Freight(it) => freight(it),
        Record::Verification(it) => verification(it),
        Record::Approvals(it) => approvals(it),
        Record::Rejection(it) => rejection(it),
        Record::Reverification(it) => reverification(it),
        Record::Request(it) => request(it),
        Record::Pause(it) => pause(it),
        Record::CommitStatuses(it) => commit_statuses(it),
    }
}

fn head(kind: &str, pipeline: &Name) -> String {
    format!("apiVersion: {API_VERSION}\nkind: {kind}\npipeline: {}\n", scalar(pipeline.as_str()))
}

fn freight(record: &FreightRecord) -> String {
    let mut out = head("FreightRecord", &record.pipeline);
    let id = record.freight.id();
    let _ = writeln!(out, "freight:\n  id: {id}\n  alias: {}\n  artifacts:", id.alias());
    for it in record.freight.artifacts() {
        let _ = writeln!(out, "    - {}", flow(&write_artifact(it)));
    }
    let discovered = &record.discovered;
    let mut fields = vec![("at", discovered.at.to_string()), ("by", line(&discovered.by))];
    let author = discovered.author.as_deref().filter(|it| !it.trim().is_empty());
    fields.extend(author.map(|it| ("author", line(it))));
    let _ = writeln!(out, "discovered: {}", flow(&fields));
    let about: Vec<_> = record.about.iter().map(|(name, it)| (name, about(it))).collect();
    let about: Vec<_> = about.into_iter().filter(|(_, it)| !it.is_empty()).collect();
    if !about.is_empty() {
        out.push_str("about:\n");
    }
    for (name, fields) in about {
        let _ = writeln!(out, "  {}: {}", scalar(name.as_str()), flow(&fields));
    }
    out
}

/// What is known of an artifact; nothing is written of what is not.
fn about(it: &Provenance) -> Vec<(&'static str, String)> {
    let created = it.created.map(|it| ("created", it.to_string()));
    let texts = [("revision", &it.revision), ("source", &it.source), ("tag", &it.tag)];
    let texts = texts.into_iter().filter_map(|(key, it)| Some((key, line(it.as_deref()?))));
    let mut fields: Vec<_> = texts.filter(|(_, it)| it != "\"\"").collect();
    fields.extend(created);
    fields
}

fn verification(record: &Verification) -> String {
    let mut out = head("Verification", &record.pipeline);
    let phase = match record.phase {
        Phase::Passed => "passed",
        Phase::Failed => "failed",
    };
    let _ = write!(
        out,
        "environment: {}\nfreight: {}\nphase: {phase}\nsince: {}\nat: {}\nmessage: {}\ncommit: {}\n",
        scalar(record.environment.as_str()),
        record.freight,
        record.since,
        record.at,
        line(&record.message),
        scalar(record.commit.as_str()),
    );
    out
}

fn approvals(record: &Approvals) -> String {
    let mut out = head("Approvals", &record.pipeline);
    let environment = scalar(record.environment.as_str());
    let _ = write!(out, "environment: {environment}\nfreight: {}\napprovals:", record.freight);
    out.push_str(if record.approvals.is_empty() { " []\n" } else { "\n" });
    for it in &record.approvals {
        let _ = writeln!(out, "  - {}", statement(it));
    }
    out
}

fn rejection(record: &Rejection) -> String {
    let environment = scalar(record.environment.as_str());
    let said = statement(&record.rejected);
    format!(
        "{}environment: {environment}\nfreight: {}\nrejected: {said}\n",
        head("Rejection", &record.pipeline),
        record.freight,
    )
}

fn reverification(record: &Reverification) -> String {
    let environment = scalar(record.environment.as_str());
    let said = statement(&record.requested);
    format!(
        "{}environment: {environment}\nfreight: {}\nrequested: {said}\n",
        head("Reverification", &record.pipeline),
        record.freight,
    )
}

fn request(record: &Request) -> String {
    let action = match record.action {
        RequestAction::Promote => "promote",
        RequestAction::Rollback => "rollback",
        RequestAction::Hotfix => "hotfix",
    };
    let environment = scalar(record.environment.as_str());
    let said = statement(&record.requested);
    format!(
        "{}environment: {environment}\naction: {action}\nfreight: {}\nrequested: {said}\n",
        head("Request", &record.pipeline),
        record.freight,
    )
}

fn pause(record: &Pause) -> String {
    let mut out = format!("{}paused: {}\n", head("Pause", &record.pipeline), statement(&record.paused));
    if let Some(until) = record.until {
        let _ = writeln!(out, "until: {until}");
    }
    out
}

fn commit_statuses(record: &CommitStatuses) -> String {
    let environment = scalar(record.environment.as_str());
    let mut out = head("CommitStatus", &record.pipeline);
    let commit = scalar(record.commit.as_str());
    let _ = write!(out, "environment: {environment}\ncommit: {commit}\nstatuses:");
    out.push_str(if record.statuses.is_empty() { " []\n" } else { "\n" });
    for it in &record.statuses {
        let _ = writeln!(out, "  - {}", commit_status(it));
    }
    out
}

fn commit_status(it: &CommitStatus) -> String {
    let mut fields = vec![("name", scalar(it.name.as_str())), ("phase", it.phase.as_str().to_owned())];
    let texts = [("description", Some(it.description.as_str())), ("url", it.url.as_deref())];
    let texts = texts.into_iter().filter_map(|(key, it)| Some((key, it?)));
    fields.extend(texts.map(|(key, it)| (key, line(it))).filter(|(_, it)| it != "\"\""));
    fields.extend([("by", line(&it.by)), ("at", it.at.to_string())]);
    flow(&fields)
}

fn statement(said: &Statement) -> String {
    let mut fields = vec![("by", line(&said.by)), ("at", said.at.to_string())];
    // Left out rather than written empty: most approvals give no reason.
    fields.extend(Some(line(&said.reason)).filter(|it| it != "\"\"").map(|it| ("reason", it)));
    flow(&fields)
}

/// People's and servers' words as a scalar on one line, so that what is written can be read whatever they say.
fn line(text: &str) -> String {
    scalar(text.split(char::is_control).collect::<Vec<_>>().join(" ").trim())
}
