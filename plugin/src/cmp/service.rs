//! The plugin service: hears a request to its end, has it answered, and says what happened.
//!
//! Decides the order of things on the wire. The request is always drained before any answer, because repo-server stops
//! sending at the first sign of an end and then reports `EOF` in place of our words. What manifests are is decided by
//! the [`Engine`].

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use promoter_core::{Diagnosis, Fault};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tonic::{Code, Request, Response, Status, Streaming};

use super::archive::ArchiveLimits;
use super::hearing::{Hearing, ProtocolError, Received};
use super::limit::{CancelOnDrop, Counted, Deadline, GivenUp, Limit};
use super::proto::config_management_plugin_service_server::ConfigManagementPluginService;
use super::proto::{
    AppStreamRequest, CheckPluginConfigurationResponse, ManifestResponse, ParametersAnnouncementResponse,
    RepositoryResponse,
};
use super::report::{Report, Size};
use super::repository::ParameterAnnouncement;
use crate::engine::{About, Engine, Question, RequestGit, now};
use crate::otlp::Exporter;
use crate::parameters;
use crate::phases::{Phase, Phases};
use crate::place::Place;
use crate::requests::Requests;
use crate::retry::Retries;
use crate::server::Running;
use crate::stop::Stop;

/// Bytes of an error message, below the 2 KiB that fit everywhere it is stored.
const MESSAGE_BYTES_MAX: usize = 2000;

/// What the service allows.
#[derive(Debug, Clone)]
pub struct ServiceLimits {
    /// Bounds of one archive.
    pub archive: ArchiveLimits,
    /// Renders at once.
    pub renders: usize,
    /// Archives that are received or held at once.
    pub archives: usize,
    /// Requests that wait for either.
    pub waiting_max: usize,
    /// Time for a request whose caller names no deadline.
    pub request_max: Duration,
}

impl Default for ServiceLimits {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            archive: ArchiveLimits::default(),
            renders: cores,
            archives: cores * 8,
            waiting_max: 1000,
            request_max: Duration::from_secs(600),
        }
    }
}

/// The service behind one socket.
#[derive(Debug)]
pub(crate) struct Service {
    engine: Arc<Engine>,
    limits: ServiceLimits,
    archives: Limit,
    renders: Limit,
    /// Requests that may wait for another try: their archives take the room of others.
    patient: Semaphore,
    running: Running,
    requests: Option<Arc<Requests>>,
    exporter: Option<Exporter>,
    at_once: Arc<AtomicUsize>,
}

impl Service {
    pub(crate) fn new(
        engine: Arc<Engine>,
        limits: ServiceLimits,
        running: Running,
        requests: Option<Requests>,
        exporter: Option<Exporter>,
    ) -> Self {
        let archives = Limit::new(limits.archives, limits.waiting_max);
        let renders = Limit::new(limits.renders, limits.waiting_max);
        let patient = Semaphore::new((limits.archives / 2).max(1));
        let (requests, at_once) = (requests.map(Arc::new), Arc::default());
        Self { engine, limits, archives, renders, patient, running, requests, exporter, at_once }
    }
}

#[tonic::async_trait]
impl ConfigManagementPluginService for Service {
    /// Asked twice for each render, so it looks at nothing. Without discovery a named plugin is sent one archive, not two.
    async fn check_plugin_configuration(
        &self,
        _: Request<()>,
    ) -> Result<Response<CheckPluginConfigurationResponse>, Status> {
        Ok(Response::new(CheckPluginConfigurationResponse {
            is_discovery_configured: false,
            provide_git_creds: self.engine.git.wants_argocd_credentials(),
        }))
    }

    /// Only asked when discovery is configured, which it is not; says so.
    async fn match_repository(
        &self,
        request: Request<Streaming<AppStreamRequest>>,
    ) -> Result<Response<RepositoryResponse>, Status> {
        let _running = self.running.enter();
        let deadline = self.deadline(&request);
        let phases = Phases::default();
        drain(&mut request.into_inner(), &deadline, &phases).await.map_err(|it| it.status())?;
        Ok(Response::new(RepositoryResponse { is_supported: false, is_discovery_enabled: false }))
    }

    async fn generate_manifest(
        &self,
        request: Request<Streaming<AppStreamRequest>>,
    ) -> Result<Response<ManifestResponse>, Status> {
        let _running = self.running.enter();
        let phases = Phases::default();
        let mut report = Report::new("GenerateManifest", request.metadata(), &phases, self.exporter.as_ref());
        let deadline = self.deadline(&request);
        let result = self.generate(request.into_inner(), deadline, &phases, &mut report).await;
        let size = |it: &Vec<String>| Size { objects: it.len(), bytes: it.iter().map(String::len).sum() };
        report.finish(result.as_ref().map(size));
        let manifests = result.map_err(|it| it.status())?;
        Ok(Response::new(ManifestResponse { manifests, source_type: String::new() }))
    }

