//! A template and what a check says of it, made into checks: strictly, with places in the template.

use super::super::checks::{address_error, below, is_token};
use super::super::{Check, Counting, Endpoint, Pace, PipelineError, Probe, SecretHeader};
use super::args::{Args, Given};
use super::{AnalysisProbe, Beside, BrokenProbe, Condition, JsonPath, Provider};
use crate::fields::{FieldError, Fields};
use crate::{Name, Place, Seconds};
use promoter_yaml::{Dialect, Limits, Node, parse_all};
use std::collections::BTreeMap;

const LIMITS: Limits = Limits::DEFAULT.with_bytes(256 << 10).with_depth(24).with_nodes(20_000);

/// Known to Rollouts, and to nobody here.
const OTHER_PROVIDERS: [&str; 11] = [
    "job",
    "datadog",
    "newRelic",
    "wavefront",
    "kayenta",
    "cloudWatch",
    "graphite",
    "influxdb",
    "skywalking",
    "plugin",
    "dynatrace",
];

/// Reads an item `analysisTemplate` of `verification`: the checks of its template. A template that cannot be used gives
/// one check, which waits.
///
/// Errors: what is wrong with the item itself.
pub(in crate::pipeline) fn checks(
    item: &Fields<'_>,
    beside: &Beside<'_>,
) -> Result<Vec<Check>, PipelineError> {
    let fields = item.inner("analysisTemplate", &["file", "args"])?;
    let path = below(&fields, "file", "analysis/success-rate.yaml")?;
    let name: Option<Name> = item.optional("name")?;
    let at = item.at();
    let given = Given { values: values(&fields)?, at: &at };
    let text = beside(&path).map_err(|why| {
        let hint = "commit it, on the branch that holds this file";
        fields.wrong("file", format!("`{path}` {why}"), hint).into()
    });
    match text.and_then(|text| template(&path, &text, &given, name.as_ref())) {
        Ok(checks) => Ok(checks),
        Err(why) => {
            let probe = Probe::Broken(BrokenProbe { kind: "analysisTemplate", why });
            Ok(vec![Check::new(at, name, Pace::default(), probe)])
        }
    }
}

fn values(fields: &Fields<'_>) -> Result<BTreeMap<String, (String, Place)>, FieldError> {
    let Some(node) = fields.get("args") else {
        return Ok(BTreeMap::new());
    };
    let args = Fields::open_any(node, fields.name("args"), fields.path())?;
    let read = |name: &&str| Ok(((*name).to_owned(), (args.require(name)?, args.at_key(name))));
    args.keys().iter().map(read).collect()
}

fn template(
    path: &str,
    text: &str,
    given: &Given<'_>,
    name: Option<&Name>,
) -> Result<Vec<Check>, PipelineError> {
    let syntax = |message: String, line| PipelineError::Syntax { message, at: Place::new(path, line) };
    let documents = parse_all(text, Dialect::Own, &LIMITS).map_err(|it| syntax(it.message, it.mark.line))?;
    let [document] = documents.as_slice() else {
        return Err(syntax(format!("it holds {} documents, and must hold one", documents.len()), 0));
    };
    let root = Fields::open(document, "", &["apiVersion", "kind", "metadata", "spec"], path)?;
    root.node("apiVersion")?;
    root.word("apiVersion", &[("argoproj.io/v1alpha1", ())])?;
    root.node("kind")?;
    root.word("kind", &[("AnalysisTemplate", ()), ("ClusterAnalysisTemplate", ())])?;
    let spec = Fields::open_any(root.node("spec")?, "spec", path)?;
    refuse(&spec, &["measurementRetention"], "leave it out: what was measured is kept as long as it counts")?;
    refuse(&spec, &["templates"], "give each template a check of its own in promoter.yaml")?;
    spec.only(&["args", "metrics", "dryRun"])?;
    let args = Args::read(&spec, given)?;
    let dry_run = dry_run(&spec)?;
    let metrics = spec.items("metrics")?;
    if metrics.is_empty() {
        return Err(spec.wrong("metrics", "it has no metric", "write at least one").into());
    }
    let metrics = metrics.iter().enumerate().map(|(index, node)| {
        let place = format!("spec.metrics[{index}]");
        let filled = args.fill_metric(node, &place, path)?;
        metric(&Fields::open_any(&filled, place, path)?, &args, &dry_run, name)
    });
    metrics.collect()
}

/// Refuses fields that Rollouts knows and promoter does not, by name.
fn refuse(fields: &Fields<'_>, keys: &[&str], hint: &str) -> Result<(), PipelineError> {
    match keys.iter().find(|it| fields.get(it).is_some()) {
        None => Ok(()),
        Some(key) => Err(PipelineError::NotSupported {
            what: format!("`{}`", fields.name(key)),
            hint: hint.to_owned(),
            at: fields.at_key(key),
        }),
    }
}

