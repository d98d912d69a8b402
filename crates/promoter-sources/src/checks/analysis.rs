//! Metrics of AnalysisTemplates: one question to their provider, and its answer as `result`.
//!
//! What Rollouts calls an error (no answer, another status than 2xx, no JSON, nothing at the path) is waited for: it says
//! nothing about what is measured.

use std::time::Duration;

use promoter_core::expression::Given;
use promoter_core::pipeline::{AnalysisProbe, Endpoint, JsonPath, Provider};
use promoter_core::verification::Answer;
use serde_json::Value;

use super::HttpChecker;
use super::http::{Request, Response, Unanswered, without};
use super::prometheus::{Numbers, form, numbers};

/// The longest text of a result that words show.
const SEEN_CHARS_MAX: usize = 120;

impl HttpChecker {
    /// Asks once and judges the answer.
    pub async fn analysis(&self, probe: &AnalysisProbe, timeout: Duration) -> Answer {
        let mut secrets = Vec::new();
        let answer = match &probe.provider {
            Provider::Web { endpoint, method, body, path } => {
                let request = Request {
                    method,
                    url: &endpoint.url,
                    endpoint,
                    body: body.as_ref().map(|(kind, body)| (kind.as_deref(), body.as_str())),
                    timeout,
                };
                let asked = self.ask(&request, &mut secrets).await;
                result(endpoint, asked, |response| at(path, response))
            }
            Provider::Prometheus { endpoint, query } => {
                let url = format!("{}/api/v1/query", endpoint.url.trim_end_matches('/'));
                let form = form(query);
                let request = Request {
                    method: "POST",
                    url: &url,
                    endpoint,
                    body: Some((Some("application/x-www-form-urlencoded"), &form)),
                    timeout,
                };
                let asked = self.ask(&request, &mut secrets).await;
                result(endpoint, asked, |response| numbers(response).map(of_numbers))
            }
        };
        let answer = match answer {
            Ok((result, seen)) => probe.judge(&result, &seen),
            Err(why) => Answer::Waiting(why),
        };
        without(&secrets, answer)
    }
}

/// A result, and what words show of it.
type Seen = (Given, String);

fn result(
    endpoint: &Endpoint,
    asked: Result<Response, Unanswered>,
    read: impl Fn(&Response) -> Result<Seen, String>,
) -> Result<Seen, String> {
    match asked {
        Ok(response) => read(&response).map_err(|why| format!("{} gives no result: {why}", endpoint.url)),
        Err(Unanswered::Unasked(why)) => Err(why),
        Err(Unanswered::Silent(why)) => Err(format!("{} could not be read: {why}", endpoint.url)),
    }
}

fn at(path: &JsonPath, response: &Response) -> Result<Seen, String> {
    if !(200..300).contains(&response.status) {
        return Err(format!("status {}", response.status));
    }
    let json: Value = serde_json::from_slice(&response.body).map_err(|_| "it is no JSON".to_owned())?;
    let value = path.follow(&json).ok_or_else(|| format!("there is nothing at `{path}`"))?;
    let text = value.to_string();
    let shown: String = text.chars().take(SEEN_CHARS_MAX).collect();
    let more = if shown.len() < text.len() { "…" } else { "" };
    Ok((Given::Json(value.clone()), format!("result {shown}{more}")))
}

fn of_numbers(numbers: Numbers) -> Seen {
    match numbers {
        Numbers::One(value) => (Given::Float(value), format!("result {value}")),
        Numbers::Several(values) => {
            let seen = match values.as_slice() {
                [] => "the query gives no samples".to_owned(),
                [one] => format!("result [{one}]"),
                [first, ..] => format!("result [{first}, …] of {} samples", values.len()),
            };
            (Given::Floats(values), seen)
        }
    }
}