    async fn get_parameters_announcement(
        &self,
        request: Request<Streaming<AppStreamRequest>>,
    ) -> Result<Response<ParametersAnnouncementResponse>, Status> {
        let _running = self.running.enter();
        let phases = Phases::default();
        let mut report =
            Report::new("GetParametersAnnouncement", request.metadata(), &phases, self.exporter.as_ref());
        let deadline = self.deadline(&request);
        let result = self.receive(request.into_inner(), &deadline, &phases, &mut report).await;
        let result = result.map(|it| {
            phases.enter(Phase::Resolve);
            let app_path = it.app_path.as_deref();
            parameters::announce(&it.tree.files, app_path, &it.environment)
        });
        phases.enter(Phase::Respond);
        let size = |it: &Vec<ParameterAnnouncement>| Size {
            objects: it.len(),
            bytes: it.iter().map(prost::Message::encoded_len).sum(),
        };
        report.finish(result.as_ref().map(size));
        let parameter_announcements = result.map_err(|it| it.status())?;
        Ok(Response::new(ParametersAnnouncementResponse { parameter_announcements }))
    }
}

impl Service {
    fn deadline<T>(&self, request: &Request<T>) -> Deadline {
        Deadline::of(request.metadata(), Instant::now(), self.limits.request_max)
    }

    /// Renders, and renders again while something else fails for a passing reason and there is time. Nobody waits on a core:
    /// the pause is outside of the render's place.
    async fn generate(
        &self,
        stream: Streaming<AppStreamRequest>,
        deadline: Deadline,
        phases: &Phases,
        report: &mut Report,
    ) -> Result<Vec<String>, Failure> {
        let received = Arc::new(self.receive(stream, &deadline, phases, report).await?);
        let mut retries = Retries::default();
        loop {
            let (took, rendered) = self.render(&received, deadline, phases, report).await?;
            let error = match rendered {
                Ok(objects) => return Ok(objects),
                // The render looks at the deadline too, and may have stopped just before us.
                Err(_) if deadline.has_passed() => return Err(deadline.passed(phases).into()),
                Err(error) => error,
            };
            let patient = self.patient.try_acquire();
            let left = if patient.is_ok() { deadline.left() } else { Duration::ZERO };
            let Some(pause) = retries.pause(&error, took, left, now()) else {
                return Err(retries.told(error).into());
            };
            report.tries(retries.failed(), &error.to_string(), pause);
            phases.enter(Phase::Fetch);
            tokio::time::sleep(pause).await;
        }
    }

    /// One render: how long it took, and what came out.
    async fn render(
        &self,
        received: &Arc<Received>,
        deadline: Deadline,
        phases: &Phases,
        report: &mut Report,
    ) -> Result<(Duration, Result<Vec<String>, Diagnosis>), Failure> {
        phases.enter(Phase::Queue);
        let permit = self.renders.enter(&deadline, phases).await?;
        phases.enter(Phase::Resolve);
        let cancel = CancelOnDrop::default();
        let (stop, place) = (Stop::new(deadline, cancel.signal()), Place::new(permit, deadline));
        let (engine, received, clock) = (Arc::clone(&self.engine), Arc::clone(received), phases.clone());
        let begun = Instant::now();
        let at_once = Arc::clone(&self.at_once);
        let id = report.id().to_owned();
        // The place goes along: a render whose caller gave up still uses a core until it is done.
        let work = tokio::task::spawn_blocking(move || {
            let counted = Counted::join(&at_once);
            tracing::debug!(request = id, at_once = counted.others + 1, "rendering");
            let answer = answer(&engine, &received, &stop, &place, &clock);
            drop(counted);
            drop((place, received));
            answer
        });
        let answer = deadline.bound(phases, work).await?;
        let (about, objects) = answer.map_err(|error| Diagnosis::bug("plugin-render-died", error))?;
        report.about(about);
        Ok((begun.elapsed(), objects))
    }

    /// Hears a request to its end and judges it only then.
    async fn receive(
        &self,
        mut stream: Streaming<AppStreamRequest>,
        deadline: &Deadline,
        phases: &Phases,
        report: &mut Report,
    ) -> Result<Received, Failure> {
        // Nothing is read before there is room: the sender waits in its flow control window.
        let room = match self.archives.enter(deadline, phases).await {
            Ok(room) => room,
            Err(overloaded @ GivenUp::Overloaded(_)) => {
                drain(&mut stream, deadline, phases).await?;
                return Err(overloaded.into());
            }
            Err(given_up) => return Err(given_up.into()),
        };
        phases.enter(Phase::Receive);
        let keeping = self.requests.as_ref().map(|it| it.keeping(report.method()));
        let mut hearing = Hearing::new(self.limits.archive, keeping);
        let hear = async {
            while let Some(message) = stream.message().await? {
                hearing.hear(message);
            }
            // A cancelled stream ends like a whole one. Yielding lets hyper notice and drop this call instead.
            tokio::task::yield_now().await;
            Ok::<_, Status>(())
        };
        let heard = deadline.bound(phases, hear).await;
        if let Some(environment) = hearing.environment() {
            report.request(environment);
        }
        report.received(hearing.archive_bytes());
        heard?.map_err(Failure::of_stream)?;
        // Before anything is made of it: what cannot be unpacked or brings a render down is what people want to look at.
        if let (Some(requests), Some(kept)) = (&self.requests, hearing.kept()) {
            let (requests, id) = (Arc::clone(requests), report.id().to_owned());
            let written = tokio::task::spawn_blocking(move || requests.keep(&id, &kept));
            deadline.bound(phases, written).await?.map_err(|it| Diagnosis::bug("plugin-render-died", it))?;
        }
        Ok(hearing.judge(Some(room))?)
    }
}

