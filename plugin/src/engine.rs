//! From a request's tree and environment to its manifests: the plugin's half of the street around `promoter-render`.
//!
//! Decides nothing about manifests; hands the request's pins to [`answer_pins`] with a [`World`] to read from, and says
//! for the log which environment and freight were meant. Blocking; the protocol is somebody else's.
//!
//! [`World`]: promoter_render::World

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use promoter_core::{Diagnosis, UnixSeconds};
use promoter_kustomize::{Files, MemoryFiles};
use promoter_render::{Chosen, Cluster, Limits, Manifests, Mode, Verified, answer_pins, resolve};
use promoter_sources::helm::Helm;

use crate::cmp::environment::Environment;
use crate::git_access::GitAccess;
use crate::phases::{Phase, Phases};
use crate::place::Place;
use crate::retry::Retries;
use crate::stop::Stop;
use crate::world::PluginWorld;

/// What answers share over the life of the process.
#[derive(Debug)]
pub struct Engine {
    /// Bounds of one render.
    pub limits: Limits,
    /// Where pinned commits come from when the request does not hold them.
    pub git: GitAccess,
    /// Renders charts.
    pub helm: Helm,
}

/// Where the history that came with a request is.
#[derive(Debug, Clone, Copy)]
pub enum RequestGit<'a> {
    /// No `.git` came.
    Absent,
    /// The objects of `.git` in memory, below `.git` in a tree of their own.
    Memory(&'a MemoryFiles),
    /// A `.git` directory on disk.
    Disk(&'a std::path::Path),
}

/// One request.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// The tree.
    pub files: &'a dyn Files,
    /// The tree's history, if it came.
    pub git: RequestGit<'a>,
    /// The Application's path in the tree, normal.
    pub app_path: &'a str,
    /// The variables.
    pub environment: &'a Environment,
    /// When to end early.
    pub stop: &'a Stop,
    /// The render's place among others.
    pub place: &'a Place,
    /// Told what is being done.
    pub phases: &'a Phases,
}

/// What a request turned out to be about, for the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// The lock's environment.
    pub environment: Option<String>,
    /// The id of the lock's freight.
    pub freight: Option<String>,
    /// Its alias.
    pub alias: Option<String>,
    /// Which manifests answer: `live`, `hydrated` or `verify`.
    pub mode: Option<Mode>,
}

/// The end of the street.
#[derive(Debug)]
pub struct Answer {
    /// What the request was about, as far as it could be read.
    pub about: About,
    /// The manifests, or why there are none.
    pub manifests: Result<Verified<Manifests>, Diagnosis>,
}

impl Engine {
    /// Answers a request. The answer depends on the tree, the variables and the commits that the lock names, on nothing else.
    pub fn answer(&self, question: &Question<'_>) -> Answer {
        let mut about = About::default();
        let manifests = self.manifests(question, &mut about);
        Answer { about, manifests }
    }

    /// The same for callers without a deadline of their own: what fails for a passing reason is tried again for so long.
    /// Sleeps in between.
    pub fn answer_patiently(&self, question: &Question<'_>, patience: Duration) -> Answer {
        let (begun, mut retries) = (Instant::now(), Retries::default());
        loop {
            let tried = Instant::now();
            let answer = self.answer(question);
            let Err(error) = &answer.manifests else { return answer };
            let left = patience.saturating_sub(begun.elapsed());
            let Some(pause) = retries.pause(error, tried.elapsed(), left, now()) else {
                let manifests = answer.manifests.map_err(|error| retries.told(error));
                return Answer { manifests, ..answer };
            };
            question.phases.enter(Phase::Fetch);
            std::thread::sleep(pause);
        }
    }

    fn manifests(
        &self,
        question: &Question<'_>,
        about: &mut About,
    ) -> Result<Verified<Manifests>, Diagnosis> {
        question.stop.check()?;
        question.phases.enter(Phase::Resolve);
        let parameters = question.environment.parameters().map_err(|it| it.diagnosis())?;
        let pins = resolve(question.files, question.app_path, &parameters).map_err(|it| it.diagnosis())?;
        about.environment = Some(pins.lock.environment.to_string());
        let freight = pins.lock.freight.id();
        about.freight = Some(freight.to_string());
        about.alias = Some(freight.alias());
        about.mode = Some(match pins.chosen {
            Chosen::Live => Mode::Live,
            Chosen::Hydrated(_) => Mode::Hydrated,
            Chosen::Verify(_) => Mode::Verify,
        });
        let cluster = cluster(question.environment);
        let world = PluginWorld { git: &self.git, helm: &self.helm, question: *question };
        answer_pins(question.files, &pins, &cluster, &self.limits, &world).map_err(|it| it.diagnosis())
    }
}

/// The time, for servers that said when to come back.
pub(crate) fn now() -> UnixSeconds {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixSeconds(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

fn cluster(environment: &Environment) -> Cluster {
    let api_versions = environment.get("KUBE_API_VERSIONS").unwrap_or_default();
    Cluster {
        kube_version: environment.get("KUBE_VERSION").map(String::from),
        api_versions: api_versions.split(',').filter(|it| !it.is_empty()).map(String::from).collect(),
    }
}
