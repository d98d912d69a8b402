//! Checks as promoter.yaml has them: one mapping a kind, with the same fields for how often it is asked.

use super::{
    ArgoCdProbe, Check, CommandProbe, Endpoint, HttpProbe, Pace, Probe, PrometheusProbe, SecretHeader,
};
use crate::fields::{FieldError, Fields, OneLine, is_slip};
use crate::pipeline::{Beside, Counting, PipelineError, analysis, job};
use crate::{Name, Seconds};
use promoter_yaml::Node;

const KINDS: [&str; 6] = ["http", "prometheus", "command", "argocd", "analysisTemplate", "job"];
/// Kinds that ask a server.
const SERVERS: [&str; 2] = ["http", "prometheus"];

const PACE: [&str; 5] = ["interval", "count", "failureLimit", "timeout", "initialDelay"];
const ENDPOINT: [&str; 4] = ["url", "headers", "headersFrom", "caFile"];

/// Reads an item of `verification`: one check, or those of a template. `kind` is the key that is no other field's.
pub(in crate::pipeline) fn checks(
    item: &Fields<'_>,
    kind: &str,
    beside: &Beside<'_>,
) -> Result<Vec<Check>, PipelineError> {
    match kind {
        "analysisTemplate" => analysis::checks(item, beside),
        "job" => Ok(vec![job::check(item, beside)?]),
        _ => Ok(vec![check(item, kind)?]),
    }
}

/// Reads an item of `verification` or `gates`; `kind` is the key that is no other field's.
pub(in crate::pipeline) fn check(item: &Fields<'_>, kind: &str) -> Result<Check, PipelineError> {
    let own: &[&str] = match kind {
        "http" => &["method", "body", "expect"],
        "prometheus" => &["query", "expect"],
        "command" => &["run", "environment"],
        "argocd" => &["selector", "name", "namespace", "cluster"],
        _ => return Err(item.unknown(kind, &KINDS).into()),
    };
    let endpoint: &[&str] = if SERVERS.contains(&kind) { &ENDPOINT } else { &[] };
    let known: Vec<&str> = own.iter().chain(endpoint).chain(&PACE).copied().collect();
    let fields = item.inner(kind, &known)?;
    let probe = match kind {
        "http" => http(&fields).map(Probe::Http),
        "prometheus" => prometheus(&fields).map(Probe::Prometheus),
        "command" => command(&fields).map(Probe::Command),
        _ => argocd(&fields).map(Probe::ArgoCd),
    }?;
    let name: Option<Name> = item.optional("name")?;
    Ok(Check::new(item.at(), name, pace(&fields)?, probe))
}

fn pace(fields: &Fields<'_>) -> Result<Pace, FieldError> {
    let span = |key: &str| -> Result<Seconds, FieldError> {
        match fields.optional(key)?.unwrap_or(Seconds(10)) {
            Seconds(0) => Err(fields.wrong(key, "`0s` is no time", "write at least `1s`")),
            span => Ok(span),
        }
    };
    Ok(Pace {
        interval: span("interval")?,
        count: fields.number("count", 1, 1_000)?.unwrap_or(1),
        failure_limit: fields.number("failureLimit", 0, 1_000)?.unwrap_or(0),
        timeout: span("timeout")?,
        initial_delay: fields.optional("initialDelay")?.unwrap_or(Seconds(0)),
        counting: Counting::InARow,
    })
}

fn http(fields: &Fields<'_>) -> Result<HttpProbe, FieldError> {
    let methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"].map(|it| (it, it));
    Ok(HttpProbe {
        endpoint: endpoint(fields, "https://dev.example.com/healthz")?,
        method: fields.word("method", &methods)?.unwrap_or("GET").to_owned(),
        body: fields.text("body")?.map(str::to_owned),
        expect: fields.text("expect")?.unwrap_or("status == 200").to_owned(),
    })
}

fn prometheus(fields: &Fields<'_>) -> Result<PrometheusProbe, FieldError> {
    Ok(PrometheusProbe {
        endpoint: endpoint(fields, "http://prometheus.monitoring:9090")?,
        query: fields.require("query")?,
        expect: fields.require("expect")?,
    })
}

fn endpoint(fields: &Fields<'_>, example: &str) -> Result<Endpoint, FieldError> {
    let url: String = fields.require("url")?;
    if let Some((what, hint)) = address_error(&url, example, "`headersFrom`") {
        return Err(fields.wrong("url", what, hint));
    }
    let secrets = fields.items("headersFrom")?.iter().enumerate();
    Ok(Endpoint {
        headers: headers(fields)?,
        headers_from: secrets
            .map(|(index, node)| secret_header(fields, index, node))
            .collect::<Result<_, _>>()?,
        ca_file: fields.optional("caFile")?,
        url,
    })
}

/// What is wrong with an address, and what to do; `header_by` is how a header is given that nobody may read.
pub(in crate::pipeline) fn address_error(
    url: &str,
    example: &str,
    header_by: &str,
) -> Option<(String, String)> {
    let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    if host.is_none_or(|it| it.is_empty() || it.starts_with('/')) || url.contains(char::is_whitespace) {
        return Some((
            format!("`{url}` is no http or https address"),
            format!("write an address like `{example}`"),
        ));
    }
    let authority = host.and_then(|it| it.split(['/', '?', '#']).next()).unwrap_or_default();
    authority.contains('@').then(|| {
        let hint = format!("take `user:password@` out, and give the header by {header_by}");
        ("it holds a password, which everybody can read here".to_owned(), hint)
    })
}

