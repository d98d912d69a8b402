//! HTTP checks: one bounded request, judged by an expression over its answer.
//!
//! Decides whether one answer is what a verification expects. Leaves to the caller how often it asks, how many
//! answers count, and what a failure means.

use std::collections::BTreeMap;
use std::time::Duration;

use promoter_core::Diagnosis;
use promoter_core::expression::{Expression, Given};

/// The most of an answer's body that is read.
const BODY_BYTES_MAX: usize = 1 << 20;

/// What one request asks, as a pipeline's `http` verification says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// `GET`, `POST`, …
    pub method: String,
    /// `http://` or `https://`.
    pub url: String,
    /// Header names and values.
    pub headers: Vec<(String, String)>,
    /// For the whole exchange, connecting included.
    pub timeout: Duration,
}

/// What one request gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The expectation holds.
    Passed,
    /// It does not, or no answer came: the words say what was seen.
    Failed(String),
}

/// An expectation is a CEL expression over `status` (integer), `headers` (map of lower-case names) and `json` (the body
/// read as JSON, null when it is none) that gives a boolean.
pub struct Expectation {
    expression: Expression,
}

/// Why an expectation is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no expression that can be checked: {why}")]
pub struct ExpectationError {
    text: String,
    why: String,
}

impl ExpectationError {
    /// The error as a person reads it.
    pub fn diagnosis(&self) -> Diagnosis {
        Diagnosis::input("verification-expect", self)
            .hint("write a CEL expression over `status`, `headers` and `json`, such as `status == 200 && json.ready`")
    }
}

impl Expectation {
    /// Reads an expression.
    pub fn parse(text: &str) -> Result<Self, ExpectationError> {
        let expression = Expression::parse(text, &["status", "headers", "json"])
            .map_err(|error| ExpectationError { why: format!("it {}", error.why), text: error.text })?;
        Ok(Self { expression })
    }

    /// Judges an answer.
    pub fn judge(&self, status: u16, headers: &BTreeMap<String, String>, body: &[u8]) -> Answer {
        let json: serde_json::Value = serde_json::from_slice(body).unwrap_or(serde_json::Value::Null);
        let headers = serde_json::to_value(headers).unwrap_or_default();
        let given = [
            ("status", Given::Int(i64::from(status))),
            ("headers", Given::Json(headers)),
            ("json", Given::Json(json)),
        ];
        match self.expression.judge(given) {
            Ok(true) => Answer::Passed,
            Ok(false) => Answer::Failed(format!("`{}` is false (status {status})", self.expression)),
            Err(why) => Answer::Failed(format!("`{}` {why} (status {status})", self.expression)),
        }
    }
}

/// A client for checks. Follows no redirect, so that an expectation judges the answer of the URL it names.
#[derive(Debug, Clone)]
pub struct HttpChecker {
    client: reqwest::Client,
}

impl HttpChecker {
    /// Makes the client; `Err` when the machine's TLS set-up is unusable.
    pub fn new() -> Result<Self, Diagnosis> {
        crate::install_tls();
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("promoter/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| {
                Diagnosis::upstream("http-client", format!("no HTTP client can be made: {error}"))
            })?;
        Ok(Self { client })
    }

    /// Asks once and judges the answer. An answer that does not come in time is a failure with its reason.
    pub async fn check(&self, request: &HttpRequest, expectation: &Expectation) -> Answer {
        match tokio::time::timeout(request.timeout, self.ask(request)).await {
            Ok(Ok((status, headers, body))) => expectation.judge(status, &headers, &body),
            Ok(Err(why)) => Answer::Failed(format!("{} {}: {why}", request.method, request.url)),
            Err(_) => Answer::Failed(format!(
                "{} {}: no answer within {} s",
                request.method,
                request.url,
                request.timeout.as_secs_f32()
            )),
        }
    }

    async fn ask(&self, request: &HttpRequest) -> Result<(u16, BTreeMap<String, String>, Vec<u8>), String> {
        let method: reqwest::Method = request.method.parse().map_err(|_| "no such method".to_owned())?;
        let mut builder = self.client.request(method, &request.url);
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
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
        Ok((status, headers, body))
    }
}

/// The words of the cause at the bottom, which is what a person can act on ("connection refused").
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(expression: &str, status: u16, body: &str) -> Answer {
        let headers = BTreeMap::from([("content-type".to_owned(), "application/json".to_owned())]);
        Expectation::parse(expression).unwrap().judge(status, &headers, body.as_bytes())
    }

    #[test]
    fn an_expectation_sees_status_headers_and_json() {
        assert_eq!(judge("status == 200 && json.ready", 200, r#"{"ready": true}"#), Answer::Passed);
        assert_eq!(judge("headers['content-type'].startsWith('application')", 200, ""), Answer::Passed);
        assert_eq!(judge("json.items.all(it, it.up)", 200, r#"{"items": [{"up": true}]}"#), Answer::Passed);
        assert_eq!(
            judge("status == 200", 503, ""),
            Answer::Failed("`status == 200` is false (status 503)".to_owned())
        );
        assert!(matches!(judge("json.ready", 200, "no json"), Answer::Failed(_)));
        assert!(matches!(judge("status", 200, ""), Answer::Failed(why) if why.contains("no boolean")));
    }

    #[test]
    fn what_is_no_expectation_is_refused_before_anything_is_asked() {
        let why = |text: &str| Expectation::parse(text).err().map(|it| it.why).unwrap_or_default();
        assert_eq!(why("state == 1"), "it names `state`, which is unknown");
        assert!(!why("status ==").is_empty());
        assert!(why(&"1+".repeat(600)).contains("1,000"));
        assert!(why("json.a.map(x, json.b.map(y, json.c.map(z, z)))").contains("more than two"));
    }

    #[tokio::test]
    async fn a_refused_connection_is_a_failure_with_its_reason() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let request = HttpRequest {
            method: "GET".into(),
            url: format!("http://{address}/healthz"),
            headers: vec![],
            timeout: Duration::from_secs(5),
        };
        let expectation = Expectation::parse("status == 200").unwrap();
        let Answer::Failed(why) = HttpChecker::new().unwrap().check(&request, &expectation).await else {
            panic!("nobody listens");
        };
        assert!(why.contains("refused"), "{why}");
    }
}
