//! One log line per request: whose it was, what it was about, how long each phase took, how it ended. Spans tell the same.
//!
//! The names of the fields are a promise: testdata/cmp/log-fields.snap holds them.

use std::time::{Duration, SystemTime};

use promoter_core::{Diagnosis, Fault};
use tonic::Status;
use tonic::metadata::MetadataMap;

use super::environment::Environment;
use super::service::Failure;
use super::trace::{Trace, request_id};
use crate::engine::About;
use crate::otlp::{Exporter, spans};
use crate::phases::{Course, Phase, Phases};

/// A request's line in the making. Dropped before its end, it says that the caller left.
#[derive(Debug)]
pub(super) struct Report {
    facts: Facts,
    begun: SystemTime,
    phases: Phases,
    exporter: Option<Exporter>,
    finished: bool,
}

/// What is known of a request.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) method: &'static str,
    pub(crate) id: String,
    /// The caller's.
    pub(crate) trace: Option<Trace>,
    pub(crate) app: Option<String>,
    pub(crate) project: Option<String>,
    /// Where the Application goes to.
    pub(crate) namespace: Option<String>,
    pub(crate) revision: Option<String>,
    pub(crate) about: About,
    pub(crate) archive_bytes: u64,
    pub(crate) tries: Option<u32>,
}

/// What an answer holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// Objects or parameters.
    pub(crate) objects: usize,
    /// Bytes of their texts.
    pub(crate) bytes: usize,
}

/// How a request ended.
#[derive(Debug)]
pub(crate) enum Ended<'a> {
    /// With an answer.
    Answered(Size),
    /// With an error.
    Failed {
        /// As a person reads it.
        diagnosis: &'a Diagnosis,
        /// As the caller gets it.
        status: &'a Status,
    },
    /// Nobody waits for it any more.
    Left,
}

impl Facts {
    /// Of a request that begins.
    pub(crate) fn new(method: &'static str, id: String, trace: Option<Trace>) -> Self {
        Self {
            method,
            id,
            trace,
            app: None,
            project: None,
            namespace: None,
            revision: None,
            about: About::default(),
            archive_bytes: 0,
            tries: None,
        }
    }
}

impl Report {
    /// Begins with the request. With an exporter, it ends in spans too.
    pub(super) fn new(
        method: &'static str,
        metadata: &MetadataMap,
        phases: &Phases,
        exporter: Option<&Exporter>,
    ) -> Self {
        let facts = Facts::new(method, request_id(), Trace::of(metadata));
        tracing::debug!(method, request = facts.id, "begun");
        let (begun, phases, exporter) = (SystemTime::now(), phases.clone(), exporter.cloned());
        Self { facts, begun, phases, exporter, finished: false }
    }

    /// The request's id.
    pub(super) fn id(&self) -> &str {
        &self.facts.id
    }

    /// The method that was called.
    pub(super) fn method(&self) -> &'static str {
        self.facts.method
    }

    /// Notes whose request it is.
    pub(super) fn request(&mut self, environment: &Environment) {
        let get = |name| environment.get(name).map(String::from);
        self.facts.app = get("ARGOCD_APP_NAME");
        self.facts.project = get("ARGOCD_APP_PROJECT_NAME");
        self.facts.namespace = get("ARGOCD_APP_NAMESPACE");
        self.facts.revision = get("ARGOCD_APP_REVISION");
    }

    /// Notes how much of an archive came.
    pub(super) fn received(&mut self, bytes: u64) {
        self.facts.archive_bytes = bytes;
    }

    /// Notes what the lock says.
    pub(super) fn about(&mut self, about: About) {
        self.facts.about = about;
    }

    /// Notes how often a fetch failed for a passing reason, and says so: an answer may be long in coming.
    pub(super) fn tries(&mut self, failed: u32, error: &str, pause: Duration) {
        self.facts.tries = Some(failed + 1);
        let pause_ms = pause.as_secs_f64() * 1e3;
        let Facts { id, app, .. } = &self.facts;
        tracing::warn!(request = id, app = app.as_deref(), tries = failed, pause_ms, error, "trying again");
    }

    /// Writes the line and hands the spans to the exporter.
    pub(super) fn finish(mut self, result: Result<Size, &Failure>) {
        self.finished = true;
        match result {
            Ok(size) => self.end(&Ended::Answered(size)),
            Err(failure) => match failure.diagnosis() {
                Some(diagnosis) => {
                    self.end(&Ended::Failed { diagnosis: &diagnosis, status: &failure.status() });
                }
                None => self.end(&Ended::Left),
            },
        }
    }

    fn end(&self, ended: &Ended<'_>) {
        let course = self.phases.course();
        let trace = self.exporter.as_ref().and_then(|it| Some((it, it.trace(self.facts.trace.as_ref())?)));
        // The caller's trace, or the one that the spans begin: either leads from the line to them.
        let begun = trace.as_ref().map(|(_, trace)| trace.trace_id.to_string());
        let trace_id = self.facts.trace.as_ref().map(|it| it.trace_id.clone()).or(begun);
        self.line(ended, &course, trace_id.as_deref());
        if let Some((exporter, trace)) = trace {
            exporter.hand_in(spans(&self.facts, ended, &course, self.begun, &trace, || exporter.span_id()));
        }
    }

    fn line(&self, ended: &Ended<'_>, course: &Course, trace_id: Option<&str>) {
        let Facts { method, id, trace, app, project, namespace, revision, about, archive_bytes, tries } =
            &self.facts;
        let spent = |phase| self.phases.spent(phase).map(milliseconds);
        macro_rules! line {
            ($level:ident, $($field:tt)*) => {
                tracing::$level!(
                    method,
                    request = id,
                    trace_id,
                    span_id = trace.as_ref().map(|it| it.span_id.as_str()),
                    app = app.as_deref(),
                    project = project.as_deref(),
                    namespace = namespace.as_deref(),
                    revision = revision.as_deref(),
                    environment = about.environment.as_deref(),
                    freight = about.freight.as_deref(),
                    alias = about.alias.as_deref(),
                    mode = about.mode.map(tracing::field::display),
                    duration_ms = milliseconds(course.elapsed),
                    wait_ms = spent(Phase::Wait),
                    receive_ms = spent(Phase::Receive),
                    queue_ms = spent(Phase::Queue),
                    resolve_ms = spent(Phase::Resolve),
                    fetch_ms = spent(Phase::Fetch),
                    render_ms = spent(Phase::Render),
                    verify_ms = spent(Phase::Verify),
                    respond_ms = spent(Phase::Respond),
                    archive_bytes,
                    tries,
                    phase = self.phases.current().word(),
                    $($field)*
                )
            };
        }
        match ended {
            Ended::Failed { diagnosis, .. } => {
                line!(error, code = diagnosis.code, fault = word(diagnosis.fault), "{diagnosis}");
            }
            Ended::Answered(Size { objects, bytes }) => line!(info, objects, bytes, "answered"),
            Ended::Left => line!(info, "the caller left"),
        }
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if !self.finished {
            self.end(&Ended::Left);
        }
    }
}

/// Who can mend it, in the log.
pub(crate) fn word(fault: Fault) -> &'static str {
    match fault {
        Fault::Input => "input",
        Fault::Upstream => "upstream",
        Fault::Bug => "bug",
    }
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}
