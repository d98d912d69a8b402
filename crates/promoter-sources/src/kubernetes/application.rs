//! An Application as the API gives it, to the few facts that matter.
//!
//! Source: the CRD of Argo CD 3.5, `applications.argoproj.io`. A field that is missing, or of another type, is empty: the
//! table then waits.

use kube::api::DynamicObject;
use promoter_core::UnixSeconds;
use promoter_core::verification::argocd::{Application, Operation, Source};
use serde_json::Value;

/// Reads an Application.
pub fn application(object: &DynamicObject) -> Application {
    let (spec, status) = (&object.data["spec"], &object.data["status"]);
    let (sync, health) = (&status["sync"], &status["health"]);
    Application {
        name: object.metadata.name.clone().unwrap_or_default(),
        sources: sources(spec, sync),
        sync: text(&sync["status"]),
        health: text(&health["status"]),
        health_message: text(&health["message"]),
        is_asked_to_sync: object.data["operation"].is_object(),
        operation: status["operationState"].is_object().then(|| operation(&status["operationState"])),
        reconciled_at: time(&status["reconciledAt"]),
        conditions: items(&status["conditions"])
            .map(|it| (text(&it["type"]), text(&it["message"])))
            .collect(),
    }
}

/// `spec.sources` stand above `spec.source`, as Argo CD reads them; a hydrated Application is synced from its `syncSource`,
/// which is in the repository of its `drySource` unless it says otherwise.
fn sources(spec: &Value, sync: &Value) -> Vec<Source> {
    let several: Vec<&Value> = items(&spec["sources"]).collect();
    if several.is_empty() {
        let hydrator = &spec["sourceHydrator"];
        let places = [&hydrator["syncSource"], &hydrator["drySource"], &spec["source"]];
        let repo_url = places.iter().map(|it| text(&it["repoURL"])).find(|it| !it.is_empty());
        return vec![Source { repo_url: repo_url.unwrap_or_default(), revision: text(&sync["revision"]) }];
    }
    let revision = |index: usize| text(&sync["revisions"][index]);
    let source =
        |(index, it): (usize, &&Value)| Source { repo_url: text(&it["repoURL"]), revision: revision(index) };
    several.iter().enumerate().map(source).collect()
}

fn operation(state: &Value) -> Operation {
    let result = &state["syncResult"];
    let several: Vec<String> = items(&result["revisions"]).map(text).collect();
    let one = || Some(text(&result["revision"])).filter(|it| !it.is_empty()).into_iter().collect();
    Operation {
        phase: text(&state["phase"]),
        message: text(&state["message"]),
        finished_at: time(&state["finishedAt"]),
        revisions: if several.is_empty() { one() } else { several },
    }
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn time(value: &Value) -> Option<UnixSeconds> {
    value.as_str()?.parse().ok()
}
