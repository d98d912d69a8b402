//! HTTP checks: one bounded request, judged by an expression over its answer.

use std::collections::BTreeMap;
use std::time::Duration;

use promoter_core::Diagnosis;
use promoter_core::expression::Given;
use promoter_core::pipeline::{Endpoint, HttpProbe};
use promoter_core::verification::Answer;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Client, ClientBuilder, Method};

use super::{Expectation, Secrets};
use crate::git::Secret;

/// The most of an answer's body that is read.
const BODY_BYTES_MAX: usize = 1 << 20;

/// A client for checks. Follows no redirect, so that an expectation judges the answer of the URL it names, and no secret
/// goes anywhere else.
#[derive(Debug, Clone)]
pub struct HttpChecker {
    client: Client,
    secrets: Secrets,
}

/// One request, with what it takes from elsewhere still to be read.
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) url: &'a str,
    pub(super) endpoint: &'a Endpoint,
    /// With its media type, if that is to be said.
    pub(super) body: Option<(Option<&'a str>, &'a str)>,
    pub(super) timeout: Duration,
}

/// One answer.
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

/// Why there is none.
pub(super) enum Unanswered {
    /// It could not be asked.
    Unasked(String),
    /// It was asked.
    Silent(String),
}

impl HttpChecker {
    /// Makes the client; `Err` when the machine's TLS set-up is unusable.
    pub fn new(secrets: Secrets) -> Result<Self, Diagnosis> {
        crate::install_tls();
        let client = builder().build().map_err(|error| {
            Diagnosis::upstream("http-client", format!("no HTTP client can be made: {error}"))
        })?;
        Ok(Self { client, secrets })
    }

    /// Asks once and judges the answer. An answer that does not come in time is a failure with its reason.
    pub async fn http(&self, probe: &HttpProbe, expectation: &Expectation, timeout: Duration) -> Answer {
        let request = Request {
            method: &probe.method,
            url: &probe.endpoint.url,
            endpoint: &probe.endpoint,
            body: probe.body.as_deref().map(|it| (None, it)),
            timeout,
        };
        let mut secrets = Vec::new();
        let answer = match self.ask(&request, &mut secrets).await {
            Ok(response) => judge(expectation, &response),
            Err(Unanswered::Unasked(why)) => Answer::Waiting(why),
            Err(Unanswered::Silent(why)) => {
                Answer::Failed(format!("{} {}: {why}", probe.method, probe.endpoint.url))
            }
        };
        without(&secrets, answer)
    }

    /// Asks once. `secrets` gets what was sent and must not be said again, whatever the server answers.
    pub(super) async fn ask(
        &self,
        request: &Request<'_>,
        secrets: &mut Vec<Secret>,
    ) -> Result<Response, Unanswered> {
        let (client, headers) = self.prepare(request, secrets).map_err(Unanswered::Unasked)?;
        let method: Method =
            request.method.parse().map_err(|_| Unanswered::Unasked("no such method".to_owned()))?;
        let mut builder = client.request(method, request.url).headers(headers);
        if let Some((kind, body)) = request.body {
            builder = builder.body(body.to_owned());
            builder = kind.into_iter().fold(builder, |it, kind| it.header(CONTENT_TYPE, kind));
        }
        match tokio::time::timeout(request.timeout, answer(builder)).await {
            Ok(answer) => answer.map_err(Unanswered::Silent),
            Err(_) => {
                Err(Unanswered::Silent(format!("no answer within {} s", request.timeout.as_secs_f32())))
            }
        }
    }

    /// The client and headers for an endpoint. `Err` says what is missing.
    fn prepare(
        &self,
        request: &Request<'_>,
        secrets: &mut Vec<Secret>,
    ) -> Result<(Client, HeaderMap), String> {
        let endpoint = request.endpoint;
        let mut headers = HeaderMap::new();
        let name = |name: &str| {
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("`{name}` is no HTTP header"))
        };
        for (key, value) in &endpoint.headers {
            let value = HeaderValue::from_str(value).map_err(|_| format!("`{key}` has no HTTP value"))?;
            headers.append(name(key)?, value);
        }
        for it in &endpoint.headers_from {
            let secret = self.secrets.line(&it.file)?;
            let value = HeaderValue::from_str(&format!("{}{}", it.prefix, secret.expose()));
            let mut value = value.map_err(|_| format!("the secret `{}` fits no header", it.file.as_str()))?;
            value.set_sensitive(true);
            headers.append(name(&it.name)?, value);
            secrets.push(secret);
        }
        let Some(file) = &endpoint.ca_file else {
            return Ok((self.client.clone(), headers));
        };
        let wrong = |_| format!("`{}` holds no certificates in PEM", file.as_str());
        let trusted = Certificate::from_pem_bundle(&self.secrets.bytes(file)?).map_err(wrong)?;
        if trusted.is_empty() {
            return Err(format!("`{}` holds no certificates in PEM", file.as_str()));
        }
        Ok((builder().tls_certs_merge(trusted).build().map_err(wrong)?, headers))
    }
}

fn builder() -> ClientBuilder {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("promoter/", env!("CARGO_PKG_VERSION")))
}

async fn answer(builder: reqwest::RequestBuilder) -> Result<Response, String> {
    let mut response = builder.send().await.map_err(|error| innermost(&error))?;
    let status = response.status().as_u16();
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| innermost(&error))? {
        if body.len() + chunk.len() > BODY_BYTES_MAX {
            return Err("the answer is larger than 1 MiB".to_owned());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Response { status, headers, body })
}

/// An expectation sees `status` (integer), `headers` (map of lower-case names) and `json` (the body read as JSON, null when
/// it is none).
fn judge(expectation: &Expectation, response: &Response) -> Answer {
    let json: serde_json::Value = serde_json::from_slice(&response.body).unwrap_or(serde_json::Value::Null);
    let headers = serde_json::to_value(&response.headers).unwrap_or_default();
    let given = [
        ("status", Given::Int(i64::from(response.status))),
        ("headers", Given::Json(headers)),
        ("json", Given::Json(json)),
    ];
    expectation.judge(given, &format!("status {}", response.status))
}

/// The same words without secrets: a server may send back what it was sent.
pub(super) fn without(secrets: &[Secret], answer: Answer) -> Answer {
    let clean = |words: String| secrets.iter().fold(words, |words, it| words.replace(it.expose(), "***"));
    match answer {
        Answer::Passed => Answer::Passed,
        Answer::Waiting(words) => Answer::Waiting(clean(words)),
        Answer::Failed(words) => Answer::Failed(clean(words)),
    }
}

/// The words of the cause at the bottom, which is what a person can act on ("connection refused").
pub(crate) fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
