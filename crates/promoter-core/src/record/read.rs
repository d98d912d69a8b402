//! Text to records, strictly: a field that is not known is an error that names it.

use super::path::{Kind, Slot};
use super::{
    Approvals, CommitStatus, CommitStatuses, Discovered, FreightRecord, Pause, Phase, Record, Rejection,
    Request, RequestAction, Reverification, STATE_BRANCH, Statement, StatusPhase, Verification,
};
use crate::discovery::Provenance;
use crate::fields::{API_VERSION, FieldError, Fields, OneLine};
use crate::lock::read_freight;
use crate::{CommitId, Diagnosis, LockError, Name, Place};
use promoter_yaml::{Dialect, Limits, Node, parse_first};
use std::collections::BTreeMap;

/// A record is a few lines, freight of thousands of artifacts a few more.
const LIMITS: Limits = Limits::DEFAULT.with_bytes(4 << 20).with_depth(16).with_nodes(200_000);

/// Why a file of the state branch is no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The path is none that promoter writes.
    #[error("`{0}` is no record of promoter")]
    Path(String),
    /// The text is no record of the kind that belongs there.
    #[error("{message}")]
    Content {
        /// Cause first, values in backticks.
        message: String,
        /// The next thing to do.
        hint: String,
        /// Where, on the state branch.
        at: Place,
    },
    /// Its freight is no freight.
    #[error(transparent)]
    Freight(LockError),
}

impl RecordError {
    /// The error as a person reads it.
    pub fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Path(path) => Diagnosis::input("record-path", self).at(Place::new(path, 0)),
            Self::Content { at, hint, .. } => Diagnosis::input("record-content", self).at(at).hint(hint),
            Self::Freight(error) => error.diagnosis(),
        }
    }
}

impl From<FieldError> for RecordError {
    fn from(error: FieldError) -> Self {
        Self::Content { message: error.message(), hint: error.hint(), at: error.at }
    }
}

pub(super) fn read(path: &str, text: &str) -> Result<Record, RecordError> {
    let slot = Slot::of(path).ok_or_else(|| RecordError::Path(path.into()))?;
    let wrong = |message: String, line| RecordError::Content {
        message,
        hint: format!("mend or remove the file on branch {STATE_BRANCH}"),
        at: Place::new(path, line),
    };
    let document = parse_first(text, Dialect::Own, &LIMITS)
        .map_err(|it| wrong(it.message, it.mark.line))?
        .ok_or_else(|| wrong("the record is empty".into(), 0))?;
    let record = match slot.kind {
        Kind::Freight => freight(&document, path).map(Record::Freight),
        Kind::Verification => verification(&document, path).map(Record::Verification),
        Kind::Approvals => approvals(&document, path).map(Record::Approvals),
        Kind::Rejection => rejection(&document, path).map(Record::Rejection),
        Kind::Reverification => reverification(&document, path).map(Record::Reverification),
        Kind::Request => request(&document, path).map(Record::Request),
        Kind::Pause => pause(&document, path).map(Record::Pause),
        Kind::CommitStatuses => commit_statuses(&document, path).map(Record::CommitStatuses),
    }?;
    match record.path() {
        right if right == path => Ok(record),
        right => Err(wrong(format!("the record belongs to `{right}`"), 0)),
    }
}

/// Opens a document of a kind; `own` are the keys besides `apiVersion`, `kind` and `pipeline`.
fn open<'a>(
    node: &'a Node,
    kind: &str,
    own: &[&str],
    path: &'a str,
) -> Result<(Fields<'a>, Name), RecordError> {
    // The version comes first: what is unknown in a newer file is no slip.
    if let Some(version) = node.get("apiVersion").filter(|it| it.text() != Some(API_VERSION)) {
        return Err(RecordError::Content {
            message: format!("`apiVersion` is not `{API_VERSION}`"),
            hint: "a newer promoter wrote it: upgrade this one".into(),
            at: Place::new(path, version.mark.line),
        });
    }
    let known: Vec<&str> =
        ["apiVersion", "kind", "pipeline"].into_iter().chain(own.iter().copied()).collect();
    let fields = Fields::open(node, "", &known, path)?;
    fields.node("apiVersion")?;
    fields.node("kind")?;
    fields.word("kind", &[(kind, ())])?;
    let pipeline = fields.require("pipeline")?;
    Ok((fields, pipeline))
}

fn freight(node: &Node, path: &str) -> Result<FreightRecord, RecordError> {
    let (fields, pipeline) = open(node, "FreightRecord", &["freight", "discovered", "about"], path)?;
    let (freight, stale) = read_freight(fields.node("freight")?, path).map_err(RecordError::Freight)?;
    if let Some(stale) = stale.into_iter().next() {
        return Err(RecordError::Freight(LockError::Stale(stale)));
    }
    let discovered = Fields::open(fields.node("discovered")?, "discovered", &["at", "by", "author"], path)?;
    let discovered = Discovered {
        at: discovered.require("at")?,
        by: discovered.require::<OneLine>("by")?.0,
        author: discovered.optional::<OneLine>("author")?.map(|it| it.0),
    };
    Ok(FreightRecord { pipeline, freight, discovered, about: about(&fields, path)? })
}

/// What is known of the artifacts, by name. One that the freight does not have is nobody's business.
fn about(fields: &Fields<'_>, path: &str) -> Result<BTreeMap<Name, Provenance>, RecordError> {
    let Some(node) = fields.get("about") else {
        return Ok(BTreeMap::new());
    };
    let about = Fields::open_any(node, "about", path)?;
    let one = |key: &str| {
        let name: Name = key.parse().map_err(|it| about.wrong(key, it, "name an artifact of the freight"))?;
        let own = about.inner(key, &["revision", "source", "created", "tag"])?;
        let text = |key: &str| Ok::<_, FieldError>(own.optional::<OneLine>(key)?.map(|it| it.0));
        let (revision, source, tag) = (text("revision")?, text("source")?, text("tag")?);
        Ok((name, Provenance { revision, source, created: own.optional("created")?, tag }))
    };
    about.keys().into_iter().map(one).collect()
}