/// What comes of a request that was heard: what it was about, and its objects.
fn answer(
    engine: &Engine,
    received: &Received,
    stop: &Stop,
    place: &Place,
    phases: &Phases,
) -> (About, Result<Vec<String>, Diagnosis>) {
    let app_path = match &received.app_path {
        Ok(app_path) => app_path,
        Err(outside) => return (About::default(), Err(outside.clone())),
    };
    let answer = engine.answer(&Question {
        files: &received.tree.files,
        git: received.tree.git.as_ref().map_or(RequestGit::Absent, RequestGit::Memory),
        app_path,
        environment: &received.environment,
        stop,
        place,
        phases,
    });
    let objects = answer.manifests.and_then(|it| {
        phases.enter(Phase::Respond);
        it.to_json_objects().map_err(|it| it.diagnosis())
    });
    (answer.about, objects)
}

/// Hears a request to its end and keeps nothing of it.
async fn drain(
    stream: &mut Streaming<AppStreamRequest>,
    deadline: &Deadline,
    phases: &Phases,
) -> Result<(), Failure> {
    let hear = async {
        while stream.message().await?.is_some() {}
        Ok::<_, Status>(())
    };
    phases.enter(Phase::Receive);
    deadline.bound(phases, hear).await?.map_err(Failure::of_stream)
}

/// Why a request has no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// Something that a person reads.
    Diagnosed(Diagnosis),
    /// No time, no room, or nobody there.
    GivenUp(GivenUp),
    /// The stream broke.
    Stream(Status),
}

impl From<Diagnosis> for Failure {
    fn from(diagnosis: Diagnosis) -> Self {
        Self::Diagnosed(diagnosis)
    }
}

impl From<GivenUp> for Failure {
    fn from(given_up: GivenUp) -> Self {
        Self::GivenUp(given_up)
    }
}

impl Failure {
    /// A stream that ended with an error: of the transport, or because of a message that cannot be read.
    fn of_stream(status: Status) -> Self {
        match status.source() {
            Some(_) => Self::Stream(status),
            None => ProtocolError::Malformed(status.message().to_owned()).diagnosis().into(),
        }
    }

    /// The error for the log; a broken stream has none of ours.
    pub(super) fn diagnosis(&self) -> Option<Diagnosis> {
        match self {
            Self::Diagnosed(diagnosis) => Some(diagnosis.clone()),
            Self::GivenUp(given_up) => Some(given_up.diagnosis()),
            Self::Stream(_) => None,
        }
    }

    /// The answer on the wire: one line, kept short because it ends up in Redis and in the Application's status.
    pub(super) fn status(&self) -> Status {
        match self {
            Self::Diagnosed(diagnosis) => Status::new(code(diagnosis.fault), short(diagnosis)),
            Self::GivenUp(given_up) => Status::new(given_up.code(), short(&given_up.diagnosis())),
            Self::Stream(status) => status.clone(),
        }
    }
}

fn code(fault: Fault) -> Code {
    match fault {
        Fault::Input => Code::InvalidArgument,
        Fault::Upstream => Code::Unavailable,
        Fault::Bug => Code::Internal,
    }
}

/// The line, cut in its middle where it is too long: cause and code stand at its ends.
fn short(diagnosis: &Diagnosis) -> String {
    let line = diagnosis.to_string();
    if line.len() <= MESSAGE_BYTES_MAX {
        return line;
    }
    let head = line.floor_char_boundary(MESSAGE_BYTES_MAX * 3 / 4);
    let tail = line.ceil_char_boundary(line.len() - MESSAGE_BYTES_MAX / 5);
    format!("{} … {}", &line[..head], &line[tail..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_have_their_codes() {
        let codes = [Fault::Input, Fault::Upstream, Fault::Bug].map(code);
        assert_eq!(codes, [Code::InvalidArgument, Code::Unavailable, Code::Internal]);
    }

    #[test]
    fn long_messages_keep_cause_and_code() {
        let line = short(&Diagnosis::input("plugin-protocol", "ä".repeat(5000)));
        assert!(line.len() < 2048, "{}", line.len());
        assert!(line.starts_with('ä') && line.ends_with("[plugin-protocol]"));
    }
}
