//! Runs a kept request again, through the code that hears and answers the real ones.
//!
//! Decides nothing about manifests. What was left out of the file because it is secret can be given again.

use std::time::Duration;

use promoter_core::Diagnosis;
use promoter_render::{Manifests, Verified};
use prost::bytes::Bytes;

use crate::cmp::archive::ArchiveLimits;
use crate::cmp::client::ParameterAnnouncement;
use crate::cmp::hearing::{Hearing, Received};
use crate::cmp::proto::app_stream_request::Request as Part;
use crate::cmp::proto::{AppStreamRequest, EnvEntry, File, ManifestRequestMetadata};
use crate::engine::{About, Engine, Question, RequestGit};
use crate::parameters;
use crate::phases::{Phase, Phases};
use crate::place::Place;
use crate::requests::{Header, Kept};
use crate::stop::Stop;

/// What comes of a kept request.
#[derive(Debug)]
pub enum Replay {
    /// The manifests.
    Manifests(Box<Verified<Manifests>>),
    /// What Argo CD's page offers; for requests that asked for it.
    Parameters(Vec<ParameterAnnouncement>),
}

/// A request that was run again.
#[derive(Debug)]
pub struct Replayed {
    header: Header,
    set: Vec<String>,
    about: About,
    phases: Phases,
    /// What came of it.
    pub answer: Result<Replay, Diagnosis>,
}

/// Runs a request, with `variables` in place of those that came.
pub fn replay(kept: Kept, variables: &[(String, String)], engine: &Engine, patience: Duration) -> Replayed {
    let Kept { header, archive } = kept;
    let phases = Phases::default();
    let mut about = About::default();
    phases.enter(Phase::Receive);
    let heard = hear(&header, archive, variables);
    let answer = heard.and_then(|received| match header.method.as_str() {
        "GetParametersAnnouncement" => {
            phases.enter(Phase::Resolve);
            let app_path = received.app_path.as_deref();
            Ok(Replay::Parameters(parameters::announce(
                &received.tree.files,
                app_path,
                &received.environment,
            )))
        }
        _ => manifests(&received, engine, patience, &phases, &mut about),
    });
    let set = variables.iter().map(|(name, _)| name.clone()).collect();
    Replayed { header, set, about, phases, answer }
}

/// The messages of the stream, heard as the service hears them.
fn hear(header: &Header, archive: Vec<u8>, variables: &[(String, String)]) -> Result<Received, Diagnosis> {
    let entry = |name: &String, value: &String| EnvEntry { name: name.clone(), value: value.clone() };
    let came = header.env.iter().map(|it| entry(&it.name, &it.value));
    let given = variables.iter().map(|(name, value)| entry(name, value));
    let metadata = ManifestRequestMetadata {
        app_rel_path: header.app_rel_path.clone(),
        checksum: header.checksum.clone(),
        size: archive.len() as i64,
        env: came.chain(given).collect(),
        ..ManifestRequestMetadata::default()
    };
    let mut hearing = Hearing::new(ArchiveLimits::default(), None);
    for part in [Part::Metadata(metadata), Part::File(File { chunk: Bytes::from(archive) })] {
        hearing.hear(AppStreamRequest { request: Some(part) });
    }
    hearing.judge(None)
}

fn manifests(
    received: &Received,
    engine: &Engine,
    patience: Duration,
    phases: &Phases,
    about: &mut About,
) -> Result<Replay, Diagnosis> {
    let answer = engine.answer_patiently(
        &Question {
            files: &received.tree.files,
            git: received.tree.git.as_ref().map_or(RequestGit::Absent, RequestGit::Memory),
            app_path: received.app_path.as_ref().map_err(Clone::clone)?,
            environment: &received.environment,
            stop: &Stop::default(),
            place: &Place::default(),
            phases,
        },
        patience,
    );
    *about = answer.about;
    Ok(Replay::Manifests(Box::new(answer.manifests?)))
}

impl Replayed {
    /// What is worth knowing besides the answer, a line each: what was asked, what is not as it came, where the time went.
    pub fn summary(&self) -> Vec<String> {
        let kept_by = match self.header.plugin.as_str() {
            "" => "an unknown version",
            version => version,
        };
        let mut lines = vec![format!(
            "{} of `{}`, kept by {kept_by}, run by {}",
            self.header.method,
            self.header.app_rel_path,
            env!("CARGO_PKG_VERSION")
        )];
        let missing: Vec<&str> = self
            .header
            .removed
            .iter()
            .map(String::as_str)
            .filter(|it| !self.set.iter().any(|set| set == it))
            .collect();
        if !missing.is_empty() {
            lines.push(format!("without the values of {}; give them with `--env`", missing.join(", ")));
        }
        if let (Some(environment), Some(freight)) = (&self.about.environment, &self.about.freight) {
            let alias = self.about.alias.as_deref().unwrap_or_default();
            let mode = self.about.mode.map(|it| it.to_string()).unwrap_or_default();
            lines.push(format!("environment {environment}, freight {alias} ({freight}), {mode}"));
        }
        let phases = Phase::ALL.into_iter().skip(1).filter_map(|phase| {
            let milliseconds = self.phases.spent(phase)?.as_secs_f64() * 1e3;
            Some(format!("{} {milliseconds:.1} ms", phase.word()))
        });
        lines.push(phases.collect::<Vec<_>>().join(", "));
        lines
    }
}