fn verification(node: &Node, path: &str) -> Result<Verification, RecordError> {
    let own = ["environment", "freight", "phase", "since", "at", "message", "commit"];
    let (fields, pipeline) = open(node, "Verification", &own, path)?;
    fields.node("phase")?;
    let phase = fields.word("phase", &[("passed", Phase::Passed), ("failed", Phase::Failed)])?;
    let (since, at) = (fields.require("since")?, fields.require("at")?);
    if at < since {
        return Err(fields.wrong("at", "it is before `since`", "a run ends after it starts").into());
    }
    Ok(Verification {
        pipeline,
        environment: fields.require("environment")?,
        freight: fields.require("freight")?,
        phase: phase.unwrap_or(Phase::Failed),
        since,
        at,
        message: line(&fields, "message")?,
        commit: fields.require::<CommitId>("commit")?,
    })
}

fn approvals(node: &Node, path: &str) -> Result<Approvals, RecordError> {
    let (fields, pipeline) = open(node, "Approvals", &["environment", "freight", "approvals"], path)?;
    fields.node("approvals")?;
    let items = fields.items("approvals")?.iter().enumerate();
    let approvals = items.map(|(index, it)| statement(it, &format!("approvals[{index}]"), path));
    Ok(Approvals {
        pipeline,
        environment: fields.require("environment")?,
        freight: fields.require("freight")?,
        approvals: approvals.collect::<Result<_, _>>()?,
    })
}

fn rejection(node: &Node, path: &str) -> Result<Rejection, RecordError> {
    let (fields, pipeline) = open(node, "Rejection", &["environment", "freight", "rejected"], path)?;
    Ok(Rejection {
        pipeline,
        environment: fields.require("environment")?,
        freight: fields.require("freight")?,
        rejected: statement(fields.node("rejected")?, "rejected", path)?,
    })
}

fn reverification(node: &Node, path: &str) -> Result<Reverification, RecordError> {
    let (fields, pipeline) = open(node, "Reverification", &["environment", "freight", "requested"], path)?;
    Ok(Reverification {
        pipeline,
        environment: fields.require("environment")?,
        freight: fields.require("freight")?,
        requested: statement(fields.node("requested")?, "requested", path)?,
    })
}

fn request(node: &Node, path: &str) -> Result<Request, RecordError> {
    let (fields, pipeline) = open(node, "Request", &["environment", "action", "freight", "requested"], path)?;
    fields.node("action")?;
    let actions = [
        ("promote", RequestAction::Promote),
        ("rollback", RequestAction::Rollback),
        ("hotfix", RequestAction::Hotfix),
    ];
    let action = fields.word("action", &actions)?.unwrap_or(RequestAction::Promote);
    let requested = statement(fields.node("requested")?, "requested", path)?;
    if action == RequestAction::Hotfix && requested.reason.is_empty() {
        return Err(fields.wrong("requested", "a hotfix has no reason", "write why it cannot wait").into());
    }
    Ok(Request {
        pipeline,
        environment: fields.require("environment")?,
        action,
        freight: fields.require("freight")?,
        requested,
    })
}

fn pause(node: &Node, path: &str) -> Result<Pause, RecordError> {
    let (fields, pipeline) = open(node, "Pause", &["paused", "until"], path)?;
    let paused = statement(fields.node("paused")?, "paused", path)?;
    Ok(Pause { pipeline, paused, until: fields.optional("until")? })
}

fn commit_statuses(node: &Node, path: &str) -> Result<CommitStatuses, RecordError> {
    let (fields, pipeline) = open(node, "CommitStatus", &["environment", "commit", "statuses"], path)?;
    fields.node("statuses")?;
    let mut statuses: Vec<CommitStatus> = Vec::new();
    for (index, node) in fields.items("statuses")?.iter().enumerate() {
        let own = ["name", "phase", "description", "url", "by", "at"];
        let one = Fields::open(node, format!("statuses[{index}]"), &own, path)?;
        let name: Name = one.require("name")?;
        if statuses.iter().any(|it| it.name == name) {
            return Err(one.wrong("name", format!("`{name}` is there twice"), "keep its latest word").into());
        }
        one.node("phase")?;
        statuses.push(CommitStatus {
            name,
            phase: one.word("phase", &StatusPhase::ALL)?.unwrap_or(StatusPhase::Pending),
            description: line(&one, "description")?,
            url: one.optional::<OneLine>("url")?.map(|it| it.0),
            by: one.require::<OneLine>("by")?.0,
            at: one.require("at")?,
        });
    }
    Ok(CommitStatuses {
        pipeline,
        environment: fields.require("environment")?,
        commit: fields.require::<CommitId>("commit")?,
        statuses,
    })
}

fn statement(node: &Node, name: &str, path: &str) -> Result<Statement, RecordError> {
    let fields = Fields::open(node, name, &["by", "at", "reason"], path)?;
    Ok(Statement {
        by: fields.require::<OneLine>("by")?.0,
        at: fields.require("at")?,
        reason: line(&fields, "reason")?,
    })
}

/// One line of text that may be empty or missing.
fn line(fields: &Fields<'_>, key: &str) -> Result<String, RecordError> {
    match fields.text(key)? {
        None | Some("") => Ok(String::new()),
        Some(_) => Ok(fields.require::<OneLine>(key)?.0),
    }
}