/// Names of metrics that are measured and decide nothing; `.*` is all of them.
fn dry_run(spec: &Fields<'_>) -> Result<Vec<String>, PipelineError> {
    let items = spec.items("dryRun")?.iter().enumerate().map(|(index, node)| {
        let fields = Fields::open(node, format!("spec.dryRun[{index}]"), &["metricName"], spec.path())?;
        let name: String = fields.require("metricName")?;
        let is_plain = name.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '-' | '_'));
        match is_plain || name == ".*" {
            true => Ok(name),
            false => {
                let hint = "write the name of a metric, or `.*`";
                Err(fields.wrong("metricName", format!("`{name}` is no name"), hint).into())
            }
        }
    });
    items.collect()
}

fn metric(
    fields: &Fields<'_>,
    args: &Args,
    dry_run: &[String],
    prefix: Option<&Name>,
) -> Result<Check, PipelineError> {
    fields.only(&[
        "name",
        "interval",
        "initialDelay",
        "count",
        "successCondition",
        "failureCondition",
        "failureLimit",
        "inconclusiveLimit",
        "consecutiveErrorLimit",
        "consecutiveSuccessLimit",
        "provider",
    ])?;
    let name: Name = fields.require("name")?;
    let provider = Fields::open_any(fields.node("provider")?, fields.name("provider"), fields.path())?;
    let hint =
        "this version has `web` and `prometheus`; see `http`, `command` and `argocd` in docs/verification.md";
    refuse(&provider, &OTHER_PROVIDERS, hint)?;
    provider.only(&["web", "prometheus"])?;
    let (provider, timeout) = match (provider.get("web"), provider.get("prometheus")) {
        (Some(_), None) => web(&provider, args)?,
        (None, Some(_)) => prometheus(&provider, args)?,
        _ => {
            let hint = "write `web` or `prometheus`";
            return Err(fields.wrong("provider", "there must be exactly one", hint).into());
        }
    };
    let is_dry = dry_run.iter().any(|it| it == ".*" || it == name.as_str());
    let probe = AnalysisProbe {
        provider,
        success: condition(fields, "successCondition")?,
        failure: condition(fields, "failureCondition")?,
    };
    let title = match prefix {
        None => name,
        Some(prefix) => {
            let wrong = |it| fields.wrong("name", it, "give the check or the metric a shorter name");
            format!("{prefix}-{name}").parse().map_err(wrong)?
        }
    };
    let pace = pace(fields, timeout, is_dry)?;
    Ok(Check::new(fields.at(), Some(title), pace, Probe::Analysis(Box::new(probe))))
}

fn condition(fields: &Fields<'_>, key: &str) -> Result<Option<Condition>, PipelineError> {
    let Some(text) = fields.text(key)?.filter(|it| !it.trim().is_empty()) else {
        return Ok(None);
    };
    let wrong = |(what, hint): (String, String)| fields.wrong(key, what, hint).into();
    Condition::read(text).map(Some).map_err(wrong)
}

/// How often, and how answers count: by Rollouts' rules where the number of measurements is known.
fn pace(fields: &Fields<'_>, timeout: Seconds, is_dry: bool) -> Result<Pace, PipelineError> {
    whole(fields, "inconclusiveLimit", 0)?;
    whole(fields, "consecutiveErrorLimit", 0)?;
    let span = |key: &str| -> Result<Option<Seconds>, FieldError> { fields.optional(key) };
    let interval = span("interval")?;
    if interval == Some(Seconds(0)) {
        return Err(fields.wrong("interval", "`0s` is no time", "write at least `1s`").into());
    }
    let count = whole(fields, "count", 0)?.filter(|it| *it > 0);
    let in_a_row = whole(fields, "consecutiveSuccessLimit", 0)?.filter(|it| *it > 0);
    let failure_limit = whole(fields, "failureLimit", 0)?.unwrap_or(0);
    if count.is_some_and(|it| failure_limit >= it) {
        let message = format!("{failure_limit} failures of {} are every one", count.unwrap_or_default());
        return Err(fields.wrong("failureLimit", message, "write less than `count`").into());
    }
    let counting = match (is_dry, in_a_row, count) {
        (true, ..) => Counting::Never,
        (false, None, Some(_)) => Counting::OfLast,
        _ => Counting::InARow,
    };
    Ok(Pace {
        interval: interval.unwrap_or(Pace::default().interval),
        count: in_a_row.or(count).unwrap_or(1),
        failure_limit,
        timeout,
        initial_delay: span("initialDelay")?.unwrap_or(Seconds(0)),
        counting,
    })
}

