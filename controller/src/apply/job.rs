//! Jobs that verify: creates the one of a stay where it is missing, and reads it.
//!
//! The only writes that do not go to Git. A Job changes nothing that a plan is made of but a measurement, and its name is
//! that of the stay that it measures: whoever comes second finds it there and creates none.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, PostParams};
use promoter_core::pipeline::JobProbe;
use promoter_core::verification::Answer;
use promoter_core::verification::job::{Run, judge};
use promoter_sources::kubernetes::{Kubernetes, words};
use serde_json::Value;

/// Ends that are remembered; beyond it they are forgotten together, and read again.
const ENDED_MAX: usize = 10_000;

/// Where a Job is: cluster, namespace, name.
type Place = (Option<String>, String, String);

/// A Job on its way; `Err` says for people why it could not be read or made.
pub type Making<'a> = Pin<Box<dyn Future<Output = Result<Value, String>> + Send + 'a>>;

/// Where Jobs are read and made.
pub trait JobApi: std::fmt::Debug + Send + Sync {
    /// The Job of a name, created if it is not there.
    fn ensure<'a>(&'a self, probe: &'a JobProbe, run: &'a Run, name: &'a str) -> Making<'a>;
    /// Makes the connection to a cluster anew for the next one who asks: its credentials may have been renewed.
    fn forget<'a>(&'a self, cluster: Option<&'a str>) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
}

impl JobApi for Kubernetes {
    fn ensure<'a>(&'a self, probe: &'a JobProbe, run: &'a Run, name: &'a str) -> Making<'a> {
        Box::pin(seen_to(self, probe, run, name))
    }

    fn forget<'a>(&'a self, cluster: Option<&'a str>) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(Self::forget(self, cluster))
    }
}

/// Creates and reads Jobs, where that is allowed.
#[derive(Debug)]
pub struct Jobs {
    api: Option<Arc<dyn JobApi>>,
    /// What Jobs came to: their objects go some time after, and are not run a second time.
    ended: Mutex<BTreeMap<Place, Answer>>,
}

impl Jobs {
    /// With the clusters where they run; `None` where whoever started the controller allows no Jobs.
    pub fn new(api: Option<Arc<dyn JobApi>>) -> Self {
        Self { api, ended: Mutex::default() }
    }

    /// Sees to the Job of a run, and says what it came to.
    pub async fn run(&self, probe: &JobProbe, run: &Run, timeout: Duration) -> Answer {
        let Some(api) = &self.api else {
            return Answer::Waiting("Jobs are not allowed: start the controller with `--allow-jobs`".into());
        };
        let name = run.name(probe);
        let key = (probe.cluster.clone(), probe.namespace.clone(), name.clone());
        let ended = || self.ended.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(answer) = ended().get(&key) {
            return answer.clone();
        }
        let cluster = probe.cluster.as_deref();
        let seen = tokio::time::timeout(timeout, api.ensure(probe, run, &name)).await;
        let seen = seen.unwrap_or_else(|_| Err(format!("no answer within {} s", timeout.as_secs_f32())));
        let answer = match seen {
            Ok(job) => judge(&job),
            Err(why) => {
                api.forget(cluster).await;
                Answer::Waiting(format!("the Job `{name}` could not be read or made: {why}"))
            }
        };
        if !matches!(answer, Answer::Waiting(_)) {
            let mut ended = ended();
            if ended.len() >= ENDED_MAX {
                ended.clear();
            }
            ended.insert(key, answer.clone());
        }
        answer
    }
}

/// The Job, created if it is not there.
async fn seen_to(kubernetes: &Kubernetes, probe: &JobProbe, run: &Run, name: &str) -> Result<Value, String> {
    let client = kubernetes.client(probe.cluster.as_deref()).await?;
    let kind = GroupVersionKind::gvk("batch", "v1", "Job");
    let resource = ApiResource::from_gvk_with_plural(&kind, "jobs");
    let api: Api<DynamicObject> = Api::namespaced_with(client, &probe.namespace, &resource);
    let read = || async { api.get_opt(name).await.map_err(|error| words(&error)) };
    if let Some(job) = read().await? {
        return json(&job);
    }
    let manifest = serde_json::from_value(run.manifest(probe)).map_err(|error| error.to_string())?;
    match api.create(&PostParams::default(), &manifest).await {
        Ok(job) => json(&job),
        // Another controller was faster.
        Err(kube::Error::Api(status)) if status.code == 409 => {
            json(&read().await?.ok_or("it is there, and then it is not")?)
        }
        Err(error) => Err(words(&error)),
    }
}

fn json(job: &DynamicObject) -> Result<Value, String> {
    serde_json::to_value(job).map_err(|error| error.to_string())
}
