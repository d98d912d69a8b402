//! One log line per request: what it was, how long each phase took, how it ended.

use std::time::Instant;

use promoter_core::Fault;

use super::environment::Environment;
use super::service::Failure;
use crate::engine::About;

/// What a request is going through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Waiting for room to be received.
    Wait,
    /// Being received and unpacked.
    Receive,
    /// Waiting for a core.
    Queue,
    /// Being rendered.
    Render,
}

impl Phase {
    fn word(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Receive => "receive",
            Self::Queue => "queue",
            Self::Render => "render",
        }
    }
}

/// A request's line in the making. Dropped before its end, it says that the caller left.
#[derive(Debug)]
pub(super) struct Report {
    method: &'static str,
    begun: Instant,
    phases: Vec<(Phase, Instant)>,
    app: Option<String>,
    project: Option<String>,
    revision: Option<String>,
    about: About,
    finished: bool,
}

impl Report {
    /// Begins with the request.
    pub(super) fn new(method: &'static str) -> Self {
        let begun = Instant::now();
        tracing::debug!(method, "begun");
        Self {
            method,
            begun,
            phases: vec![(Phase::Wait, begun)],
            app: None,
            project: None,
            revision: None,
            about: About::default(),
            finished: false,
        }
    }

    /// Enters the next phase.
    pub(super) fn enter(&mut self, phase: Phase) {
        self.phases.push((phase, Instant::now()));
    }

    /// Notes whose request it is.
    pub(super) fn request(&mut self, environment: &Environment) {
        let get = |name| environment.get(name).map(String::from);
        self.app = get("ARGOCD_APP_NAME");
        self.project = get("ARGOCD_APP_PROJECT_NAME");
        self.revision = get("ARGOCD_APP_REVISION");
    }

    /// Notes what the lock says.
    pub(super) fn about(&mut self, about: About) {
        self.about = about;
    }

    /// Writes the line. `Ok` is the number of objects or parameters in the answer.
    pub(super) fn finish(mut self, result: Result<usize, &Failure>) {
        self.finished = true;
        match result {
            Ok(count) => self.line(None, Some(count), "answered"),
            Err(failure) => match failure.diagnosis() {
                Some(diagnosis) => {
                    self.line(Some((diagnosis.code, diagnosis.fault)), None, &diagnosis.to_string());
                }
                None => self.line(None, None, "the caller left"),
            },
        }
    }

    fn line(&self, fault: Option<(&'static str, Fault)>, count: Option<usize>, message: &str) {
        let phase = self.phases.last().map(|(phase, _)| phase.word());
        let code = fault.map(|(code, _)| code);
        macro_rules! line {
            ($level:ident, $($field:tt)*) => {
                tracing::$level!(
                    method = self.method,
                    app = self.app,
                    project = self.project,
                    revision = self.revision,
                    env = self.about.environment,
                    freight = self.about.freight,
                    duration_ms = milliseconds(self.begun, Instant::now()),
                    receive_ms = self.spent(Phase::Receive),
                    queue_ms = self.spent(Phase::Queue),
                    render_ms = self.spent(Phase::Render),
                    $($field)*
                )
            };
        }
        match fault {
            Some((_, fault)) => line!(error, phase, code, fault = ?fault, "{message}"),
            None => line!(info, phase, count, "{message}"),
        }
    }

    /// Milliseconds in a phase, if it was entered.
    fn spent(&self, phase: Phase) -> Option<f64> {
        let at = self.phases.iter().position(|(it, _)| *it == phase)?;
        let end = self.phases.get(at + 1).map_or_else(Instant::now, |(_, begun)| *begun);
        Some(milliseconds(self.phases[at].1, end))
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if !self.finished {
            self.line(None, None, "the caller left");
        }
    }
}

fn milliseconds(from: Instant, to: Instant) -> f64 {
    (to.duration_since(from).as_secs_f64() * 10_000.0).round() / 10.0
}