/// A whole number, also in quotes, where an argument may stand.
fn whole(fields: &Fields<'_>, key: &str, min: u32) -> Result<Option<u32>, FieldError> {
    let Some(text) = fields.text(key)? else {
        return Ok(None);
    };
    match text.parse().ok().filter(|it| (min..=1_000).contains(it)) {
        Some(number) => Ok(Some(number)),
        None => {
            let message = format!("`{text}` is no whole number from {min} to 1000");
            Err(fields.wrong(key, message, format!("write one, like `{key}: 3`")))
        }
    }
}

fn seconds(fields: &Fields<'_>, key: &str) -> Result<Seconds, FieldError> {
    Ok(Seconds(whole(fields, key, 1)?.unwrap_or(10)))
}

fn web(provider: &Fields<'_>, args: &Args) -> Result<(Provider, Seconds), PipelineError> {
    let known = ["url", "method", "headers", "body", "jsonBody", "timeoutSeconds", "insecure", "jsonPath"];
    let fields = Fields::open_any(provider.node("web")?, provider.name("web"), provider.path())?;
    refuse(&fields, &["authentication"], "give a token by `headers` and an argument with `valueFrom`")?;
    fields.only(&known)?;
    secure(&fields)?;
    let methods = ["GET", "POST", "PUT"].map(|it| (it, it));
    let body = match (fields.text("body")?, fields.get("jsonBody")) {
        (Some(_), Some(_)) => {
            let hint = "leave one of `body` and `jsonBody` out";
            return Err(fields.wrong("jsonBody", "there is a `body` too", hint).into());
        }
        (Some(body), None) => Some((None, body.to_owned())),
        (None, Some(node)) => Some((Some("application/json".to_owned()), json(&fields, node)?)),
        (None, None) => None,
    };
    let path = fields.text("jsonPath")?.map(str::parse::<JsonPath>).transpose();
    let wrong = |it| fields.wrong("jsonPath", it, "only names and numbers of items lead on");
    let web = Provider::Web {
        endpoint: endpoint(&fields, "url", args)?,
        method: fields.word("method", &methods)?.unwrap_or("GET").to_owned(),
        body,
        path: path.map_err(wrong)?.unwrap_or_default(),
    };
    Ok((web, seconds(&fields, "timeoutSeconds")?))
}

fn json(fields: &Fields<'_>, node: &Node) -> Result<String, PipelineError> {
    let mut text = String::new();
    let wrong = |_| fields.wrong("jsonBody", "it is no JSON", "write it as `body`");
    promoter_yaml::emit_json(node, false, &mut text).map_err(wrong)?;
    Ok(text)
}

fn prometheus(provider: &Fields<'_>, args: &Args) -> Result<(Provider, Seconds), PipelineError> {
    let node = provider.node("prometheus")?;
    let fields = Fields::open_any(node, provider.name("prometheus"), provider.path())?;
    refuse(&fields, &["authentication"], "give a token by `headers` and an argument with `valueFrom`")?;
    refuse(&fields, &["rangeQuery"], "write an instant query, such as `max_over_time(…[5m])`")?;
    fields.only(&["address", "query", "headers", "timeout", "insecure"])?;
    secure(&fields)?;
    let prometheus = Provider::Prometheus {
        endpoint: endpoint(&fields, "address", args)?,
        query: fields.require("query")?,
    };
    Ok((prometheus, seconds(&fields, "timeout")?))
}

fn secure(fields: &Fields<'_>) -> Result<(), PipelineError> {
    match fields.flag("insecure")? {
        false => Ok(()),
        true => refuse(
            fields,
            &["insecure"],
            "trust the server's authority with `caFile` of `http` or `prometheus`",
        ),
    }
}

fn endpoint(fields: &Fields<'_>, key: &str, args: &Args) -> Result<Endpoint, PipelineError> {
    let url: String = fields.require(key)?;
    if let Some((what, hint)) =
        address_error(&url, "https://metrics.example.com", "`headers` and an argument with `valueFrom`")
    {
        return Err(fields.wrong(key, what, hint).into());
    }
    let mut endpoint = Endpoint { url, headers: Vec::new(), headers_from: Vec::new(), ca_file: None };
    for (index, node) in fields.items("headers")?.iter().enumerate() {
        let name = format!("{}[{index}]", fields.name("headers"));
        let header = Fields::open(node, name, &["key", "value"], fields.path())?;
        let (name, value): (String, String) = (header.require("key")?, header.require("value")?);
        let filled = args.fill(&value, true).map_err(|(what, hint)| header.wrong("value", what, hint))?;
        if !is_token(&name) || filled.text.chars().any(char::is_control) {
            let hint = "write `{ key: Name, value: text }` on one line";
            return Err(header.wrong("key", "it is no HTTP header", hint).into());
        }
        match filled.secret {
            None => endpoint.headers.push((name, filled.text)),
            Some(file) => endpoint.headers_from.push(SecretHeader { name, file, prefix: filled.text }),
        }
    }
    Ok(endpoint)
}
