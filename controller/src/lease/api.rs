//! The Lease in the cluster. What is written names the version that was read, so that of two who take it one fails.

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, PostParams};
use promoter_core::UnixSeconds;
use promoter_sources::kubernetes::{Kubernetes, words};
use serde_json::{Value, json};

use super::LeasePlace;
use super::election::Spec;

/// One Lease.
pub(super) struct Leases<'a> {
    clusters: &'a Kubernetes,
    place: &'a LeasePlace,
}

/// What was read.
pub(super) struct Found {
    pub(super) spec: Spec,
    object: DynamicObject,
}

impl<'a> Leases<'a> {
    pub(super) fn new(clusters: &'a Kubernetes, place: &'a LeasePlace) -> Self {
        Self { clusters, place }
    }

    async fn api(&self) -> Result<Api<DynamicObject>, String> {
        let kind = GroupVersionKind::gvk("coordination.k8s.io", "v1", "Lease");
        let resource = ApiResource::from_gvk_with_plural(&kind, "leases");
        Ok(Api::namespaced_with(self.clusters.client(None).await?, &self.place.namespace, &resource))
    }

    /// Makes the connection anew for the next question: credentials may have been renewed.
    pub(super) async fn forget(&self) {
        self.clusters.forget(None).await;
    }

    /// The Lease; `None` when there is none yet.
    pub(super) async fn read(&self) -> Result<Option<Found>, String> {
        let found = self.api().await?.get_opt(&self.place.name).await.map_err(|error| words(&error))?;
        Ok(found.map(|object| Found { spec: spec(&object.data["spec"]), object }))
    }

    /// Writes the Lease over what was read; false when somebody else was faster.
    pub(super) async fn write(
        &self,
        found: Option<Found>,
        spec: &Spec,
        now: UnixSeconds,
    ) -> Result<bool, String> {
        let api = self.api().await?;
        let at = micro(now);
        let written = json!({ "spec": {
            "holderIdentity": spec.holder,
            "leaseDurationSeconds": spec.seconds,
            "renewTime": at,
            "acquireTime": spec.acquired.as_ref().unwrap_or(&at),
            "leaseTransitions": spec.transitions,
        }});
        let parameters = PostParams::default();
        let done = match found {
            Some(Found { mut object, .. }) => {
                object.data = written;
                api.replace(&self.place.name, &parameters, &object).await
            }
            None => {
                let mut manifest = written;
                manifest["apiVersion"] = json!("coordination.k8s.io/v1");
                manifest["kind"] = json!("Lease");
                manifest["metadata"] = json!({ "name": self.place.name, "namespace": self.place.namespace });
                let manifest = serde_json::from_value(manifest).map_err(|error| error.to_string())?;
                api.create(&parameters, &manifest).await
            }
        };
        match done {
            Ok(_) => Ok(true),
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
            Err(error) => Err(words(&error)),
        }
    }

    /// Gives the Lease back, if it is still one's own.
    pub(super) async fn release(&self, identity: &str) -> Result<(), String> {
        let Some(mut found) = self.read().await?.filter(|it| it.spec.holder.as_deref() == Some(identity))
        else {
            return Ok(());
        };
        found.object.data["spec"]["holderIdentity"] = json!("");
        found.object.data["spec"]["leaseDurationSeconds"] = json!(1);
        let replaced =
            self.api().await?.replace(&self.place.name, &PostParams::default(), &found.object).await;
        replaced.map(drop).map_err(|error| words(&error))
    }
}

fn spec(value: &Value) -> Spec {
    let text = |key: &str| value[key].as_str().map(str::to_owned);
    Spec {
        holder: text("holderIdentity"),
        seconds: value["leaseDurationSeconds"].as_u64(),
        renewed: text("renewTime"),
        acquired: text("acquireTime"),
        transitions: value["leaseTransitions"].as_i64().unwrap_or_default(),
    }
}

/// A time as Kubernetes writes those of a Lease.
fn micro(now: UnixSeconds) -> String {
    now.to_string().replace('Z', ".000000Z")
}
