//! Takes measurements: asks each due check once, many at the same time.
//!
//! Decides nothing: whether measurements make a verification, or open a gate, is the planner's judgement.

mod argocd;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use promoter_core::pipeline::{Check, Environment, Pipeline, Probe};
use promoter_core::plan::Measure;
use promoter_core::verification::job::Run;
use promoter_core::verification::{About, Answer, Measurement};
use promoter_core::{Diagnosis, UnixSeconds};
use promoter_sources::checks::{
    Applications, ApplicationsAsked, CommandContext, Commands, Expectation, HttpChecker, Reading, Secrets,
};
use promoter_sources::kubernetes::Kubernetes;

use crate::apply::job::{JobApi, Jobs};
use crate::apply::refresh::{RefreshApi, applications};
use crate::options::CheckOptions;
use crate::repository::Repository;

/// Checks that are asked at the same time.
const ASKED_MAX: usize = 256;

/// Asks checks. Needs a tokio runtime to run on, which it keeps for itself.
#[derive(Debug)]
pub struct Checker {
    runtime: tokio::runtime::Runtime,
    http: Option<HttpChecker>,
    secrets: Secrets,
    commands: Commands,
    jobs: Jobs,
    applications: Arc<dyn Applications>,
    refresher: Option<Arc<dyn RefreshApi>>,
}

/// One check that is due.
#[derive(Debug, Clone, Copy)]
pub struct Due<'a> {
    /// Its pipeline.
    pub pipeline: &'a Pipeline,
    /// What the plan says.
    pub measure: &'a Measure,
    /// The check.
    pub check: &'a Check,
}

impl Checker {
    /// Makes one. The HTTP client is made with the first check that needs it.
    pub fn new(options: &CheckOptions) -> Result<Self, Diagnosis> {
        let clusters = Arc::new(Kubernetes::new(options.kubeconfig.clone()));
        let jobs = options.allow_jobs.then(|| clusters.clone() as Arc<dyn JobApi>);
        let refresher = options.refresh_applications.then(|| clusters.clone() as Arc<dyn RefreshApi>);
        Ok(Self::reaching(options, clusters, jobs)?.refreshing(refresher))
    }

    /// The same with who asks Argo CD to look.
    #[must_use]
    pub fn refreshing(self, refresher: Option<Arc<dyn RefreshApi>>) -> Self {
        Self { refresher, ..self }
    }

    /// Has Argo CD look at the Applications of environments into which something was merged. Gives a line for each place that
    /// could not be asked.
    pub fn refresh<'e>(&self, merged: impl Iterator<Item = &'e Environment>) -> Vec<String> {
        let Some(refresher) = &self.refresher else {
            return Vec::new();
        };
        let asked: BTreeSet<ApplicationsAsked> = merged.flat_map(applications).collect();
        let asking = asked.iter().map(|it| async move { (it, refresher.refresh(it).await) });
        let answers = self.runtime.block_on(futures::future::join_all(asking));
        let failed = answers.into_iter().filter_map(|(asked, answer)| {
            let why = answer.err()?;
            Some(format!("Applications in the namespace `{}` could not be refreshed: {why}", asked.namespace))
        });
        failed.collect()
    }

    /// One that reaches no cluster. What only that reaches is not linked into a program that asks for nothing else.
    pub fn without_clusters() -> Result<Self, Diagnosis> {
        Self::reaching(&CheckOptions::default(), Arc::new(NoClusters), None)
    }

    /// One with its own ways to Applications and Jobs; `None` where no Jobs are allowed.
    pub fn reaching(
        options: &CheckOptions,
        applications: Arc<dyn Applications>,
        jobs: Option<Arc<dyn JobApi>>,
    ) -> Result<Self, Diagnosis> {
        let runtime = crate::runtime::own()?;
        Ok(Self {
            runtime,
            http: None,
            secrets: Secrets::below(options.secrets_dir.as_deref()),
            commands: Commands::new(options.allow_commands),
            jobs: Jobs::new(jobs),
            applications,
            refresher: None,
        })
    }

    /// Asks every check once and answers in their order.
    pub fn measure(
        &mut self,
        repository: &Repository,
        due: &[Due<'_>],
        now: impl Fn() -> UnixSeconds,
    ) -> Result<Vec<Measurement>, Diagnosis> {
        let http = match &mut self.http {
            Some(http) => &*http,
            none => &*none.insert(HttpChecker::new(self.secrets.clone())?),
        };
        let (commands, jobs) = (&self.commands, &self.jobs);
        let now = &now;
        let answers = due.iter().map(|it| async move {
            let answer = ask(http, commands, jobs, *it).await;
            (answer, now())
        });
        let applications = due.iter().filter_map(|it| Some((asked(&it.check.probe)?, it.timeout())));
        let (answers, lists): (Vec<_>, _) = self.runtime.block_on(futures::future::join(
            futures::stream::iter(answers).buffered(ASKED_MAX).collect(),
            argocd::read(&*self.applications, applications),
        ));
        let of_applications = |it: &Due<'_>| match (&it.check.probe, it.environment()) {
            (Probe::ArgoCd(probe), Some(rules)) => {
                argocd::answer(repository, rules, &it.measure.commit, probe, &lists)
            }
            _ => Answer::Waiting("nobody asks".into()),
        };
        let measurement = |(it, (answer, at)): (&Due<'_>, (Option<Answer>, UnixSeconds))| {
            let (answer, at) = match answer {
                Some(answer) => (answer, at),
                None => (of_applications(it), now()),
            };
            Measurement { of: it.measure.of.clone(), at, answer }
        };
        Ok(due.iter().zip(answers).map(measurement).collect())
    }
}

