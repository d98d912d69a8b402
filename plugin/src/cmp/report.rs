//! One log line per request: whose it was, what it was about, how long each phase took, how it ended.
//!
//! The names of the fields are a promise: testdata/cmp/log-fields.snap holds them.

use std::time::{Duration, Instant};

use promoter_core::Fault;
use tonic::metadata::MetadataMap;

use super::environment::Environment;
use super::service::Failure;
use super::trace::{Trace, request_id};
use crate::engine::About;
use crate::phases::{Phase, Phases};

/// A request's line in the making. Dropped before its end, it says that the caller left.
#[derive(Debug)]
pub(super) struct Report {
    method: &'static str,
    id: String,
    trace: Option<Trace>,
    begun: Instant,
    phases: Phases,
    app: Option<String>,
    project: Option<String>,
    namespace: Option<String>,
    revision: Option<String>,
    about: About,
    archive_bytes: u64,
    tries: Option<u32>,
    finished: bool,
}

/// What an answer holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    /// Objects or parameters.
    pub(super) objects: usize,
    /// Bytes of their texts.
    pub(super) bytes: usize,
}

impl Report {
    /// Begins with the request.
    pub(super) fn new(method: &'static str, metadata: &MetadataMap, phases: &Phases) -> Self {
        let (id, trace) = (request_id(), Trace::of(metadata));
        tracing::debug!(method, request = id, "begun");
        Self {
            method,
            id,
            trace,
            begun: Instant::now(),
            phases: phases.clone(),
            app: None,
            project: None,
            namespace: None,
            revision: None,
            about: About::default(),
            archive_bytes: 0,
            tries: None,
            finished: false,
        }
    }

    /// The request's id.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The method that was called.
    pub(super) fn method(&self) -> &'static str {
        self.method
    }

    /// Notes whose request it is.
    pub(super) fn request(&mut self, environment: &Environment) {
        let get = |name| environment.get(name).map(String::from);
        self.app = get("ARGOCD_APP_NAME");
        self.project = get("ARGOCD_APP_PROJECT_NAME");
        self.namespace = get("ARGOCD_APP_NAMESPACE");
        self.revision = get("ARGOCD_APP_REVISION");
    }

    /// Notes how much of an archive came.
    pub(super) fn received(&mut self, bytes: u64) {
        self.archive_bytes = bytes;
    }

    /// Notes what the lock says.
    pub(super) fn about(&mut self, about: About) {
        self.about = about;
    }

    /// Notes how often a fetch failed for a passing reason, and says so: an answer may be long in coming.
    pub(super) fn tries(&mut self, failed: u32, error: &str, pause: Duration) {
        self.tries = Some(failed + 1);
        let pause_ms = pause.as_secs_f64() * 1e3;
        tracing::warn!(request = self.id, app = self.app, tries = failed, pause_ms, error, "trying again");
    }

    /// Writes the line.
    pub(super) fn finish(mut self, result: Result<Size, &Failure>) {
        self.finished = true;
        match result {
            Ok(size) => self.line(None, Some(size), "answered"),
            Err(failure) => match failure.diagnosis() {
                Some(diagnosis) => {
                    self.line(Some((diagnosis.code, diagnosis.fault)), None, &diagnosis.to_string());
                }
                None => self.line(None, None, "the caller left"),
            },
        }
    }

    fn line(&self, fault: Option<(&'static str, Fault)>, size: Option<Size>, message: &str) {
        let spent = |phase| self.phases.spent(phase).map(milliseconds);
        macro_rules! line {
            ($level:ident, $($field:tt)*) => {
                tracing::$level!(
                    method = self.method,
                    request = self.id,
                    trace_id = self.trace.as_ref().map(|it| it.trace_id.as_str()),
                    span_id = self.trace.as_ref().map(|it| it.span_id.as_str()),
                    app = self.app,
                    project = self.project,
                    namespace = self.namespace,
                    revision = self.revision,
                    environment = self.about.environment,
                    freight = self.about.freight,
                    alias = self.about.alias,
                    mode = self.about.mode.map(tracing::field::display),
                    duration_ms = milliseconds(self.begun.elapsed()),
                    wait_ms = spent(Phase::Wait),
                    receive_ms = spent(Phase::Receive),
                    queue_ms = spent(Phase::Queue),
                    resolve_ms = spent(Phase::Resolve),
                    fetch_ms = spent(Phase::Fetch),
                    render_ms = spent(Phase::Render),
                    verify_ms = spent(Phase::Verify),
                    respond_ms = spent(Phase::Respond),
                    archive_bytes = self.archive_bytes,
                    tries = self.tries,
                    phase = self.phases.current().word(),
                    $($field)*
                )
            };
        }
        match fault {
            Some((code, fault)) => {
                let fault = match fault {
                    Fault::Input => "input",
                    Fault::Upstream => "upstream",
                    Fault::Bug => "bug",
                };
                line!(error, code, fault, "{message}");
            }
            None => {
                let (objects, bytes) = (size.map(|it| it.objects), size.map(|it| it.bytes));
                line!(info, objects, bytes, "{message}");
            }
        }
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if !self.finished {
            self.line(None, None, "the caller left");
        }
    }
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}
