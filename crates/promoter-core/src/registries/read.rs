//! Text to settings, as strictly as a pipeline is read.

use super::{HostSettings, Mirror, RegistrySettings, RequestBound};
use crate::fields::{API_VERSION, FieldError, Fields, OneLine};
use crate::{Diagnosis, Place, Repository};
use promoter_yaml::{Dialect, Limits, Node, parse_all};

const LIMITS: Limits = Limits::DEFAULT.with_bytes(1 << 20).with_depth(32).with_nodes(100_000);
/// The most that a host may be asked at one time, and in a second.
const REQUESTS_MAX: u32 = 10_000;

/// Why a file about registries is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RegistriesError {
    message: String,
    hint: String,
    at: Place,
}

impl RegistriesError {
    /// The error as a person reads it.
    pub fn diagnosis(&self) -> Diagnosis {
        Diagnosis::input("registries-wrong", self).at(&self.at).hint(self.hint.clone())
    }
}

impl From<FieldError> for RegistriesError {
    fn from(error: FieldError) -> Self {
        Self { message: error.message(), hint: error.hint(), at: error.at }
    }
}

/// Reads the file; `path` is what messages call it.
pub fn read(path: &str, text: &str) -> Result<RegistrySettings, RegistriesError> {
    let wrong = |message: String, line| RegistriesError {
        message,
        hint: "it is one YAML document of `kind: Registries`".into(),
        at: Place::new(path, line),
    };
    let documents = parse_all(text, Dialect::Own, &LIMITS).map_err(|it| wrong(it.message, it.mark.line))?;
    let [document] = documents.as_slice() else {
        return Err(wrong(format!("the file holds {} documents", documents.len()), 0));
    };
    Ok(settings(document, path)?)
}

fn settings(node: &Node, path: &str) -> Result<RegistrySettings, FieldError> {
    let root = Fields::open(node, "", &["apiVersion", "kind", "spec"], path)?;
    root.node("apiVersion")?;
    root.word("apiVersion", &[(API_VERSION, ())])?;
    root.node("kind")?;
    root.word("kind", &[("Registries", ())])?;
    let spec = root.inner("spec", &["requests", "registries"])?;
    let requests = requests(&spec, RequestBound::default())?.unwrap_or_default();
    let mut settings = RegistrySettings { requests, ..RegistrySettings::default() };
    for (index, item) in spec.items("registries")?.iter().enumerate() {
        let known = ["host", "plainHttp", "caFile", "mirrors", "requests"];
        let fields = Fields::open(item, format!("spec.registries[{index}]"), &known, path)?;
        let host = host(&fields, "host")?;
        let read = host_settings(&fields, settings.requests, path)?;
        if settings.hosts.insert(host.clone(), read).is_some() {
            return Err(fields.wrong("host", format!("`{host}` is there already"), "write one item a host"));
        }
    }
    Ok(settings)
}

fn host_settings(fields: &Fields<'_>, base: RequestBound, path: &str) -> Result<HostSettings, FieldError> {
    let mut mirrors = Vec::new();
    for (index, item) in fields.items("mirrors")?.iter().enumerate() {
        let name = format!("{}[{index}]", fields.name("mirrors"));
        let mirror = Fields::open(item, name, &["host", "path", "tags"], path)?;
        mirrors.push(Mirror {
            host: host(&mirror, "host")?,
            path: repository_path(&mirror)?,
            tags: mirror.flag("tags")?,
        });
    }
    let plain_http = fields.flag("plainHttp")?;
    let ca_file = fields.optional::<OneLine>("caFile")?.map(|it| it.0);
    if plain_http && ca_file.is_some() {
        return Err(fields.wrong(
            "caFile",
            "over plain http nobody shows a certificate",
            "leave one of them out",
        ));
    }
    Ok(HostSettings { plain_http, ca_file, mirrors, requests: requests(fields, base)? })
}

/// A host as images name it. Aliases are refused, so that each host has one entry.
fn host(fields: &Fields<'_>, key: &str) -> Result<String, FieldError> {
    fields.node(key)?;
    let text = fields.text(key)?.unwrap_or_default();
    let is_host = format!("{text}/name")
        .parse::<Repository>()
        .is_ok_and(|it| it.host() == text && it.path().ends_with("name"));
    match is_host {
        true => Ok(text.into()),
        false => Err(fields.wrong(
            key,
            format!("`{text}` is no host of a registry"),
            "write it as images name it, like `ghcr.io`, `docker.io` or `registry.example.com:5000`",
        )),
    }
}

fn repository_path(fields: &Fields<'_>) -> Result<String, FieldError> {
    let text = fields.text("path")?.unwrap_or_default();
    let is_path = text.is_empty()
        || format!("example.com/{text}").parse::<Repository>().is_ok_and(|it| it.path() == text);
    match is_path {
        true => Ok(text.into()),
        false => {
            Err(fields.wrong("path", format!("`{text}` is no path"), "write it like `hub` or `proxies/hub`"))
        }
    }
}

fn requests(fields: &Fields<'_>, base: RequestBound) -> Result<Option<RequestBound>, FieldError> {
    if fields.get("requests").is_none() {
        return Ok(None);
    }
    let requests = fields.inner("requests", &["inFlight", "perSecond"])?;
    Ok(Some(RequestBound {
        in_flight: requests.number("inFlight", 1, REQUESTS_MAX)?.unwrap_or(base.in_flight),
        per_second: requests.number("perSecond", 1, REQUESTS_MAX)?.unwrap_or(base.per_second),
    }))
}