/// Nobody to ask about Applications.
#[derive(Debug)]
struct NoClusters;

impl Applications for NoClusters {
    fn applications<'a>(&'a self, _asked: &'a ApplicationsAsked, _timeout: Duration) -> Reading<'a> {
        Box::pin(async { Err("this program asks no cluster".into()) })
    }
}

impl Due<'_> {
    fn timeout(&self) -> Duration {
        Duration::from_secs(u64::from(self.check.pace.timeout.0))
    }

    fn environment(&self) -> Option<&Environment> {
        self.pipeline.environment(&self.measure.environment)
    }
}

/// The Applications that a probe reads, if it is one of those.
pub(crate) fn asked(probe: &Probe) -> Option<ApplicationsAsked> {
    match probe {
        Probe::ArgoCd(probe) => Some(ApplicationsAsked::of(probe)),
        Probe::Http(_)
        | Probe::Prometheus(_)
        | Probe::Command(_)
        | Probe::Analysis(_)
        | Probe::Job(_)
        | Probe::Broken(_) => None,
    }
}

/// `None` for what is asked together with others.
async fn ask(http: &HttpChecker, commands: &Commands, jobs: &Jobs, due: Due<'_>) -> Option<Answer> {
    let probe = &due.check.probe;
    let timeout = due.timeout();
    let expectation = match Expectation::of(probe).transpose() {
        Ok(expectation) => expectation,
        Err(error) => return Some(Answer::Failed(error.to_string())),
    };
    Some(match (probe, &expectation) {
        (Probe::Http(probe), Some(expectation)) => http.http(probe, expectation, timeout).await,
        (Probe::Prometheus(probe), Some(expectation)) => http.prometheus(probe, expectation, timeout).await,
        (Probe::Command(probe), _) => commands.run(probe, context(due), timeout).await,
        (Probe::Analysis(probe), _) => http.analysis(probe, timeout).await,
        (Probe::Job(probe), _) => match job(due) {
            Some(run) => jobs.run(probe, &run, timeout).await,
            None => Answer::Waiting("a Job verifies what runs".into()),
        },
        (Probe::Broken(probe), _) => Answer::Waiting(probe.why.diagnosis().to_string()),
        (Probe::ArgoCd(_), _) => return None,
        (Probe::Http(_) | Probe::Prometheus(_), None) => Answer::Waiting("it expects nothing".into()),
    })
}

fn context(due: Due<'_>) -> CommandContext {
    CommandContext {
        pipeline: due.pipeline.name.clone(),
        environment: due.measure.environment.clone(),
        freight: due.measure.freight.clone(),
        commit: due.measure.commit.clone(),
    }
}

fn job(due: Due<'_>) -> Option<Run> {
    let About::Stay { promoted_at, .. } = &due.measure.of.about else { return None };
    let CommandContext { pipeline, environment, freight, commit } = context(due);
    Some(Run { pipeline, environment, freight, commit, promoted_at: *promoted_at, since: due.measure.since })
}

/// Says which expectations of a pipeline are none, and which templates cannot be used, before anything is promoted by them.
pub fn findings(pipeline: &Pipeline) -> Vec<Diagnosis> {
    let checks = pipeline.environments.iter().flat_map(|it| it.checks());
    let wrong = checks.filter_map(|it| match &it.probe {
        Probe::Broken(probe) => Some(probe.why.diagnosis()),
        probe => Some(Expectation::of(probe)?.err()?.diagnosis().at(&it.at)),
    });
    wrong.collect()
}