/// The path of a file below the directory of promoter.yaml, from the root of the branch.
pub(in crate::pipeline) fn below(
    fields: &Fields<'_>,
    key: &str,
    example: &str,
) -> Result<String, FieldError> {
    let text: String = fields.require(key)?;
    let leaves = text.split('/').any(|it| matches!(it, "" | "." | ".."));
    if leaves || text.chars().any(char::is_control) {
        let hint = format!("write a file below the directory of promoter.yaml, like `{example}`");
        return Err(fields.wrong(key, format!("`{text}` is not below this file"), hint));
    }
    let base = fields.path().rsplit_once('/');
    Ok(base.map_or_else(|| text.clone(), |(base, _)| format!("{base}/{text}")))
}

/// The word that was probably meant, or `otherwise`.
pub(in crate::pipeline) fn word_hint(word: &str, known: &[&str], otherwise: &str) -> String {
    match known.iter().find(|it| is_slip(word, it)) {
        Some(near) => format!("did you mean `{near}`"),
        None => otherwise.to_owned(),
    }
}

fn headers(fields: &Fields<'_>) -> Result<Vec<(String, String)>, FieldError> {
    let Some(node) = fields.get("headers") else {
        return Ok(Vec::new());
    };
    let headers = Fields::open_any(node, fields.name("headers"), fields.path())?;
    let read = |name: &&str| {
        let value: String = headers.require(name)?;
        if !is_token(name) || value.chars().any(char::is_control) {
            return Err(headers.wrong(name, "it is no HTTP header", "write `Name: value` on one line"));
        }
        Ok(((*name).to_owned(), value))
    };
    headers.keys().iter().map(read).collect()
}

fn secret_header(fields: &Fields<'_>, index: usize, node: &Node) -> Result<SecretHeader, FieldError> {
    let name = format!("{}[{index}]", fields.name("headersFrom"));
    let fields = Fields::open(node, name, &["name", "file", "prefix"], fields.path())?;
    let prefix = fields.text("prefix")?.unwrap_or_default();
    if prefix.chars().any(char::is_control) {
        return Err(fields.wrong("prefix", "it is more than one line", "write one like `\"Bearer \"`"));
    }
    let name: String = fields.require("name")?;
    match is_token(&name) {
        true => Ok(SecretHeader { name, file: fields.require("file")?, prefix: prefix.into() }),
        false => Err(fields.wrong("name", "it is no HTTP header", "write one like `Authorization`")),
    }
}

/// The characters of a header's name (RFC 9110 §5.6.2).
pub(in crate::pipeline) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&it))
}

fn command(fields: &Fields<'_>) -> Result<CommandProbe, FieldError> {
    fields.node("run")?;
    let run: Vec<String> = fields.texts("run")?.into_iter().map(str::to_owned).collect();
    if run.first().is_none_or(String::is_empty) || run.iter().any(|it| it.contains('\0')) {
        let hint = "write the program and its arguments, like `[promtool, check, metrics]`";
        return Err(fields.wrong("run", "it names no program", hint));
    }
    Ok(CommandProbe { run, variables: variables(fields)? })
}

fn variables(fields: &Fields<'_>) -> Result<Vec<(String, String)>, FieldError> {
    let Some(node) = fields.get("environment") else {
        return Ok(Vec::new());
    };
    let variables = Fields::open_any(node, fields.name("environment"), fields.path())?;
    let read = |name: &&str| {
        let value = variables.text(name)?.unwrap_or_default();
        let is_name = !name.is_empty() && name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_');
        if !is_name || name.starts_with("PROMOTER_") || value.contains('\0') {
            let hint = "write `NAME: value`; names that begin with `PROMOTER_` are promoter's own";
            return Err(variables.wrong(name, "it is no variable for a command", hint));
        }
        Ok(((*name).to_owned(), value.to_owned()))
    };
    variables.keys().iter().map(read).collect()
}

/// The name of an object of Kubernetes: an RFC 1123 subdomain.
pub(in crate::pipeline) struct ObjectName(pub(in crate::pipeline) String);

impl std::str::FromStr for ObjectName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let is_label = |it: &str| it.parse::<Name>().is_ok();
        match text.len() <= 253 && text.split('.').all(is_label) {
            true => Ok(Self(text.into())),
            false => Err("it is no name of Kubernetes"),
        }
    }
}

fn argocd(fields: &Fields<'_>) -> Result<ArgoCdProbe, FieldError> {
    let line = |key: &str| Ok::<_, FieldError>(fields.optional::<OneLine>(key)?.map(|it| it.0));
    let object = |key: &str| Ok::<_, FieldError>(fields.optional::<ObjectName>(key)?.map(|it| it.0));
    let probe = ArgoCdProbe {
        selector: line("selector")?,
        name: object("name")?,
        namespace: object("namespace")?.unwrap_or_else(|| "argocd".into()),
        cluster: line("cluster")?,
    };
    match (&probe.selector, &probe.name) {
        (Some(_), None) | (None, Some(_)) => Ok(probe),
        (both, _) => {
            let key = if both.is_some() { "name" } else { "selector" };
            let hint = "write `selector: app=guestbook` or `name: guestbook-dev`";
            Err(fields.wrong(key, "there must be exactly one of `selector` and `name`", hint))
        }
    }
}
