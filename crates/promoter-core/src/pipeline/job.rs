//! Kubernetes Jobs as checks: a manifest beside promoter.yaml, read strictly enough to know where containers are.

use super::checks::{ObjectName, below};
use super::{Beside, BrokenProbe, Check, Pace, PipelineError, Probe};
use crate::fields::{FieldError, Fields, OneLine};
use crate::{Name, Place, Seconds};
use promoter_yaml::{Dialect, Limits, Node, parse_all};
use serde_json::Value;

const LIMITS: Limits = Limits::DEFAULT.with_bytes(256 << 10).with_depth(32).with_nodes(20_000);

/// How long a Job may take, unless the check or the manifest says otherwise.
const TIMEOUT: Seconds = Seconds(600);
/// How long a Job stays after its end, unless the manifest says otherwise.
const KEPT_SECONDS: u32 = 3_600;

/// One run of a Job for each stay of freight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobProbe {
    /// The file with its manifest, from the root of the dry branch.
    pub file: String,
    /// The manifest as people wrote it, with a deadline and a time to live.
    pub manifest: Value,
    /// Where it runs.
    pub namespace: String,
    /// The context of the controller's kubeconfig that leads to its cluster; the current one by default.
    pub cluster: Option<String>,
}

/// Reads an item `job` of `verification`. A manifest that cannot be used gives a check that waits.
///
/// Errors: what is wrong with the item itself.
pub(super) fn check(item: &Fields<'_>, beside: &Beside<'_>) -> Result<Check, PipelineError> {
    let known = ["file", "namespace", "cluster", "timeout", "interval", "initialDelay"];
    let fields = item.inner("job", &known)?;
    let name: Option<Name> = item.optional("name")?;
    let span = |key: &str| -> Result<Option<Seconds>, FieldError> {
        match fields.optional(key)? {
            Some(Seconds(0)) => Err(fields.wrong(key, "`0s` is no time", "write at least `1s`")),
            span => Ok(span),
        }
    };
    let pace = Pace {
        interval: span("interval")?.unwrap_or(Pace::default().interval),
        initial_delay: fields.optional("initialDelay")?.unwrap_or(Seconds(0)),
        ..Pace::default()
    };
    let (timeout, path) = (span("timeout")?, below(&fields, "file", "jobs/smoke.yaml")?);
    let namespace: Option<ObjectName> = fields.optional("namespace")?;
    let cluster: Option<OneLine> = fields.optional("cluster")?;
    let text = beside(&path).map_err(|why| {
        let hint = "commit it, on the branch that holds this file";
        fields.wrong("file", format!("`{path}` {why}"), hint).into()
    });
    let probe = text.and_then(|text| {
        let (manifest, own) = manifest(&path, &text, timeout)?;
        let missing = || {
            let message = "neither the check nor its manifest has a namespace";
            fields.wrong("namespace", message, "write `namespace: …` here").into()
        };
        let namespace = namespace.map(|it| it.0).or(own).ok_or_else::<PipelineError, _>(missing)?;
        Ok(JobProbe { file: path.clone(), manifest, namespace, cluster: cluster.map(|it| it.0) })
    });
    Ok(match probe {
        Ok(probe) => Check::new(item.at(), name, pace, Probe::Job(Box::new(probe))),
        Err(why) => Check::new(item.at(), name, pace, Probe::Broken(BrokenProbe { kind: "job", why })),
    })
}

/// The manifest and its namespace.
fn manifest(
    path: &str,
    text: &str,
    timeout: Option<Seconds>,
) -> Result<(Value, Option<String>), PipelineError> {
    let syntax = |message: String, line| PipelineError::Syntax { message, at: Place::new(path, line) };
    let documents = parse_all(text, Dialect::Resource, &LIMITS);
    let documents = documents.map_err(|it| syntax(it.message, it.mark.line))?;
    let [document] = documents.as_slice() else {
        return Err(syntax(format!("it holds {} documents, and must hold one", documents.len()), 0));
    };
    let root = Fields::open(document, "", &["apiVersion", "kind", "metadata", "spec"], path)?;
    root.node("apiVersion")?;
    root.word("apiVersion", &[("batch/v1", ())])?;
    root.node("kind")?;
    root.word("kind", &[("Job", ())])?;
    let namespace: Option<ObjectName> = match root.get("metadata") {
        Some(node) => Fields::open_any(node, "metadata", path)?.optional("namespace")?,
        None => None,
    };
    let spec = Fields::open_any(root.node("spec")?, "spec", path)?;
    let template = Fields::open_any(spec.node("template")?, "spec.template", path)?;
    let pod = Fields::open_any(template.node("spec")?, "spec.template.spec", path)?;
    pod.node("containers")?;
    for key in ["containers", "initContainers"] {
        for (index, node) in pod.items(key)?.iter().enumerate() {
            let name = format!("{}[{index}]", pod.name(key));
            Fields::open_any(node, name, path)?.items("env")?;
        }
    }
    let mut manifest = json(document).ok_or_else(|| syntax("it cannot be written as JSON".into(), 0))?;
    let spec = manifest.get_mut("spec").and_then(Value::as_object_mut);
    if let Some(spec) = spec {
        let deadline = timeout.or_else(|| (!spec.contains_key("activeDeadlineSeconds")).then_some(TIMEOUT));
        if let Some(Seconds(deadline)) = deadline {
            spec.insert("activeDeadlineSeconds".into(), deadline.into());
        }
        spec.entry("ttlSecondsAfterFinished").or_insert_with(|| KEPT_SECONDS.into());
    }
    Ok((manifest, namespace.map(|it| it.0)))
}

fn json(node: &Node) -> Option<Value> {
    let mut text = String::new();
    promoter_yaml::emit_json(node, false, &mut text).ok()?;
    serde_json::from_str(&text).ok()
}
