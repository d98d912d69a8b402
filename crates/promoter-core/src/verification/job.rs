//! A Job that verifies a stay of freight: its name and manifest, and what its status means.
//!
//! The name says which stay it is for, so that whoever comes second finds the Job of who came first: a controller that was
//! started again goes on with the same Job.

use super::Answer;
use crate::pipeline::JobProbe;
use crate::{CommitId, Digest, FreightId, Name, UnixSeconds};
use serde_json::{Map, Value, json};

/// The longest name of a Job: it becomes a label of its pods.
const NAME_BYTES_MAX: usize = 63;
/// Who made it.
const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "promoter");

/// What one run is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// `PROMOTER_PIPELINE`
    pub pipeline: Name,
    /// `PROMOTER_ENVIRONMENT`
    pub environment: Name,
    /// `PROMOTER_FREIGHT`
    pub freight: FreightId,
    /// `PROMOTER_COMMIT`: the head of the active branch.
    pub commit: CommitId,
    /// When the stay began.
    pub promoted_at: UnixSeconds,
    /// When a person asked for it to be verified again; the smallest time if nobody did.
    pub since: UnixSeconds,
}

impl Run {
    /// The Job's name: the same for one stay, unless it is to be verified again or another Job does it.
    pub fn name(&self, probe: &JobProbe) -> String {
        let Self { pipeline, environment, freight, promoted_at, since, .. } = self;
        let what = [
            pipeline.as_str(),
            environment.as_str(),
            &freight.to_string(),
            &promoted_at.0.to_string(),
            &since.0.to_string(),
            &probe.file,
            &probe.manifest.to_string(),
        ]
        .join("\n");
        let digest = Digest::of(what.as_bytes());
        let hex = digest.hex().get(..8).unwrap_or_default();
        let mut front = format!("promoter-{pipeline}-{environment}");
        // Names are ASCII.
        front.truncate(NAME_BYTES_MAX - 9);
        format!("{}-{hex}", front.trim_end_matches('-'))
    }

    /// The Job as it is created.
    pub fn manifest(&self, probe: &JobProbe) -> Value {
        let mut manifest = probe.manifest.clone();
        let mut metadata = taken(manifest.get_mut("metadata"));
        metadata.remove("generateName");
        metadata.insert("name".into(), self.name(probe).into());
        metadata.insert("namespace".into(), probe.namespace.clone().into());
        let mut labels = taken(metadata.get_mut("labels"));
        labels.insert(MANAGED_BY.0.into(), MANAGED_BY.1.into());
        labels.insert("promoter.dev/pipeline".into(), self.pipeline.as_str().into());
        labels.insert("promoter.dev/environment".into(), self.environment.as_str().into());
        metadata.insert("labels".into(), labels.into());
        let mut annotations = taken(metadata.get_mut("annotations"));
        annotations.insert("promoter.dev/freight".into(), self.freight.to_string().into());
        metadata.insert("annotations".into(), annotations.into());
        if let Some(root) = manifest.as_object_mut() {
            root.insert("metadata".into(), metadata.into());
        }
        for containers in ["containers", "initContainers"] {
            let containers = manifest.pointer_mut(&format!("/spec/template/spec/{containers}"));
            for container in containers.and_then(Value::as_array_mut).into_iter().flatten() {
                self.tell(container);
            }
        }
        manifest
    }

    /// Gives a container its variables, in the place of others of the same names.
    fn tell(&self, container: &mut Value) {
        let variables = [
            ("PROMOTER_PIPELINE", self.pipeline.to_string()),
            ("PROMOTER_ENVIRONMENT", self.environment.to_string()),
            ("PROMOTER_FREIGHT", self.freight.to_string()),
            ("PROMOTER_COMMIT", self.commit.to_string()),
        ];
        let Some(container) = container.as_object_mut() else { return };
        let environment = container.entry("env").or_insert_with(|| json!([]));
        if environment.is_null() {
            *environment = json!([]);
        }
        let Some(environment) = environment.as_array_mut() else { return };
        environment.retain(|it| !variables.iter().any(|(name, _)| it["name"] == **name));
        environment
            .extend(variables.into_iter().map(|(name, value)| json!({ "name": name, "value": value })));
    }
}

/// A mapping, taken from its place; an empty one where there is none.
fn taken(value: Option<&mut Value>) -> Map<String, Value> {
    match value.map(Value::take) {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

/// What a Job that is there says.
pub fn judge(job: &Value) -> Answer {
    let name = job.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    if job["metadata"]["labels"][MANAGED_BY.0] != MANAGED_BY.1 {
        return Answer::Waiting(format!("the Job `{name}` is there and is not promoter's"));
    }
    let conditions = job.pointer("/status/conditions").and_then(Value::as_array);
    let is_true = |kind: &str| {
        conditions.into_iter().flatten().find(|it| it["type"] == *kind && it["status"] == "True")
    };
    if let Some(failed) = is_true("Failed") {
        let words = |key: &str| failed[key].as_str().filter(|it| !it.is_empty());
        let why = words("message").or_else(|| words("reason")).unwrap_or("it says nothing");
        return Answer::Failed(format!("the Job `{name}` failed: {}", crate::one_line(why)));
    }
    if is_true("Complete").is_some() {
        return Answer::Passed;
    }
    let active = job.pointer("/status/active").and_then(Value::as_u64).unwrap_or(0);
    let what = if active > 0 { "is running" } else { "has not begun" };
    Answer::Waiting(format!("the Job `{name}` {what}"))
}
