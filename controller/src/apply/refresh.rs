//! Asks Argo CD to look at Applications at once, after something was merged that they show.
//!
//! An annotation on the Applications of the environment's `argocd` checks. It changes nothing that Argo CD would not do by itself at its
//! next poll, so that a failure is told and nothing waits for it.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::time::Duration;

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use promoter_core::pipeline::Environment;
use promoter_sources::checks::{Applications as _, ApplicationsAsked};
use promoter_sources::kubernetes::{Kubernetes, words};
use serde_json::json;

use crate::check::asked;

/// What Argo CD takes as the wish, and away when it has looked.
const ANNOTATION: &str = "argocd.argoproj.io/refresh";
/// How long reading and asking may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Applications on their way to be asked for; gives how many, or why it could not be done.
pub type Refreshing<'a> = Pin<Box<dyn Future<Output = Result<usize, String>> + Send + 'a>>;

/// Where Applications are asked for.
pub trait RefreshApi: std::fmt::Debug + Send + Sync {
    /// Has Argo CD look at all that are meant.
    fn refresh<'a>(&'a self, asked: &'a ApplicationsAsked) -> Refreshing<'a>;
}

impl RefreshApi for Kubernetes {
    fn refresh<'a>(&'a self, asked: &'a ApplicationsAsked) -> Refreshing<'a> {
        Box::pin(async move {
            let found = self.applications(asked, TIMEOUT).await?;
            let kind = GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Application");
            let resource = ApiResource::from_gvk_with_plural(&kind, "applications");
            let client = self.client(asked.cluster.as_deref()).await?;
            let api: Api<DynamicObject> = Api::namespaced_with(client, &asked.namespace, &resource);
            let wish = Patch::Merge(json!({ "metadata": { "annotations": { ANNOTATION: "normal" } } }));
            let parameters = PatchParams::default();
            let asking = found.iter().map(|it| api.patch(&it.name, &parameters, &wish));
            let asking = futures::future::try_join_all(asking);
            match tokio::time::timeout(TIMEOUT, asking).await {
                Ok(asked) => asked.map(|it| it.len()).map_err(|error| words(&error)),
                Err(_) => Err(format!("no answer within {} s", TIMEOUT.as_secs())),
            }
        })
    }
}

/// The Applications of an environment: those that its `argocd` checks read.
pub fn applications(environment: &Environment) -> BTreeSet<ApplicationsAsked> {
    environment.checks().filter_map(|it| asked(&it.probe)).collect()
}
